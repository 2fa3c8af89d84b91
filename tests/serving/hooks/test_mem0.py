from __future__ import annotations

import inspect
from typing import Any

import pytest

from labkit.records import Memory, Query, Ranking
from labkit.scoring.reranker import Reranker
from labkit.serving.hooks.guard import Guard
from labkit.serving.hooks.mem0 import Mem0Reranker
from tests.serving.hooks.conftest import TEXTS, Broken

DOCUMENTS = [{"id": f"x{i}", "memory": text, "score": 0.5} for i, text in enumerate(TEXTS)]


def test_copies_come_best_first_with_a_probability(
    reranker: Reranker, expected: Ranking, order: list[int]
) -> None:
    results = Mem0Reranker(Guard(reranker)).rerank("Who mended it?", DOCUMENTS)
    assert [r["id"] for r in results] == [f"x{i}" for i in order]
    scores = [r["rerank_score"] for r in results]
    assert scores == pytest.approx(list(expected.probabilities), abs=1e-6)
    assert all(r["score"] == 0.5 and "rerank_failed" not in r for r in results)
    assert "rerank_score" not in DOCUMENTS[0], "the caller's own stay as they are"
    assert len(Mem0Reranker(Guard(reranker)).rerank("Who mended it?", DOCUMENTS, 2)) == 2


def test_date_and_speaker_are_read(reranker: Reranker) -> None:
    documents = [
        {"memory": "mended", "created_at": "2025-03-02T09:00:00-07:00", "actor_id": "Ana"},
        {"text": "mended", "metadata": {"created_at": "2024-03-02", "actor_id": "Bo"}},
        {"content": "mended", "created_at": "long ago"},
    ]
    memories = [
        Memory("0", "mended", "2025-03-02T09:00:00-07:00", "Ana"),
        Memory("1", "mended", "2024-03-02", "Bo"),
        Memory("2", "mended"),
    ]
    want = reranker.rerank(Query("Who?"), memories)
    got = Mem0Reranker(Guard(reranker)).rerank("Who?", documents)
    assert [r["rerank_score"] for r in got] == pytest.approx(list(want.probabilities), abs=1e-6)
    assert len({round(p, 4) for p in want.probabilities}) == 3


def test_failing_open_is_said_in_each_result() -> None:
    results = Mem0Reranker(Guard(Broken(), fail_open=True)).rerank("a", DOCUMENTS, 3)
    assert [r["id"] for r in results] == ["x0", "x1", "x2"]
    assert all(r["rerank_score"] is None for r in results)
    assert all(r["rerank_failed"].startswith("RuntimeError") for r in results)


@pytest.mark.slow
def test_mem0s_own_search_uses_it(reranker: Reranker, order: list[int]) -> None:
    """The real ``Memory.search``, with what its vector store would find put in its place."""
    main = pytest.importorskip("mem0.memory.main")
    base = pytest.importorskip("mem0.reranker.base")
    memory: Any = object.__new__(main.Memory)
    memory.api_version = "v1.1"
    memory.enable_graph = False
    memory._search_vector_store = lambda *a, **k: [dict(d) for d in DOCUMENTS]
    memory.reranker = Mem0Reranker(Guard(reranker))
    found = memory.search("Who mended it?", filters={"user_id": "u"}, rerank=True)
    assert [r["id"] for r in found["results"]] == [f"x{i}" for i in order]
    assert all(0 <= r["rerank_score"] <= 1 for r in found["results"])

    theirs = list(inspect.signature(base.BaseReranker.rerank).parameters)
    assert list(inspect.signature(Mem0Reranker.rerank).parameters) == theirs
