from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labkit.annotation.agreement import (
    PEOPLE,
    TEACHERS,
    adjudicate,
    history,
    krippendorff_alpha,
    report,
    report_to_json,
    to_adjudicate,
)
from labkit.annotation.consensus import decide
from labkit.annotation.events import LABELS, undoing
from labkit.annotation.store import Store
from labkit.evaluation.agreement import weighted_kappa
from tests.annotation.made_up import event

N = np.nan

# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), parts C and D: four observers,
# twelve units, values 1 to 5; ordinal alpha .815.
FOUR_OBSERVERS = np.array([
    [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
    [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
])  # fmt: skip

# The same, part A: two observers, ten units, two values; alpha .095 whatever the metric.
TWO_OBSERVERS = np.array([
    [0, 1, 0, 0, 0, 0, 0, 0, 1, 0],
    [1, 1, 1, 0, 0, 1, 0, 0, 0, 0],
])  # fmt: skip


def test_the_published_worked_examples_of_alpha() -> None:
    four = krippendorff_alpha(FOUR_OBSERVERS - 1)
    assert four.alpha == pytest.approx(0.815, abs=5e-4)
    assert (four.units, four.values) == (11, 40)
    two = krippendorff_alpha(TWO_OBSERVERS)
    assert two.alpha == pytest.approx(0.095, abs=5e-4)
    assert (two.units, two.values) == (10, 20)


def plain_alpha(ratings: np.ndarray) -> float:
    """Alpha by its definition, pair by pair: one minus disagreement within units over that among
    all values."""
    units = [[int(v) for v in column if not np.isnan(v)] for column in ratings.T]
    units = [unit for unit in units if len(unit) > 1]
    every = [value for unit in units for value in unit]
    count = {v: every.count(v) for v in range(5)}

    def distance(a: int, b: int) -> float:
        low, high = min(a, b), max(a, b)
        between = sum(count[v] for v in range(low, high + 1))
        return (between - (count[a] + count[b]) / 2) ** 2

    within = sum(
        distance(a, b) / (len(unit) - 1)
        for unit in units
        for i, a in enumerate(unit)
        for j, b in enumerate(unit)
        if i != j
    )
    among = sum(
        distance(a, b) for i, a in enumerate(every) for j, b in enumerate(every) if i != j
    )  # fmt: skip
    return 1 - (within / len(every)) / (among / (len(every) * (len(every) - 1)))


def test_alpha_is_that_of_its_definition_on_random_ratings_with_gaps() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        ratings = rng.integers(0, 5, (3, 12)).astype(float)
        ratings[rng.random(ratings.shape) < 0.3] = np.nan
        assert krippendorff_alpha(ratings, draws=2).alpha == pytest.approx(plain_alpha(ratings))


def test_alpha_knows_full_agreement_chance_and_nothing_to_agree_about() -> None:
    rng = np.random.default_rng(0)
    one = rng.integers(0, 5, 400)
    same = krippendorff_alpha([one, one])
    assert same.alpha == 1 and same.interval == (1, 1)
    chance = krippendorff_alpha([one, rng.integers(0, 5, 400)])
    assert chance.interval[0] < 0 < chance.interval[1] and abs(chance.alpha) < 0.1
    for nothing in ([[2, 2, 2], [2, 2, 2]], [[1, N], [N, 1]], np.zeros((2, 0)), np.zeros((0, 0))):
        found = krippendorff_alpha(np.array(nothing, dtype=float))
        assert not found.known and str(found) == "not known"


def test_items_of_one_query_are_drawn_together() -> None:
    rng = np.random.default_rng(1)
    query = np.repeat(np.arange(20), 10)
    truth = np.repeat(rng.integers(0, 5, 20), 10)
    other = np.where(np.repeat(rng.random(20) < 0.3, 10), 4 - truth, truth)  # errs by query
    alone = krippendorff_alpha([truth, other])
    together = krippendorff_alpha([truth, other], groups=query.tolist())
    assert alone.alpha == together.alpha
    width = [high - low for low, high in (alone.interval, together.interval)]
    assert width[1] > 1.5 * width[0]
    again = krippendorff_alpha([truth, other], groups=query.tolist())
    assert again == together


def _standing() -> list:
    rng = np.random.default_rng(2)
    events = []
    for i in range(40):
        truth = int(rng.integers(0, 5))
        said = {"ana": truth, "bo": min(4, truth + int(rng.random() < 0.2))}
        if i % 4 == 0:
            said["cy"] = truth
        for name, level in said.items():
            events.append(
                event(
                    f"{name}-{i}", f"i{i}", name, level=level, query=f"q{i // 2}", model="mini",
                    probability=float(rng.random()), teacher_label=LABELS[truth],
                    sampler="random" if i % 2 else "near",
                )
            )  # fmt: skip
    return events


def test_the_report_compares_annotators_people_teachers_and_students() -> None:
    events = _standing()
    found = report(events)
    ana = {e.item: e.level for e in events if e.annotator == "ana"}
    bo = {e.item: e.level for e in events if e.annotator == "bo"}
    pair = found.annotators[0]
    assert (pair.first, pair.second, pair.items, pair.queries) == ("ana", "bo", 40, 20)
    kappa = weighted_kappa([LABELS[v] for v in ana.values()], [LABELS[bo[i]] for i in ana])
    assert pair.kappa == pytest.approx(kappa) and pair.interval[0] <= kappa <= pair.interval[1]
    assert {(r.first, r.second) for r in found.models} == {
        (PEOPLE, TEACHERS), (PEOPLE, "mini"), ("mini", TEACHERS),
    }  # fmt: skip
    decided = {i: d.label for i, d in decide(events).items() if d.label is not None}
    teachers = next(r for r in found.models if r.second == TEACHERS and r.first == PEOPLE)
    assert teachers.items == len(decided) < 40
    control = next(r for r in found.models_at_random if r.second == TEACHERS)
    assert 0 < control.items < teachers.items
    assert found.alpha.units == 40 and found.alpha.values == 90
    json_ = report_to_json(found)
    assert json_["alpha"]["alpha"] == pytest.approx(found.alpha.alpha, abs=1e-4)


def test_calls_count_what_people_call_relevant_and_what_not() -> None:
    truth = {"i1": 4, "i2": 3, "i3": 1, "i4": 0}
    score = {"i1": 0.9, "i2": 0.2, "i3": 0.8, "i4": 0.1}
    events = [
        event(f"e{item}", item, level=level, model="mini", probability=score[item])
        for item, level in truth.items()
    ]
    (calls,) = report(events).calls
    assert (calls.found, calls.relevant, calls.rejected, calls.irrelevant) == (1, 2, 1, 2)
    (calls,) = report(events, threshold=0.85).calls
    assert (calls.found, calls.relevant, calls.rejected, calls.irrelevant) == (1, 2, 2, 2)


def test_an_empty_store_has_a_report() -> None:
    found = report([])
    assert not found.alpha.known and found.annotators == found.models == found.calls == ()
    assert report_to_json(found)["alpha"]["alpha"] is None


def test_what_differs_is_settled_worst_first_and_the_settlement_can_be_undone(
    tmp_path: Path,
) -> None:
    said = {"same": (2, 2), "near": (0, 1), "far": (0, 2), "divided": (2, 3), "wide": (0, 4),
            "outvoted": (0, 4, 4)}  # fmt: skip
    with Store(tmp_path / "a.sqlite") as store:
        for item, levels in said.items():
            for i, level in enumerate(levels):
                store.append(event(f"{item}{i}", item, f"a{i}", level=level))
        order = to_adjudicate(store.standing())
        assert [d.item for d in order] == ["wide", "divided", "far", "near", "outvoted"]
        first = adjudicate(store, order[0], id_="x1", annotator="cy", level=4, note="see date")
        assert not first.blind and first.content_sha256 == "c-wide"
        left = to_adjudicate(store.standing())
        assert [d.item for d in left] == ["divided", "far", "near", "outvoted"]
        assert decide(store.standing())["wide"].level == 4
        settled = decide(store.standing())["wide"]
        again = adjudicate(store, settled, id_="x2", annotator="di", level=None)
        assert again.previous == "x1"
        store.append(undoing(again, "u"))
        assert decide(store.standing())["wide"].level == 4
        steps = history(store, "wide")
        assert [(s.event.id, s.undone) for s in steps] == [
            ("wide0", False), ("wide1", False), ("x1", False), ("x2", True), ("u", False),
        ]  # fmt: skip
