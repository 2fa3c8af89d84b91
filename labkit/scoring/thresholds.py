"""Thresholds for a target on held-out data, with bootstrap intervals.

Precision, recall and F1 are over all pairs together. Recall is of the relevant memories among the
candidates, since no threshold brings back what the first stage lost; F1 counts these as misses too,
as ``F1_p`` of :mod:`labkit.evaluation.measures` does. None of these thresholds promises anything
about other data; :mod:`labkit.scoring.conformal` has those that do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from labkit.errors import InputError
from labkit.scoring.scored import Floats, Indices, ScoredData

Unit = Literal["query", "dialogue"]
"""What is drawn, and what a promise is about: single queries, or whole dialogues of them."""

DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Target:
    """``f1``, or a least ``precision`` or ``recall`` in (0, 1]."""

    name: Literal["precision", "recall", "f1"]
    least: float | None = None

    def __str__(self) -> str:
        return self.name if self.least is None else f"{self.name}={self.least:g}"


F1 = Target("f1")


def parse_target(text: str) -> Target:
    """Read ``f1``, ``precision=0.9`` or ``recall=0.9``.

    Raises:
        InputError: it is none of these.
    """
    name, equals, value = text.strip().partition("=")
    try:
        least = float(value) if equals else None
    except ValueError:
        least = float("nan")
    if name == "f1" and not equals:
        return F1
    if name in ("precision", "recall") and least is not None and 0 < least <= 1:
        return Target("precision" if name == "precision" else "recall", least)
    raise InputError(f"target is {text!r}, expected f1, precision=0.9 or recall=0.9")


@dataclass(frozen=True, slots=True)
class Held:
    """What a threshold does on some data.

    ``dropped`` is the mean over queries with a relevant candidate of the share of these below the
    threshold; ``kept`` the mean number of memories kept; ``empty`` the share of queries that keep
    none. Precision is NaN where nothing is kept.
    """

    precision: float
    recall: float
    f1: float
    dropped: float
    kept: float
    empty: float


def held(probabilities: Floats, data: ScoredData, threshold: float) -> Held:
    """Measure a threshold on pairs with these probabilities [n]."""
    kept = probabilities >= threshold
    hits, total = int((kept & data.relevant).sum()), int(data.relevant.sum())
    count = int(kept.sum())
    relevant = data.per_query(data.relevant)
    found = data.per_query(kept & data.relevant)[data.answerable]
    everything = total + int(data.lost.sum())
    return Held(
        precision=hits / count if count else float("nan"),
        recall=hits / total if total else float("nan"),
        f1=2 * hits / (count + everything) if everything else float("nan"),
        dropped=float((1 - found / relevant[data.answerable]).mean()) if total else float("nan"),
        kept=count / max(1, len(data)),
        empty=float((data.per_query(kept) == 0).mean()) if len(data) else float("nan"),
    )


@dataclass(frozen=True, slots=True)
class Found:
    """A threshold, what it does on the data it was found on, and 95 % intervals.

    ``intervals`` are percentiles over bootstrap draws of whole units: of the threshold, found anew
    in each draw, and of precision, recall and F1 at the threshold given.
    """

    target: Target
    threshold: float
    held: Held
    intervals: dict[str, tuple[float, float]]
    units: int
    draws: int


def threshold_for(probabilities: Floats, data: ScoredData, target: Target) -> float:
    """The threshold of best F1; or the lowest with this precision; or the highest with this recall.

    Args:
        probabilities: [n], of the data's pairs.
        data: at least one relevant pair.
        target: see :func:`parse_target`.

    Raises:
        InputError: nothing is relevant, or no threshold reaches the precision.
    """
    return _find(_Sweep(probabilities, data, "query"), target)


def _find(sweep: _Sweep, target: Target) -> float:
    threshold = sweep.find(target, np.ones(sweep.units))
    if threshold is not None:
        return threshold
    if not sweep.relevant:
        raise InputError("no candidate is relevant, expected queries with a relevant one")
    raise InputError(
        f"no threshold reaches {target}; the greatest precision is {sweep.best_precision():.3f}"
    )


def find_threshold(
    probabilities: Floats,
    data: ScoredData,
    target: Target,
    *,
    unit: Unit = "query",
    draws: int = DRAWS,
    seed: int = 0,
) -> Found:
    """:func:`threshold_for` with intervals.

    Args:
        probabilities, data, target: as there.
        unit: what the bootstrap draws.
        draws: how often, at least once.
        seed: of the draws.

    Raises:
        InputError: as there.
    """
    sweep = _Sweep(probabilities, data, unit)
    threshold = _find(sweep, target)
    rows = [
        (sweep.find(target, weight), *sweep.at(threshold, weight))
        for weight in _draws(sweep.units, draws, seed)
    ]
    columns = np.array(rows, dtype=np.float64).T
    names = ("threshold", "precision", "recall", "f1")
    return Found(
        target=target,
        threshold=threshold,
        held=held(probabilities, data, threshold),
        intervals={name: _interval(column) for name, column in zip(names, columns, strict=True)},
        units=sweep.units,
        draws=draws,
    )


def intervals(
    probabilities: Floats,
    data: ScoredData,
    threshold: float,
    *,
    unit: Unit = "query",
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """95 % bootstrap intervals of precision, recall and F1 at a threshold that is given.

    As those of :func:`find_threshold`, and fast enough to follow a slider.
    """
    of_query = units_of(data, unit)
    units = int(of_query.max(initial=-1)) + 1
    kept = probabilities >= threshold
    weight = np.array(list(_draws(units, draws, seed))).reshape(draws, units)
    hits, count, relevant, lost = (
        weight @ np.bincount(of_query, each, minlength=units)
        for each in (
            data.per_query(kept & data.relevant),
            data.per_query(kept),
            data.per_query(data.relevant),
            data.lost,
        )
    )
    with np.errstate(invalid="ignore"):  # nothing kept, or nothing relevant: NaN, left out
        return {
            "precision": _interval(hits / count),
            "recall": _interval(hits / relevant),
            "f1": _interval(
                np.where(relevant + lost > 0, 2 * hits / (count + relevant + lost), np.nan)
            ),
        }


def units_of(data: ScoredData, unit: Unit) -> Indices:
    """The index [Q] of each query's unit."""
    return data.groups if unit == "dialogue" else np.arange(len(data))


def _draws(units: int, draws: int, seed: int) -> Iterator[Floats]:
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        yield np.bincount(rng.integers(0, units, units), minlength=units).astype(np.float64)


def _interval(values: Floats) -> tuple[float, float]:
    finite = values[~np.isnan(values)]
    if not len(finite):
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [0.025, 0.975])
    return float(low), float(high)


class _Sweep:
    """All thresholds of some data at once, for any weights of its units.

    A threshold keeps or drops equal probabilities together, so only the last of a run is one.
    """

    def __init__(self, probabilities: Floats, data: ScoredData, unit: Unit) -> None:
        order = np.argsort(-probabilities, kind="stable")
        of_query = units_of(data, unit)
        self.units = int(of_query.max(initial=-1)) + 1
        self.relevant = int(data.relevant.sum())
        self._p = probabilities[order]
        self._hit = data.relevant[order].astype(np.float64)
        self._unit = of_query[data.query][order]
        self._last = np.append(self._p[:-1] != self._p[1:], True)[: len(self._p)]
        self._lost = np.bincount(of_query, data.lost, minlength=self.units)

    def _curves(self, weight: Floats) -> tuple[Floats, Floats, float, float]:
        each = weight[self._unit]
        hits, kept = np.cumsum(each * self._hit), np.cumsum(each)
        relevant = float(hits[-1]) if len(hits) else 0.0
        return hits, kept, relevant, float(weight @ self._lost)

    def find(self, target: Target, weight: Floats) -> float | None:
        hits, kept, relevant, lost = self._curves(weight)
        if relevant == 0:
            return None
        usable: NDArray[np.bool_] = self._last & (kept > 0)
        if target.name == "f1":
            f1 = np.where(usable, 2 * hits / np.maximum(kept + relevant + lost, 1e-9), -1.0)
            return float(self._p[int(np.argmax(f1))])
        least = (target.least or 0.0) - 1e-12
        if target.name == "recall":
            return float(self._p[np.flatnonzero(usable & (hits / relevant >= least))[0]])
        reached = np.flatnonzero(usable & (hits >= least * kept))
        return float(self._p[reached[-1]]) if len(reached) else None

    def at(self, threshold: float, weight: Floats) -> tuple[float, float, float]:
        """Precision, recall and F1 of a threshold; NaN where there is none."""
        hits, kept, relevant, lost = self._curves(weight)
        place = int(np.searchsorted(-self._p, -threshold, side="right")) - 1
        found, count = (float(hits[place]), float(kept[place])) if place >= 0 else (0.0, 0.0)
        nothing = float("nan")
        everything = relevant + lost
        return (
            found / count if count else nothing,
            found / relevant if relevant else nothing,
            2 * found / (count + everything) if everything else nothing,
        )

    def best_precision(self) -> float:
        hits, kept, _, _ = self._curves(np.ones(self.units))
        return float((hits / kept)[self._last].max())
