"""What all formats share: from a request's fields to its results."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from labkit.errors import InputError
from labkit.records import Memory, Query
from labkit.serving.batching import Batcher, Overloaded, Ranked, Stopping
from labkit.serving.fields import Asked, Extension
from labkit.serving.limits import Limits
from labkit.serving.problems import Refused


@dataclass(frozen=True, slots=True)
class Result:
    """``index`` is the document's place in the request."""

    index: int
    probability: float
    log_odds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Results best first, and what the responses say beside them."""

    id: str
    results: list[Result]
    extension: Extension
    tokens: int


class Service:
    """Ranks for the routes: one model, one queue, one set of limits."""

    def __init__(self, batcher: Batcher, limits: Limits) -> None:
        self.batcher = batcher
        self.reranker = batcher.reranker
        self.limits = limits

    @property
    def model(self) -> str:
        return self.reranker.name

    async def rank(
        self,
        request: Request,
        query: Query,
        memories: Sequence[Memory],
        asked: Asked,
        *,
        top_n: int | None = None,
    ) -> Outcome:
        """
        Raises:
            Refused: a field cannot be used, or there is no room or no time.
        """
        threshold = self._threshold(asked.threshold)
        abstention = self.reranker.abstention
        if asked.abstain and abstention is None:
            raise Refused(
                422, f"abstain: {self.model} has not learnt to, expected a model with abstention"
            )
        ranked = await self.score(request, query, memories)
        ranking = ranked.ranking
        pairs = zip(ranking.memories, ranking.probabilities, ranking.log_odds, strict=True)
        results = [
            Result(int(memory.id), p, z)
            for memory, p, z in pairs
            if threshold is None or p >= threshold
        ]
        answerable = ranking.answerable
        abstained = bool(
            asked.abstain
            and abstention is not None
            and answerable is not None
            and answerable < abstention.threshold
        )
        results = [] if abstained else results[: top_n or None]
        return Outcome(
            id=request.scope["state"].get("request_id") or uuid.uuid4().hex,
            results=results,
            extension=Extension(
                model=self.model,
                answerable=answerable,
                threshold=threshold,
                abstained=abstained,
                log_odds=[result.log_odds for result in results],
                truncated=sorted(map(int, ranking.truncated)),
            ),
            tokens=ranked.tokens,
        )

    def _threshold(self, wanted: str | float | None) -> float | None:
        if wanted is None:
            return None
        try:
            return self.reranker.threshold(wanted)
        except InputError as error:
            # What was got is the caller's own text; ASCII, so that any client can show it.
            reason = str(error).encode("ascii", "replace").decode()
            raise Refused(422, f"threshold: {reason}") from None

    def check(self, count: int) -> None:
        """
        Raises:
            Refused: a request has too many documents.
        """
        if count > self.limits.documents:
            raise Refused(
                413, f"{count} documents, expected at most {self.limits.documents} in a request"
            )

    async def score(self, request: Request, query: Query, memories: Sequence[Memory]) -> Ranked:
        """The ranking of all memories; a caller that leaves takes its work along."""
        count = len(memories)
        self.check(count)
        facts = request.scope["state"]
        facts["documents"] = facts.get("documents", 0) + count
        try:
            future = self.batcher.submit(query, memories)
        except Overloaded as error:
            raise Refused(429, str(error), {"Retry-After": str(error.retry_after)}) from None
        except Stopping:
            raise Refused(503, "the server is stopping", {"Retry-After": "1"}) from None
        scored = asyncio.wrap_future(future)
        left = asyncio.ensure_future(_gone(request))
        try:
            waited: set[asyncio.Future[Any]] = {scored, left}
            await asyncio.wait(
                waited, timeout=self.limits.seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if not scored.done():
                if left.done():
                    raise Refused(499, "the client has left")
                raise Refused(504, f"not scored within {self.limits.seconds:g} s")
            if scored.cancelled():
                raise Refused(503, "the server is stopping", {"Retry-After": "1"})
            ranked = scored.result()
        finally:
            scored.cancel()
            left.cancel()
        facts["tokens"] = facts.get("tokens", 0) + ranked.tokens
        facts["waited"] = max(facts.get("waited", 0.0), ranked.waited)
        return ranked


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Ranks = Annotated[Service, Depends(service_of)]
