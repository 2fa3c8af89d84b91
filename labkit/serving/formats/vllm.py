"""vLLM's scores, unsorted: ``POST /score``, ``/v1/score``.

Three pairs of names for the same two fields; each is a text or a list of texts. One text against
many gives a score for each; as many against as many, a score for each pair. vLLM's ranking is in
:mod:`labkit.serving.formats.jina`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from labkit.records import Memory
from labkit.serving.fields import Document, Situation, memories_of, query_of
from labkit.serving.formats.jina import Usage
from labkit.serving.problems import RESPONSES, Refused
from labkit.serving.service import Ranks
from labkit.serving.strict import StrictRoute

router = APIRouter(tags=["vLLM"], responses=RESPONSES, route_class=StrictRoute)

Left = str | list[str]
Right = str | Document | list[str | Document]


class ScoreRequest(Situation):
    """One of text_1, queries, data_1 against one of text_2, documents, items, data_2."""

    model: str | None = Field(None, description="ignored: one model is served")
    text_1: Left | None = None
    queries: Left | None = None
    data_1: Left | None = None
    text_2: Right | None = None
    documents: Right | None = None
    items: Right | None = None
    data_2: Right | None = None


class Score(BaseModel):
    index: int
    object: Literal["score"] = "score"
    score: float = Field(ge=0, le=1, description="calibrated probability")


class ScoreResponse(BaseModel):
    id: str
    object: Literal["list"] = "list"
    created: int = Field(description="seconds since 1970")
    model: str
    data: list[Score]
    usage: Usage


@router.post("/v1/score")
@router.post("/score")
async def score(request: Request, body: ScoreRequest, service: Ranks) -> ScoreResponse:
    """A score for each pair, in the order given."""
    name, left = _one(body, ("text_1", "queries", "data_1"))
    other, right = _one(body, ("text_2", "documents", "items", "data_2"))
    memories = memories_of(right, other)
    if len(left) not in (1, len(memories)):
        raise Refused(
            422,
            f"{name} has {len(left)} texts and {other} {len(memories)}, expected one against all "
            "or as many of each",
        )
    service.check(len(memories))
    pairs: dict[str, list[Memory]] = {}
    for place, memory in enumerate(memories):
        text = left[place if len(left) > 1 else 0]
        if not text.strip():
            raise Refused(422, f"{name}: expected a text that is not empty")
        pairs.setdefault(text, []).append(memory)
    try:
        async with asyncio.TaskGroup() as tasks:
            ranked = [
                tasks.create_task(service.score(request, query_of(text, body), group))
                for text, group in pairs.items()
            ]
    except* Refused as group:
        raise group.exceptions[0] from None
    scores = [0.0] * len(memories)
    for task in ranked:
        ranking = task.result().ranking
        for memory, p in zip(ranking.memories, ranking.probabilities, strict=True):
            scores[int(memory.id)] = p
    tokens = sum(task.result().tokens for task in ranked)
    return ScoreResponse(
        id=request.scope["state"]["request_id"],
        created=int(time.time()),
        model=service.model,
        data=[Score(index=place, score=p) for place, p in enumerate(scores)],
        usage=Usage(prompt_tokens=tokens, total_tokens=tokens),
    )


def _one(body: ScoreRequest, names: Sequence[str]) -> tuple[str, list[Any]]:
    given = [(name, getattr(body, name)) for name in names if getattr(body, name) is not None]
    if len(given) != 1:
        got = " and ".join(name for name, _ in given) or "none"
        raise Refused(422, f"got {got}, expected one of {', '.join(names)}")
    name, value = given[0]
    texts = value if isinstance(value, list) else [value]
    if not texts:
        raise Refused(422, f"{name}: expected at least one text")
    return name, texts
