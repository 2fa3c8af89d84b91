"""Times several ways to do the same job so that a busy machine is unfair to none of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one run: on the clock, and of the processor, all threads together."""

    wall: float
    processor: float


@dataclass(slots=True)
class Times:
    """What one way took, run for run."""

    runs: list[Timing] = field(default_factory=list)

    def seconds(self, clock: str = "wall") -> list[float]:
        return [getattr(run, clock) for run in self.runs]

    def percentile(self, percent: float, clock: str = "wall") -> float:
        return float(np.percentile(self.seconds(clock), percent))

    def to_json(self) -> dict[str, Any]:
        return {
            f"{clock}_seconds": {
                **{f"p{p}": round(self.percentile(p, clock), 5) for p in (50, 95, 99)},
                "least": round(min(self.seconds(clock)), 5),
            }
            for clock in ("wall", "processor")
        } | {"runs": len(self.runs)}


def race(
    jobs: Mapping[str, Sequence[Callable[[], object]]], *, rounds: int, seconds: float
) -> dict[str, Times]:
    """Run every way, then all again: round for round, forwards and backwards in turn.

    All of them have run once before, so that nothing is timed that happens once.

    Args:
        jobs: for each way its runs of the same queries; round i takes run i modulo their number.
        rounds: at most so many.
        seconds: no round begins after them, but for the first two.
    """
    times = {name: Times() for name in jobs}
    began = time.perf_counter()
    for number in range(rounds):
        if number >= 2 and time.perf_counter() - began > seconds:
            break
        names = list(jobs) if number % 2 == 0 else list(reversed(list(jobs)))
        for name in names:
            job = jobs[name][number % len(jobs[name])]
            wall, processor = time.perf_counter(), time.process_time()
            job()
            times[name].runs.append(
                Timing(time.perf_counter() - wall, time.process_time() - processor)
            )
    return times


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as fast one way is as another: the median over rounds, and its quartiles."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(slow: Times, fast: Times, clock: str = "wall") -> Ratio:
    """Of the same rounds, for both met the same noise."""
    each = np.array(slow.seconds(clock)) / np.array(fast.seconds(clock))
    low, median, high = np.percentile(each, (25, 50, 75))
    return Ratio(float(median), float(low), float(high))
