"""What chance alone would do: intervals over resampled queries, and paired randomisation tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS = 1_000
"""Bootstrap samples of an interval."""

FLIPS = 10_000
"""Random sign changes of a randomisation test."""

_BLOCK = 500


def bootstrap_interval(
    queries: int,
    value: Callable[[Floats], Floats],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval of a value over queries drawn with replacement (Efron 1979).

    Args:
        queries: how many there are, Q. Whole queries are drawn, for the pairs of one are not
            independent.
        value: from how often each query was drawn, [draws, Q], to the value of each draw; NaN
            where a draw has none, which is then left out.

    Returns:
        Low and high; NaN where no draw has a value.
    """
    if queries == 0:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    found = []
    for start in range(0, draws, _BLOCK):
        size = min(_BLOCK, draws - start)
        drawn = rng.integers(0, queries, (size, queries)) + queries * np.arange(size)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * queries).reshape(size, queries)
        found.append(value(times.astype(np.float64)))
    values = np.concatenate(found)
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def weighted_mean(values: Floats) -> Callable[[Floats], Floats]:
    """The mean of per-query values [Q] under weights [..., Q]; a NaN is no query of its."""
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)

    def mean(weights: Floats) -> Floats:
        total = weights @ known.astype(np.float64)
        result: Floats = np.divide(
            weights @ filled, total, out=np.full(total.shape, np.nan), where=total > 0
        )
        return result

    return mean


def randomisation_test(
    first: Floats, second: Floats, *, flips: int = FLIPS, seed: int = 0
) -> float:
    """Two-sided p-value of a difference in means between two systems on the same queries.

    Under the null hypothesis it does not matter which system a value came from, so the sign of
    each difference may be flipped (Fisher; Smucker, Allan, Carterette 2007). All 2^n sign changes
    are tried where these are fewer than ``flips``, else so many are drawn.

    Args:
        first: values [Q] of one system; a query that is NaN in either is left out.
        second: values [Q] of the other.

    Returns:
        NaN where no query is left.
    """
    differences = second - first
    differences = differences[~np.isnan(differences)]
    if not len(differences):
        return float("nan")
    observed = abs(differences.sum())
    # Flipping a zero changes nothing, so only the others count towards 2^n.
    differences = differences[differences != 0]
    n = len(differences)
    least = observed - 1e-9 * max(1.0, np.abs(differences).sum())
    if 2**n <= flips:
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        return float((np.abs((1 - 2.0 * bits) @ differences) >= least).mean())
    rng = np.random.default_rng(seed)
    as_far = 0
    for start in range(0, flips, _BLOCK):
        signs = rng.integers(0, 2, (min(_BLOCK, flips - start), n), dtype=np.int8)
        as_far += int((np.abs((1 - 2.0 * signs) @ differences) >= least).sum())
    # The observed assignment is one of those that chance could have drawn.
    return (as_far + 1) / (flips + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979) of p-values that are looked at together; NaN stays."""
    corrected = [float("nan")] * len(p_values)
    known = sorted((p, i) for i, p in enumerate(p_values) if p == p)
    greatest = 0.0
    for place, (p, i) in enumerate(known):
        greatest = max(greatest, min(1.0, p * (len(known) - place)))
        corrected[i] = greatest
    return corrected
