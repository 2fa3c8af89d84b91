"""mem0: ``memory.reranker = Mem0Reranker(Guard(Reranker.load()))``, then ``search(rerank=True)``.

Written to mem0's ``BaseReranker``, which is an interface by shape alone: mem0 is not imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.records import Memory
from labkit.serving.hooks.guard import Guard, known_speaker, known_time

TEXT_KEYS = ("memory", "text", "content")


class Mem0Reranker:
    """
    Args:
        time_key: the key of a memory, or of its ``metadata``, with its date. mem0 writes
            ``created_at`` itself: when it stored the memory, not always when a thing happened.
        speaker_key: the same of who said it.
    """

    def __init__(
        self, guard: Guard, *, time_key: str = "created_at", speaker_key: str = "actor_id"
    ) -> None:
        self.guard = guard
        self.time_key = time_key
        self.speaker_key = speaker_key

    def rerank(
        self, query: str, documents: list[dict[str, Any]], top_k: int | None = None
    ) -> list[dict[str, Any]]:
        """Copies of the documents, best first, with ``rerank_score``: a probability.

        Where reranking failed open, ``rerank_score`` is None and ``rerank_failed`` the reason.
        """
        memories = [
            Memory(
                str(place),
                _text(document),
                known_time(_found(document, self.time_key)),
                known_speaker(_found(document, self.speaker_key)),
            )
            for place, document in enumerate(documents)
        ]
        ordered = self.guard.order(query, memories)
        scores: Sequence[float | None] = ordered.probabilities or [None] * len(ordered.places)
        results = []
        for place, score in list(zip(ordered.places, scores, strict=True))[: top_k or None]:
            document = {**documents[place], "rerank_score": score}
            if ordered.failed is not None:
                document["rerank_failed"] = ordered.failed
            results.append(document)
        return results


def _text(document: Mapping[str, Any]) -> str:
    return next((str(document[key]) for key in TEXT_KEYS if key in document), str(document))


def _found(document: Mapping[str, Any], key: str) -> object:
    if key in document:
        return document[key]
    metadata = document.get("metadata")
    return metadata.get(key) if isinstance(metadata, Mapping) else None
