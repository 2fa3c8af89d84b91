"""Small dialogues and rivals for the tests of evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from labkit.evaluation.benchmarks import BENCHMARKS, Asked, read_benchmark
from labkit.evaluation.rivals import Outcome, Question
from labkit.records import Example, Memory, Query, Turn, write_examples

WORDS = (
    "anvil",
    "barrel",
    "candle",
    "drum",
    "engine",
    "fiddle",
    "goblet",
    "hammer",
    "inkwell",
    "jug",
)


def example(
    i: int, *, memories: int = 6, relevant: Sequence[int] = (1,), kind: str | None = None
) -> Example:
    """A query that shares its word with every memory but its evidence."""
    word = WORDS[i % len(WORDS)]
    texts = [
        f"They mended it on day {i}." if j in relevant else f"Bought a {word} ({j})."
        for j in range(memories)
    ]
    return Example(
        Query(
            f"Who repaired the {word}?",
            f"q{i}",
            context=(Turn("Ana", f"My {word} broke."),),
            time="2026-01-01",
            instruction="Find who did it.",
            kind=kind or ("even" if i % 2 == 0 else "odd"),
        ),
        tuple(Memory(f"m{j}", text, "2025-01-01", "Bo") for j, text in enumerate(texts)),
        {f"m{j}": 1.0 for j in relevant} | {"m0": 0.3},
    )


def asked(path: Path, examples: Sequence[Example], **options: Any) -> Asked:
    write_examples(path, examples)
    return read_benchmark(BENCHMARKS["examples"], "all", path, **options)


class Scripted:
    """A rival whose score of a memory is ``score(query, memory)``; it notes what it was asked."""

    def __init__(
        self,
        score: Callable[[Query, Memory], float],
        name: str = "scripted",
        version: int = 1,
        stop_after: int | None = None,
    ) -> None:
        self.score = score
        self.name = name
        self.version = version
        self.stop_after = stop_after
        self.questions: list[Question] = []

    def identity(self) -> dict[str, Any]:
        return {"family": "scripted", "source": self.name, "version": self.version}

    def rank(self, questions: Sequence[Question], done: Callable[[int, Outcome], None]) -> None:
        for i, (query, memories) in enumerate(questions):
            if self.stop_after is not None and i >= self.stop_after:
                raise KeyboardInterrupt
            self.questions.append((query, memories))
            scores = [self.score(query, memory) for memory in memories]
            order = sorted(range(len(memories)), key=lambda j: (-scores[j], j))
            done(
                i,
                Outcome(
                    tuple(order),
                    tuple(scores[j] for j in order),
                    seconds=0.001 * (i + 1),
                ),
            )


def perfect(query: Query, memory: Memory) -> float:
    """0.9 for the evidence of :func:`example`, else 0.1."""
    return 0.9 if "mended" in memory.text else 0.1
