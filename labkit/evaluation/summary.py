"""From rows to the numbers of a table: means, intervals, p-values, what a query costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from labkit.evaluation.measures import (
    RANKING,
    Floats,
    Judged,
    Measure,
    Scored,
    parse_measure,
    pooled_value,
    ranking_value,
)
from labkit.evaluation.results import Row
from labkit.evaluation.significance import (
    bootstrap_interval,
    holm,
    randomisation_test,
    weighted_mean,
)

MEASURES = ("MAP", "MRR", "nDCG@10", "R@10", "R@50", "R_any@5", "R_all@5")
"""How well what is needed comes first, where nothing else is asked for."""

SCORES = ("ECE", "ECE_mass", "Brier", "LogLoss", "abstain_AUROC")
"""What probabilities are worth, where nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class Number:
    """A value over queries, with its 95 % interval over resampled queries.

    ``p`` is the p-value of the difference from the first row, corrected by Holm over the rows of
    the table; None where there is no test: of the first row, and of what is no mean over queries.
    """

    value: float
    interval: tuple[float, float]
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers of one row.

    Attributes:
        counted: queries with a relevant memory: those that ranking measures are means of.
        queries: all queries.
        per_kind: for each kind, how many queries counted and the values of the measures.
        seconds: median and 95th percentile of a query; NaN where not known.
        tokens: read and written a query; None where not known. ``cost`` likewise.
        truncated: share of the candidates that were not read to their end.
        problems: what had to be mended, with how many queries.
    """

    name: str
    counted: int
    queries: int
    overall: Mapping[str, Number]
    per_kind: Mapping[str, tuple[int, Mapping[str, float]]]
    seconds: tuple[float, float]
    tokens: tuple[float, float] | None
    cost: float | None
    truncated: float
    problems: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """For machines: NaN becomes null."""
        return {
            "name": self.name,
            "queries": self.queries,
            "overall": {
                "n": self.counted,
                **{name: _number(number.value) for name, number in self.overall.items()},
            },
            "intervals": {
                name: [_number(end) for end in number.interval]
                for name, number in self.overall.items()
            },
            "p": {
                name: _number(number.p)
                for name, number in self.overall.items()
                if number.p is not None
            },
            "per_kind": {
                kind: {"n": n, **{name: _number(value) for name, value in values.items()}}
                for kind, (n, values) in self.per_kind.items()
            },
            "seconds": {"p50": _number(self.seconds[0]), "p95": _number(self.seconds[1])},
            "tokens": None if self.tokens is None else list(self.tokens),
            "cost": self.cost,
            "truncated": _number(self.truncated),
            "problems": dict(self.problems),
        }


def _number(value: float) -> float | None:
    return value if value == value else None


def summarise(
    rows: Sequence[Row], measures: Sequence[str] = (*MEASURES, *SCORES), *, seed: int = 0
) -> list[Summary]:
    """Summaries of rows that stand in one table, the first one its baseline.

    Raises:
        InputError: there is no such measure.
    """
    parsed = [parse_measure(name) for name in measures]
    judged = [[query.judged() for query in row.queries] for row in rows]
    values = [{m: _values(m, one) for m in parsed if m.name in RANKING} for one in judged]
    p_values: dict[Measure, list[float]] = {}
    for measure in parsed:
        if measure.name in RANKING and len(rows) > 1:
            first = values[0][measure]
            tested = [randomisation_test(first, one[measure], seed=seed) for one in values[1:]]
            p_values[measure] = holm(tested)
    return [
        _summary(
            row,
            judged[i],
            values[i],
            parsed,
            {m: p[i - 1] for m, p in p_values.items()} if i else {},
            seed,
        )
        for i, row in enumerate(rows)
    ]


def _values(measure: Measure, judged: Sequence[Judged]) -> Floats:
    return np.array([ranking_value(measure, one) for one in judged], dtype=np.float64)


def _summary(
    row: Row,
    judged: Sequence[Judged],
    values: Mapping[Measure, Floats],
    measures: Sequence[Measure],
    p_values: Mapping[Measure, float],
    seed: int,
) -> Summary:
    scored = Scored.of(judged)
    size = len(judged)
    overall: dict[str, Number] = {}
    for measure in measures:
        of: Callable[[Floats], Floats] = (
            weighted_mean(values[measure])
            if measure in values
            else partial(pooled_value, measure, scored)
        )
        value = float(of(np.ones(size)))
        interval = float("nan"), float("nan")
        if value == value:
            interval = bootstrap_interval(size, of, seed=seed)
        p = p_values.get(measure)
        overall[str(measure)] = Number(value, interval, None if p is None or p != p else p)
    candidates = sum(min(q.ranked, row.settings["candidates"]) for q in row.queries)
    return Summary(
        name=row.name,
        counted=sum(one.relevant > 0 for one in judged),
        queries=size,
        overall=overall,
        per_kind=_per_kind(row, judged, values, measures, scored),
        seconds=_percentiles([q.seconds for q in row.queries]),
        tokens=_tokens(row),
        cost=_mean([q.cost for q in row.queries]),
        truncated=sum(query.truncated for query in row.queries) / max(1, candidates),
        problems=dict(Counter(q.problem for q in row.queries if q.problem).most_common()),
    )


def _per_kind(
    row: Row,
    judged: Sequence[Judged],
    values: Mapping[Measure, Floats],
    measures: Sequence[Measure],
    scored: Scored,
) -> dict[str, tuple[int, dict[str, float]]]:
    kinds = np.array([query.kind for query in row.queries])
    found = {}
    for kind in sorted(set(kinds.tolist())):
        inside = (kinds == kind).astype(np.float64)
        counted = sum(one.relevant > 0 for one, here in zip(judged, inside, strict=True) if here)
        found[kind] = (
            counted,
            {
                str(m): float(
                    weighted_mean(values[m])(inside)
                    if m in values
                    else pooled_value(m, scored, inside)
                )
                for m in measures
            },
        )
    return found


def _percentiles(seconds: Sequence[float | None]) -> tuple[float, float]:
    known = [one for one in seconds if one is not None]
    if not known:
        return float("nan"), float("nan")
    low, high = np.percentile(known, [50, 95])
    return float(low), float(high)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _tokens(row: Row) -> tuple[float, float] | None:
    read = _mean([query.prompt_tokens for query in row.queries])
    written = _mean([query.completion_tokens for query in row.queries])
    return None if read is None or written is None else (read, written)
