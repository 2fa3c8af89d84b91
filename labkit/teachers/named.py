"""From a name at the command line to a teacher: ``KIND:WHICH,option=value,...``.

openai:MODEL,url=http://localhost:8000/v1,key=VARIABLE,prices=0.15/0.6,verdicts=logprobs
reranker:FOLDER_OR_ID    bm25    dense    simulated:NAME,noise=0.2,blind_hearsay=0.3
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

from labkit.errors import InputError
from labkit.llm.client import LLM, Account, Prices
from labkit.llm.prompts import Prompt
from labkit.llm.store import CallStore
from labkit.records import NEGATIVE_KINDS
from labkit.teachers import bm25, dense, llm, reranker, simulated
from labkit.teachers.llm import Hearing, LLMTeacher, Questions
from labkit.teachers.simulated import SimulatedTeacher
from labkit.teachers.teacher import Teacher

FORMS = "openai:MODEL, reranker:FOLDER_OR_ID, bm25, dense or simulated:NAME"

BLIND = "blind_"
"""Before a negative kind: how much a simulated teacher adds to a memory of it."""

_OPENAI = ("url", "key", "prices", "verdicts", "max_tokens", "per_minute", "name")
_SIMULATED = tuple(
    f.name for f in fields(SimulatedTeacher) if f.name not in ("name", "blind_spots")
)


@dataclass(frozen=True, slots=True)
class OpenAISpec:
    """A model behind an endpoint; None as :class:`labkit.llm.client.LLM` has it."""

    name: str
    model: str
    url: str | None = None
    key: str = "OPENAI_API_KEY"
    prices: Prices | None = None
    verdicts: Hearing = "reply"
    max_tokens: int = llm.MAX_TOKENS
    per_minute: float | None = None

    def open(self, prompts: Mapping[str, Prompt], store: Path, **options: Any) -> LLMTeacher:
        """The teacher, its model still to be entered; ``options`` as LLM has them."""
        model = LLM(
            self.model,
            store,
            base_url=self.url,
            key_variable=self.key,
            prices=self.prices,
            per_minute=self.per_minute,
            **options,
        )
        return LLMTeacher(self.name, model, Questions(prompts, self.verdicts), self.max_tokens)


@dataclass(frozen=True, slots=True)
class LocalSpec:
    """A teacher that needs no endpoint; ``source`` is where a reranker is loaded from."""

    name: str
    simulated: SimulatedTeacher | None = None
    source: str | None = None

    def open(
        self, store: CallStore | None, *, device: str | None = None, workers: int | None = None
    ) -> Teacher:
        """The teacher; its scores are computed here, or by as many ``workers`` of Ray."""
        if self.simulated is not None:
            return self.simulated
        if workers is not None and store is not None:
            from labkit.teachers.on_ray import teacher_on_ray

            return teacher_on_ray(self.name, self.source, store, device=device, workers=workers)
        if self.source is not None:
            return reranker.reranker_teacher(self.source, store, device=device)
        return bm25.bm25_teacher(store) if self.name == bm25.NAME else dense.dense_teacher(store)


Spec = OpenAISpec | LocalSpec


def parse_teacher(text: str) -> Spec:
    """What a name asks for; nothing is loaded or called.

    Raises:
        InputError: there is no such kind or option, or a value is not what the option takes.
    """
    head, *rest = text.split(",")
    kind, colon, which = head.strip().partition(":")
    options: dict[str, str] = {}
    for part in rest:
        option, equals, value = part.strip().partition("=")
        if not equals or not value:
            raise InputError(f"--teacher {text}: got {part.strip()!r}, expected option=value")
        options[option] = value
    if kind in (bm25.NAME, dense.NAME) and not colon:
        _known(text, options, ())
        return LocalSpec(kind)
    if not which:
        raise InputError(f"--teacher is {text!r}, expected {FORMS}")
    match kind:
        case "openai":
            return _openai(text, which, _known(text, options, _OPENAI))
        case "reranker":
            _known(text, options, ())
            # As Reranker names it: verdicts should not tell where somebody keeps a folder.
            name = Path(which).name if Path(which).is_dir() else which
            return LocalSpec(reranker.PREFIX + name, source=which)
        case "simulated":
            return _simulated(text, which, options)
    raise InputError(f"--teacher is {text!r}, expected {FORMS}")


def parse_teachers(texts: list[str]) -> list[Spec]:
    """All of them, each with a name of its own.

    Raises:
        InputError: there is none, or two have one name.
    """
    if not texts:
        raise InputError(f"got no teacher, expected --teacher with {FORMS}")
    specs = [parse_teacher(text) for text in texts]
    names = [spec.name for spec in specs]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"two teachers are called {name!r}, expected each once; "
                "for one model at two endpoints add ,name=... to tell them apart"
            )
    models = [(s.model, s.url, s.verdicts) for s in specs if isinstance(s, OpenAISpec)]
    for model in models:
        if models.count(model) > 1:
            raise InputError(f"two teachers are {model[0]!r} at one endpoint, expected it once")
    return specs


def _known(text: str, options: dict[str, str], allowed: tuple[str, ...]) -> dict[str, str]:
    for option in options:
        if option not in allowed:
            what = f"one of {', '.join(allowed)}" if allowed else "no option"
            raise InputError(f"--teacher {text}: got option {option!r}, expected {what}")
    return options


def _number(text: str, option: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise InputError(f"--teacher {text}: {option} is {value!r}, expected a number") from None


def _openai(text: str, model: str, options: dict[str, str]) -> OpenAISpec:
    given: dict[str, Any] = {key: options[key] for key in ("url", "key") if key in options}
    if "prices" in options:
        ends = [_number(text, "prices", part) for part in options["prices"].split("/")]
        if len(ends) != 2 or not all(price >= 0 for price in ends):
            raise InputError(
                f"--teacher {text}: prices is {options['prices']!r}, expected READ/WRITTEN, "
                "the prices of a million tokens, such as 0.15/0.6"
            )
        given["prices"] = Prices(*ends)
    if "verdicts" in options:
        if options["verdicts"] not in get_args(Hearing):
            raise InputError(
                f"--teacher {text}: verdicts is {options['verdicts']!r}, expected one of "
                f"{', '.join(get_args(Hearing))}"
            )
        given["verdicts"] = options["verdicts"]
    if "max_tokens" in options:
        most = _number(text, "max_tokens", options["max_tokens"])
        if not most >= 1:
            raise InputError(f"--teacher {text}: max_tokens is {most:g}, expected at least 1")
        given["max_tokens"] = int(most)
    if "per_minute" in options:
        given["per_minute"] = _number(text, "per_minute", options["per_minute"])
        if not given["per_minute"] > 0:
            raise InputError(f"--teacher {text}: per_minute must be more than 0")
    return OpenAISpec(llm.PREFIX + options.get("name", model), model, **given)


def _simulated(text: str, name: str, options: dict[str, str]) -> LocalSpec:
    allowed = (*_SIMULATED, *(BLIND + kind for kind in NEGATIVE_KINDS))
    given: dict[str, Any] = {}
    spots: dict[str, float] = {}
    for option, value in _known(text, options, allowed).items():
        number = _number(text, option, value)
        if option.startswith(BLIND):
            spots[option.removeprefix(BLIND)] = number
        elif option == "seed":
            given[option] = int(number)
        elif option == "yes_or_no":
            given[option] = bool(number)
        else:
            given[option] = number
    teacher = SimulatedTeacher(simulated.PREFIX + name, blind_spots=spots, **given)
    return LocalSpec(teacher.name, teacher)


def open_teachers(
    specs: list[Spec],
    *,
    prompts: Mapping[str, Prompt],
    store: Path,
    account: Account,
    calls: CallStore,
    device: str | None = None,
    workers: int | None = None,
    **options: Any,
) -> list[Teacher]:
    """Load or open all of them, in order; the models of LLMTeachers are still to be entered."""
    return [
        spec.open(prompts, store, account=account, **options)
        if isinstance(spec, OpenAISpec)
        else spec.open(calls, device=device, workers=workers)
        for spec in specs
    ]
