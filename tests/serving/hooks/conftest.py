from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from labkit.records import Memory, Query, Ranking
from labkit.scoring.reranker import Reranker

TEXTS = ["the roof was mended by Ana", "it cost 340 pounds", "not by Bo (she said).", "Bo?"]


class Broken:
    """A reranker that fails on everything."""

    def rerank(self, query: Query, candidates: Sequence[Memory]) -> Ranking:
        raise RuntimeError("out of memory while reading 'under the blue pot'")

    def threshold(self, name_or_value: str | float) -> float:
        return float(name_or_value)


class Slow(Broken):
    """A reranker that takes a second."""

    def rerank(self, query: Query, candidates: Sequence[Memory]) -> Ranking:
        time.sleep(1)
        return super().rerank(query, candidates)


@pytest.fixture(scope="session")
def expected(reranker: Reranker) -> Ranking:
    ranking = reranker.rerank(
        Query("Who mended it?"), [Memory(str(i), text) for i, text in enumerate(TEXTS)]
    )
    assert [m.id for m in ranking.memories] != list("0123"), "an order that proves something"
    return ranking


@pytest.fixture(scope="session")
def order(expected: Ranking) -> list[int]:
    return [int(memory.id) for memory in expected.memories]
