"""One thread that scores, fed by all requests: dynamic batches, fair turns, a bounded queue.

A step takes some memories of the first waiting requests, in order of arrival, and scores them
together. So small requests share a forward pass; a large one is cut into turns and, whenever it has
had two steps' worth of memories, lets those pass that have had less; and one whose client has left
or whose time is over costs no further step.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from labkit.records import Memory, Query, Ranking
from labkit.scoring.reranker import Reranker, Scores

logger = logging.getLogger(__name__)

STEP_ON_CPU = 64
STEP_ON_GPU = 1_024
"""Memories of one step. On a CPU it is about two batches; a GPU wants larger ones."""

LONGEST_RETRY = 60


class Overloaded(Exception):
    """The queue is full. ``retry_after`` is about how many seconds it takes to empty."""

    def __init__(self, waiting: int, retry_after: int) -> None:
        super().__init__(f"{waiting} documents are waiting already, try again in {retry_after} s")
        self.retry_after = retry_after


class Stopping(Exception):
    """The server is going down and takes no more work."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A ranking and what it took: ``tokens`` read, ``waited`` seconds until the first step."""

    ranking: Ranking
    tokens: int
    waited: float


@dataclass(slots=True)
class _Job:
    query: Query
    memories: Sequence[Memory]
    arrived: float
    future: Future[Ranked] = field(default_factory=Future)
    started: float | None = None
    taken: int = 0
    parts: list[Scores] = field(default_factory=list)

    @property
    def left(self) -> int:
        return len(self.memories) - self.taken


class Batcher:
    """Scores for many callers with one reranker in one thread.

    Args:
        waiting: the most memories that may wait.
        seconds: what a caller is ready to wait; where the queue would take more than half of that
            at the pace measured so far, work is refused at once rather than late.
        on_step: called in the thread after each step with its memories and its seconds.
    """

    def __init__(
        self,
        reranker: Reranker,
        *,
        waiting: int,
        seconds: float,
        on_step: Callable[[int, float], None] = lambda count, seconds: None,
    ) -> None:
        self.reranker = reranker
        placement = reranker.placement
        gpu = placement is not None and placement.device.type != "cpu"
        self._step = STEP_ON_GPU if gpu else STEP_ON_CPU
        self._most = waiting
        self._seconds = seconds
        self._on_step = on_step
        self._jobs: list[_Job] = []
        self._pace: float | None = None
        self._stopping = False
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Score once, so that the first caller does not pay for warming up, and begin; or begin
        again after :meth:`close`."""
        self.reranker.rerank(Query("Is it warm?"), [Memory("0", "It is.")])
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="labkit-scores", daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        return self._thread is not None and self._thread.is_alive() and not self._stopping

    @property
    def waiting(self) -> int:
        """Memories that are not scored yet."""
        with self._wake:
            return self._waiting()

    def _waiting(self) -> int:
        return sum(job.left for job in self._jobs if not job.future.cancelled())

    def submit(self, query: Query, memories: Sequence[Memory]) -> Future[Ranked]:
        """The ranking to come. Cancel it, and no further step is spent on it.

        Raises:
            Overloaded: too much is waiting.
            Stopping: :meth:`close` was called.
        """
        job = _Job(query, memories, time.monotonic())
        with self._wake:
            if self._stopping:
                raise Stopping
            waiting = self._waiting()
            wait = 0.0 if self._pace is None else waiting / self._pace
            # Whoever comes to an empty queue is served, however large the request.
            late = wait > self._seconds / 2  # the pace can fall to half before anybody is late
            if waiting and (late or waiting + len(memories) > self._most):
                raise Overloaded(waiting, max(1, min(LONGEST_RETRY, math.ceil(wait))))
            self._jobs.append(job)
            self._wake.notify()
        return job.future

    def close(self) -> None:
        """Take no more work, drop what waits, and wait for the step that is running."""
        with self._wake:
            self._stopping = True
            for job in self._jobs:
                job.future.cancel()
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._jobs = [job for job in self._jobs if not job.future.cancelled()]
                while not self._jobs and not self._stopping:
                    self._wake.wait()
                    self._jobs = [job for job in self._jobs if not job.future.cancelled()]
                if self._stopping:
                    return
                turns = self._take()
            began = time.monotonic()
            self._score(turns, began)
            seconds = time.monotonic() - began
            count = sum(size for _, size in turns)
            with self._wake:
                if seconds > 0:
                    pace = count / seconds
                    self._pace = pace if self._pace is None else 0.8 * self._pace + 0.2 * pace
                self._jobs = [job for job in self._jobs if not job.future.done()]
            self._on_step(count, seconds)

    def _take(self) -> list[tuple[_Job, int]]:
        """The step's turns: at most half a step for each job, those first that have had the fewest
        pairs of steps, then in order of arrival; whatever is then free is for the first."""
        free, turns = self._step, []
        for job in sorted(self._jobs, key=lambda job: job.taken // (2 * self._step)):
            size = min(job.left, self._step // 2, free)
            if size:
                turns.append((job, size))
                free -= size
            if not free:
                break
        if turns:
            first, size = turns[0]
            turns[0] = (first, min(first.left, size + free))
        return turns

    def _score(self, turns: list[tuple[_Job, int]], began: float) -> None:
        groups = []
        for job, size in turns:
            job.started = began if job.started is None else job.started
            groups.append((job.query, job.memories[job.taken : job.taken + size]))
        try:
            scores: list[Scores | Exception] = list(self.reranker.score_groups(groups))
        except Exception as error:
            # One request may be what breaks the step; the others are not to blame.
            logger.error("a step failed: %s", type(error).__name__)
            scores = [self._alone(*group) for group in groups]
        for (job, size), part in zip(turns, scores, strict=True):
            job.taken += size
            if isinstance(part, Exception):
                _settle(job, part)
                continue
            job.parts.append(part)
            if not job.left:
                try:
                    result: Ranked | Exception = self._ranked(job)
                except Exception as error:
                    result = error
                _settle(job, result)

    def _alone(self, query: Query, memories: Sequence[Memory]) -> Scores | Exception:
        try:
            return self.reranker.score_groups([(query, memories)])[0]
        except Exception as error:
            return error

    def _ranked(self, job: _Job) -> Ranked:
        logits = [part.logits for part in job.parts if part.logits is not None]
        scores = Scores(
            np.concatenate([part.log_odds for part in job.parts]),
            frozenset().union(*(part.truncated for part in job.parts)),
            sum(part.tokens for part in job.parts),
            np.concatenate(logits) if logits else None,
        )
        if not np.isfinite(scores.log_odds).all():
            raise ArithmeticError("the model gave a score that is no number")
        started = job.arrived if job.started is None else job.started
        ranking = self.reranker.ranking(job.query, job.memories, scores)
        return Ranked(ranking, scores.tokens, started - job.arrived)


def _settle(job: _Job, result: Ranked | Exception) -> None:
    if not job.future.set_running_or_notify_cancel():
        return
    if isinstance(result, Exception):
        job.future.set_exception(result)
    else:
        job.future.set_result(result)
