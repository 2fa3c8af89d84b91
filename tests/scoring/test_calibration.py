from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, minimize
from sklearn.isotonic import IsotonicRegression

from labkit.errors import InputError
from labkit.scoring.calibration import (
    LEAST_SLOPE,
    METHODS,
    NONE,
    Beta,
    Calibration,
    Isotonic,
    Platt,
    QueryAware,
    Temperature,
    calibrated,
    choose,
    fit,
    from_json,
    probability,
    query_features,
    to_json,
)
from labkit.scoring.scored import ScoredData, ScoredQuery

from .scored_data import simulated

SKEWED = simulated(300, slope=0.5, shift=-1.0)
MAPS: dict[str, Calibration] = {name: fit(name, SKEWED) for name in METHODS}


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(-60, 60), min_size=1, max_size=30))
def test_no_map_changes_the_order_of_a_query(name: str, values: list[float]) -> None:
    z = np.array(values)
    got = MAPS[name](z)
    order = np.argsort(z)
    apart, moved = np.diff(z[order]), np.diff(got[order])
    assert (moved >= 0).all()
    assert (moved[apart > 1e-6] > 0).all()


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=20, deadline=None)
@given(
    scores=st.lists(
        st.lists(st.tuples(st.floats(-30, 30), st.booleans()), min_size=1, max_size=6),
        min_size=2,
        max_size=12,
    )
)
def test_whatever_it_is_fitted_on_a_map_rises_and_stays_finite(
    name: str, scores: list[list[tuple[float, bool]]]
) -> None:
    # Scores that say nothing, or the opposite, or that part the classes, are all legal.
    data = ScoredData(
        ScoredQuery(f"q{i}", f"q{i}", None, tuple(z for z, _ in q), tuple(float(h) for _, h in q))
        for i, q in enumerate(scores)
    )
    found = fit(name, data)
    z = np.linspace(-40, 40, 161)
    moved = found(z)
    assert np.isfinite(moved).all()
    assert (np.diff(moved) > 0).all()


def test_platt_gives_back_the_slope_and_shift_that_were_put_in() -> None:
    data = simulated(4000, slope=0.5, shift=-1.0)
    found = fit("platt", data)
    assert isinstance(found, Platt)
    assert found.slope == pytest.approx(0.5, abs=0.02)
    assert found.shift == pytest.approx(-1.0, abs=0.05)
    only_slope = fit("temperature", simulated(4000, slope=2.0))
    assert isinstance(only_slope, Temperature) and only_slope.slope == pytest.approx(2.0, abs=0.05)


def test_beta_is_the_likelihood_s_optimum_under_its_sign_constraint() -> None:
    z, y = SKEWED.log_odds, SKEWED.relevant
    found = fit("beta", SKEWED)
    assert isinstance(found, Beta)

    def loss(values: np.ndarray) -> float:
        moved = Beta(*values)(z)
        return float(np.logaddexp(0, np.where(y, -moved, moved)).mean())

    want = minimize(loss, [1, 1, 0], bounds=[(LEAST_SLOPE, None)] * 2 + [(None, None)]).fun
    assert loss(np.array([found.a, found.b, found.shift])) == pytest.approx(want, abs=1e-5)


def test_beta_of_opposite_bends_sets_the_coefficient_to_its_least() -> None:
    # All that tells lies below zero, where a works; above, the share relevant falls.
    rng = np.random.default_rng(0)
    z = rng.uniform(-6, 6, 6000)
    hit = rng.random(6000) < np.where(z < 0, 0.02 + 0.5 * np.exp(z), 0.52 - 0.05 * z)
    rows = zip(z.reshape(600, 10).tolist(), hit.reshape(600, 10).astype(float), strict=True)
    data = ScoredData(
        ScoredQuery(str(i), str(i), None, tuple(zs), tuple(hs)) for i, (zs, hs) in enumerate(rows)
    )
    found = fit("beta", data)
    assert isinstance(found, Beta)
    assert found.b == LEAST_SLOPE and found.a > 0.1


def test_isotonic_is_scikit_learn_s_between_its_ends() -> None:
    found = fit("isotonic", SKEWED)
    assert isinstance(found, Isotonic)
    z = SKEWED.log_odds
    plain = IsotonicRegression(out_of_bounds="clip").fit(z, SKEWED.relevant)
    middle = np.quantile(z, np.linspace(0.1, 0.9, 50))
    got, want = probability(found(middle)), plain.predict(middle)
    # The slope adds LEAST_SLOPE a unit of log-odds, interpolation runs in log-odds.
    np.testing.assert_allclose(got, want, atol=0.02)
    ends = probability(found(np.array([z.min(), z.max()])))
    assert 0 < ends[0] < ends[1] < 1


def test_a_map_that_reads_the_query_undoes_what_a_query_s_scores_share() -> None:
    # Each query's scores are off by a number of its own: no map of single scores can see that.
    data = simulated(400, query_shift=2.0, per_group=4)
    found = choose(data)
    assert found.method == "query"
    assert found.log_loss["query"] < found.log_loss["platt"] - 0.02
    assert found.log_loss["query"] == pytest.approx(
        float(_losses(found.held_out["query"], data.relevant).mean())
    )


def _losses(z: np.ndarray, hit: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, np.where(hit, -z, z))


def test_the_query_aware_fit_is_a_stationary_point_of_its_own_loss() -> None:
    data = simulated(60, query_shift=1.5)
    found = fit("query", data)
    assert isinstance(found, QueryAware)

    def loss(values: np.ndarray) -> float:
        slope, shift, *rest = values.tolist()
        moved_map = QueryAware(
            np.exp(slope), shift, tuple(rest[:4]), tuple(rest[4:]),
            found.mean, found.deviation, found.low, found.high,
        )  # fmt: skip
        moved = calibrated(moved_map, data)
        return float(_losses(moved, data.relevant).sum() + np.square(rest).sum())

    here = np.array([np.log(found.slope), found.shift, *found.scale, *found.offset])
    gradient = approx_fprime(here, loss, 1e-5)
    assert np.abs(gradient).max() < 0.02 * len(data)


def test_what_needs_no_calibration_gets_none() -> None:
    found = choose(simulated(200))
    assert found.method == "none" and found.calibration == NONE


def test_held_out_scores_come_from_maps_that_did_not_see_the_group() -> None:
    # Flipping one group's labels must leave this group's own held-out scores as they were.
    data = simulated(100, per_group=5, slope=0.5)
    flipped = ScoredData(
        ScoredQuery(q.id, q.group, q.kind, q.log_odds, tuple(1 - y for y in q.labels))
        if q.group == "g3"
        else q
        for q in data.queries
    )
    one, two = choose(data, ["platt"]), choose(flipped, ["platt"])
    mine = np.isin(data.query, [i for i, q in enumerate(data.queries) if q.group == "g3"])
    np.testing.assert_array_equal(one.held_out["platt"][mine], two.held_out["platt"][mine])
    assert (one.held_out["platt"][~mine] != two.held_out["platt"][~mine]).any()


def test_too_little_data_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="too few to calibrate") as error:
        choose(simulated(8))
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="expected none, temperature"):
        choose(SKEWED, ["magic"])


@pytest.mark.parametrize("name", METHODS)
def test_a_card_gives_back_the_same_map(name: str) -> None:
    item = json.loads(json.dumps({**to_json(MAPS[name]), "fitted": {"queries": 3}}))
    z = SKEWED.log_odds[:12]
    np.testing.assert_array_equal(from_json(item)(z), MAPS[name](z))


def test_a_damaged_calibration_is_refused_and_an_absent_one_changes_nothing() -> None:
    assert from_json({}) == NONE
    for item in (
        {"method": "magic"},
        {"method": "platt", "slope": 1.0},
        {"method": "platt", "slope": -1.0, "shift": 0.0},
        {"method": "isotonic", "x": [], "y": []},
        {**to_json(MAPS["query"]), "scale": [1.0]},
    ):
        with pytest.raises(InputError, match="calibration"):
            from_json(item)


def test_features_of_one_candidate_and_of_equal_scores_are_finite() -> None:
    np.testing.assert_allclose(query_features(np.array([3.0])), [3, 0, 0, 0], atol=1e-12)
    got = query_features(np.full(4, -800.0))
    np.testing.assert_allclose(got, [-800, 0, np.log(4), np.log(4)])


def test_folds_divide_no_group_and_every_query_is_in_one() -> None:
    data = simulated(103, per_group=4)
    folds = data.folds(5)
    assert (np.sum(folds, axis=0) == 1).all()
    for fold in folds:
        assert not set(data.groups[fold]) & set(data.groups[~fold])
        assert 15 <= fold.sum() <= 27
    few = simulated(40, per_group=20).folds(5)
    assert all(fold.sum() == 8 for fold in few), "two groups: queries are dealt out"


@pytest.mark.parametrize(
    "model, data", [("minilm-cosine", ["lives:train"]), ("mini", ["lives:dev", "test.jsonl"])]
)
def test_an_embedded_model_s_card_says_what_it_was_calibrated_on(
    model: str, data: list[str]
) -> None:
    from labkit.scoring.reranker import Reranker

    reranker = Reranker.load(model)
    assert reranker.card.calibration["fitted"]["data"] == data
    careful, balanced = reranker.threshold("careful"), reranker.threshold("balanced")
    assert careful < balanced < reranker.threshold("lean")
