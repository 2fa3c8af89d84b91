"""MemMachine's server needs a newer Python than ours, so a double stands for its interface."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

import pytest

from labkit.records import Ranking
from labkit.scoring.reranker import Reranker
from labkit.serving.hooks.guard import Guard
from labkit.serving.hooks.memmachine import MemMachineReranker
from tests.serving.hooks.conftest import TEXTS, Broken


class Interface(ABC):
    """The shape of MemMachine's ``Reranker``."""

    @abstractmethod
    async def score(self, query: str, candidates: list[str]) -> list[float]: ...

    async def rerank(self, query: str, candidates: list[str]) -> list[str]:
        scores = await self.score(query, candidates)
        pairs = sorted(zip(scores, candidates, strict=True), key=lambda p: p[0], reverse=True)
        return [text for _, text in pairs]


def test_scores_come_in_the_order_given(
    reranker: Reranker, expected: Ranking, order: list[int]
) -> None:
    scores = asyncio.run(MemMachineReranker(Guard(reranker)).score("Who mended it?", TEXTS))
    want = dict(zip(order, expected.probabilities, strict=True))
    assert scores == pytest.approx([want[i] for i in range(4)], abs=1e-6)


def test_it_can_stand_for_a_subclass(reranker: Reranker, order: list[int]) -> None:
    Interface.register(MemMachineReranker)
    made = MemMachineReranker(Guard(reranker))
    assert isinstance(made, Interface)
    ranked = asyncio.run(Interface.rerank(made, "Who mended it?", TEXTS))
    assert ranked == [TEXTS[i] for i in order]


def test_what_the_threshold_leaves_out_is_zero(reranker: Reranker, expected: Ranking) -> None:
    least = sorted(expected.probabilities)[2]
    guard = Guard(reranker, threshold=least - 1e-9)
    scores = asyncio.run(MemMachineReranker(guard).score("Who mended it?", TEXTS))
    assert sum(p > 0 for p in scores) == 2


def test_failing_open_keeps_the_order_and_is_said_on_the_list() -> None:
    made = MemMachineReranker(Guard(Broken(), fail_open=True))
    scores = asyncio.run(made.score("a", TEXTS))
    assert scores == [0.0] * 4
    assert scores.failed.startswith("RuntimeError")  # type: ignore[attr-defined]
    assert asyncio.run(Interface.rerank(made, "a", TEXTS)) == TEXTS  # type: ignore[arg-type]
