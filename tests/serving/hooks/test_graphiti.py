from __future__ import annotations

import asyncio
import time

import pytest

pytest.importorskip("graphiti_core")
from graphiti_core.cross_encoder.client import CrossEncoderClient
from graphiti_core.search.search_utils import semaphore_gather

from labkit.records import Ranking
from labkit.scoring.reranker import Reranker
from labkit.serving.hooks.graphiti import LabkitCrossEncoder
from labkit.serving.hooks.guard import Guard
from tests.serving.hooks.conftest import TEXTS, Broken, Slow


def test_passages_come_best_first_with_a_probability(
    reranker: Reranker, expected: Ranking, order: list[int]
) -> None:
    client = LabkitCrossEncoder(Guard(reranker))
    assert isinstance(client, CrossEncoderClient)
    ranked = asyncio.run(client.rank("Who mended it?", TEXTS))
    assert [text for text, _ in ranked] == [TEXTS[i] for i in order]
    assert [p for _, p in ranked] == pytest.approx(list(expected.probabilities), abs=1e-6)
    assert asyncio.run(client.rank("Who mended it?", [])) == []


def test_several_at_once_as_graphiti_calls_it(reranker: Reranker, order: list[int]) -> None:
    client = LabkitCrossEncoder(Guard(reranker))

    async def all_of_them() -> list[list[tuple[str, float]]]:
        calls = (client.rank("Who mended it?", TEXTS) for _ in range(4))
        found: list[list[tuple[str, float]]] = await semaphore_gather(*calls)
        return found

    for ranked in asyncio.run(all_of_them()):
        assert [text for text, _ in ranked] == [TEXTS[i] for i in order]


def test_the_loop_goes_on_while_it_ranks() -> None:
    client = LabkitCrossEncoder(Guard(Slow(), timeout=0.5, fail_open=True))

    async def both() -> float:
        ranking = asyncio.create_task(client.rank("a", TEXTS))
        began = time.monotonic()
        await asyncio.sleep(0.05)
        late = time.monotonic() - began
        await ranking
        return late

    assert asyncio.run(both()) < 0.4


def test_failing_open_is_said_on_the_list() -> None:
    ranked = asyncio.run(LabkitCrossEncoder(Guard(Broken(), fail_open=True)).rank("a", TEXTS))
    assert list(ranked) == [(text, 1.0) for text in TEXTS]
    assert ranked.failed.startswith("RuntimeError")  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError):
        asyncio.run(LabkitCrossEncoder(Guard(Broken())).rank("a", TEXTS))
