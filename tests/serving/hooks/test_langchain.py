from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("langchain_core")
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda

from labkit.records import Memory, Query, Ranking
from labkit.scoring.reranker import Reranker
from labkit.serving.hooks.guard import Guard
from labkit.serving.hooks.langchain import LabkitCompressor
from tests.serving.hooks.conftest import TEXTS, Broken

DOCUMENTS = [Document(page_content=t, metadata={"source": str(i)}) for i, t in enumerate(TEXTS)]


class Found(BaseRetriever):
    """A first stage that finds everything, always."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return list(DOCUMENTS)


def test_in_a_chain_behind_a_retriever(
    reranker: Reranker, expected: Ranking, order: list[int]
) -> None:
    compressor = LabkitCompressor(guard=Guard(reranker), top_n=3)
    step = RunnableLambda(lambda query: compressor.compress_documents(Found().invoke(query), query))
    results = step.invoke("Who mended it?")
    assert [d.metadata["source"] for d in results] == [str(i) for i in order[:3]]
    scores = [d.metadata["relevance_score"] for d in results]
    assert scores == pytest.approx(list(expected.probabilities[:3]), abs=1e-6)
    assert "relevance_score" not in DOCUMENTS[0].metadata


def test_asynchronously(reranker: Reranker, order: list[int]) -> None:
    compressor = LabkitCompressor(guard=Guard(reranker))
    results = asyncio.run(compressor.acompress_documents(DOCUMENTS, "Who mended it?"))
    assert [d.metadata["source"] for d in results] == [str(i) for i in order]


def test_date_and_speaker_are_read(reranker: Reranker) -> None:
    document = Document(page_content="mended", metadata={"when": "2025-03-02", "who": "Ana"})
    compressor = LabkitCompressor(guard=Guard(reranker), time_key="when", speaker_key="who")
    (result,) = compressor.compress_documents([document], "Who?")
    want = reranker.rerank(Query("Who?"), [Memory("0", "mended", "2025-03-02", "Ana")])
    assert result.metadata["relevance_score"] == pytest.approx(want.probabilities[0], abs=1e-6)


def test_failing_open_is_said_in_the_metadata() -> None:
    compressor = LabkitCompressor(guard=Guard(Broken(), fail_open=True), top_n=2)
    results = compressor.compress_documents(DOCUMENTS, "a")
    assert [d.metadata["source"] for d in results] == ["0", "1"]
    assert all(d.metadata["rerank_failed"].startswith("RuntimeError") for d in results)
    assert all("relevance_score" not in d.metadata for d in results)
    with pytest.raises(RuntimeError):
        LabkitCompressor(guard=Guard(Broken())).compress_documents(DOCUMENTS, "a")
