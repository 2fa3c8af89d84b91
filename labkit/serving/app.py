"""The application: routes of all formats, health, metrics; and the lab beside them if wanted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from labkit import __version__
from labkit.scoring.reranker import Reranker
from labkit.serving.batching import Batcher
from labkit.serving.formats import cohere, jina, memos, tei, vllm
from labkit.serving.gate import Gate
from labkit.serving.limits import Limits
from labkit.serving.metrics import Metrics
from labkit.serving.problems import Refused, on_failure, on_http, on_invalid, on_refused
from labkit.serving.service import Ranks, Service

LAB = "/lab"

DESCRIPTION = """Reranks memories for a question, in the formats of the APIs that clients already
speak. Scores are calibrated probabilities. Every format also takes `context`, `query_time` and
`instruction`, documents with a date and a speaker, a `threshold`, and `abstain`."""


class Health(BaseModel):
    """``model`` is what this process serves, ``waiting`` the documents not scored yet."""

    ready: bool
    model: str
    waiting: int
    thresholds: dict[str, float]


state = APIRouter(tags=["State"])


@state.get("/healthz")
async def healthz(service: Ranks) -> Health:
    """The process is alive."""
    batcher = service.batcher
    return Health(
        ready=batcher.ready,
        model=service.model,
        waiting=batcher.waiting,
        thresholds=service.reranker.card.thresholds,
    )


@state.get("/readyz", responses={503: {"model": Health, "description": "not ready, or stopping"}})
async def readyz(service: Ranks, response: Response) -> Health:
    """The model is loaded and takes work."""
    health = await healthz(service)
    if not health.ready:
        response.status_code = 503
    return health


@state.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Prometheus' text format."""
    counted: Metrics = request.app.state.metrics
    return Response(counted.exposition(), media_type="text/plain; version=0.0.4")


def build_app(
    reranker: Reranker,
    limits: Limits | None = None,
    *,
    key: str | None = None,
    lab: str | None = None,
    mcp: bool = False,
    local: bool = True,
) -> ASGIApp:
    """The server as an ASGI application.

    Args:
        key: what callers name as ``Authorization: Bearer KEY``; None lets everybody in. The lab
            asks for it as the password of the user "labkit".
        lab: mount the lab at :data:`LAB`, with this model (name, folder or hub id) as its first.
        mcp: answer the Model Context Protocol at ``/mcp``; needs the package ``mcp``.
        local: only this machine can reach it. Without a key, MCP then refuses whatever names
            another host: a page of the web that its browser was led here by (DNS rebinding).
    """
    limits = limits or Limits()
    counted = Metrics(lambda: batcher.waiting)
    batcher = Batcher(
        reranker, waiting=limits.waiting, seconds=limits.seconds, on_step=counted.step
    )

    tools = _tools(batcher, limits, guarded=local and key is None) if mcp else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            batcher.start()
            stack.callback(batcher.close)
            if tools is not None:
                await stack.enter_async_context(tools.router.lifespan_context(tools))
            yield

    app = FastAPI(
        title="labkit",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        # Its page loads scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = Service(batcher, limits)
    app.state.metrics = counted
    app.add_exception_handler(Refused, on_refused)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_failure)
    for router in (
        cohere.router, jina.router, tei.router, vllm.router, memos.router, state
    ):  # fmt: skip
        app.include_router(router)
    if tools is not None:
        app.router.routes.extend(tools.routes)
    if lab is None:
        return Gate(app, limits=limits, metrics=counted, key=key)
    from labkit.serving.beside import mount_lab

    mount_lab(app, LAB, lab, key)
    return Gate(app, limits=limits, metrics=counted, key=key, aside=[LAB])


def _tools(batcher: Batcher, limits: Limits, *, guarded: bool) -> Starlette:
    from mcp.server.transport_security import TransportSecuritySettings

    from labkit.serving.mcp import PATH, build_mcp

    # None is the package's own: hosts of this machine alone.
    unguarded = TransportSecuritySettings(enable_dns_rebinding_protection=False)

    # Stateless: a ranking needs no session, and any of several processes can answer.
    app: Starlette = build_mcp(batcher, limits).streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        max_request_body_size=limits.body_bytes,
        transport_security=None if guarded else unguarded,
    )
    return app
