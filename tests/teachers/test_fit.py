"""Premise: verdicts drawn from the model, so the truth is known; choix is the other fitter."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import choix
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import ndtr

from labkit.errors import InputError
from labkit.teachers.fit import Fit, Link, Problem, Teachers, fit
from labkit.teachers.verdicts import Items, Verdict, Verdicts, items_of

NAMES = ("simulated:a", "simulated:b", "simulated:c")


def make_items(queries: int, memories: int) -> Items:
    return Items.of({f"q{q}": [f"m{i}" for i in range(memories)] for q in range(queries)})


def drawn(
    queries: int,
    memories: int,
    cycles: int,
    seed: int,
    reliability: tuple[float, ...] = (2.0, 1.2, 0.7),
    bias: tuple[float, ...] = (0.5, -0.3, 0.0),
) -> tuple[Verdicts, np.ndarray]:
    """Yes-or-no verdicts along random cycles, and the true utilities, each query's mean off."""
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(queries, memories))
    order = np.argsort(rng.random((cycles, queries, memories)), axis=2)
    order = order + np.arange(queries)[:, None] * memories
    first, second = order.ravel(), np.roll(order, 1, axis=2).ravel()
    teacher = rng.integers(0, len(reliability), len(first))
    gap = u.ravel()[first] - u.ravel()[second]
    s = np.array(reliability)[teacher] * gap + np.array(bias)[teacher]
    outcome = (rng.random(len(s)) < 1 / (1 + np.exp(-s))).astype(float)
    items = make_items(queries, memories)
    verdicts = Verdicts(items, NAMES[: len(bias)], first, second, teacher, outcome, np.ones(len(s)))
    return verdicts, (u - u.mean(1, keepdims=True)).ravel()


@pytest.mark.parametrize("seed", range(5))
def test_plain_bradley_terry_is_choix_s(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(2, 20)), int(rng.integers(1, 120))
    first = rng.integers(0, n, m)
    second = (first + rng.integers(1, n, m)) % n
    won = rng.integers(0, 2, m)
    verdicts = Verdicts(
        make_items(1, n), ("a",), first, second, np.zeros(m, int), won.astype(float), np.ones(m)
    )
    ours = fit(verdicts, prior_sd=1.3, estimate_teachers=False)
    pairs = [(i, j) if w else (j, i) for i, j, w in zip(first, second, won, strict=True)]
    # choix penalises alpha * sum(u^2): a Gaussian prior of variance 1 / (2 alpha)
    theirs = choix.opt_pairwise(n, pairs, alpha=1 / (2 * 1.3**2), tol=1e-12)
    np.testing.assert_allclose(ours.utilities, theirs, atol=1e-6)


def test_thurstone_maximises_the_normal_likelihood() -> None:
    verdicts, _ = drawn(1, 8, 3, 0)
    ours = fit(verdicts, link="normal", estimate_teachers=False)

    def loss(u: np.ndarray) -> float:
        s = u[verdicts.first] - u[verdicts.second]
        p = np.where(verdicts.outcome == 1, ndtr(s), ndtr(-s))
        return float(-np.log(p).sum() + 0.5 * (u**2).sum())

    found = minimize(loss, np.zeros(8), method="BFGS", options={"gtol": 1e-8})
    np.testing.assert_allclose(ours.utilities, found.x, atol=1e-5)


def test_many_queries_at_once_are_the_same_as_one_by_one() -> None:
    verdicts, _ = drawn(6, 9, 2, 1)
    whole = fit(verdicts, estimate_teachers=False).utilities
    query = verdicts.items.query
    for q in range(6):
        mine = query[verdicts.first] == q
        alone = Verdicts(
            make_items(1, 9),
            verdicts.teachers,
            verdicts.first[mine] - 9 * q,
            verdicts.second[mine] - 9 * q,
            verdicts.teacher[mine],
            verdicts.outcome[mine],
            verdicts.weight[mine],
        )
        part = fit(alone, estimate_teachers=False).utilities
        np.testing.assert_allclose(whole[query == q], part, atol=1e-8)


@pytest.fixture(scope="module")
def known() -> tuple[Fit, np.ndarray]:
    verdicts, truth = drawn(400, 16, 6, 0)
    return fit(verdicts), truth


def test_reliability_and_position_bias_are_recovered(known: tuple[Fit, np.ndarray]) -> None:
    teachers = known[0].teachers
    np.testing.assert_allclose(teachers.reliability, [2.0, 1.2, 0.7], rtol=0.12)
    np.testing.assert_allclose(teachers.position_bias, [0.5, -0.3, 0.0], atol=0.08)


def test_utilities_are_recovered_and_standard_errors_cover(known: tuple[Fit, np.ndarray]) -> None:
    fitted, truth = known
    error = fitted.utilities - truth
    assert np.corrcoef(fitted.utilities, truth)[0, 1] > 0.8
    covered = np.abs(error) <= 1.96 * fitted.standard_errors
    assert 0.92 <= covered.mean() <= 0.97
    narrow = np.abs(error) <= 0.674 * fitted.standard_errors
    assert 0.45 <= narrow.mean() <= 0.55


def test_more_comparisons_mean_smaller_standard_errors() -> None:
    means = [fit(drawn(60, 12, c, 3)[0]).standard_errors.mean() for c in (1, 2, 4, 8)]
    assert means == sorted(means, reverse=True)
    assert means[-1] < 0.7 * means[0]


def test_a_teacher_that_guesses_is_hardly_heard() -> None:
    verdicts, truth = drawn(200, 16, 8, 5, (2.0, 2.0, 0.0), (0.0, 0.0, 1.0))
    fitted = fit(verdicts)
    assert fitted.teachers.reliability[2] < 0.15
    deaf = fit(verdicts.chosen(verdicts.teacher < 2))
    trusting = fit(verdicts, estimate_teachers=False)

    def follows(found: Fit) -> float:
        return float(np.corrcoef(found.utilities, truth)[0, 1])

    assert follows(fitted) > follows(trusting) + 0.02
    assert follows(fitted) == pytest.approx(follows(deaf), abs=0.01)


@pytest.mark.parametrize("link", ["logistic", "normal"])
def test_a_fractional_preference_is_that_share_of_outcomes(link: Link) -> None:
    items = make_items(1, 4)
    soft = [("m0", "m1", 0.5), ("m1", "m2", -0.25), ("m2", "m3", 0.0), ("m3", "m0", 1.0)]
    fractional = Verdicts.of([Verdict("q0", i, j, "t", p) for i, j, p in soft], items)
    replicated = [
        Verdict("q0", i, j, "t", sign)
        for i, j, p in soft
        for sign, times in ((1.0, 4 * (1 + p)), (-1.0, 4 * (1 - p)))
        for _ in range(int(times))
    ]
    hard = Verdicts.of(replicated, items)
    hard = Verdicts(
        items, hard.teachers, hard.first, hard.second, hard.teacher, hard.outcome, hard.weight / 8
    )
    one = fit(fractional, link=link, estimate_teachers=False)
    two = fit(hard, link=link, estimate_teachers=False)
    np.testing.assert_allclose(one.utilities, two.utilities, atol=1e-8)
    np.testing.assert_allclose(one.standard_errors, two.standard_errors, rtol=1e-6)


def test_the_order_of_verdicts_and_memories_does_not_matter() -> None:
    verdicts, _ = drawn(20, 7, 3, 8)
    rng = np.random.default_rng(0)
    shuffled = fit(verdicts.chosen(rng.permutation(len(verdicts))))
    straight = fit(verdicts)
    np.testing.assert_allclose(shuffled.utilities, straight.utilities, atol=1e-7)
    # new numbers for the memories: item i becomes item place[i], within its query
    place = np.concatenate([q * 7 + rng.permutation(7) for q in range(20)])
    renamed = Verdicts(
        verdicts.items,
        verdicts.teachers,
        place[verdicts.first],
        place[verdicts.second],
        verdicts.teacher,
        verdicts.outcome,
        verdicts.weight,
    )
    np.testing.assert_allclose(fit(renamed).utilities[place], straight.utilities, atol=1e-7)


def test_showing_the_pair_the_other_way_round_mirrors_the_position_bias() -> None:
    verdicts, _ = drawn(40, 10, 4, 2)
    mirrored = Verdicts(
        verdicts.items,
        verdicts.teachers,
        verdicts.second,
        verdicts.first,
        verdicts.teacher,
        1 - verdicts.outcome,
        verdicts.weight,
    )
    one, two = fit(verdicts), fit(mirrored)
    np.testing.assert_allclose(two.utilities, one.utilities, atol=1e-6)
    np.testing.assert_allclose(two.teachers.position_bias, -one.teachers.position_bias, atol=1e-6)


def test_a_seed_makes_the_fit_repeatable_where_teachers_are_learnt_from_a_sample() -> None:
    verdicts, _ = drawn(60, 8, 3, 4)
    one, two = (fit(verdicts, sample_queries=20, seed=7) for _ in range(2))
    assert np.array_equal(one.utilities, two.utilities)
    all_of_them = fit(verdicts)
    assert np.corrcoef(one.utilities, all_of_them.utilities)[0, 1] > 0.98


def test_a_memory_that_always_wins_stays_finite_and_one_never_judged_stays_at_the_prior() -> None:
    items = make_items(1, 3)
    found = fit(Verdicts.of([Verdict("q0", "m0", "m1", "t", 1.0)] * 50, items))
    assert np.isfinite(found.utilities).all() and found.utilities[0] > found.utilities[1]
    assert found.utilities[2] == pytest.approx(0, abs=1e-9)
    assert found.standard_errors[2] > found.standard_errors[0]


def test_no_verdicts_at_all_is_the_prior() -> None:
    found = fit(Verdicts.of([], make_items(2, 3)))
    assert not found.utilities.any()


def test_cross_query_verdicts_are_solved_exactly() -> None:
    """The block elimination against one dense system of everything."""
    rng = np.random.default_rng(0)
    items = make_items(4, 5)
    n, m = 20, 90
    first = rng.integers(0, n, m)
    second = np.where(np.arange(m) % 3 == 0, rng.integers(0, 5, m), (first // 5) * 5)
    second = np.where(first == second, first + 1, second)
    outside = (first // 5 != second // 5) & (second // 5 != 0)
    assert not outside.any()  # query 0 is the reference
    verdicts = Verdicts(items, ("t",), first, second, np.zeros(m, int), rng.random(m), np.ones(m))
    problem = Problem(verdicts, prior_sd=0.8, query_sd=1.5)
    teachers = Teachers.alike(1)
    u = problem.solve(teachers)
    covariance = 0.8**2 * np.eye(n) + 1.5**2 * np.kron(np.eye(4), np.ones((5, 5)))
    prior = np.linalg.inv(covariance)
    p = 1 / (1 + np.exp(u[second] - u[first]))
    design = np.zeros((m, n))
    design[np.arange(m), first] += 1
    design[np.arange(m), second] -= 1
    np.testing.assert_allclose(design.T @ (p - verdicts.outcome) + prior @ u, 0, atol=1e-7)
    dense = np.linalg.inv(design.T @ ((p * (1 - p))[:, None] * design) + prior)
    spread = problem.spread(u, teachers)
    np.testing.assert_allclose(spread.variance, np.diag(dense), rtol=1e-8)
    np.testing.assert_allclose(
        spread.difference, np.einsum("mi,ij,mj->m", design, dense, design), rtol=1e-8
    )
    centred = np.kron(np.eye(4), np.eye(5) - 1 / 5)
    np.testing.assert_allclose(
        spread.centred, np.diag(centred @ dense @ centred), rtol=1e-8, atol=1e-12
    )


def test_cross_query_verdicts_without_a_hub_are_refused() -> None:
    rng = np.random.default_rng(0)
    verdicts = Verdicts(
        make_items(800, 4),
        ("t",),
        rng.integers(0, 1600, 3000),
        rng.integers(1600, 3200, 3000),
        np.zeros(3000, int),
        np.ones(3000),
        np.ones(3000),
    )
    with pytest.raises(InputError, match="reference queries"):
        Problem(verdicts)


def test_malformed_and_refused_verdicts_are_counted_apart_and_not_used() -> None:
    given = [
        Verdict("q", "a", "b", "t", 1.0),
        Verdict("q", "b", "a", "t", 0.0, "tied"),
        Verdict("q", "a", "b", "t", 0.0, "malformed"),
        Verdict("q", "a", "b", "s", 0.0, "refused"),
    ]
    verdicts = Verdicts.of(given)
    assert len(verdicts) == 2
    assert verdicts.unusable == {("t", "malformed"): 1, ("s", "refused"): 1}
    assert items_of(given).memories == ("a", "b")
    with pytest.raises(InputError, match="expected a memory of the data"):
        Verdicts.of([Verdict("q", "a", "z", "t", 1.0)], items_of(given))


@pytest.mark.slow
def test_a_million_verdicts_over_20000_queries_take_less_than_a_minute_and_2_gib() -> None:
    # A process of its own: the peak of this one is that of every test before.
    here = "from tests.teachers.test_fit import fit_a_million; fit_a_million()"
    subprocess.run([sys.executable, "-c", here], check=True)


def fit_a_million() -> None:
    verdicts, truth = drawn(20_000, 10, 5, 0)
    assert len(verdicts) == 1_000_000
    started = time.perf_counter()
    fitted = fit(verdicts)
    assert time.perf_counter() - started < 60
    # Of this process alone; ru_maxrss starts at what its parent held.
    status = Path("/proc/self/status").read_text()
    peak_kib = int(status.partition("VmHWM:")[2].split()[0])
    assert peak_kib < 2 * 2**20
    assert np.corrcoef(fitted.utilities, truth)[0, 1] > 0.8
