from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("llama_index.core")
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode

from labkit.errors import InputError
from labkit.records import Memory, Query, Ranking
from labkit.scoring.reranker import Reranker
from labkit.serving.hooks.guard import Guard
from labkit.serving.hooks.llama_index import LabkitPostprocessor
from tests.serving.hooks.conftest import TEXTS, Broken


def nodes() -> list[NodeWithScore]:
    return [
        NodeWithScore(node=TextNode(text=text, id_=str(i)), score=0.5)
        for i, text in enumerate(TEXTS)
    ]


def test_nodes_come_best_first_with_a_probability(
    reranker: Reranker, expected: Ranking, order: list[int]
) -> None:
    processor = LabkitPostprocessor(guard=Guard(reranker), top_n=3)
    results = processor.postprocess_nodes(nodes(), query_str="Who mended it?")
    assert [r.node.node_id for r in results] == [str(i) for i in order[:3]]
    scores = [r.score for r in results]
    assert scores == pytest.approx(list(expected.probabilities[:3]), abs=1e-6)
    later = asyncio.run(processor.apostprocess_nodes(nodes(), query_str="Who mended it?"))
    assert [r.node.node_id for r in later] == [r.node.node_id for r in results]


def test_date_and_speaker_are_read(reranker: Reranker) -> None:
    node = TextNode(text="mended", metadata={"time": "2025-03-02", "speaker": "Ana"})
    processor = LabkitPostprocessor(guard=Guard(reranker))
    (result,) = processor.postprocess_nodes([NodeWithScore(node=node)], query_str="Who?")
    want = reranker.rerank(Query("Who?"), [Memory("0", "mended", "2025-03-02", "Ana")])
    assert result.score == pytest.approx(want.probabilities[0], abs=1e-6)


def test_failing_open_is_said_in_metadata_that_no_model_reads() -> None:
    before = nodes()
    processor = LabkitPostprocessor(guard=Guard(Broken(), fail_open=True))
    results = processor.postprocess_nodes(before, query_str="a")
    assert [(r.node.node_id, r.score) for r in results] == [(str(i), 0.5) for i in range(4)]
    assert all(r.node.metadata["rerank_failed"].startswith("RuntimeError") for r in results)
    assert "rerank_failed" not in results[0].node.get_content(metadata_mode=MetadataMode.LLM)
    assert "rerank_failed" not in results[0].node.get_content(metadata_mode=MetadataMode.EMBED)
    assert before[0].node.metadata == {}, "the caller's own stay as they are"


def test_it_needs_a_query(reranker: Reranker) -> None:
    with pytest.raises(InputError, match="query"):
        LabkitPostprocessor(guard=Guard(reranker)).postprocess_nodes(nodes())
