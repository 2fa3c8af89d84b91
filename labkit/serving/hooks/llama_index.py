"""LlamaIndex: a node postprocessor."""

from __future__ import annotations

from typing import Any

from llama_index.core.bridge.pydantic import ConfigDict, Field
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from labkit.errors import InputError
from labkit.records import Memory
from labkit.serving.hooks.guard import Guard, known_speaker, known_time

FAILED = "rerank_failed"


class LabkitPostprocessor(BaseNodePostprocessor):  # type: ignore[misc]
    """Nodes best first, with a probability as their score.

    Where reranking failed open they keep order and score, and the metadata of copies of the nodes
    has ``rerank_failed``, the reason, which is shown to no model.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    guard: Any = Field(exclude=True, description="a Guard: which reranker, what if it fails")
    top_n: int | None = Field(None, ge=1, description="the best so many; None for all")
    time_key: str = Field("time", description="key of the metadata with a node's date")
    speaker_key: str = Field("speaker", description="the same of who said it")

    @classmethod
    def class_name(cls) -> str:
        return "LabkitPostprocessor"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise InputError("got no query, expected query_bundle or query_str")
        memories = [
            Memory(
                str(place),
                each.node.get_content(metadata_mode=MetadataMode.NONE),
                known_time(each.node.metadata.get(self.time_key)),
                known_speaker(each.node.metadata.get(self.speaker_key)),
            )
            for place, each in enumerate(nodes)
        ]
        guard: Guard = self.guard
        ordered = guard.order(query_bundle.query_str, memories)
        places = ordered.places[: self.top_n]
        if ordered.probabilities is None:
            return [_marked(nodes[place], str(ordered.failed)) for place in places]
        return [
            NodeWithScore(node=nodes[place].node, score=ordered.probabilities[rank])
            for rank, place in enumerate(places)
        ]


def _marked(each: NodeWithScore, reason: str) -> NodeWithScore:
    node = each.node
    copy = node.model_copy(
        update={
            "metadata": {**node.metadata, FAILED: reason},
            "excluded_llm_metadata_keys": [*node.excluded_llm_metadata_keys, FAILED],
            "excluded_embed_metadata_keys": [*node.excluded_embed_metadata_keys, FAILED],
        }
    )
    return NodeWithScore(node=copy, score=each.score)
