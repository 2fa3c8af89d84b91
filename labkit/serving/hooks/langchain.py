"""LangChain: a document compressor, for ``ContextualCompressionRetriever`` and the like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import ConfigDict, Field

from labkit.records import Memory
from labkit.serving.hooks.guard import Guard, known_speaker, known_time


class LabkitCompressor(BaseDocumentCompressor):  # type: ignore[misc]
    """Documents best first, with ``metadata["relevance_score"]``: a probability.

    Where reranking failed open they keep their order, without a score and with
    ``metadata["rerank_failed"]``, the reason.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    guard: Guard = Field(exclude=True, description="which reranker, and what to do when it fails")
    top_n: int | None = Field(None, ge=1, description="the best so many; None for all")
    time_key: str = Field("time", description="key of the metadata with a document's date")
    speaker_key: str = Field("speaker", description="the same of who said it")

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        memories = [
            Memory(
                str(place),
                document.page_content,
                known_time(document.metadata.get(self.time_key)),
                known_speaker(document.metadata.get(self.speaker_key)),
            )
            for place, document in enumerate(documents)
        ]
        ordered = self.guard.order(query, memories)
        results = []
        for rank, place in enumerate(ordered.places[: self.top_n]):
            document = documents[place]
            said: dict[str, Any] = (
                {"rerank_failed": ordered.failed}
                if ordered.probabilities is None
                else {"relevance_score": ordered.probabilities[rank]}
            )
            metadata = {**document.metadata, **said}
            results.append(document.model_copy(update={"metadata": metadata}))
        return results
