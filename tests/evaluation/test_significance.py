from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap, permutation_test

from labkit.evaluation.significance import (
    bootstrap_interval,
    holm,
    randomisation_test,
    weighted_mean,
)


def difference_in_means(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.mean(x, axis=axis) - np.mean(y, axis=axis)


@pytest.mark.parametrize("n", [5, 9, 40])
def test_the_randomisation_test_agrees_with_scipy(n: int) -> None:
    rng = np.random.default_rng(n)
    first = rng.random(n).round(1)
    second = (first + rng.normal(0.08, 0.2, n)).round(1)
    want = permutation_test(
        (first, second),
        difference_in_means,
        permutation_type="samples",
        n_resamples=20_000,
        rng=rng,
    ).pvalue
    # exact for few queries, within sampling error for many
    assert randomisation_test(first, second) == pytest.approx(want, abs=1e-9 if n < 10 else 0.015)


def test_equal_systems_are_never_told_apart_and_far_ones_always() -> None:
    values = np.random.default_rng(0).random(200)
    assert randomisation_test(values, values) == 1
    assert randomisation_test(values, values + 0.5) == pytest.approx(1 / 10_001)
    assert np.isnan(randomisation_test(np.full(3, np.nan), values[:3]))


def test_p_values_of_no_difference_are_uniform() -> None:
    rng = np.random.default_rng(1)
    found = [
        randomisation_test(rng.random(30), rng.random(30), flips=400, seed=i) for i in range(300)
    ]
    for level in (0.05, 0.25, 0.5):
        assert np.mean(np.array(found) <= level) == pytest.approx(level, abs=0.075)


def test_the_bootstrap_agrees_with_scipy() -> None:
    rng = np.random.default_rng(2)
    values = rng.random(120) ** 2
    want = bootstrap((values,), np.mean, method="percentile", n_resamples=4_000, rng=rng)
    got = bootstrap_interval(120, weighted_mean(values), draws=4_000)
    assert got == pytest.approx(tuple(want.confidence_interval), abs=0.006)


def test_intervals_leave_out_what_has_no_value() -> None:
    values = np.array([np.nan, 1.0, 1.0, np.nan])
    assert bootstrap_interval(4, weighted_mean(values)) == (1, 1)
    assert np.isnan(bootstrap_interval(2, weighted_mean(np.full(2, np.nan)))).all()
    assert np.isnan(bootstrap_interval(0, weighted_mean(np.zeros(0)))).all()


def test_holm_of_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, float("nan"), 0.6])[::2] == [1.0, 1.0]
    assert holm([]) == []
