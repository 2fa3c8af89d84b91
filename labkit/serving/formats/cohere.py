"""Cohere v2: ``POST /v2/rerank``.

https://docs.cohere.com/reference/rerank. Version 1 shares its path with Jina and vLLM, see
:mod:`labkit.serving.formats.jina`.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from labkit.serving.fields import Asked, Count, Document, Extension, Question, memories_of, query_of
from labkit.serving.problems import RESPONSES
from labkit.serving.service import Outcome, Ranks
from labkit.serving.strict import StrictRoute

router = APIRouter(tags=["Cohere"], responses=RESPONSES, route_class=StrictRoute)


class V2Request(Asked):
    model: str | None = Field(None, description="ignored: one model is served")
    query: Question
    documents: list[str | Document] = Field(min_length=1)
    top_n: Count | None = Field(None, description="the best so many; null or 0 for all")
    max_tokens_per_doc: Count | None = Field(
        None, description="ignored: the model has budgets of its own"
    )
    return_documents: bool | None = None


class Returned(BaseModel):
    """The document as it came."""

    text: str
    id: str | int | None = None


class V2Result(BaseModel):
    index: int
    relevance_score: float = Field(ge=0, le=1, description="calibrated probability")
    document: Returned | None = None


class ApiVersion(BaseModel):
    version: Literal["1", "2"]


class BilledUnits(BaseModel):
    search_units: int = 0


class Meta(BaseModel):
    api_version: ApiVersion
    billed_units: BilledUnits = BilledUnits()


class V2Response(BaseModel):
    id: str
    results: list[V2Result]
    meta: Meta
    labkit: Extension


def results_of(
    outcome: Outcome, texts: list[str], documents: list[str | Document], with_documents: bool
) -> list[V2Result]:
    results = []
    for result in outcome.results:
        document = documents[result.index]
        returned = None
        if with_documents:
            own = None if isinstance(document, str) else document.id
            returned = Returned(text=texts[result.index], id=own)
        results.append(
            V2Result(index=result.index, relevance_score=result.probability, document=returned)
        )
    return results


@router.post("/v2/rerank", response_model_exclude_none=True)
async def rerank_v2(request: Request, body: V2Request, service: Ranks) -> V2Response:
    """Rank documents for a query, best first. Documents come back where asked for."""
    memories = memories_of(body.documents, "documents")
    outcome = await service.rank(
        request, query_of(body.query, body), memories, body, top_n=body.top_n
    )
    texts = [memory.text for memory in memories]
    return V2Response(
        id=outcome.id,
        results=results_of(outcome, texts, body.documents, bool(body.return_documents)),
        meta=Meta(api_version=ApiVersion(version="2")),
        labkit=outcome.extension,
    )
