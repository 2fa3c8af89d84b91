"""How far two readers of the same memories agree, beyond chance.

Run as: python -m labkit.evaluation.agreement assets/lives assets/second_reader.jsonl
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.errors import InputError
from labkit.records import (
    LEVELS,
    RELEVANT,
    Example,
    expect_object,
    expect_text,
    parse_labels,
    parse_lines,
)
from labkit.sources.lives import read_lives

_EDGES = [least for least, _ in reversed(LEVELS)][1:]


def levels(labels: ArrayLike) -> NDArray[np.intp]:
    """The five levels as numbers 0 (irrelevant) to 4 (contains the answer), [n]."""
    found: NDArray[np.intp] = np.digitize(np.asarray(labels, dtype=float), _EDGES)
    return found


def weighted_kappa(first: ArrayLike, second: ArrayLike) -> float:
    """Cohen's kappa with quadratic weights on the five levels (Cohen 1968).

    1 is full agreement, 0 what chance would give; NaN where a reader used one level only and both
    the same, for there is then nothing to agree about.
    """
    a, b = levels(first), levels(second)
    size = len(LEVELS)
    observed = np.zeros((size, size))
    np.add.at(observed, (a, b), 1.0)
    expected = np.outer(observed.sum(1), observed.sum(0)) / max(1, len(a))
    steps = np.arange(size)
    weight = (steps[:, None] - steps) ** 2
    chance = float((weight * expected).sum())
    return 1 - float((weight * observed).sum()) / chance if chance else float("nan")


@dataclass(frozen=True, slots=True)
class Agreement:
    """Kappas of two readers over n pairs, with a 95 % interval over resampled queries."""

    pairs: int
    queries: int
    kappa: float
    interval: tuple[float, float]
    kappa_relevant: float
    same_relevant_set: float


def agreement(
    readings: Sequence[tuple[ArrayLike, ArrayLike]], *, draws: int = 1000, seed: int = 0
) -> Agreement:
    """Compare two readers query by query.

    Args:
        readings: for each query, both readers' labels of the same memories.
        draws: bootstrap samples; whole queries are drawn, for pairs of a query are not independent.
        seed: of the bootstrap.
    """
    first = [np.asarray(a, dtype=float) for a, _ in readings]
    second = [np.asarray(b, dtype=float) for _, b in readings]

    def kappa(chosen: NDArray[np.intp]) -> float:
        return weighted_kappa(
            np.concatenate([first[i] for i in chosen]), np.concatenate([second[i] for i in chosen])
        )

    every = np.arange(len(readings))
    rng = np.random.default_rng(seed)
    drawn = [kappa(rng.integers(0, len(every), len(every))) for _ in range(draws)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    same = [
        bool(((a >= RELEVANT) == (b >= RELEVANT)).all()) for a, b in zip(first, second, strict=True)
    ]
    one, two = np.concatenate(first), np.concatenate(second)
    return Agreement(
        pairs=len(one),
        queries=len(readings),
        kappa=kappa(every),
        interval=(float(low), float(high)),
        kappa_relevant=weighted_kappa(one >= RELEVANT, two >= RELEVANT),
        same_relevant_set=float(np.mean(same)),
    )


def read_readings(
    lives: Sequence[Path], second: Path
) -> Iterator[tuple[Example, dict[str, float], dict[str, float]]]:
    """Queries that a second reader labelled, with the first and the second reader's labels.

    Args:
        lives: the first reader's lives, files or folders.
        second: JSONL of ``{"id": query id, "labels": {memory id: label}}``.

    Raises:
        InputError: a line names a query or a memory that the lives do not have.
    """
    by_id = {
        example.id: example
        for place in lives
        for life in read_lives(place)
        for example in life.examples
    }
    named = ", ".join(map(str, lives))

    def parse(value: object) -> tuple[Example, dict[str, float], dict[str, float]]:
        item: dict[str, Any] = expect_object(value, "the line")
        id_ = expect_text(item.get("id"), "id", least=1)
        if id_ not in by_id:
            raise InputError(f"id is {id_!r}, expected a query of {named}")
        example = by_id[id_]
        ids = [memory.id for memory in example.memories]
        return example, dict(example.labels), parse_labels(item.get("labels") or {}, ids, "labels")

    yield from parse_lines(second, parse)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lives", type=Path, nargs="+")
    parser.add_argument("second", type=Path)
    arguments = parser.parse_args()
    readings = []
    for example, first, second in read_readings(arguments.lives, arguments.second):
        ids = [memory.id for memory in example.memories]
        readings.append(([first.get(i, 0) for i in ids], [second.get(i, 0) for i in ids]))
    found = agreement(readings)
    low, high = found.interval
    print(f"queries {found.queries}, pairs {found.pairs}")
    print(f"weighted kappa, five levels: {found.kappa:.3f} (95 % {low:.3f} to {high:.3f})")
    print(f"kappa, relevant or not: {found.kappa_relevant:.3f}")
    print(f"same set of relevant memories: {found.same_relevant_set:.1%} of queries")


if __name__ == "__main__":
    main()
