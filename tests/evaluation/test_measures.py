from __future__ import annotations

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, MRR, P, R, SetF, Success, nDCG
from scipy.stats import binomtest
from sklearn.metrics import (
    brier_score_loss,
    f1_score,
    precision_recall_curve,
    roc_auc_score,
)
from sklearn.metrics import log_loss as sk_log_loss

from labkit.errors import InputError
from labkit.evaluation.measures import (
    Judged,
    Measure,
    Scored,
    auroc,
    bin_edges,
    bin_of,
    brier,
    expected_calibration_error,
    f1_at,
    log_loss,
    parse_measure,
    pooled_value,
    precision_at_recall,
    ranking_value,
    reliability,
    wilson,
)
from labkit.records import RELEVANT

NAMES = (
    ("MAP", "MRR", "nDCG@10", "P@5", "R@50", "F1@3", "R_any@5", "R_all@10")
    + ("Brier", "LogLoss", "ECE", "ECE_mass", "F1_p@0.5", "abstain_AUROC", "abstain_P@0.9")
)  # fmt: skip


def value(name: str, labels: object, every: object | None = None) -> float:
    ranked = np.asarray(labels, dtype=float)
    judged = Judged(ranked, ranked if every is None else np.asarray(every, dtype=float))
    return ranking_value(parse_measure(name), judged)


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_measure_is_the_same_string_everywhere(name: str) -> None:
    assert str(parse_measure(name)) == name


@pytest.mark.parametrize(
    "name",
    ["ndcg@10", "nDCG", "nDCG@0", "nDCG@1.5", "MAP@3", "F1_p", "F1_p@2", "", "@", "P@-1", "R @5"],
)
def test_what_is_no_measure_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(InputError, match="expected|such as"):
        parse_measure(name)


# --- one ranking ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(25))
def test_ranking_measures_agree_with_ir_measures_on_random_runs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(2, 60)), int(rng.integers(1, 20))
    # trec_eval reads whole grades, so labels are grades over 10 and the gains scale alike
    grades = rng.choice([0, 0, 0, 3, 5, 7, 10], size=n)
    grades[rng.integers(n)] = 10
    ranked = rng.permutation(n)[: int(rng.integers(1, n + 1))]
    qrels = {"q": {f"d{i}": int(grades[i]) for i in range(n)}}
    run = {"q": {f"d{i}": float(n - place) for place, i in enumerate(ranked)}}
    first = {"q": dict(list(run["q"].items())[:k])}
    rel = int(RELEVANT * 10)
    oracles = {
        "MAP": AP(rel=rel),
        "MRR": MRR(rel=rel),
        f"nDCG@{k}": nDCG @ k,
        f"P@{k}": P(rel=rel) @ k,
        f"R@{k}": R(rel=rel) @ k,
        f"R_any@{k}": Success(rel=rel) @ k,
    }
    want = ir_measures.calc_aggregate(oracles.values(), qrels, run)
    for name, oracle in oracles.items():
        assert value(name, grades[ranked] / 10, grades / 10) == pytest.approx(
            want[oracle], abs=1e-9
        ), name
    complete = want[oracles[f"R@{k}"]] == 1
    assert value(f"R_all@{k}", grades[ranked] / 10, grades / 10) == complete
    if len(ranked) >= k:  # SetF divides by what was returned, F1@k by k
        f1 = ir_measures.calc_aggregate([SetF(rel=rel)], qrels, first)[SetF(rel=rel)]
        assert value(f"F1@{k}", grades[ranked] / 10, grades / 10) == pytest.approx(f1, abs=1e-9)


@pytest.mark.parametrize("name", NAMES[:8])
def test_a_query_without_relevant_memory_has_no_ranking_quality(name: str) -> None:
    assert np.isnan(value(name, [0.3, 0]))
    assert np.isnan(value(name, []))


def test_what_the_first_stage_lost_counts_against_the_ranking() -> None:
    assert value("MAP", [1.0], [1.0, 1.0]) == 0.5
    assert value("R@10", [1.0], [1.0, 1.0]) == 0.5
    assert value("R_any@10", [1.0], [1.0, 1.0]) == 1
    assert value("R_all@10", [1.0], [1.0, 1.0]) == 0
    assert value("MRR", [], [1.0]) == 0


# --- probabilities of pairs ----------------------------------------------------------------------


def pairs(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities with ties, and soft labels."""
    rng = np.random.default_rng(seed)
    return rng.random(n).round(2), rng.choice([0, 0, 0.3, 0.5, 0.7, 1.0], n)


@pytest.mark.parametrize("seed", range(5))
def test_scores_of_hard_labels_agree_with_scikit_learn(seed: int) -> None:
    p, soft = pairs(seed)
    y = (soft >= RELEVANT).astype(float)
    assert brier(p, y) == pytest.approx(brier_score_loss(y, p), abs=1e-12)
    assert log_loss(p, y) == pytest.approx(sk_log_loss(y, p), abs=1e-9)
    assert f1_at(p, soft, 0.4) == pytest.approx(f1_score(y, p >= 0.4), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_a_soft_label_counts_as_that_share_of_a_hit(seed: int) -> None:
    p, y = pairs(seed)
    both, twice = np.repeat([1, 0], len(y)), np.concatenate([p, p])
    weight = np.concatenate([y, 1 - y])
    want = sk_log_loss(both, twice, sample_weight=weight)
    assert log_loss(p, y) == pytest.approx(want, abs=1e-9)
    # The label's own variance is in scikit-learn's number and in nobody's power.
    want = brier_score_loss(both, twice, sample_weight=weight) - (y * (1 - y)).mean()
    assert brier(p, y) == pytest.approx(want, abs=1e-12)


def test_certain_errors_cost_much_and_not_infinity() -> None:
    assert 30 < log_loss([1.0, 0.0], [0, 1]) < 40
    assert np.isnan(log_loss([], [])) and np.isnan(brier([], []))
    assert np.isnan(expected_calibration_error([], []))


@pytest.mark.parametrize("equal_mass", [False, True])
def test_the_expected_calibration_error_of_known_gaps(equal_mass: bool) -> None:
    # 100 pairs promised .2 of which 30 come, 100 promised .9 of which 80 come: .1 each
    p = np.repeat([0.2, 0.9], 100)
    y = np.concatenate([np.arange(100) < 30, np.arange(100) < 80]).astype(float)
    ece = expected_calibration_error(p, y, equal_mass=equal_mass)
    assert ece == pytest.approx(0.1, abs=1e-12)
    found = reliability(p, y, equal_mass=equal_mass)
    assert [(b.count, b.promised, b.observed) for b in found] == [
        (100, pytest.approx(0.2), 0.3),
        (100, pytest.approx(0.9), 0.8),
    ]


@given(
    st.lists(st.sampled_from([0, 0.1, 0.25, 0.5, 0.75, 0.99, 1]), min_size=1, max_size=80),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_the_order_of_pairs_and_their_ties_do_not_matter(
    values: list[float], random: object, equal_mass: bool
) -> None:
    y = [float(i % 3 == 0) for i in range(len(values))]
    both = list(zip(values, y, strict=True))
    random.shuffle(both)  # type: ignore[attr-defined]
    p2, y2 = zip(*both, strict=True)
    assert expected_calibration_error(values, y, equal_mass=equal_mass) == pytest.approx(
        expected_calibration_error(p2, y2, equal_mass=equal_mass), abs=1e-12
    )
    edges = bin_edges(values, 5, equal_mass=equal_mass)
    index = bin_of(values, edges)
    for p, b in zip(values, index, strict=True):
        assert edges[b] <= p <= edges[b + 1]
        assert {i for v, i in zip(values, index, strict=True) if v == p} == {b}


def test_bins_of_equal_mass_hold_alike_many() -> None:
    p = np.random.default_rng(0).beta(0.3, 3, 1500)
    counts = np.bincount(bin_of(p, bin_edges(p, equal_mass=True)))
    assert counts.tolist() == [100] * 15


def test_a_calibrated_scorer_has_a_small_error_and_intervals_that_hold_it() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(20_000)
    y = (rng.random(20_000) < p).astype(float)
    assert expected_calibration_error(p, y) < 0.02
    held = [b.interval[0] <= b.promised <= b.interval[1] for b in reliability(p, y, bins=20)]
    assert sum(held) >= 17


@pytest.mark.parametrize(("hits", "count"), [(0, 5), (5, 5), (3, 17), (1, 1), (400, 1000)])
def test_wilson_agrees_with_scipy(hits: int, count: int) -> None:
    want = binomtest(hits, count).proportion_ci(method="wilson")
    assert wilson(hits, count) == pytest.approx((want.low, want.high), abs=1e-12)
    assert wilson(0, 0) == (0, 1)


# --- whether there is an answer ------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_auroc_and_precision_at_recall_agree_with_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, positive = rng.random(80).round(1), rng.random(80) < 0.4
    weights = rng.integers(0, 3, (4, 80))
    for w in [None, *weights]:
        want = roc_auc_score(positive, scores, sample_weight=w)
        assert auroc(scores, positive, w) == pytest.approx(want, abs=1e-12)
        precision, recall, _ = precision_recall_curve(positive, scores, sample_weight=w)
        best = precision[:-1][recall[:-1] >= 0.8].max()
        assert precision_at_recall(scores, positive, 0.8, w) == pytest.approx(best, abs=1e-9)
    assert auroc(scores, positive, weights).shape == (4,)


def test_without_both_sorts_of_queries_abstention_has_no_measure() -> None:
    assert np.isnan(auroc([0.1, 0.9], [True, True]))
    assert np.isnan(auroc([], []))
    assert np.isnan(precision_at_recall([0.1], [False], 0.9))
    assert precision_at_recall([0.5] * 10, [True] * 9 + [False], 0.9) == 0.9


# --- many queries --------------------------------------------------------------------------------


def queries(seed: int, count: int = 30) -> list[Judged]:
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        n = int(rng.integers(0, 12))
        labels = rng.choice([0, 0, 0, 0.3, 1.0], n)
        lost = rng.choice([0.0, 1.0], int(rng.integers(0, 2)))
        p = np.sort(rng.random(n).round(2))[::-1]
        made.append(Judged(labels, np.concatenate([labels, lost]), p))
    return made


@pytest.mark.parametrize("name", NAMES[8:])
def test_pooled_values_are_those_of_all_pairs_and_weights_count_queries(name: str) -> None:
    judged = queries(3)
    scored, measure = Scored.of(judged), parse_measure(name)
    p, y = scored.probabilities, scored.labels
    lost = int(scored.lost.sum())
    answerable = [one.relevant > 0 for one in judged]
    want = {
        "Brier": lambda: brier(p, y),
        "LogLoss": lambda: log_loss(p, y),
        "ECE": lambda: expected_calibration_error(p, y),
        "ECE_mass": lambda: expected_calibration_error(p, y, equal_mass=True),
        "F1_p": lambda: f1_at(p, y, 0.5, lost=lost),
        "abstain_AUROC": lambda: auroc(scored.answer, answerable),
        "abstain_P": lambda: precision_at_recall(scored.answer, answerable, 0.9),
    }[measure.name]()
    assert pooled_value(measure, scored) == pytest.approx(want, abs=1e-12)
    times = np.random.default_rng(0).integers(0, 3, len(judged))
    drawn = [one for one, n in zip(judged, times, strict=True) for _ in range(n)]
    weighted = pooled_value(measure, scored, np.stack([times, np.ones(len(judged))]))
    assert weighted[1] == pytest.approx(want, abs=1e-12)
    if name != "ECE_mass":  # whose bins are those of the whole
        assert weighted[0] == pytest.approx(pooled_value(measure, Scored.of(drawn)), abs=1e-12)


def test_a_rankers_own_word_on_whether_there_is_an_answer_counts() -> None:
    told = Judged(np.array([0.0]), np.array([0.0]), np.array([0.9]), answerable=0.1)
    silent = Judged(np.array([1.0]), np.array([1.0]), np.array([0.4]))
    assert (told.answer, silent.answer) == (0.1, 0.4)
    assert pooled_value(parse_measure("abstain_AUROC"), Scored.of([told, silent])) == 1


def test_pooled_values_of_nothing_are_not_a_number() -> None:
    none = Judged(np.array([1.0]), np.array([1.0]))
    for name in NAMES[8:]:
        assert np.isnan(pooled_value(parse_measure(name), Scored.of([none])))
        assert np.isnan(pooled_value(parse_measure(name), Scored.of([])))


def test_a_measure_of_the_wrong_sort_is_refused() -> None:
    with pytest.raises(InputError, match="one ranking"):
        ranking_value(Measure("Brier"), Judged(np.ones(1), np.ones(1)))
    with pytest.raises(InputError, match="many queries"):
        pooled_value(Measure("MAP"), Scored.of(queries(0)))
