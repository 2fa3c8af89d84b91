from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, cohen_kappa_score, roc_auc_score

from labkit.evaluation.agreement import levels
from labkit.records import Example, Memory, Query
from labkit.teachers.fit import fit
from labkit.teachers.labels import label
from labkit.teachers.summary import against_gold, pairs_of, summarise, triads
from labkit.teachers.verdicts import Items, Verdict, Verdicts


def verdicts_of(items: Items, said: list[tuple[str, str, float]], teacher: str = "t") -> Verdicts:
    return Verdicts.of(
        [Verdict("q", one, two, teacher, p, "ok" if p else "tied") for one, two, p in said], items
    )


def test_circles_are_those_that_counting_finds() -> None:
    rng = np.random.default_rng(3)
    names = [f"m{i}" for i in range(9)]
    items = Items.of({"q": names})
    chosen = [pair for pair in combinations(names, 2) if rng.random() < 0.8]
    said = [(a, b, float(rng.choice([-1.0, 0.0, 0.4, 1.0]))) for a, b in chosen]
    verdicts = verdicts_of(items, said)
    beats = {(a, b) if p > 0 else (b, a) for a, b, p in said if p}
    judged = {frozenset(pair) for pair in beats}
    complete = circles = 0
    for trio in combinations(names, 3):
        if all(frozenset(pair) in judged for pair in combinations(trio, 2)):
            complete += 1
            wins = [sum((a, b) in beats for b in trio) for a in trio]
            circles += wins == [1, 1, 1]
    assert complete > 10 and circles > 1
    assert triads(pairs_of(verdicts, 0), verdicts) == (complete, circles)


def test_a_habit_of_the_first_place_is_told_from_a_preference() -> None:
    items = Items.of({"q": ["a", "b", "c"]})
    said = [("a", "b", 0.6), ("b", "a", -0.2), ("c", "a", 0.5), ("a", "c", 0.5), ("b", "c", 0.1)]
    pairs = pairs_of(verdicts_of(items, said), 0)
    of = {(int(i), int(j)): k for k, (i, j) in enumerate(zip(pairs.low, pairs.high, strict=True))}
    assert pairs.preference[of[0, 1]] == pytest.approx(0.4)
    assert pairs.habit[of[0, 1]] == pytest.approx(0.2)
    assert pairs.preference[of[0, 2]] == pytest.approx(0.0)
    assert pairs.habit[of[0, 2]] == pytest.approx(0.5)
    assert pairs.against.tolist() == [k == of[0, 2] for k in range(3)]
    assert pairs.both.tolist() == [k != of[1, 2] for k in range(3)]


def test_two_teachers_agree_where_they_prefer_the_same() -> None:
    names = ("a", "b", "c", "d")
    example = Example(Query("?", id="q"), tuple(Memory(n, n) for n in names), {"a": 1.0})
    one = [("a", "b", 0.9), ("a", "c", 0.8), ("b", "c", 0.3), ("a", "d", 0.2)]
    two = [("b", "a", -0.7), ("c", "a", -0.9), ("b", "c", -0.2), ("c", "d", 0.2)]
    given = [
        Verdict("q", i, j, teacher, p)
        for teacher, said in (("one", one), ("two", two))
        for i, j, p in said
    ]
    given.append(Verdict("q", "a", "b", "two", 0.0, "refused"))
    fitted = fit(Verdicts.of(given, Items.of({"q": names})))
    found = summarise([example], ["one", "two"], given, [], fitted, label(fitted))
    assert found["agreement"]["one / two"]["pairs"] == 3
    assert found["agreement"]["one / two"]["same_preference"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["verdicts"]["two"] == {"ok": 4, "tied": 0, "malformed": 0, "refused": 1}
    assert found["teachers"]["one"]["right_of_verdicts"] == 1.0
    assert found["triads"]["complete"] >= 1
    assert sum(found["labels"]["levels"].values()) == 4 == sum(found["labels"]["histogram"])


def test_a_teacher_without_a_usable_verdict_is_still_counted() -> None:
    given = [Verdict("q", "a", "b", "t", 0.0, "malformed")]
    found = summarise([], ["t", "silent"], given, [], None, None)
    assert found["verdicts"]["t"]["malformed"] == 1
    assert found["verdicts"]["silent"] == {"ok": 0, "tied": 0, "malformed": 0, "refused": 0}


def test_measures_against_gold_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    query = np.repeat(np.arange(30), 12)
    gold = rng.choice([0.0, 0.3, 0.5, 0.7, 1.0], 360, p=[0.7, 0.1, 0.08, 0.06, 0.06])
    labels = np.clip(gold + rng.normal(0, 0.25, 360), 0, 1)
    found = against_gold(labels, gold, query)
    kappa = cohen_kappa_score(levels(labels), levels(gold), weights="quadratic")
    assert found["kappa"] == pytest.approx(kappa, abs=1e-4)
    assert found["kappa_relevant"] == pytest.approx(
        cohen_kappa_score(labels >= 0.6, gold >= 0.6), abs=1e-4
    )
    assert found["brier"] == pytest.approx(np.mean((labels - gold) ** 2), abs=1e-4)
    precisions, best, answered = [], [], []
    for q in range(30):
        mine = query == q
        hit = gold[mine] >= 0.6
        best.append(labels[mine].max())
        answered.append(hit.any())
        if hit.any():
            # scikit-learn takes tied scores together; a label of 1 ties here, so break ties alike
            order = np.argsort(-labels[mine], kind="stable")
            rank = np.empty(12)
            rank[order] = -np.arange(12)
            precisions.append(average_precision_score(hit, rank))
    assert found["MAP"] == pytest.approx(np.mean(precisions), abs=1e-4)
    assert found["answerable_auroc"] == pytest.approx(roc_auc_score(answered, best), abs=1e-4)


def test_labels_equal_to_gold_have_nothing_left_to_wish_for() -> None:
    gold = np.array([0.9, 0.5, 0.1, 0.7, 0.1, 0.1, 0.3, 0.1])
    found = against_gold(gold, gold, np.array([0, 0, 0, 1, 1, 2, 2, 2]))
    for name in ("kappa", "kappa_relevant", "in_order", "MAP", "answerable_auroc"):
        assert found[name] == 1
    assert found["ece"] == found["brier"] == 0
