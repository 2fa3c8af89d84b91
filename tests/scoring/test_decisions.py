from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.records import Memory, Query
from labkit.scoring import abstention
from labkit.scoring.calibration import calibrated, from_json, probability
from labkit.scoring.decisions import decide, decided
from labkit.scoring.reranker import Reranker
from labkit.scoring.scored import ScoredData
from labkit.scoring.transfer import transfer
from labkit.students.card import Card, read_card

from .scored_data import simulated


def saved(card: Card, folder: Path) -> Card:
    """The card after a round trip through its file."""
    card.save(folder)
    found = read_card(folder)
    assert found is not None
    return found


def test_a_card_s_thresholds_do_on_the_same_data_what_it_says(tmp_path: Path) -> None:
    data = simulated(300, slope=0.5, shift=-1, per_group=3)
    decisions = decide(data, methods=["platt"])
    card = saved(decided(Card(family="encoder"), decisions, {"queries": 300}), tmp_path)
    assert set(card.thresholds) == {"balanced", "careful", "lean"} == set(card.operating_points)
    assert card.thresholds["careful"] < card.thresholds["balanced"] < card.thresholds["lean"]
    report = transfer(card, data)
    for name, (_, did) in report.points.items():
        told = card.operating_points[name]["on_its_data"]
        assert did.recall == pytest.approx(told["recall"], abs=1e-4), "to the last pair"
        assert did.kept == pytest.approx(told["kept"], abs=1e-4)
    assert report.best is not None
    assert report.points["balanced"][1].f1 == report.best[1].f1
    assert report.calibrated.ece < report.bare.ece


def test_what_was_fitted_here_holds_on_more_of_the_kind() -> None:
    fitted = decided(Card(family="encoder"), decide(simulated(400, 1, slope=0.5)), {})
    report = transfer(fitted, simulated(4000, 2, slope=0.5))
    assert report.calibrated.ece < 0.02 < report.bare.ece
    assert report.best is not None
    assert report.best[1].f1 - report.points["balanced"][1].f1 < 0.02
    assert report.points["careful"][1].dropped < 0.07


def test_promises_are_exact_unless_a_map_that_reads_the_query_was_fitted_on_the_same() -> None:
    data, other = simulated(200, 1, query_shift=2), simulated(200, 2, query_shift=2)
    same = decide(data, methods=["query"])
    assert [same.points[n]["exact"] for n in ("careful", "lean")] == [False, False]
    apart = decide(data, other, methods=["query"])
    assert [apart.points[n]["exact"] for n in ("careful", "lean")] == [True, True]
    assert apart.points["careful"]["n"] == int(other.answerable.sum())
    np.testing.assert_array_equal(
        apart.probabilities, probability(calibrated(apart.choice.calibration, other))
    )
    plain = decide(data, methods=["beta"])
    assert plain.points["careful"]["exact"] is True


def test_deciding_on_a_query_of_the_fit_is_refused_and_a_namesake_is_not() -> None:
    data, other = simulated(200, 1), simulated(200, 2)
    assert {q.id for q in data.queries} == {q.id for q in other.queries}, "namesakes"
    assert decide(data, other, methods=["platt"]).points["careful"]["exact"] is True
    mixed = ScoredData([*other.queries[:150], *data.queries[:3]])
    with pytest.raises(InputError, match="3 of 153 queries to decide on are those .* expected oth"):
        decide(data, mixed, methods=["platt"])


def test_a_precision_out_of_reach_is_said_and_the_best_is_promised_instead() -> None:
    reach = decide(simulated(2000, 1), methods=["none"]).points["lean"]
    assert reach["precision"] == 0.9 and "not attainable" not in reach["rule"]
    noisy = simulated(300, 1, query_shift=6)
    lean = decide(noisy, methods=["platt"]).points["lean"]
    assert lean["precision"] < 0.9 and "0.9 is not attainable" in lean["rule"]
    assert f"at least {lean['precision']:g}" in lean["promise"]


def test_scores_that_do_not_tell_give_no_abstention_and_a_line_that_says_so() -> None:
    data = simulated(200, 1, candidates=3)
    rng = np.random.default_rng(0)
    blind = ScoredData(
        replace(q, log_odds=tuple(rng.normal(size=3).tolist())) for q in data.queries
    )
    decisions = decide(blind)
    assert decisions.abstention is None
    assert any("the scores do not tell" in line for line in decisions.notes)
    card = decided(Card(family="encoder"), decisions, {})
    assert card.abstention == {} and transfer(card, blind).abstention is None
    telling = decide(data)
    assert telling.abstention is not None and telling.abstention_auroc is not None
    report = transfer(decided(Card(family="encoder"), telling, {}), data)
    assert report.abstention is not None
    assert report.abstention.auroc > 0.6 and report.abstention.quality.ece < 0.1


def test_when_to_abstain_is_learned_from_its_own_queries_and_nothing_else_is() -> None:
    data, deciding, asked = simulated(200, 1), simulated(200, 2), simulated(300, 3, candidates=4)
    plain = decide(data, deciding, methods=["platt"])
    apart = decide(data, deciding, asked, methods=["platt"])
    assert apart.abstention == abstention.fit(asked).abstention != plain.abstention
    assert plain.abstention == abstention.fit(deciding).abstention
    assert apart.thresholds == plain.thresholds and apart.points == plain.points
    assert apart.choice.calibration == plain.choice.calibration
    # They may hold nothing that a threshold could be found on.
    none = ScoredData(q for q in asked.queries if max(q.labels) < 0.6)
    assert decide(data, deciding, none, methods=["platt"]).abstention is None


def test_data_without_a_relevant_memory_is_measured_and_not_fitted_on() -> None:
    nothing = ScoredData(replace(q, labels=(0.0,) * len(q.labels)) for q in simulated(30).queries)
    with pytest.raises(InputError, match="too few to calibrate"):
        decide(nothing)
    report = transfer(decided(Card(family="encoder"), decide(simulated(200)), {}), nothing)
    assert report.best is None and report.base_rate == 0
    text = json.dumps(report.to_json(), allow_nan=False)
    assert json.loads(text)["points"]["balanced"][1]["recall"] is None
    assert transfer(Card(family="encoder"), ScoredData([])).queries == 0


def test_a_reranker_reads_thresholds_by_name_and_calibrates_what_it_shows(
    query: Query, memories: list[Memory]
) -> None:
    plain = Reranker.load("minilm-cosine")
    bare = replace(plain.card, calibration={}, abstention={}, thresholds={}, operating_points={})
    student = type(plain.student)(
        replace(
            bare,
            calibration={"method": "platt", "slope": 2.0, "shift": -1.0},
            thresholds={"careful": 0.125},
        )
    )
    reranker = Reranker(student, "made")
    ranking = reranker.rerank(query, memories)
    raw = Reranker(type(plain.student)(bare), "bare").rerank(query, memories)
    assert ranking.log_odds == raw.log_odds and ranking.memories == raw.memories
    want = probability(2 * np.array(raw.log_odds) - 1)
    np.testing.assert_allclose(ranking.probabilities, want)
    np.testing.assert_allclose(raw.probabilities, probability(np.array(raw.log_odds)))
    assert reranker.threshold("careful") == 0.125
    assert reranker.threshold("0.5") == reranker.threshold(0.5) == 0.5
    for bad in ("carefree", "1.5", "nan", -0.1):
        with pytest.raises(InputError, match="expected a number from 0 to 1, or one of careful"):
            reranker.threshold(bad)
    with pytest.raises(InputError, match="labkit calibrate"):
        Reranker(type(plain.student)(bare), "bare").threshold("careful")


def test_a_card_of_before_there_were_calibrations_still_loads(tmp_path: Path) -> None:
    old = {
        "format": 1, "family": "cosine", "rendering": 1, "template": None,
        "head": {"slope": 8.0, "intercept": -5.0}, "thresholds": {"balanced": 0.199},
        "budgets": {}, "base": {}, "training": {}, "description": "",
    }  # fmt: skip
    (tmp_path / "labkit.json").write_text(json.dumps(old), encoding="utf-8")
    reranker = Reranker.load(tmp_path)
    assert reranker.threshold("balanced") == 0.199
    ranking = reranker.rerank(Query("roof?"), [Memory("a", "The roof leaks.")])
    assert ranking.answerable is None
    np.testing.assert_allclose(ranking.probabilities, probability(np.array(ranking.log_odds)))
    assert from_json(reranker.card.calibration)(np.ones(1)) == 1
