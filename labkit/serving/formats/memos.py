"""MemOS: its open-source hook posts to the URL as it stands, so ``POST /`` answers too.

It sends model, query and documents, waits ten seconds and reads ``results[].relevance_score``.
Clients of the MemOS cloud are known by ``Authorization: Token KEY``: they look for the same inside
``data``, with ``code`` and ``message`` beside it.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from labkit.serving.formats.cohere import V2Result
from labkit.serving.formats.jina import RerankRequest, RerankResponse, answer
from labkit.serving.problems import RESPONSES
from labkit.serving.service import Ranks
from labkit.serving.strict import StrictRoute

router = APIRouter(tags=["MemOS"], responses=RESPONSES, route_class=StrictRoute)


class CloudData(BaseModel):
    id: str
    model: str
    results: list[V2Result]


class CloudResponse(BaseModel):
    code: int = Field(description="0: it went well")
    message: str
    data: CloudData


@router.post("/", response_model_exclude_none=True)
async def rerank(
    request: Request, body: RerankRequest, service: Ranks
) -> RerankResponse | CloudResponse:
    """Rank documents for a query; nested for ``Authorization: Token``."""
    response = await answer(request, body, service)
    scheme, _, _ = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "token":
        return response
    data = CloudData(id=response.id, model=response.model, results=response.results)
    return CloudResponse(code=0, message="ok", data=data)
