"""Premise: a world where grade = g(utility) + noise, with queries that have no answer at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.teachers.fit import Fit, fit
from labkit.teachers.labels import Labels, label
from labkit.teachers.verdicts import Grade, Grades, Items, Verdict, Verdicts

QUERIES, MEMORIES = 60, 12
TEACHERS = ("simulated:a", "simulated:b", "simulated:c")


def world(seed: int, *, cycles: int = 2) -> tuple[Verdicts, Items, np.ndarray]:
    """Truth in [0, 1]: every third query has no answer, and its best memory is worth 0.35."""
    rng = np.random.default_rng(seed)
    items = Items.of({f"q{q}": [f"m{i}" for i in range(MEMORIES)] for q in range(QUERIES)})
    truth = rng.uniform(0.05, 0.3, (QUERIES, MEMORIES))
    truth[:, 1] = rng.uniform(0.4, 0.6, QUERIES)
    truth[:, 0] = rng.uniform(0.8, 0.95, QUERIES)
    none = np.arange(QUERIES) % 3 == 0
    truth[none, :2] = 0.35, 0.3
    order = np.argsort(rng.random((cycles, QUERIES, MEMORIES)), axis=2)
    order = order + np.arange(QUERIES)[:, None] * MEMORIES
    first = np.concatenate([order.ravel(), np.roll(order, 1, 2).ravel()])
    second = np.concatenate([np.roll(order, 1, 2).ravel(), order.ravel()])
    flat = truth.ravel()
    gap = flat[first] - flat[second] + 0.1 * rng.standard_normal(len(first))
    outcome = (np.tanh(3 * gap) + 1) / 2
    teacher = rng.integers(0, 3, len(first))
    return (
        Verdicts(items, TEACHERS, first, second, teacher, outcome, np.ones(len(first))),
        items,
        flat,
    )


def graded(
    items: Items, truth: np.ndarray, seed: int, *, noise: float = 0.1, wild: float = 0.0
) -> Grades:
    """Four memories of each query, each by each teacher; a share of grades is drawn at random."""
    rng = np.random.default_rng(seed)
    chosen = (np.arange(QUERIES)[:, None] * MEMORIES + [0, 1, 4, 8]).ravel()
    item, teacher = np.repeat(chosen, 3), np.tile(np.arange(3), len(chosen))
    given = truth[item] + np.array([0.05, -0.05, 0.0])[teacher]
    given = given + noise * rng.standard_normal(len(item))
    absurd = rng.random(len(item)) < wild
    given = np.where(absurd, rng.random(len(item)), given)
    return Grades(items, TEACHERS, item, teacher, np.clip(given, 0, 1))


@pytest.fixture(scope="module")
def made() -> tuple[Fit, np.ndarray, Labels]:
    verdicts, items, truth = world(0)
    fitted = fit(verdicts)
    return fitted, truth, label(fitted, graded(items, truth, 0))


def test_labels_are_the_truth_give_or_take(made: tuple[Fit, np.ndarray, Labels]) -> None:
    _, truth, found = made
    assert found.basis == "grades"
    assert ((found.labels >= 0) & (found.labels <= 1)).all()
    assert np.abs(found.labels - truth).mean() < 0.05
    assert abs((found.labels - truth).mean()) < 0.02


def test_a_query_without_an_answer_gets_no_high_label(
    made: tuple[Fit, np.ndarray, Labels],
) -> None:
    _, _, found = made
    top = found.labels.reshape(QUERIES, MEMORIES).max(1)
    none = np.arange(QUERIES) % 3 == 0
    assert top[none].max() < 0.6
    assert top[~none].min() > 0.7
    # the verdicts alone cannot know: their utilities sum to 0 in each query
    sums = made[0].utilities.reshape(QUERIES, MEMORIES).sum(1)
    np.testing.assert_allclose(sums, 0, atol=1e-7)


def test_standard_errors_of_labels_cover(made: tuple[Fit, np.ndarray, Labels]) -> None:
    _, truth, found = made
    covered = np.abs(found.labels - truth) <= 1.96 * found.standard_errors + 0.01
    assert 0.85 <= covered.mean() <= 0.99


def test_leniency_of_teachers_is_found_and_removed(made: tuple[Fit, np.ndarray, Labels]) -> None:
    leniency = made[2].leniency
    assert sum(leniency.values()) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(list(leniency.values()), [0.05, -0.05, 0], atol=0.025)
    assert made[2].grade_noise == pytest.approx(0.1, abs=0.04)


def test_the_map_never_falls(made: tuple[Fit, np.ndarray, Labels]) -> None:
    assert (np.diff(made[2].map.labels) >= 0).all()


def test_a_few_absurd_grades_move_little() -> None:
    verdicts, items, truth = world(1)
    fitted = fit(verdicts)
    clean = label(fitted, graded(items, truth, 1)).labels
    dirty = label(fitted, graded(items, truth, 1, wild=0.05)).labels
    assert np.abs(dirty - truth).mean() < np.abs(clean - truth).mean() + 0.02


def test_more_comparisons_mean_smaller_errors_of_labels() -> None:
    found = []
    for cycles in (1, 4):
        verdicts, items, truth = world(2, cycles=cycles)
        labels = label(fit(verdicts), graded(items, truth, 2))
        found.append((np.abs(labels.labels - truth).mean(), labels.standard_errors.mean()))
    assert found[1] < found[0] and found[1][1] < found[0][1]


def test_labels_are_deterministic_and_a_sample_of_queries_sets_the_same_scale() -> None:
    verdicts, items, truth = world(3)
    fitted, grades = fit(verdicts), graded(items, truth, 3)
    one, two = label(fitted, grades), label(fitted, grades)
    assert np.array_equal(one.labels, two.labels)
    fewer = label(fitted, grades, sample_queries=30, seed=1)
    assert np.abs(fewer.labels - one.labels).mean() < 0.03


def test_without_grades_the_labels_say_what_they_rest_on_and_doubt_themselves() -> None:
    verdicts, _, truth = world(4)
    found = label(fit(verdicts))
    assert found.basis == "prior"
    top = found.labels.reshape(QUERIES, MEMORIES)[:, 0]
    none = np.arange(QUERIES) % 3 == 0
    # not told apart beyond their gap to the rest, and the errors are wide enough to say so
    assert found.standard_errors.reshape(QUERIES, MEMORIES)[none, 0].mean() > 0.15
    assert np.corrcoef(found.labels, truth)[0, 1] > 0.5
    assert top.max() <= 0.9


def test_cross_query_verdicts_tell_a_query_without_an_answer_from_one_with_it() -> None:
    verdicts, items, truth = world(5)
    rng = np.random.default_rng(5)
    # each query's first two memories meet three references of query 1, which has an answer
    here = np.repeat((np.arange(QUERIES)[:, None] * MEMORIES + [0, 1]).ravel(), 3)
    there = np.tile(MEMORIES + np.array([0, 1, 4]), 2 * QUERIES)
    other = here // MEMORIES != 1
    here, there = here[other], there[other]
    gap = truth[here] - truth[there] + 0.1 * rng.standard_normal(len(here))
    both = replace(
        verdicts,
        first=np.concatenate([verdicts.first, here]),
        second=np.concatenate([verdicts.second, there]),
        teacher=np.concatenate([verdicts.teacher, rng.integers(0, 3, len(here))]),
        outcome=np.concatenate([verdicts.outcome, (np.tanh(3 * gap) + 1) / 2]),
        weight=np.ones(len(verdicts) + len(here)),
    )
    found = label(fit(both))
    assert found.basis == "cross-query"
    top = found.labels.reshape(QUERIES, MEMORIES).max(1)
    none = np.arange(QUERIES) % 3 == 0
    assert top[none].max() < top[~none].min()


def test_grades_of_other_items_are_refused() -> None:
    verdicts = Verdicts.of([Verdict("q", "a", "b", "t", 1.0)])
    other = Items.of({"q": ["a", "b"]})
    with pytest.raises(InputError, match=r"Grades.of\(..., fit.items\)"):
        label(fit(verdicts), Grades.of([Grade("q", "a", "t", 1.0)], other))
    with pytest.raises(InputError, match="expected a memory of the data"):
        Grades.of([Grade("q", "z", "t", 1.0)], other)
