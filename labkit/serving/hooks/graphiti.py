"""Graphiti: ``Graphiti(..., cross_encoder=LabkitCrossEncoder(Guard(...)))``."""

from __future__ import annotations

import asyncio

from graphiti_core.cross_encoder.client import CrossEncoderClient

from labkit.records import Memory
from labkit.serving.hooks.guard import Guard


class RankedPassages(list[tuple[str, float]]):
    """Passages with their probabilities, best first.

    ``failed`` is the reason where reranking failed open: the passages then have the order in
    which they came and 0.0 each, for Graphiti's type leaves no place to say "unknown".
    """

    failed: str | None = None


class LabkitCrossEncoder(CrossEncoderClient):  # type: ignore[misc]
    """Ranks passages without blocking the event loop."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard

    async def rank(self, query: str, passages: list[str]) -> list[tuple[str, float]]:
        memories = [Memory(str(place), passage) for place, passage in enumerate(passages)]
        ordered = await asyncio.to_thread(self.guard.order, query, memories)
        # Graphiti drops what is below a least score: of the first stage's order nothing may go.
        scores = ordered.probabilities or (1.0,) * len(ordered.places)
        pairs = zip(ordered.places, scores, strict=True)
        result = RankedPassages((passages[place], score) for place, score in pairs)
        result.failed = ordered.failed
        return result
