"""Thresholds that come with a promise, whatever the scores are worth.

Two promises, each exact for any number of units (queries, or whole dialogues):

* :func:`evidence_threshold`: of the relevant memories among a query's candidates, at most a share
  alpha is dropped, in expectation. Conformal risk control (Angelopoulos, Bates, Fisch, Lei,
  Schuster 2022, theorem 1): the loss lies in [0, 1] and never falls as the threshold rises.
* :func:`precision_thresholds`: with probability ``confidence`` over the data, the memories that are
  kept have this precision, in the mean over units that keep any. Learn then Test (Angelopoulos,
  Bates, Candès, Jordan, Lei 2021) with Hoeffding-Bentkus p-values. Precision does not rise steadily
  with the threshold, so single thresholds are tested, and Bonferroni pays for their number.

What both assume: the units here and the units to come are exchangeable (for the second: drawn
independently from one distribution), and the scores come from a function that was fixed without
seeing the labels used here. A model trained, or a map of :mod:`labkit.scoring.calibration` that
reads the query fitted, on these same queries breaks that; a map that only rises with the log-odds
does not, for both procedures look at the order of the scores alone. Nothing is promised for data of
another kind. Queries of one dialogue are alike: where future queries come from other dialogues, let
the unit be the dialogue.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq  # type: ignore[import-untyped]
from scipy.special import bdtr  # type: ignore[import-untyped]

from labkit.errors import InputError
from labkit.scoring.scored import Floats, ScoredData
from labkit.scoring.thresholds import Unit, units_of

STEPS = 20
"""Thresholds that are tested for a precision: one for each twentieth of the units."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class EvidenceThreshold:
    """The highest threshold that drops at most a share ``alpha`` in expectation; from ``n``
    units that have a relevant candidate, which lose ``dropped`` on average themselves."""

    threshold: float
    alpha: float
    n: int
    dropped: float


def evidence_threshold(
    probabilities: Floats, data: ScoredData, alpha: float, *, unit: Unit = "query"
) -> EvidenceThreshold:
    """The highest threshold t with (losses at t + 1) / (n + 1) <= alpha.

    The loss of a query is the share of its relevant candidates with a probability below t; of a
    dialogue, the mean over its queries that have one.

    Args:
        probabilities: [n pairs].
        data: the held-out queries.
        alpha: in (0, 1).
        unit: what is exchangeable.

    Raises:
        InputError: fewer than 1 / alpha - 1 units have a relevant candidate.
    """
    if not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha:g}, expected a share between 0 and 1")
    values, below, n = losses_below(probabilities, data, unit)
    allowed = alpha * (n + 1) - 1
    if allowed < -_ROUNDING:
        raise InputError(
            f"{n} {_plural(unit)} with a relevant candidate are too few to promise that at most "
            f"{alpha:g} of the evidence is dropped, expected at least {_least(alpha)}"
        )
    best = int(np.flatnonzero(below <= allowed + _ROUNDING)[-1])
    return EvidenceThreshold(float(values[best]), alpha, n, float(below[best] / n))


def losses_below(
    probabilities: Floats, data: ScoredData, unit: Unit = "query"
) -> tuple[Floats, Floats, int]:
    """The thresholds [m] at which the loss of :func:`evidence_threshold` steps up, rising; the sum
    of the units' losses at each [m], the first 0; and how many units have a relevant candidate."""
    of_query = units_of(data, unit)
    queries = np.bincount(of_query[data.answerable], minlength=len(data))
    hit = data.relevant
    of_pair = data.query[hit]
    weight = 1 / (data.per_query(hit)[of_pair] * queries[of_query[of_pair]])
    p = probabilities[hit]
    order = np.argsort(p, kind="stable")
    values, first = np.unique(p[order], return_index=True)
    below: Floats = np.concatenate([[0.0], np.cumsum(weight[order])])[first]
    return values, below, int((queries > 0).sum())


def _least(alpha: float) -> int:
    return int(np.ceil(1 / alpha - 1 - _ROUNDING))


def _plural(unit: Unit) -> str:
    return "queries" if unit == "query" else "dialogues"


@dataclass(frozen=True, slots=True)
class PrecisionThreshold:
    """A tested threshold: ``n`` units keep something, with a mean precision of ``observed``.

    ``certified`` is the precision that it has with the confidence asked for, all of the
    :data:`STEPS` tests counted.
    """

    threshold: float
    n: int
    observed: float
    certified: float


def precision_thresholds(
    probabilities: Floats, data: ScoredData, confidence: float, *, unit: Unit = "query"
) -> list[PrecisionThreshold]:
    """Test a threshold at each of the :data:`STEPS` quantiles of the units' greatest probability.

    All bounds hold together with probability ``confidence``, so any rule may choose among them.
    Given the k-th greatest of these maxima, the units above it are an independent sample of those
    that keep something at this threshold; so the p-value of their mean loss is exact, and nothing
    depends on the scale of the scores.

    Returns:
        The tested thresholds that fewer than all units lie above, highest first.

    Raises:
        InputError: the confidence is no number between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence is {confidence:g}, expected a share between 0 and 1")
    of_query = units_of(data, unit)
    units = int(of_query.max(initial=-1)) + 1
    greatest = np.full(units, -np.inf)
    np.maximum.at(greatest, of_query[data.query], probabilities)
    falling = np.sort(greatest)[::-1]
    tested = []
    for step in range(1, STEPS + 1):
        edge = float(falling[int(np.ceil(step * units / STEPS)) - 1])
        threshold = float(np.nextafter(edge, np.inf))
        losses = precision_losses(probabilities, data, threshold, unit=unit)
        if len(losses) and threshold <= 1:
            certified = _certified(float(losses.mean()), len(losses), (1 - confidence) / STEPS)
            observed = float(1 - losses.mean())
            tested.append(PrecisionThreshold(threshold, len(losses), observed, certified))
    return tested


def precision_threshold(
    probabilities: Floats,
    data: ScoredData,
    precision: float,
    confidence: float,
    *,
    unit: Unit = "query",
) -> PrecisionThreshold:
    """The lowest tested threshold that has this precision with this confidence.

    Raises:
        InputError: none has. The message says what can be promised, or how many units it takes.
    """
    tested = precision_thresholds(probabilities, data, confidence, unit=unit)
    enough = [one for one in tested if one.certified >= precision]
    if enough:
        return min(enough, key=lambda one: one.threshold)
    level = (1 - confidence) / STEPS
    least = int(np.ceil(np.log(level) / np.log(precision))) if precision < 1 else None
    count = len(np.unique(units_of(data, unit)))
    if least is None or count <= least:
        needed = "no number is enough" if least is None else f"expected more than {least}"
        raise InputError(
            f"{count} {_plural(unit)} are too few to promise a precision of {precision:g} with "
            f"confidence {confidence:g}, {needed}"
        )
    best = max(tested, key=lambda one: one.certified).certified if tested else 0.0
    raise InputError(
        f"no threshold has a precision of {precision:g} with confidence {confidence:g} here; "
        f"the greatest that can be promised is {best:.3f}"
    )


def precision_losses(
    probabilities: Floats, data: ScoredData, threshold: float, *, unit: Unit = "query"
) -> Floats:
    """Of each unit that keeps anything at the threshold: the mean over its queries that do of the
    share of what they keep that is not relevant."""
    kept = probabilities >= threshold
    count = data.per_query(kept)
    some = count > 0
    loss = data.per_query(kept & ~data.relevant)[some] / count[some]
    _, of, queries = np.unique(units_of(data, unit)[some], return_inverse=True, return_counts=True)
    means: Floats = np.bincount(of, loss) / queries
    return means


def hoeffding_bentkus(mean: float, n: int, alpha: float) -> float:
    """p-value of "the expected loss is above alpha" from the mean of n losses in [0, 1].

    The smaller of Hoeffding's bound, exp(-n h(min(mean, alpha), alpha)) with h the divergence of
    two coins, and Bentkus', e P(Bin(n, alpha) <= ceil(n mean)).
    """
    a = min(mean, alpha)
    left = a * np.log(a / alpha) if a > 0 else 0.0
    right = (1 - a) * np.log((1 - a) / (1 - alpha)) if a < 1 else 0.0
    hoeffding = float(np.exp(-n * (left + right)))
    bentkus = float(np.e * bdtr(np.ceil(n * mean - _ROUNDING), n, alpha))
    return min(1.0, hoeffding, bentkus)


def _certified(mean: float, n: int, level: float) -> float:
    """1 - the least alpha that is rejected at this level; 0 where none is."""
    top = 1 - 1e-9
    if mean >= top or hoeffding_bentkus(mean, n, top) > level:
        return 0.0
    low = max(mean, 1e-12)
    alpha = brentq(lambda a: hoeffding_bentkus(mean, n, a) - level, low, top, xtol=1e-9)
    return float(1 - alpha)
