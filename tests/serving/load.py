"""Load from a second process: ``python -m tests.serving.load --seconds 120``.

Starts ``labkit serve``, lets concurrent clients ask for rankings of real memories (the authored
lives), compares every answer with the library's own scores, and reports errors, latency and memory.
It exits with 1 where an answer is wrong, a status is neither 200 nor 429, or memory has grown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from labkit.records import Memory, Query
from labkit.scoring.reranker import Reranker
from tests.serving.process import Server, serving

TOLERANCE = 1e-4
GROWTH = 64e6
"""Bytes of resident memory that count as growth, from the first third to the end."""


@dataclass
class Outcome:
    """What the clients saw. ``worst`` is the largest difference from the library's probability."""

    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    documents: int = 0
    worst: float = 0.0
    memory: list[float] = field(default_factory=list)
    wall: float = 0.0

    def report(self) -> dict[str, Any]:
        took = np.array(self.seconds or [0.0])
        third = max(1, len(self.memory) // 3)
        grown = float(np.mean(self.memory[-third:]) - np.mean(self.memory[:third]))
        return {
            "statuses": dict(self.statuses),
            "failures": dict(self.failures),
            "documents_per_second": round(self.documents / self.wall, 1),
            "requests_per_second": round(self.statuses[200] / self.wall, 1),
            "p50_ms": round(float(np.quantile(took, 0.5)) * 1000),
            "p99_ms": round(float(np.quantile(took, 0.99)) * 1000),
            "memory_mb": [round(min(self.memory) / 1e6), round(max(self.memory) / 1e6)],
            "memory_growth_mb": round(grown / 1e6, 1),
            "worst_difference": self.worst,
        }

    def holds(self) -> bool:
        report = self.report()
        return (
            not self.failures
            and set(self.statuses) <= {200, 429}
            and self.statuses[200] > 0
            and self.worst < TOLERANCE
            and report["memory_growth_mb"] * 1e6 < GROWTH
        )


Job = tuple[dict[str, Any], dict[int, float]]


def jobs(reranker: Reranker, count: int, documents: int) -> list[Job]:
    """Requests, each with the probability that the library gives every document."""
    from labkit.sources import read_dialogues
    from labkit.students.load import assets_path

    made: list[Job] = []
    for dialogue in read_dialogues(assets_path() / "lives"):
        for example in dialogue.examples:
            query = Query(example.query.text, context=example.query.context)
            chosen = dialogue.memories[:documents]
            memories = [Memory(str(i), m.text, m.time, m.speaker) for i, m in enumerate(chosen)]
            ranking = reranker.rerank(query, memories)
            pairs = zip(ranking.memories, ranking.probabilities, strict=True)
            body = {
                "query": query.text,
                "context": [{"speaker": turn.speaker, "text": turn.text} for turn in query.context],
                "documents": [
                    {"text": m.text, "time": m.time, "speaker": m.speaker} for m in memories
                ],
            }
            made.append((body, {int(m.id): p for m, p in pairs}))
            if len(made) == count:
                return made
    return made


async def load(url: str, work: list[Job], *, clients: int, seconds: float) -> Outcome:
    """``clients`` callers, each asking again as soon as it has its answer."""
    outcome = Outcome()
    end = time.monotonic() + seconds
    limits = httpx.Limits(max_connections=clients + 1, max_keepalive_connections=clients + 1)

    async def client(number: int, http: httpx.AsyncClient) -> None:
        turn = number
        while time.monotonic() < end:
            body, want = work[turn % len(work)]
            turn += 1
            began = time.monotonic()
            try:
                answer = await http.post(f"{url}/v2/rerank", json=body)
            except httpx.HTTPError as error:
                outcome.failures[type(error).__name__] += 1
                continue
            outcome.statuses[answer.status_code] += 1
            if answer.status_code == 429:
                await asyncio.sleep(min(float(answer.headers["retry-after"]), seconds / 10))
                continue
            if answer.status_code != 200:
                continue
            outcome.seconds.append(time.monotonic() - began)
            outcome.documents += len(want)
            got = {r["index"]: r["relevance_score"] for r in answer.json()["results"]}
            if got.keys() != want.keys():
                outcome.failures["not all documents"] += 1
                continue
            worst = max(abs(got[i] - p) for i, p in want.items())
            outcome.worst = max(outcome.worst, worst)

    async def watch(http: httpx.AsyncClient) -> None:
        while time.monotonic() < end:
            text = (await http.get(f"{url}/metrics")).text
            line = next(x for x in text.splitlines() if x.startswith("process_resident_memory"))
            outcome.memory.append(float(line.split()[1]))
            await asyncio.sleep(min(1.0, seconds / 20))

    began = time.monotonic()
    async with httpx.AsyncClient(limits=limits, timeout=60) as http:
        await asyncio.gather(watch(http), *(client(i, http) for i in range(clients)))
    outcome.wall = time.monotonic() - began
    return outcome


def warm(server: Server, work: list[Job]) -> None:
    """Each request once: what is kept of texts that were seen is then in memory."""
    with httpx.Client(timeout=60) as http:
        for body, _ in work:
            http.post(f"{server.url}/v2/rerank", json=body).raise_for_status()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--documents", type=int, default=20, help="of each request")
    parser.add_argument("--requests", type=int, default=64, help="that differ")
    arguments = parser.parse_args()
    work = jobs(Reranker.load(arguments.model), arguments.requests, arguments.documents)
    log = Path(tempfile.mkdtemp()) / "log"
    with serving(arguments.model, log) as server:
        warm(server, work)
        outcome = asyncio.run(
            load(server.url, work, clients=arguments.clients, seconds=arguments.seconds)
        )
        ended = server.stop()
    print(json.dumps({"clients": arguments.clients, **outcome.report(), "exit": ended}, indent=1))
    return 0 if outcome.holds() and ended == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
