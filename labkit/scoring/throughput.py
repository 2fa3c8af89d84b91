"""Pairs a second of the two engines of ``labkit score``, on the same Examples in one run.

    python -m labkit.scoring.throughput runs/lives/dev.jsonl --queries 100 --workers 2 --json

Three ways take turns: this process with one thread, this process with a thread for each worker, and
as many workers of Ray with one thread each. Two clocks: the wall's, from the first finished shard
to the last, so that no start of workers and no first use is in it; and the processor's, the seconds
that scoring took in all threads, which another program that takes the machine in between moves
less. Start and all is ``seconds``. The scores are compared, too: those of Ray must be those of one
thread to the last bit.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from labkit.cluster import ray_session
from labkit.errors import InputError
from labkit.records import read_examples, write_examples
from labkit.scoring.on_ray import RayEngine
from labkit.scoring.reranker import Reranker
from labkit.scoring.shards import Engine, Job, LocalEngine, Scored, Shard, score_data

SHARDS_A_WORKER = 8


@dataclass(frozen=True, slots=True)
class Timing:
    """One run of an engine.

    Attributes:
        pairs, seconds: all of them, start included.
        steady_pairs, steady_seconds: of the shards after the first one.
        processor_seconds: of scoring, all workers together.
    """

    pairs: int
    seconds: float
    steady_pairs: int
    steady_seconds: float
    processor_seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """An engine's runs, and how far its log-odds are from those of one thread at most."""

    name: str
    timings: tuple[Timing, ...]
    difference: float

    def rates(self) -> tuple[float, float]:
        """Pairs a second on the wall's clock and on the processor's, by the median run."""
        steady = statistics.median(t.steady_pairs / t.steady_seconds for t in self.timings)
        processor = statistics.median(t.pairs / t.processor_seconds for t in self.timings)
        return steady, processor

    def to_json(self) -> dict[str, Any]:
        steady, processor = self.rates()
        return {
            "engine": self.name,
            "pairs_per_second": round(steady, 2),
            "pairs_per_processor_second": round(processor, 2),
            "seconds": [round(t.seconds, 2) for t in self.timings],
            "steady_seconds": [round(t.steady_seconds, 2) for t in self.timings],
            "processor_seconds": [round(t.processor_seconds, 2) for t in self.timings],
            "largest_difference": self.difference,
        }


class _Timed:
    """An engine that notes when each shard was finished."""

    def __init__(self, engine: Engine, threads: int) -> None:
        self.name, self.workers = engine.name, engine.workers
        self._engine, self._threads = engine, threads
        self.scored: list[tuple[float, Scored]] = []
        self.began = 0.0

    def identity(self) -> dict[str, Any]:
        return self._engine.identity()

    def run(self, job: Job, shards: Sequence[Shard]) -> Iterator[Scored]:
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        self.began = time.perf_counter()
        try:
            for scored in self._engine.run(job, shards):
                self.scored.append((time.perf_counter(), scored))
                yield scored
        finally:
            torch.set_num_threads(before)

    def timing(self) -> Timing:
        (first, start), *rest = self.scored
        last = rest[-1][0]
        later = sum(scored.pairs for _, scored in rest)
        return Timing(
            pairs=start.pairs + later,
            seconds=last - self.began,
            steady_pairs=later,
            steady_seconds=last - first,
            processor_seconds=sum(scored.processor_seconds for _, scored in self.scored),
        )


def compare(
    data: Path,
    *,
    model: str = "mini",
    workers: int = 2,
    queries: int | None = None,
    repetitions: int = 3,
) -> list[Row]:
    """Time all three ways in turns, on the CPU.

    Args:
        data: Example JSONL.
        queries: the first N of it.

    Raises:
        InputError: there are fewer queries than shards, or Ray does not start.
    """
    shards = SHARDS_A_WORKER * workers
    examples = list(islice(read_examples(data), queries))
    if len(examples) < shards:
        raise InputError(f"{data} has {len(examples)} queries, expected at least {shards}")
    with tempfile.TemporaryDirectory() as folder, ray_session(workers):
        place = Path(folder)
        write_examples(place / "data.jsonl", examples)
        local = LocalEngine(Reranker.load(model, device="cpu"), model)
        ways: dict[str, tuple[Engine, int]] = {
            "local, 1 thread": (local, 1),
            f"local, {workers} threads": (local, workers),
            f"ray, {workers} workers": (RayEngine(model, device="cpu", workers=workers), 1),
        }
        timings: dict[str, list[Timing]] = {name: [] for name in ways}
        differences = dict.fromkeys(ways, 0.0)
        for number in range(repetitions):
            odds = {}
            for name, (engine, threads) in ways.items():
                timed = _Timed(engine, threads)
                out = place / f"{name}-{number}"
                score_data(place / "data.jsonl", out, timed, shards=shards)
                timings[name].append(timed.timing())
                odds[name] = _log_odds(out)
            first = odds["local, 1 thread"]
            for name, found in odds.items():
                differences[name] = max(differences[name], float(np.abs(found - first).max()))
        return [Row(name, tuple(timings[name]), differences[name]) for name in ways]


def _log_odds(out: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    import pyarrow.parquet as pq

    columns = [pq.read_table(path)["log_odds"].to_numpy() for path in sorted(out.glob("*.parquet"))]
    return np.concatenate(columns)


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| engine | pairs/s | pairs/s of a processor | largest difference of log-odds |",
        "| --- | ---: | ---: | ---: |",
    ]
    for row in rows:
        steady, processor = row.rates()
        lines.append(f"| {row.name} | {steady:.1f} | {processor:.1f} | {row.difference:.1e} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m labkit.scoring.throughput",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", type=Path, help="Example JSONL")
    parser.add_argument("--model", default="mini", help="embedded name, folder or hub id (mini)")
    parser.add_argument("--workers", type=int, default=2, help="of Ray, and threads (default 2)")
    parser.add_argument("--queries", type=int, default=100, help="the first N (default 100)")
    parser.add_argument("--repetitions", type=int, default=3, help="of each way (default 3)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    given = parser.parse_args(arguments)
    try:
        rows = compare(
            given.data,
            model=given.model,
            workers=given.workers,
            queries=given.queries,
            repetitions=given.repetitions,
        )
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(json.dumps([row.to_json() for row in rows], indent=2) if given.json else table(rows))


if __name__ == "__main__":
    main()
