"""A language model behind an OpenAI-compatible endpoint as a teacher.

Two ways to hear its verdict. As a structured reply, it says for each criterion of the rubric which
memory is better and whether by much, and the preference is the weighted sum: the weights are ours,
not its. By token log-probabilities, it answers with one digit, and the preference is the
probability of the first memory less that of the second: one token to pay for, and what it hesitates
about shows. Where an endpoint gives no log-probabilities the digit itself counts.

Memories and questions are quoted as data (:func:`labkit.llm.prompts.frame`), without ids and
without labels; a frame's marks cannot be foreseen by who wrote what is in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from labkit.errors import InputError
from labkit.llm.client import LLM, CallFailed, FailureKind, Schema, token_bound
from labkit.llm.prompts import Framed, Message, Prompt, frame, framed_query, load_prompt
from labkit.llm.replies import Reply
from labkit.records import LEVELS, Example, Memory, expect_object, shown
from labkit.teachers.verdicts import Grade, Kind, Verdict

PREFIX = "openai:"

Hearing = Literal["reply", "logprobs"]
"""How a verdict is heard."""

RUBRIC: Mapping[str, int] = {
    "relevance": 30,
    "attribute_precision": 30,
    "completeness": 25,
    "density": 15,
}
"""Weights of the criteria, of 100 (MemReranker, arXiv 2605.06132); the prompts say what each is."""

STEPS: Mapping[str, float] = {
    "first much better": 1.0,
    "first better": 0.5,
    "equal": 0.0,
    "second better": -0.5,
    "second much better": -1.0,
}
"""What a model may say of two memories by one criterion, and the preference it stands for."""

MAX_TOKENS = 600
"""Of a structured reply: a sentence and four short verdicts; more only where a model thinks."""

_DIGIT_TOKENS = 8
_ALTERNATIVES = 5  # the most that every endpoint which has them gives
_LEAST_MASS = 0.5
_REASON = 300  # characters of a reason that are kept

_TOLD = (*RUBRIC, "reply")
PROMPTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "compare": {"told": _TOLD, "data": ("query", "first", "second")},
    "compare_across": {"told": _TOLD, "data": ("query", "first", "second_query", "second")},
    "grade": {"told": (*_TOLD, "levels"), "data": ("query", "memory")},
}
"""The prompt files and the places that each must have: every criterion with its weight, too."""

_ASKED_FOR: Mapping[Hearing, tuple[str, str]] = {
    "reply": (
        "Give the reason in one sentence, then for each criterion one of: "
        + ", ".join(f'"{step}"' for step in STEPS)
        + ".",
        "Give the reason in one sentence, then the points for each criterion.",
    ),
    "logprobs": (
        "Weigh the criteria as said and reply with one digit and nothing else: 1 if the first "
        "memory serves better, 2 if the second does, 0 if they are equal.",
        "Reply with one digit and nothing else, for the total: 1 up to 20, 2 up to 40, 3 up to "
        "60, 4 up to 80, 5 above.",
    ),
}


def _schema(name: str, criterion: Mapping[str, Any], by: Mapping[str, Any]) -> Schema:
    properties = {
        "reason": {"type": "string"},
        **{each: {**criterion, **by.get(each, {})} for each in RUBRIC},
    }
    return Schema(
        name,
        {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        },
    )


COMPARISON = _schema("comparison", {"type": "string", "enum": list(STEPS)}, {})
GRADE = _schema(
    "grade",
    {"type": "number", "minimum": 0},
    {name: {"maximum": weight} for name, weight in RUBRIC.items()},
)

NO_ANSWER: frozenset[FailureKind] = frozenset(("rate_limited", "server_error", "timeout"))
"""Failures that are no verdict: the same question may be answered when it is asked again."""


def load_prompts(folder: Path | None = None) -> dict[str, Prompt]:
    """The prompts by name; those that ``folder`` does not hold are the package's own.

    Raises:
        InputError: one of them lacks a criterion or a place for data, or ``folder`` holds none.
    """
    own = Path(__file__).parent / "prompts"
    paths = {name: own / f"{name}.md" for name in PROMPTS}
    if folder is not None:
        given = {name: folder / f"{name}.md" for name in PROMPTS}
        found = {name: path for name, path in given.items() if path.is_file()}
        if not found:
            names = ", ".join(f"{name}.md" for name in PROMPTS)
            raise InputError(f"{folder} holds no prompt of a teacher, expected some of {names}")
        paths |= found
    return {name: load_prompt(path, **PROMPTS[name]) for name, path in paths.items()}


# --- what is shown -------------------------------------------------------------------------------


def _levels() -> str:
    """The five levels as points, worst first."""
    most = [least for least, _ in LEVELS]
    tops = [1.0, *most[:-1]]
    lines = (
        f"- {least * 100:.0f} to {top * 100:.0f}: {name}"
        for (least, name), top in zip(LEVELS, tops, strict=True)
    )
    return "\n".join(reversed(list(lines)))


def quoted_memory(memory: Memory, what: str = "memory") -> Framed:
    """A memory as data. Its id stays out: ids may be numbered by rank or named after a label."""
    return frame(what, [{"time": memory.time, "speaker": memory.speaker, "text": memory.text}])


def _memory(example: Example, id_: str) -> Memory:
    for memory in example.memories:
        if memory.id == id_:
            return memory
    raise InputError(f"query {shown(example.id)} has no memory {shown(id_)}")


@dataclass(frozen=True, slots=True)
class Questions:
    """Fills in the prompts: what a teacher is asked, as messages."""

    prompts: Mapping[str, Prompt]
    hearing: Hearing = "reply"

    def compare(
        self, example: Example, first: str, second: str, second_example: Example | None = None
    ) -> list[Message]:
        other = example if second_example is None else second_example
        across = other.id != example.id
        told = {name: str(weight) for name, weight in RUBRIC.items()}
        told["reply"] = _ASKED_FOR[self.hearing][0]
        data = {
            "query": framed_query(example.query, "first question" if across else "question"),
            "first": quoted_memory(_memory(example, first), "first memory"),
            "second": quoted_memory(_memory(other, second), "second memory"),
        }
        if across:
            data["second_query"] = framed_query(other.query, "second question")
        return self.prompts["compare_across" if across else "compare"].messages(told, data)

    def grade(self, example: Example, memory: str) -> list[Message]:
        told = {name: str(weight) for name, weight in RUBRIC.items()}
        told |= {"reply": _ASKED_FOR[self.hearing][1], "levels": _levels()}
        data = {
            "query": framed_query(example.query),
            "memory": quoted_memory(_memory(example, memory)),
        }
        return self.prompts["grade"].messages(told, data)

    def tokens(self, what: Literal["compare", "compare_across", "grade"]) -> int:
        """Tokens that a prompt's own words and its schema cannot exceed; data comes on top."""
        empty = {name: Framed("") for name in PROMPTS[what]["data"]}
        told = {name: str(weight) for name, weight in RUBRIC.items()}
        of_grade = what == "grade"
        told["reply"] = _ASKED_FOR[self.hearing][of_grade]
        if of_grade:
            told["levels"] = _levels()
        schema = None if self.hearing == "logprobs" else GRADE if of_grade else COMPARISON
        return token_bound(self.prompts[what].messages(told, empty), schema)


# --- what is said --------------------------------------------------------------------------------


def _reason(item: Mapping[str, Any]) -> str:
    reason = item.get("reason")
    if not isinstance(reason, str):
        raise InputError(f"reason is {shown(reason)}, expected a text")
    return " ".join(reason.split())[:_REASON]


def parse_comparison(value: object) -> tuple[float, dict[str, str]]:
    """The preference in [-1, 1] of a structured reply, and what it said, reason included."""
    item = expect_object(value, "the reply")
    said = {"reason": _reason(item)}
    for name in RUBRIC:
        step = item.get(name)
        if not isinstance(step, str) or step not in STEPS:
            raise InputError(f"{name} is {shown(step)}, expected one of {', '.join(STEPS)}")
        said[name] = step
    # Whole points, so that what cancels is 0 and a tie.
    points = sum(weight * STEPS[said[name]] for name, weight in RUBRIC.items())
    return points / 100, said


def parse_points(value: object) -> tuple[float, dict[str, Any]]:
    """The grade in [0, 1] of a structured reply, and what it said."""
    item = expect_object(value, "the reply")
    said: dict[str, Any] = {"reason": _reason(item)}
    for name, most in RUBRIC.items():
        points = item.get(name)
        if isinstance(points, bool) or not isinstance(points, int | float):
            raise InputError(f"{name} is {shown(points)}, expected points from 0 to {most}")
        if not 0 <= points <= most:
            raise InputError(f"{name} is {points:g}, expected points from 0 to {most}")
        said[name] = points
    return sum(said[name] for name in RUBRIC) / 100, said


def digit_shares(reply: Reply, digits: str) -> dict[str, float]:
    """How probable each digit is, among them all.

    From the alternatives at the token that is the digit; a reply without log-probabilities is sure
    of what it says.

    Raises:
        CallFailed: the reply declines, or does not hold just one of the digits, or it was more
            likely to say something else.
    """
    if reply.refusal or reply.finish_reason == "content_filter":
        raise CallFailed("refused", (reply.refusal or "content filter")[:200])
    said = [sign for sign in reply.text if sign in digits]
    if len(said) != 1:
        wanted = ", ".join(digits)
        raise CallFailed("malformed", f"it says {shown(reply.text)}, expected one of {wanted}")
    token = next((t for t in reply.tokens or () if t.text.strip() == said[0]), None)
    if token is None:
        return {digit: float(digit == said[0]) for digit in digits}
    mass = dict.fromkeys(digits, 0.0)
    for text, logprob in token.top or ((token.text, token.logprob),):
        if text.strip() in mass:  # " 1" and "1" are two tokens
            mass[text.strip()] += math.exp(min(logprob, 0.0))
    total = sum(mass.values())
    if total < _LEAST_MASS:
        raise CallFailed("malformed", f"the digits have a probability of {total:.2f} only")
    return {digit: share / total for digit, share in mass.items()}


def _kind(error: CallFailed) -> Kind:
    """A failure as an outcome that can be counted; what is no outcome is raised again."""
    if error.kind in NO_ANSWER:
        raise error
    # A prompt that an endpoint does not take (too long, say) stays without an answer as well.
    return "refused" if error.kind in ("refused", "bad_request") else "malformed"


@dataclass(frozen=True, slots=True)
class LLMTeacher:
    """A model with its prompts.

    Attributes:
        name: of the teacher, "openai:" and the model's.
        llm: the model; open while the teacher is asked.
        questions: the prompts, and how verdicts are heard.
        max_tokens: of a structured reply.
    """

    name: str
    llm: LLM
    questions: Questions
    max_tokens: int = MAX_TOKENS

    @property
    def can_grade(self) -> bool:
        return True

    async def compare(
        self, example: Example, first: str, second: str, second_example: Example | None = None
    ) -> Verdict:
        messages = self.questions.compare(example, first, second, second_example)
        other = None if second_example is None else second_example.id
        try:
            if self.questions.hearing == "reply":
                preference, said = await self.llm.structured(
                    messages,
                    COMPARISON,
                    parse_comparison,
                    max_tokens=self.max_tokens,
                    temperature=0.0,
                )
                extra: dict[str, Any] = dict(said)
            else:
                shares = await self._digits(messages, "120")
                preference = round(shares["1"] - shares["2"], 6)
                extra = {"probabilities": [round(shares[digit], 6) for digit in "120"]}
        except CallFailed as error:
            kind = _kind(error)
            extra = {"failure": str(error)[:_REASON]}
            return Verdict(example.id, first, second, self.name, 0.0, kind, other, extra)
        kind = "ok" if preference else "tied"
        return Verdict(example.id, first, second, self.name, preference, kind, other, extra)

    async def grade(self, example: Example, memory: str) -> Grade:
        messages = self.questions.grade(example, memory)
        try:
            if self.questions.hearing == "reply":
                grade, extra = await self.llm.structured(
                    messages, GRADE, parse_points, max_tokens=self.max_tokens, temperature=0.0
                )
            else:
                shares = await self._digits(messages, "12345")
                # the middle of each level, weighted by how probable it is
                grade = sum((int(digit) * 2 - 1) / 10 * p for digit, p in shares.items())
                extra = {"probabilities": [round(p, 6) for p in shares.values()]}
        except CallFailed as error:
            kind = _kind(error)
            extra = {"failure": str(error)[:_REASON]}
            return Grade(example.id, memory, self.name, 0.0, kind, extra)
        return Grade(example.id, memory, self.name, round(grade, 6), "ok", extra)

    async def _digits(self, messages: list[Message], digits: str) -> dict[str, float]:
        reply = await self.llm.ask(
            messages, max_tokens=_DIGIT_TOKENS, temperature=0.0, top_logprobs=_ALTERNATIVES
        )
        try:
            return digit_shares(reply, digits)
        except CallFailed as error:
            self.llm.spending.failures[error.kind] += 1
            raise
