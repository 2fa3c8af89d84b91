"""A second look at written Examples: the evidence must answer, and the rest must not.

The judge gets memories only, no labels, and is asked the same question twice: once with the
evidence, once with everything else. It is not told which of the two it sees, so it cannot please.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal, cast

from labkit.errors import InputError
from labkit.llm.client import LLM, Schema
from labkit.llm.prompts import Prompt, framed_memories, framed_query
from labkit.records import (
    RELEVANT,
    Example,
    Memory,
    Query,
    expect_list,
    expect_object,
    expect_text,
    shown,
)

PROMPT = "judge"
PLACES = {"data": ("query", "memories")}

MAX_TOKENS = 600
"""Of a verdict: a word, some ids and an answer in a few words."""

Answered = Literal["yes", "partly", "no"]
_ANSWERED = ("yes", "partly", "no")

SCHEMA = Schema(
    "verdict",
    {
        "type": "object",
        "properties": {
            "answered": {"type": "string", "enum": list(_ANSWERED)},
            "ids": {"type": "array", "items": {"type": "string"}},
            "answer": {"type": "string"},
        },
        "required": ["answered", "ids", "answer"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether some memories answer a query, and the ids that the answer rests on."""

    answered: Answered
    ids: tuple[str, ...]
    answer: str


def parse_verdict(value: object, ids: frozenset[str]) -> Verdict:
    item = expect_object(value, "the reply")
    answered = item.get("answered")
    if not isinstance(answered, str) or answered not in _ANSWERED:
        raise InputError(f"answered is {shown(answered)}, expected one of {', '.join(_ANSWERED)}")
    named = [expect_text(id_, "ids[]") for id_ in expect_list(item.get("ids"), "ids")]
    for id_ in named:
        if id_ not in ids:
            raise InputError(f"ids names {shown(id_)}, expected ids of the memories only")
    if answered == "yes" and not named:
        raise InputError('ids is empty, expected the memories that the answer "yes" rests on')
    answer = expect_text(item.get("answer"), "answer")
    return Verdict(cast(Answered, answered), tuple(dict.fromkeys(named)), answer)


async def verdict(llm: LLM, prompt: Prompt, query: Query, memories: list[Memory]) -> Verdict:
    """Ask whether these memories, and they alone, answer the query. Raises as ``structured``."""
    ids = frozenset(memory.id for memory in memories)
    return await llm.structured(
        prompt.messages(
            data={"query": framed_query(query), "memories": framed_memories("memories", memories)}
        ),
        SCHEMA,
        lambda value: parse_verdict(value, ids),
        max_tokens=MAX_TOKENS,
        temperature=0.0,
    )


async def reason_to_reject(llm: LLM, prompt: Prompt, example: Example) -> str | None:
    """None for an Example that holds; else why not, in a word that can be counted.

    ``evidence_does_not_answer``; ``KIND_answers`` where a hard negative of that kind answers; or
    ``unlabelled_answers`` where another memory does, so that the labels missed it.
    """
    relevant = example.relevant
    evidence = [m for m in example.memories if m.id in relevant]
    rest = [m for m in example.memories if m.id not in relevant]

    async def answered(memories: list[Memory]) -> Verdict:
        if not memories:
            return Verdict("no", (), "")
        return await verdict(llm, prompt, example.query, memories)

    by_evidence, by_rest = await asyncio.gather(answered(evidence), answered(rest))
    if evidence and by_evidence.answered != "yes":
        return "evidence_does_not_answer"
    if by_rest.answered == "yes":
        assert all(example.label(id_) < RELEVANT for id_ in by_rest.ids)
        kinds = sorted(
            example.negative_kinds[i] for i in by_rest.ids if i in example.negative_kinds
        )
        return f"{kinds[0]}_answers" if kinds else "unlabelled_answers"
    return None
