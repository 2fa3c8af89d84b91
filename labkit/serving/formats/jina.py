"""``POST /v1/rerank``, which Jina, Cohere v1 and vLLM share; vLLM has it at ``/rerank`` too.

Their requests are told apart by nothing, and need not be: the response holds what each looks for.
Documents come back unless ``return_documents`` is false, as Jina and vLLM have it.

https://jina.ai/reranker, https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from labkit.serving.fields import Asked, Count, Document, Extension, Question, memories_of, query_of
from labkit.serving.formats.cohere import ApiVersion, Meta, V2Result, results_of
from labkit.serving.problems import RESPONSES
from labkit.serving.service import Ranks, Service
from labkit.serving.strict import StrictRoute

router = APIRouter(tags=["Jina, Cohere v1, vLLM"], responses=RESPONSES, route_class=StrictRoute)


class RerankRequest(Asked):
    model: str | None = Field(None, description="ignored: one model is served")
    query: Question
    documents: list[str | Document] = Field(min_length=1)
    top_n: Count | None = Field(None, description="the best so many; null or 0 for all")
    return_documents: bool | None = Field(None, description="null means yes")
    rank_fields: list[str] | None = Field(
        None, description="Cohere v1: the keys of the documents to read, instead of text"
    )


class Usage(BaseModel):
    prompt_tokens: int = Field(description="read by the model; 0 for a cosine, which reads no pair")
    total_tokens: int


class RerankResponse(BaseModel):
    id: str
    model: str
    usage: Usage
    results: list[V2Result]
    meta: Meta
    labkit: Extension


async def answer(request: Request, body: RerankRequest, service: Service) -> RerankResponse:
    memories = memories_of(body.documents, "documents", body.rank_fields)
    outcome = await service.rank(
        request, query_of(body.query, body), memories, body, top_n=body.top_n
    )
    texts = [memory.text for memory in memories]
    return RerankResponse(
        id=outcome.id,
        model=service.model,
        usage=Usage(prompt_tokens=outcome.tokens, total_tokens=outcome.tokens),
        results=results_of(outcome, texts, body.documents, body.return_documents is not False),
        meta=Meta(api_version=ApiVersion(version="1")),
        labkit=outcome.extension,
    )


@router.post("/v1/rerank", response_model_exclude_none=True)
async def rerank_v1(request: Request, body: RerankRequest, service: Ranks) -> RerankResponse:
    """Rank documents for a query, best first."""
    return await answer(request, body, service)
