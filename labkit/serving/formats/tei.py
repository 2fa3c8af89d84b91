"""Text Embeddings Inference: ``POST /rerank`` with ``texts``; the response is a bare list.

vLLM uses the same path with ``documents``: the field decides.
https://huggingface.github.io/text-embeddings-inference
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Discriminator, Field, Tag

from labkit.serving.fields import Asked, Document, Question, memories_of, query_of
from labkit.serving.formats.jina import RerankRequest, RerankResponse, answer
from labkit.serving.problems import RESPONSES
from labkit.serving.service import Ranks
from labkit.serving.strict import StrictRoute

router = APIRouter(tags=["TEI, vLLM"], responses=RESPONSES, route_class=StrictRoute)


class TeiRequest(Asked):
    query: Question
    texts: list[str | Document] = Field(min_length=1)
    raw_scores: bool | None = Field(None, description="log-odds instead of probabilities")
    return_text: bool | None = None
    truncate: bool | None = Field(None, description="ignored: what is too long is always cut")


class TeiResult(BaseModel):
    index: int
    score: float = Field(description="calibrated probability, or log-odds where raw_scores is set")
    text: str | None = None


# Bracketed, so that the path of an error can do without them.
_TEI, _VLLM = "[texts]", "[documents]"


def _which(body: object) -> str:
    has = body if isinstance(body, Mapping) else {}
    return _TEI if "texts" in has and "documents" not in has else _VLLM


Body = Annotated[
    Annotated[TeiRequest, Tag(_TEI)] | Annotated[RerankRequest, Tag(_VLLM)],
    Discriminator(_which),
]


@router.post("/rerank", response_model_exclude_none=True)
async def rerank(request: Request, body: Body, service: Ranks) -> RerankResponse | list[TeiResult]:
    """With ``texts`` as TEI: a bare list in falling order. With ``documents`` as vLLM."""
    if isinstance(body, RerankRequest):
        return await answer(request, body, service)
    memories = memories_of(body.texts, "texts")
    outcome = await service.rank(request, query_of(body.query, body), memories, body)
    return [
        TeiResult(
            index=result.index,
            score=result.log_odds if body.raw_scores else result.probability,
            text=memories[result.index].text if body.return_text else None,
        )
        for result in outcome.results
    ]
