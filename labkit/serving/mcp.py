"""Reranking as a tool of the Model Context Protocol.

``labkit mcp`` speaks it over stdin and stdout, for assistants that start their own servers;
``labkit serve --mcp`` over HTTP at ``/mcp``, with the queue, limits and key of the rerank APIs.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field

from labkit import __version__
from labkit.errors import InputError
from labkit.serving.batching import Batcher, Overloaded, Stopping
from labkit.serving.fields import (
    DialogueTurn,
    Document,
    Moment,
    Question,
    Situation,
    memories_of,
    query_of,
)
from labkit.serving.limits import Limits
from labkit.serving.problems import Refused

PATH = "/mcp"


class RankedMemory(BaseModel):
    """``index`` is the memory's place in the call."""

    index: int
    probability: float = Field(ge=0, le=1, description="that this memory is what is needed")
    text: str
    id: str | int | None = None


class Reranked(BaseModel):
    memories: list[RankedMemory] = Field(description="best first")
    left_out: int = Field(description="memories below the threshold or beyond top_n")
    answerable: float | None = Field(
        None, description="probability that any memory answers; null where the model cannot say"
    )
    model: str


def build_mcp(batcher: Batcher, limits: Limits) -> MCPServer[Any]:
    """A server with one tool; ``batcher`` has to be started."""
    reranker = batcher.reranker
    server: MCPServer[Any] = MCPServer(
        "labkit",
        version=__version__,
        instructions="Decides which memories an assistant should read to answer a question.",
    )
    points = ", ".join(f"{name} ({p:.2f})" for name, p in reranker.card.thresholds.items())

    async def rerank_memories(
        query: Annotated[Question, Field(description="the question")],
        memories: Annotated[
            list[str | Document],
            Field(min_length=1, description="texts, or objects with text, time, speaker, id"),
        ],
        context: Annotated[
            list[DialogueTurn] | None,
            Field(description="the turns before the question, oldest first"),
        ] = None,
        query_time: Annotated[Moment | None, Field(description="when it is asked")] = None,
        instruction: Annotated[str | None, Field(description="what to look for")] = None,
        threshold: Annotated[
            float | str | None,
            Field(description="leave out what is less probable: 0 to 1, or an operating point"),
        ] = None,
        top_n: Annotated[int | None, Field(ge=1, description="the best so many")] = None,
    ) -> Reranked:
        try:
            p_least = 0.0 if threshold is None else reranker.threshold(threshold)
            found = memories_of(memories, "memories")
        except (InputError, Refused) as error:
            raise ToolError(str(error)) from None
        if len(found) > limits.documents:
            raise ToolError(f"{len(found)} memories, expected at most {limits.documents}")
        situation = Situation(context=context, query_time=query_time, instruction=instruction)
        try:
            future = batcher.submit(query_of(query, situation), found)
        except Overloaded as error:
            raise ToolError(str(error)) from None
        except Stopping:
            raise ToolError("the server is stopping") from None
        try:
            ranked = await asyncio.wait_for(asyncio.wrap_future(future), limits.seconds)
        except TimeoutError:
            raise ToolError(f"not scored within {limits.seconds:g} s") from None
        ranking = ranked.ranking
        kept = []
        for memory, p in zip(ranking.memories, ranking.probabilities, strict=True):
            if p >= p_least:
                given = memories[int(memory.id)]
                own = None if isinstance(given, str) else given.id
                kept.append(
                    RankedMemory(index=int(memory.id), probability=p, text=memory.text, id=own)
                )
        kept = kept[:top_n]
        return Reranked(
            memories=kept,
            left_out=len(found) - len(kept),
            answerable=ranking.answerable,
            model=ranking.model,
        )

    server.add_tool(
        rerank_memories,
        title="Rerank memories",
        description="Ranks memories by the probability that each is what a question needs. It "
        "reads dates, speakers and the dialogue before the question, and tells whether any memory "
        "answers at all." + (f" Operating points: {points}." if points else ""),
        annotations=ToolAnnotations(
            read_only_hint=True, idempotent_hint=True, open_world_hint=False
        ),
        structured_output=True,
    )
    return server
