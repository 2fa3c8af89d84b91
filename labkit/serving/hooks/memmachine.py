"""MemMachine: a reranker by the shape of its ``Reranker``, ``async score(query, candidates)``.

MemMachine is not imported. Where it asks for a subclass, say so once:
``Reranker.register(MemMachineReranker)``.
"""

from __future__ import annotations

import asyncio

from labkit.records import Memory
from labkit.serving.hooks.guard import Guard


class Scored(list[float]):
    """A probability for each candidate, in the order given.

    ``failed`` is the reason where reranking failed open: all are 0.0 then, and a stable sort keeps
    the order of the first stage.
    """

    failed: str | None = None


class MemMachineReranker:
    """A candidate that the guard's threshold leaves out has 0.0."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard

    async def score(self, query: str, candidates: list[str]) -> list[float]:
        memories = [Memory(str(place), text) for place, text in enumerate(candidates)]
        ordered = await asyncio.to_thread(self.guard.order, query, memories)
        scores = Scored([0.0] * len(candidates))
        for place, p in zip(ordered.places, ordered.probabilities or (), strict=False):
            scores[place] = p
        scores.failed = ordered.failed
        return scores
