from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from labkit.errors import InputError
from labkit.scoring.calibration import probability
from labkit.scoring.conformal import (
    evidence_threshold,
    hoeffding_bentkus,
    precision_losses,
    precision_threshold,
    precision_thresholds,
)
from labkit.scoring.scored import ScoredData, ScoredQuery
from labkit.scoring.simulation import simulate_evidence, simulate_precision
from labkit.scoring.thresholds import held

from .scored_data import simulated


@pytest.mark.parametrize("alpha", [0.02, 0.1, 0.3])
def test_the_evidence_threshold_is_the_highest_that_the_theorem_allows(alpha: float) -> None:
    data = simulated(120, 4)
    p = probability(data.log_odds)
    found = evidence_threshold(p, data, alpha)
    n = int(data.answerable.sum())
    assert found.n == n

    def bound(threshold: float) -> float:
        return (n * held(p, data, threshold).dropped + 1) / (n + 1)

    assert bound(found.threshold) <= alpha + 1e-12
    step = np.nextafter(found.threshold, 2)
    assert bound(step) > alpha, "keeping any less would break the bound"
    assert found.dropped == pytest.approx(held(p, data, found.threshold).dropped)


def test_over_1000_random_splits_the_share_of_evidence_dropped_is_as_promised() -> None:
    # Split 400 queries at random 1,000 times: threshold on 60, loss on the rest.
    data = simulated(400, 7, candidates=6)
    p = probability(data.log_odds)
    rng = np.random.default_rng(0)
    alpha, losses = 0.1, []
    for _ in range(1000):
        order = rng.permutation(400)
        mine, rest = order[:60], order[60:]
        part = data.take(mine)
        threshold = evidence_threshold(p[data.pairs_of(mine)], part, alpha).threshold
        losses.append(held(p[data.pairs_of(rest)], data.take(rest), threshold).dropped)
    n = 60 * float(data.answerable.mean())
    error = float(np.std(losses) / np.sqrt(1000))
    assert np.mean(losses) <= alpha + 3 * error
    assert np.mean(losses) >= alpha - 2.5 / (n + 1), "the theorem also says: not much too careful"


def test_draws_from_a_known_world_keep_both_promises_and_plain_thresholds_do_not() -> None:
    world = simulated(400, 11, slope=0.7, candidates=6)
    p = probability(world.log_odds)
    evidence = simulate_evidence(p, world, 0.1, size=50, draws=1000)
    error = float(evidence.risks.std() / np.sqrt(1000))
    assert evidence.realised <= 0.1 + 3 * error
    assert evidence.plain > evidence.realised
    precision = simulate_precision(p, world, 0.9, size=100, draws=300)
    assert precision.draws == 300
    assert precision.realised <= binom.ppf(0.999, 300, 0.1) / 300
    assert precision.plain > 0.1, "the plain threshold misses more often than one in ten"


def test_a_promise_can_be_about_whole_dialogues() -> None:
    # All queries of a dialogue share their luck: single queries would promise too much.
    rng = np.random.default_rng(5)
    made = []
    for d in range(400):
        luck = rng.normal(0, 2)
        for q in range(8):
            made.append(
                ScoredQuery(f"{d}-{q}", f"d{d}", None, (float(luck + rng.normal()),), (1.0,))
            )
    data = ScoredData(made)
    p = probability(data.log_odds)
    dropped: dict[str, list[float]] = {"query": [], "dialogue": []}
    groups = np.arange(400)
    for seed in range(100):
        chosen = np.random.default_rng(seed).permutation(groups)[:20]
        mask = np.isin(data.groups, chosen)
        part = data.take(mask)
        for unit in ("query", "dialogue"):
            t = evidence_threshold(p[mask[data.query]], part, 0.1, unit=unit).threshold  # type: ignore[arg-type]
            rest = data.take(~mask)
            dropped[unit].append(held(p[~mask[data.query]], rest, t).dropped)
    assert np.mean(dropped["dialogue"]) <= 0.1 + 0.01
    assert np.mean(dropped["query"]) > np.mean(dropped["dialogue"]) + 0.02


def test_too_few_queries_for_a_promise_are_refused_with_the_number_it_takes() -> None:
    data = simulated(10, candidates=8).take(np.arange(8))
    p = probability(data.log_odds)
    with pytest.raises(InputError, match="expected at least 19") as error:
        evidence_threshold(p, data, 0.05)
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="too few to promise a precision of 0.9"):
        precision_threshold(p, data, 0.9, 0.9)
    with pytest.raises(InputError, match="no number is enough"):
        precision_threshold(p, data, 1.0, 0.9)


def test_the_least_number_of_queries_is_enough_where_nothing_may_be_lost() -> None:
    data = ScoredData(
        ScoredQuery(str(i), str(i), None, (float(i), -9.0), (1.0, 0.0)) for i in range(19)
    )
    p = probability(data.log_odds)
    found = evidence_threshold(p, data, 0.05)
    assert held(p, data, found.threshold).dropped == 0
    with pytest.raises(InputError):
        evidence_threshold(p[2:], data.take(np.arange(1, 19)), 0.05)


def test_a_precision_that_no_threshold_has_is_refused_with_the_best_that_there_is() -> None:
    data = simulated(300, 2)
    p = probability(data.log_odds)
    with pytest.raises(InputError, match="greatest that can be promised is 0"):
        precision_threshold(p, data, 0.95, 0.9)


def test_the_lowest_threshold_with_the_precision_is_taken() -> None:
    data = simulated(300, 2)
    p = probability(data.log_odds)
    tested = precision_thresholds(p, data, 0.9)
    best = max(one.certified for one in tested)
    found = precision_threshold(p, data, best - 0.05, 0.9)
    assert found.certified >= best - 0.05
    assert all(one.certified < best - 0.05 for one in tested if one.threshold < found.threshold)
    losses = precision_losses(p, data, found.threshold)
    assert found.n == len(losses) and found.observed == pytest.approx(1 - losses.mean())


def test_a_monotone_map_changes_neither_promise() -> None:
    data = simulated(200, 3)
    p = probability(data.log_odds)
    q = probability(0.3 * data.log_odds - 2)
    for one, two in zip(
        precision_thresholds(p, data, 0.9), precision_thresholds(q, data, 0.9), strict=True
    ):
        assert one.certified == two.certified and one.n == two.n
        np.testing.assert_array_equal(p >= one.threshold, q >= two.threshold)
    kept = [
        probabilities >= evidence_threshold(probabilities, data, 0.1).threshold
        for probabilities in (p, q)
    ]
    np.testing.assert_array_equal(*kept)


@pytest.mark.parametrize("alpha", [0.1, 0.4])
@pytest.mark.parametrize("n", [20, 150])
def test_p_values_of_a_true_hypothesis_are_small_as_seldom_as_they_say(
    n: int, alpha: float
) -> None:
    # The expected loss is alpha exactly, the worst case of "above alpha".
    rng = np.random.default_rng(1)
    coins = (rng.random((4000, n)) < alpha).mean(1)
    shares = rng.beta(4 * alpha, 4 * (1 - alpha), (4000, n)).mean(1)
    for means in (coins, shares):
        values = np.array([hoeffding_bentkus(float(m), n, alpha) for m in means])
        for level in (0.01, 0.1, 0.3):
            assert (values <= level).mean() <= level + 3 * np.sqrt(level / 4000)


def test_p_values_fall_as_the_claim_grows_and_are_one_where_the_mean_is_above_it() -> None:
    values = [hoeffding_bentkus(0.2, 50, a) for a in np.linspace(0.2, 0.95, 40)]
    assert values[0] == 1 and (np.diff(values) <= 1e-12).all()
    assert hoeffding_bentkus(0.5, 50, 0.3) == 1
    assert hoeffding_bentkus(0.0, 50, 0.1) == pytest.approx(0.9**50)
