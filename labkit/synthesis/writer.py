"""Writes Examples with a language model: the paper's dialogue pipeline in four steps, then a judge.

    dialogue or persona -> memories -> queries with evidence -> hard negatives -> instructions

Each step is a prompt file of ``prompts/`` and one structured reply, checked against the records:
ids exist, labels lie in [0, 1], kinds are the ones ordered, times are ISO 8601, no text comes
twice. What is wrong is asked for again once, then dropped and counted by reason; nothing is
guessed. Every call is stored before its reply is used (:mod:`labkit.llm.client`), so that the same
command, run again, continues where it was and writes the same bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from labkit.errors import InputError
from labkit.files import expect_folder, write_whole
from labkit.llm.client import (
    LLM,
    Budget,
    BudgetSpent,
    CallFailed,
    Prices,
    Schema,
    Spending,
    token_bound,
)
from labkit.llm.prompts import (
    Message,
    Prompt,
    frame,
    framed_memories,
    framed_query,
    load_prompt,
)
from labkit.records import (
    NEGATIVE_KINDS,
    RELEVANT,
    Dialogue,
    Example,
    Memory,
    parse_time,
    shown,
    write_examples,
)
from labkit.synthesis import judge
from labkit.synthesis.writer_replies import (
    HISTORY,
    INSTRUCTION,
    NEGATIVES,
    PERSONA_HISTORY,
    QUERIES,
    QUERY_KINDS,
    Negative,
    Problems,
    Written,
    parse_history,
    parse_instruction,
    parse_negatives,
    parse_queries,
    plain,
)

T = TypeVar("T")

VERSION = 1
"""Of the pipeline; with the prompts' hashes it says how an Example came to be."""

_NEGATIVES: Mapping[str, str] = {
    "wrong_time": "the same matter at a time that is not the one asked for",
    "superseded": "an earlier state that no longer holds at the time of the question",
    "wrong_entity": "the same about another person, place or thing, such as a namesake",
    "reversed_cause": "cause and effect the other way round, or an effect where a cause is asked",
    "same_topic": "on the topic, with the words of the question, without the fact",
    "question_echo": "repeats or asks the question and gives no answer",
    "planned_not_done": "a plan or an intention about the matter that was not carried out",
    "too_general": "so general that the answer cannot be had from it",
    "too_detailed": "a detail of the matter, not the thing that is asked",
    "wrong_quantity": "an amount of the same kind that is not the one asked for",
    "hearsay": "what somebody supposed or had heard, known not to be so",
    "wrong_aspect": "the right matter under another aspect than the one asked for",
}
assert tuple(_NEGATIVES) == NEGATIVE_KINDS

INSTRUCTION_KINDS = ("intent", "entity", "aspect")
"""The three kinds of the paper: intent focusing, entity or keyword, aspect constraint."""

PROMPTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "distil_dialogue": {"told": ("least", "most"), "data": ("dialogue",)},
    "distil_persona": {"told": ("least", "most"), "data": ("persona",)},
    "queries": {"told": ("kinds",), "data": ("memories",)},
    "negatives": {"told": ("kinds",), "data": ("query", "evidence", "memories")},
    "instruction": {"told": ("kind",), "data": ("query", "memories")},
    judge.PROMPT: judge.PLACES,
}
"""The prompt files and the places that each must have."""


@dataclass(frozen=True, slots=True)
class Persona:
    """A person in a line or two, to invent a history for."""

    id: str
    text: str


Source = Dialogue | Persona


def read_personas(path: Path) -> Iterator[Persona]:
    """One persona a line of a text file; its id is its place among them.

    Raises:
        InputError: the file cannot be read or is empty.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}; expected one persona a line, in UTF-8") from None
    texts = [line.strip() for line in lines if line.strip()]
    if not texts:
        raise InputError(f"{path} is empty, expected one persona a line")
    return (Persona(f"persona-{number}", text) for number, text in enumerate(texts, 1))


@dataclass(frozen=True, slots=True)
class Recipe:
    """How much of what to write.

    Args:
        memories: distilled of a persona, or of ``turns`` turns of a dialogue, at most.
        queries: of each source; kinds are dealt out in turn, so that a run has all alike.
        negatives: hard negatives a query.
        instructed: share of the Examples that also come with an instruction and its own labels.
        turns: of a dialogue in one call; a longer one is distilled in several.
        judged: leave out what the judge rejects.
        max_tokens: of one reply, thinking included.
    """

    memories: int = 14
    queries: int = 6
    kinds: tuple[str, ...] = tuple(QUERY_KINDS)
    negatives: int = 4
    negative_kinds: tuple[str, ...] = NEGATIVE_KINDS
    instructed: float = 0.25
    turns: int = 80
    judged: bool = True
    temperature: float | None = 0.7
    max_tokens: int = 4096
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("memories", "queries", "turns", "max_tokens"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}, expected 1 or more")
        if self.negatives < 0 or not 0 <= self.instructed <= 1:
            raise InputError(
                f"got negatives {self.negatives} and instructed {self.instructed:g}, expected "
                "0 or more and a share from 0 to 1"
            )
        for known, kinds in (
            (tuple(QUERY_KINDS), self.kinds),
            (NEGATIVE_KINDS, self.negative_kinds),
        ):
            for kind in kinds:
                if kind not in known:
                    raise InputError(f"got kind {kind!r}, expected some of {', '.join(known)}")
            if not kinds:
                raise InputError(f"got no kind, expected some of {', '.join(known)}")


def load_prompts(folder: Path | None = None) -> dict[str, Prompt]:
    """The prompts by name; those that ``folder`` does not hold are the package's own.

    Raises:
        InputError: one of them is not in order, see :func:`labkit.llm.prompts.load_prompt`; or
            ``folder`` holds none of them.
    """
    own = Path(__file__).parent / "prompts"
    paths = {name: own / f"{name}.md" for name in PROMPTS}
    if folder is not None:
        given = {name: folder / f"{name}.md" for name in PROMPTS}
        found = {name: path for name, path in given.items() if path.is_file()}
        if not found:
            names = ", ".join(f"{name}.md" for name in PROMPTS)
            raise InputError(f"{folder} holds no prompt, expected some of {names}")
        paths |= found
    return {name: load_prompt(path, **PROMPTS[name]) for name, path in paths.items()}


# --- the pipeline ------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """What became of what the model wrote.

    ``dropped`` counts replies and parts of replies that were wrong twice, by step and reason;
    ``rejected`` what the judge rejects, by reason; ``failed`` calls that brought no reply, by step
    and kind: the same command asks for those again. ``unfinished`` are steps that the budget
    stopped.
    """

    dropped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    unfinished: int = 0


def _random(*parts: object) -> random.Random:
    text = "\n".join(str(part) for part in parts)
    return random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


def _dealt(kinds: Sequence[str], count: int, start: int) -> list[str]:
    return [kinds[(start + i) % len(kinds)] for i in range(count)]


def _explained(kinds: Iterable[str], meanings: Mapping[str, str]) -> str:
    return "\n".join(f"- {kind}: {meanings[kind]}" for kind in kinds)


def _by_time(memories: Iterable[Memory], chance: random.Random) -> list[Memory]:
    """In the order of their times, where all have one; else where chance puts the new ones.

    Were the negatives to stand at the end, or to have ids of their own kind, place and name would
    give them away.
    """
    items = list(memories)
    if all(memory.time for memory in items):
        return sorted(items, key=lambda m: (parse_time(m.time or ""), plain(m.text)))
    old = [memory for memory in items if not memory.id.startswith("n")]
    for memory in items:
        if memory.id.startswith("n"):
            old.insert(chance.randint(0, len(old)), memory)
    return old


def _renumbered(example: Example) -> Example:
    names = {m.id: f"m{i:02d}" for i, m in enumerate(example.memories, 1)}
    return replace(
        example,
        memories=tuple(replace(m, id=names[m.id]) for m in example.memories),
        labels={names[id_]: label for id_, label in sorted(example.labels.items())},
        negative_kinds={names[id_]: kind for id_, kind in sorted(example.negative_kinds.items())},
    )


_NO_REPLY = ("rate_limited", "server_error", "timeout", "bad_request")


@dataclass(frozen=True, slots=True)
class _Writer:
    """One run: the model, the prompts, the recipe, and the tally that it keeps."""

    llm: LLM
    prompts: Mapping[str, Prompt]
    recipe: Recipe
    tally: Tally

    async def _step(
        self,
        step: str,
        messages: list[Message],
        schema: Schema,
        check: Callable[[object], T],
        partly: Callable[[object], T] | None = None,
    ) -> T | None:
        """The checked reply, or None where there is none; the tally says why.

        ``partly`` takes the good parts of a reply that was wrong twice and counts the bad ones.
        """
        try:
            return await self.llm.structured(
                messages,
                schema,
                check,
                max_tokens=self.recipe.max_tokens,
                temperature=self.recipe.temperature,
            )
        except CallFailed as error:
            if partly is not None and error.value is not None:
                try:
                    return partly(error.value)
                except InputError:
                    pass  # not even a list of them: dropped as a whole
            self._lost(step, error)
        except BudgetSpent:
            self.tally.unfinished += 1
        return None

    def _lost(self, step: str, error: CallFailed) -> None:
        counts = self.tally.failed if error.kind in _NO_REPLY else self.tally.dropped
        counts[f"{step}: {error.kind}"] += 1

    def _count(self, step: str, problems: Iterable[tuple[int, str, str]]) -> None:
        self.tally.dropped.update(f"{step}: {reason}" for _, reason, _ in problems)

    async def history(self, source: Source) -> list[Memory] | None:
        """Step 1: the memories of a dialogue, window by window, or of a persona."""
        windows = await asyncio.gather(
            *(
                self._step(name, messages, schema, check)
                for name, messages, schema, check in self._distillations(source)
            )
        )
        memories: list[Memory] = []
        taken: set[str] = set()
        for window in windows:
            if window is None:
                # A history with a hole would make wrong labels: what is asked may stand in it.
                return None
            for memory in window:
                if plain(memory.text) in taken:
                    self.tally.dropped["distil: duplicate_text"] += 1
                    continue
                taken.add(plain(memory.text))
                memories.append(memory)
        if not memories:
            self.tally.dropped["distil: empty"] += 1
            return None
        if all(memory.time for memory in memories):
            memories.sort(key=lambda m: parse_time(m.time or ""))
        return [replace(m, id=f"m{i:02d}") for i, m in enumerate(memories, 1)]

    def _distillations(
        self, source: Source
    ) -> Iterator[tuple[str, list[Message], Schema, Callable[[object], list[Memory]]]]:
        for turns, messages in distil_messages(source, self.prompts, self.recipe):
            by_id = None if turns is None else {turn.id: turn for turn in turns}
            least, most = _how_many(turns, self.recipe)

            def check(
                value: object,
                by_id: Mapping[str, Memory] | None = by_id,
                least: int = least,
                most: int = most,
            ) -> list[Memory]:
                return parse_history(value, by_id, least, most)

            yield "distil", messages, HISTORY if turns is not None else PERSONA_HISTORY, check

    async def queries(self, source: Source, index: int, memories: list[Memory]) -> list[Written]:
        """Step 2: one query of each kind that is this source's turn."""
        recipe = self.recipe
        kinds = _dealt(recipe.kinds, recipe.queries, recipe.seed + index * recipe.queries)

        def partly(value: object) -> list[Written]:
            problems: Problems = []
            found = parse_queries(value, memories, kinds, problems)
            missing = recipe.queries - len(found) - len(problems)
            self._count("queries", [*problems, *[(0, "missing", "")] * max(0, missing)])
            return found

        messages = self.prompts["queries"].messages(
            {"kinds": _explained(kinds, QUERY_KINDS)},
            {"memories": framed_memories("memories", memories)},
        )
        written = await self._step(
            "queries", messages, QUERIES, lambda v: parse_queries(v, memories, kinds), partly
        )
        return written or []

    async def examples(self, source: Source, index: int) -> list[Example]:
        """All Examples of one source, in the order of their ids."""
        memories = await self.history(source)
        if memories is None:
            return []
        written = await self.queries(source, index, memories)
        numbered = enumerate(written, 1)
        groups = await asyncio.gather(
            *(self._example(source, memories, one, f"{source.id}-q{i:02d}") for i, one in numbered)
        )
        return [example for group in groups for example in group]

    async def _example(
        self, source: Source, memories: list[Memory], written: Written, id_: str
    ) -> list[Example]:
        recipe = self.recipe
        chance = _random(recipe.seed, id_)
        negatives: list[Negative] | None = []
        if recipe.negatives:
            negatives = await self._negatives(memories, written, chance)
        if negatives is None:
            return []
        example = _renumbered(
            Example(
                query=replace(written.query, id=id_),
                memories=tuple(_by_time([*memories, *(n.memory for n in negatives)], chance)),
                labels=written.labels | {n.memory.id: n.label for n in negatives if n.label > 0},
                negative_kinds={n.memory.id: n.kind for n in negatives},
                why=written.why,
                extra={"source": source.id},
            )
        )
        found = await asyncio.gather(self._kept(example), self._instructed(example, chance))
        return [one for one in found if one is not None]

    async def _negatives(
        self, memories: list[Memory], written: Written, chance: random.Random
    ) -> list[Negative] | None:
        """Step 3: hard negatives of kinds drawn for this query."""
        recipe = self.recipe
        kinds = _dealt(
            chance.sample(recipe.negative_kinds, len(recipe.negative_kinds)), recipe.negatives, 0
        )

        def partly(value: object) -> list[Negative]:
            problems: Problems = []
            found = parse_negatives(value, memories, written.query, kinds, problems)
            missing = recipe.negatives - len(found) - len(problems)
            self._count("negatives", [*problems, *[(0, "missing", "")] * max(0, missing)])
            return found

        evidence = [m for m in memories if written.labels.get(m.id, 0.0) >= RELEVANT]
        messages = self.prompts["negatives"].messages(
            {"kinds": _explained(kinds, _NEGATIVES)},
            {
                "query": framed_query(written.query),
                "evidence": framed_memories("memories that answer it", evidence),
                "memories": framed_memories(
                    "other memories", (m for m in memories if m not in evidence)
                ),
            },
        )
        return await self._step(
            "negatives",
            messages,
            NEGATIVES,
            lambda v: parse_negatives(v, memories, written.query, kinds),
            partly,
        )

    async def _instructed(self, example: Example, chance: random.Random) -> Example | None:
        """Step 4: the same query under an instruction, with labels of its own."""
        if example.query.kind == "abstain" or chance.random() >= self.recipe.instructed:
            return None
        kind = chance.choice(INSTRUCTION_KINDS)
        ids = frozenset(memory.id for memory in example.memories)
        found = await self._step(
            "instruction",
            self.prompts["instruction"].messages(
                {"kind": kind},
                {
                    "query": framed_query(example.query),
                    "memories": framed_memories("memories", example.memories),
                },
            ),
            INSTRUCTION,
            lambda value: parse_instruction(value, ids),
        )
        if found is None:
            return None
        instruction, labels = found
        relevant = {id_ for id_, label in labels.items() if label >= RELEVANT}
        kinds = {id_: kind for id_, kind in example.negative_kinds.items() if id_ not in relevant}
        query = replace(example.query, id=f"{example.id}-i", instruction=instruction)
        return await self._kept(
            replace(
                example,
                query=query,
                labels=dict(sorted(labels.items())),
                negative_kinds=kinds,
                extra=dict(example.extra) | {"instruction_kind": kind},
            )
        )

    async def _kept(self, example: Example) -> Example | None:
        """The Example if the judge finds nothing wrong; without a verdict it is left out."""
        if not self.recipe.judged:
            return example
        try:
            reason = await judge.reason_to_reject(self.llm, self.prompts[judge.PROMPT], example)
        except CallFailed as error:
            self._lost("judge", error)
        except BudgetSpent:
            self.tally.unfinished += 1
        else:
            if reason is None:
                return example
            self.tally.rejected[reason] += 1
        return None


def _how_many(turns: Sequence[Memory] | None, recipe: Recipe) -> tuple[int, int]:
    most = recipe.memories
    if turns is None:
        return max(1, most // 2), most
    # A short window has little to remember, and must not be padded with inventions.
    return 1, most


def _windows(source: Dialogue, size: int) -> Iterator[tuple[Memory, ...]]:
    for start in range(0, len(source.memories), size):
        yield source.memories[start : start + size]


def distil_messages(
    source: Source, prompts: Mapping[str, Prompt], recipe: Recipe
) -> Iterator[tuple[tuple[Memory, ...] | None, list[Message]]]:
    """The calls of the first step: the turns (None for a persona), and what is asked of them."""
    if isinstance(source, Persona):
        least, most = _how_many(None, recipe)
        told = {"least": str(least), "most": str(most)}
        yield (
            None,
            prompts["distil_persona"].messages(
                told, {"persona": frame("person", [{"persona": source.text}])}
            ),
        )
        return
    for turns in _windows(source, recipe.turns):
        least, most = _how_many(turns, recipe)
        told = {"least": str(least), "most": str(most)}
        yield (
            turns,
            prompts["distil_dialogue"].messages(
                told, {"dialogue": framed_memories("conversation", turns)}
            ),
        )


# --- what it will cost -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Estimate:
    """At most so many calls, tokens and money, if every reply is as long as it may be.

    With every reply asked for twice; without attempts that an endpoint charges and does not
    answer. ``cost`` is None without prices.
    """

    sources: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None


def estimate(
    sources: Iterable[Source],
    recipe: Recipe,
    prompts: Mapping[str, Prompt],
    prices: Prices | None = None,
) -> Estimate:
    """An upper bound for a run with an empty store, before its first call.

    Known text counts a token a byte. Text that is still to be written counts as many tokens as
    its reply may have and half as many again: it comes back in a frame, with ids.
    """
    reply = recipe.max_tokens
    calls = prompt = completion = count = 0

    def add(tokens: int, schema: Schema, times: int, at_most: int = reply) -> None:
        nonlocal calls, prompt, completion
        once = tokens + token_bound([], schema)
        # Asked again: the same, the bad reply, and what is wrong with it (quotes of 60 signs).
        again = once + at_most + 2048
        calls += 2 * times
        prompt += times * (once + again)
        completion += 2 * times * at_most

    def fixed(name: str) -> int:
        text = prompts[name]
        told = _explained(_dealt(recipe.negative_kinds, recipe.negatives, 0), _NEGATIVES)
        # 1,024 for the frames' own words and the roles of the messages.
        return sum(len(part.encode()) for part in (text.system, text.user, told)) + 1024

    for source in sources:
        count += 1
        histories = 0
        for turns, messages in distil_messages(source, prompts, recipe):
            add(token_bound(messages), PERSONA_HISTORY if turns is None else HISTORY, 1)
            histories += 1
        history = histories * reply * 3 // 2
        one = reply * 3 // 2
        queries = recipe.queries
        many = _explained(_dealt(recipe.kinds, queries, 0), QUERY_KINDS)
        add(fixed("queries") + len(many.encode()) + history, QUERIES, 1)
        example = history
        if recipe.negatives:
            add(fixed("negatives") + one + history, NEGATIVES, queries)
            example += one
        if recipe.instructed:
            add(fixed("instruction") + one + example, INSTRUCTION, queries)
        if recipe.judged:
            judged = queries * (2 if recipe.instructed else 1)
            # Evidence and the rest: two calls that share the memories between them.
            add(fixed("judge") + 2 * one + example, judge.SCHEMA, 2 * judged, judge.MAX_TOKENS)
    cost = None if prices is None else prices.of(prompt, completion)
    return Estimate(count, calls, prompt, completion, cost)


# --- a run -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """What a run did; ``to_json`` is its ``run.json``.

    ``complete`` is False where the budget stopped it (``stopped`` says so) or calls failed: the
    same command goes on from there.
    """

    config: Mapping[str, Any]
    prompts: Mapping[str, str]
    refused_parameters: Mapping[str, str]
    sources: int
    written: int
    by_kind: Mapping[str, int]
    repaired: int
    dropped: Mapping[str, int]
    rejected: Mapping[str, int]
    failed: Mapping[str, int]
    unfinished: int
    complete: bool
    stopped: str | None
    spending: Mapping[str, Any]
    sha256: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def write(
    sources: Sequence[Source],
    out: Path,
    *,
    model: str,
    base_url: str | None = None,
    recipe: Recipe | None = None,
    prompts: Mapping[str, Prompt] | None = None,
    budget: Budget | None = None,
    prices: Prices | None = None,
    concurrency: int = 8,
    retries: int = 5,
    timeout: float = 120.0,
    key_variable: str = "OPENAI_API_KEY",
    on_progress: Callable[[int, int, Spending], None] | None = None,
) -> Run:
    """Write ``examples.jsonl`` and ``run.json`` into ``out``; ``calls.sqlite`` keeps the calls.

    Args:
        out: a folder, made where missing. The same call again takes every reply that is there.
        on_progress: called with (sources done, all of them, what was used) after each source.

    Raises:
        InputError: nothing to write from, an id twice, or the endpoint cannot be used at all;
            ``examples.jsonl`` is then left as it was.
    """
    expect_folder(out)
    if not sources:
        raise InputError("got no dialogue and no persona, expected at least one")
    for id_, times in Counter(source.id for source in sources).items():
        if times > 1:
            raise InputError(f"the source {shown(id_)} occurs twice, expected each id once")
    recipe, prompts = recipe or Recipe(), prompts or load_prompts()
    llm = LLM(
        model,
        out / "calls.sqlite",
        base_url=base_url,
        key_variable=key_variable,
        concurrency=concurrency,
        retries=retries,
        timeout=timeout,
        budget=budget,
        prices=prices,
    )
    tally = Tally()
    groups = asyncio.run(
        _write_all(_Writer(llm, prompts, recipe, tally), sources, concurrency, on_progress)
    )
    examples = [example for group in groups for example in group]
    target = out / "examples.jsonl"
    write_examples(target, examples)
    run = Run(
        config={
            "version": VERSION,
            "model": model,
            "base_url": llm.base_url,
            "recipe": asdict(recipe),
            "budget": asdict(llm.budget),
            "prices": None if prices is None else asdict(prices),
            "concurrency": concurrency,
            "retries": retries,
            "timeout": timeout,
        },
        prompts={name: prompt.sha256 for name, prompt in sorted(prompts.items())},
        refused_parameters=dict(sorted(llm.refused.items())),
        sources=len(sources),
        written=len(examples),
        by_kind=dict(sorted(Counter(e.query.kind or "" for e in examples).items())),
        repaired=llm.spending.repaired,
        dropped=dict(sorted(tally.dropped.items())),
        rejected=dict(sorted(tally.rejected.items())),
        failed=dict(sorted(tally.failed.items())),
        unfinished=tally.unfinished,
        complete=not tally.unfinished and not tally.failed,
        stopped=llm.stopped if tally.unfinished else None,
        spending=llm.spending.to_json(),
        sha256=hashlib.sha256(target.read_bytes()).hexdigest(),
    )
    text = json.dumps(run.to_json(), indent=2, ensure_ascii=False)
    write_whole(out / "run.json", [text, "\n"])
    return run


async def _write_all(
    writer: _Writer,
    sources: Sequence[Source],
    concurrency: int,
    on_progress: Callable[[int, int, Spending], None] | None,
) -> list[list[Example]]:
    found: list[list[Example]] = [[] for _ in sources]
    left = iter(enumerate(sources))
    done = 0

    async def work() -> None:
        nonlocal done
        for index, source in left:
            found[index] = await writer.examples(source, index)
            done += 1
            if on_progress is not None:
                on_progress(done, len(sources), writer.llm.spending)

    async with writer.llm:
        # A few sources at a time: the calls of all of them at once would wait in memory.
        await asyncio.gather(*(work() for _ in range(min(concurrency, len(sources)))))
    return found
