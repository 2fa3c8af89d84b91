"""A reranker in a place where it may be slow or fail: a time-out, and what to do then."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from labkit.records import Memory, Query, Ranking
from labkit.serving.client import RemoteReranker

logger = logging.getLogger(__name__)

REMOTE_CALLS = 16


class Ranks(Protocol):
    """:class:`~labkit.scoring.reranker.Reranker`, or
    :class:`~labkit.serving.client.RemoteReranker`."""

    def rerank(self, query: Query, candidates: Sequence[Memory]) -> Ranking: ...

    def threshold(self, name_or_value: str | float) -> float: ...


@dataclass(frozen=True, slots=True)
class Ordered:
    """Places of the candidates to go on with, best first.

    ``probabilities[i]`` belongs to ``places[i]``. Where reranking failed and the user chose to go
    on, ``places`` is the order of the first stage, ``probabilities`` is None (nobody measured
    any), and ``failed`` says in one line what happened.
    """

    places: tuple[int, ...]
    probabilities: tuple[float, ...] | None
    failed: str | None = None
    answerable: float | None = None


class Guard:
    """
    Args:
        reranker: the one that ranks.
        timeout: seconds until it counts as failed; None waits for ever. A local reranker works
            in one thread of its own, so a stuck call makes the next ones time out too.
        fail_open: on an error or time-out keep the order of the first stage, log it, and say so
            in the result; False raises it.
        threshold: leave out what is less probable; a number or the name of an operating point.
        instruction: what to look for, of every query.
        now: called for the time at which a query is asked, ISO 8601; memory systems do not say.
    """

    def __init__(
        self,
        reranker: Ranks,
        *,
        timeout: float | None = None,
        fail_open: bool = False,
        threshold: float | str | None = None,
        instruction: str | None = None,
        now: Callable[[], str] | None = None,
    ) -> None:
        self.reranker = reranker
        self.timeout = timeout
        self.fail_open = fail_open
        self.threshold = threshold
        self.instruction = instruction
        self.now = now
        # Tokenizers and models are not made for two threads at once; HTTP is.
        workers = REMOTE_CALLS if isinstance(reranker, RemoteReranker) else 1
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="labkit-guard")

    def order(self, text: str, memories: Sequence[Memory]) -> Ordered:
        """The order of ``memories``, whose ids must be their places as texts.

        Raises:
            Exception: whatever the reranker raises, and TimeoutError, unless ``fail_open``.
        """
        if not memories:
            return Ordered((), ())
        future = self._threads.submit(self._rank, text, memories)
        try:
            return future.result(self.timeout)
        except Exception as error:
            future.cancel()
            if not self.fail_open:
                raise
            what = (
                str(error)
                if not isinstance(error, TimeoutError) or str(error)
                else (f"not done within {self.timeout} s")
            )
            failed = f"{type(error).__name__}: {what}".splitlines()[0]
            # The log takes the kind alone: what an error says may quote a memory.
            logger.warning(
                "reranking failed (%s), %d memories keep their order",
                type(error).__name__,
                len(memories),
            )
            return Ordered(tuple(range(len(memories))), None, failed)

    def _rank(self, text: str, memories: Sequence[Memory]) -> Ordered:
        threshold = None if self.threshold is None else self.reranker.threshold(self.threshold)
        time = None if self.now is None else self.now()
        query = Query(text, time=time, instruction=self.instruction)
        ranking = self.reranker.rerank(query, memories)
        kept = [
            (int(memory.id), p)
            for memory, p in zip(ranking.memories, ranking.probabilities, strict=True)
            if threshold is None or p >= threshold
        ]
        return Ordered(
            tuple(place for place, _ in kept),
            tuple(p for _, p in kept),
            answerable=ranking.answerable,
        )


def known_time(value: object) -> str | None:
    """``value`` where it is a time that a memory can carry, else None."""
    from labkit.records import parse_time

    text = value.isoformat() if hasattr(value, "isoformat") else value
    if not isinstance(text, str):
        return None
    try:
        parse_time(text)  # not every isoformat() is one: that of a time of day, say
    except ValueError:
        return None
    return text


def known_speaker(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
