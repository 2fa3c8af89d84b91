"""Runs rankers over Examples and averages the measures: one row a ranker, one column a measure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from labkit.evaluation.measures import Judged, parse_measure, ranking_value
from labkit.records import Dialogue, Example, Memory
from labkit.retrieval.first_stage import FirstStage, Method
from labkit.scoring.reranker import Reranker

MEASURES = ("MAP", "MRR", "nDCG@10", "R@10", "R@50")


def measure(example: Example, ranked: Sequence[Memory]) -> dict[str, float]:
    """All of :data:`MEASURES` for one ranking; NaN where the query has no relevant memory."""
    judged = Judged(
        np.array([example.label(memory.id) for memory in ranked], dtype=np.float64),
        np.array(list(example.labels.values()), dtype=np.float64),
    )
    return {name: ranking_value(parse_measure(name), judged) for name in MEASURES}


@dataclass(slots=True)
class Row:
    """What one ranker came to: per kind of query, the measures of each query."""

    name: str
    per_kind: dict[str, list[dict[str, float]]] = field(default_factory=dict)

    def add(self, example: Example, ranked: Sequence[Memory]) -> None:
        kind = example.query.kind or "unnamed"
        self.per_kind.setdefault(kind, []).append(measure(example, ranked))

    def mean(self, kind: str | None = None) -> dict[str, float]:
        """Mean of each measure over the queries (of a kind); ``n`` counts those with an answer."""
        kinds = self.per_kind.values() if kind is None else [self.per_kind.get(kind, [])]
        values = [
            list(one.values()) for queries in kinds for one in queries if one["MAP"] == one["MAP"]
        ]
        means = np.mean(values, axis=0) if values else [float("nan")] * len(MEASURES)
        return {
            "n": len(values),
            **{m: float(v) for m, v in zip(MEASURES, means, strict=True)},
        }


def evaluate(
    dialogues: Iterable[Dialogue],
    methods: Sequence[Method],
    rerankers: Sequence[Reranker],
    *,
    candidates: int = 50,
    kinds: Collection[str] | None = None,
    limit: int | None = None,
    on_query: Callable[[], None] = lambda: None,
) -> list[Row]:
    """Rank every query by each first-stage method, and each reranker's order of the candidates.

    A method ranks all memories. A reranker orders the ``candidates`` best of the first method;
    what lies below them keeps the first stage's order behind, so that every row ranks all.

    Args:
        kinds: only queries of these kinds.
        limit: stop after this many queries.
        on_query: called after each query.
    """
    rows = [Row(method) for method in methods]
    rows += [Row(f"{methods[0]} {candidates} > {reranker.name}") for reranker in rerankers]
    for stages, example in _queries(dialogues, methods, kinds, limit):
        orders = [stage.candidates(example.query) for stage in stages]
        best, rest = orders[0][:candidates], orders[0][candidates:]
        orders += [
            (*reranker.rerank(example.query, best).memories, *rest) for reranker in rerankers
        ]
        for row, order in zip(rows, orders, strict=True):
            row.add(example, order)
        on_query()
    return rows


def _queries(
    dialogues: Iterable[Dialogue],
    methods: Sequence[Method],
    kinds: Collection[str] | None,
    limit: int | None,
) -> Iterator[tuple[list[FirstStage], Example]]:
    left = limit
    for dialogue in dialogues:
        wanted = [e for e in dialogue.examples if kinds is None or e.query.kind in kinds][:left]
        stages = [FirstStage(dialogue.memories, method) for method in methods]
        for stage in stages:
            stage.prepare([example.query for example in wanted])
        for example in wanted:
            yield stages, example
        if left is not None:
            left -= len(wanted)
            if left <= 0:
                return
