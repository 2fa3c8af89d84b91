"""Do the promises hold? Many calibration sets, drawn from queries whose every label is known.

The scored queries are taken for the whole world. A calibration set is drawn from them with
replacement, a threshold is found on it, and its risk in the world is then known exactly, not
estimated on a rest. Beside each threshold with a promise stands the plain one that meets the same
target on the calibration set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from labkit.errors import InputError
from labkit.scoring.conformal import (
    evidence_threshold,
    losses_below,
    precision_losses,
    precision_thresholds,
)
from labkit.scoring.scored import Floats, ScoredData
from labkit.scoring.thresholds import held

DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of one promise.

    Attributes:
        promise: in words.
        level: the risk that was promised: alpha, or the share of draws that may fail.
        realised: the mean risk, or the share of draws that failed.
        plain: the same for the plain thresholds.
        risks, plain_risks: [draws made], of each draw: the share of evidence dropped, or by how
            much the precision in the world exceeds the one promised (below 0: failed).
        draws: with a promise; in the others the data was too little for one.
    """

    promise: str
    level: float
    realised: float
    plain: float
    risks: Floats
    plain_risks: Floats

    @property
    def draws(self) -> int:
        return len(self.risks)


def simulate_evidence(
    probabilities: Floats,
    world: ScoredData,
    alpha: float,
    *,
    size: int,
    draws: int = DRAWS,
    seed: int = 0,
    on_draw: Callable[[], None] = lambda: None,
) -> Simulated:
    """Draw ``size`` queries that have a relevant candidate; the mean risk must not exceed alpha."""
    p, queries = _only(probabilities, world)
    risks, plain = [], []
    for drawn_p, drawn in _draw(p, queries, size, draws, seed):
        threshold = evidence_threshold(drawn_p, drawn, alpha).threshold
        risks.append(held(p, queries, threshold).dropped)
        plain.append(held(p, queries, _plain_evidence(drawn_p, drawn, alpha)).dropped)
        on_draw()
    return Simulated(
        promise=f"at most {alpha:g} of the evidence is dropped, in expectation",
        level=alpha,
        realised=float(np.mean(risks)),
        plain=float(np.mean(plain)),
        risks=np.array(risks),
        plain_risks=np.array(plain),
    )


def simulate_precision(
    probabilities: Floats,
    world: ScoredData,
    confidence: float,
    *,
    size: int,
    draws: int = DRAWS,
    seed: int = 0,
    on_draw: Callable[[], None] = lambda: None,
) -> Simulated:
    """Draw ``size`` queries and promise the greatest precision that can be promised.

    The share of draws whose threshold is less precise in the world must not exceed
    1 - ``confidence``. The plain threshold is the lowest with that precision on the drawn queries.
    """
    risks, plain = [], []
    for drawn_p, drawn in _draw(probabilities, world, size, draws, seed):
        tested = precision_thresholds(drawn_p, drawn, confidence)
        best = max(tested, key=lambda one: one.certified, default=None)
        if best is not None and best.certified > 0:
            risks.append(_precision(probabilities, world, best.threshold) - best.certified)
            enough = [one.threshold for one in tested if one.observed >= best.certified]
            plain.append(_precision(probabilities, world, min(enough)) - best.certified)
        on_draw()
    return Simulated(
        promise=f"the precision promised is there, with confidence {confidence:g}",
        level=1 - confidence,
        realised=float(np.mean(np.array(risks) < 0)) if risks else 0.0,
        plain=float(np.mean(np.array(plain) < 0)) if plain else 0.0,
        risks=np.array(risks),
        plain_risks=np.array(plain),
    )


def _only(p: Floats, world: ScoredData) -> tuple[Floats, ScoredData]:
    queries = world.take(world.answerable)
    if not len(queries):
        raise InputError("no query has a relevant candidate, expected some to simulate with")
    return p[world.answerable[world.query]], queries


def _draw(
    p: Floats, world: ScoredData, size: int, draws: int, seed: int
) -> Iterator[tuple[Floats, ScoredData]]:
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        drawn = rng.integers(0, len(world), size)
        yield p[world.pairs_of(drawn)], world.take(drawn)


def _plain_evidence(p: Floats, data: ScoredData, alpha: float) -> float:
    """The highest threshold that drops at most alpha of this very data."""
    values, below, n = losses_below(p, data)
    return float(values[np.flatnonzero(below <= alpha * n + 1e-9)[-1]])


def _precision(p: Floats, data: ScoredData, threshold: float) -> float:
    losses = precision_losses(p, data, threshold)
    return float(1 - losses.mean()) if len(losses) else 1.0
