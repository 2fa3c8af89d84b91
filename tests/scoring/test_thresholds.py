from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from labkit.errors import InputError
from labkit.evaluation.measures import f1_at
from labkit.scoring.calibration import probability
from labkit.scoring.scored import ScoredData, ScoredQuery
from labkit.scoring.thresholds import (
    F1,
    Target,
    Unit,
    find_threshold,
    held,
    intervals,
    parse_target,
    threshold_for,
)

from .scored_data import simulated


def rounded(seed: int) -> tuple[np.ndarray, ScoredData]:
    """Probabilities with many ties."""
    data = simulated(12, seed)
    return probability(data.log_odds).round(1), data


@pytest.mark.parametrize("seed", range(6))
def test_no_other_threshold_has_a_better_f1(seed: int) -> None:
    p, data = rounded(seed)
    best = threshold_for(p, data, F1)
    want = max(f1_score(data.relevant, p >= t) for t in np.unique(p))
    assert f1_score(data.relevant, p >= best) == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_a_target_is_met_and_the_next_threshold_would_miss_it_or_give_less(seed: int) -> None:
    p, data = rounded(seed)
    every, y = np.unique(p), data.relevant
    low = threshold_for(p, data, Target("precision", 0.5))
    assert precision_score(y, p >= low) >= 0.5
    assert all(precision_score(y, p >= t) < 0.5 for t in every[every < low])
    high = threshold_for(p, data, Target("recall", 0.8))
    assert recall_score(y, p >= high) >= 0.8
    assert all(recall_score(y, p >= t) < 0.8 for t in every[every > high])


def test_measures_of_a_threshold_are_scikit_learn_s_and_the_evaluation_s() -> None:
    p, data = rounded(3)
    got = held(p, data, 0.3)
    y, kept = data.relevant, p >= 0.3
    assert got.precision == pytest.approx(precision_score(y, kept))
    assert got.recall == pytest.approx(recall_score(y, kept))
    assert got.f1 == pytest.approx(f1_at(p, y.astype(float), 0.3))
    shares = [1 - kept[s][y[s]].mean() for s in data.slices() if y[s].any()]
    assert got.dropped == pytest.approx(np.mean(shares))
    assert got.kept == pytest.approx(kept.sum() / 12)


def test_what_the_first_stage_lost_counts_against_f1_and_not_against_recall() -> None:
    data = ScoredData([ScoredQuery("a", "a", None, (2.0, -2.0), (1.0, 0.0), lost=1)] * 2)
    got = held(probability(data.log_odds), data, 0.5)
    assert got.recall == 1 and got.f1 == pytest.approx(2 * 2 / (2 + 4))


@pytest.mark.slow
def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    # F1 of a fixed-target threshold on 200 data sets of known truth: 95 % intervals of the
    # precision at the threshold found must hold its value in the world, but for the selection.
    world = simulated(20_000, seed=99)
    p_world = probability(world.log_odds)
    inside = 0
    for seed in range(200):
        data = simulated(150, seed)
        found = find_threshold(probability(data.log_odds), data, F1, draws=200, seed=seed)
        low, high = found.intervals["f1"]
        inside += low <= held(p_world, world, found.threshold).f1 <= high
    assert 0.85 <= inside / 200 <= 0.99


def test_intervals_hold_the_estimate_and_narrow_with_more_queries() -> None:
    def width(queries: int) -> float:
        data = simulated(queries)
        found = find_threshold(probability(data.log_odds), data, F1, draws=100)
        low, high = found.intervals["f1"]
        assert low <= found.held.f1 <= high
        assert found.intervals["threshold"][0] <= found.threshold <= found.intervals["threshold"][1]
        return high - low

    assert width(400) < 0.7 * width(50)


def test_dialogues_as_units_widen_intervals_where_queries_of_one_are_copies() -> None:
    once = simulated(40)
    copies = ScoredData(
        ScoredQuery(f"{q.id}-{i}", q.group, None, q.log_odds, q.labels)
        for q in once.queries
        for i in range(9)
    )
    p = probability(copies.log_odds)
    by_query = find_threshold(p, copies, F1, draws=200)
    by_dialogue = find_threshold(p, copies, F1, draws=200, unit="dialogue")
    assert by_query.units == 360 and by_dialogue.units == 40

    def width(found: tuple[float, float]) -> float:
        return found[1] - found[0]

    ratio = width(by_dialogue.intervals["f1"]) / width(by_query.intervals["f1"])
    assert ratio == pytest.approx(3, rel=0.35), "nine copies are one: the root of nine"


def test_what_cannot_be_met_is_refused() -> None:
    data = ScoredData([ScoredQuery("a", "a", None, (2.0, -2.0), (0.0, 1.0))])
    p = probability(data.log_odds)
    with pytest.raises(InputError, match="greatest precision is 0.500"):
        threshold_for(p, data, Target("precision", 0.9))
    nothing = ScoredData([ScoredQuery("a", "a", None, (2.0, -2.0), (0.0, 0.3))])
    with pytest.raises(InputError, match="no candidate is relevant"):
        threshold_for(p, nothing, F1)


def test_targets_are_read_and_others_refused() -> None:
    assert parse_target("f1") == F1
    assert parse_target(" precision=0.9") == Target("precision", 0.9)
    assert str(parse_target("recall=0.85")) == "recall=0.85"
    for text in ("", "f1=0.3", "precision", "precision=x", "recall=0", "recall=1.2", "recall=nan"):
        with pytest.raises(InputError, match="expected f1, precision=0.9"):
            parse_target(text)


@pytest.mark.parametrize("unit", ["query", "dialogue"])
def test_intervals_at_a_given_threshold_are_those_of_the_threshold_found(unit: Unit) -> None:
    p, data = rounded(3)
    found = find_threshold(p, data, F1, unit=unit, draws=200)
    at_it = intervals(p, data, found.threshold, unit=unit, draws=200)
    for name, ends in at_it.items():
        assert ends == pytest.approx(found.intervals[name])
    nothing = intervals(p, data, 1.1, draws=10)
    assert np.isnan(nothing["precision"]).all() and nothing["recall"] == (0.0, 0.0)
