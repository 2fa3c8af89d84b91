"""From utilities to labels in [0, 1] that mean the same on every query.

Verdicts tell which memory of a query is better and by how much, not whether any of them holds the
answer. A few memories of each query get a pointwise rubric grade, and the model

    grade = g(u_i + o_q) + leniency_t + drift_tq + noise

ties the scale down: g is one monotone map for all queries, o_q the query's offset (the prior of
fit.py with query_sd > 0), leniency_t sums to 0 over teachers, and drift_tq is how far a teacher's
rubric wanders on one query. Utilities and offsets have their posterior from verdicts and grades
together; g and the variances maximise the likelihood with the utilities integrated out (EM, by
quadrature). Grades count by a Student-t likelihood with 4 degrees of freedom, so that one absurd
grade moves little (Lange, Little and Taylor 1989).

A label is the posterior mean of g(u), its standard error the posterior standard deviation. What all
teachers get wrong alike is in neither.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls  # type: ignore[import-untyped]
from scipy.special import log_ndtr  # type: ignore[import-untyped]

from labkit.errors import InputError
from labkit.teachers.fit import Absolute, Fit, Problem, Spread, Teachers, of_queries
from labkit.teachers.verdicts import Floats, Grades, Indices, Items, summed

Basis = Literal["grades", "cross-query", "prior"]

LEVEL_SHARES: tuple[tuple[float, float], ...] = (
    (0.1, 0.66),
    (0.3, 0.14),
    (0.5, 0.06),
    (0.7, 0.06),
    (0.9, 0.08),
)
"""Label and share of candidates, worst first: what is assumed where no grade says better."""

_FREEDOM = 4.0
_NODES, _NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
_NODE_WEIGHTS = _NODE_WEIGHTS / _NODE_WEIGHTS.sum()


@dataclass(frozen=True, slots=True)
class LabelMap:
    """The monotone map g from utility to label: straight between ``utilities``, flat outside."""

    utilities: Floats
    labels: Floats

    def __call__(self, u: Floats) -> Floats:
        return np.interp(u, self.utilities, self.labels)

    def moments(self, mean: Floats, variance: Floats) -> tuple[Floats, Floats, Floats]:
        """Mean and variance of g(u), and mean slope, for u ~ N(mean, variance); each [n]."""
        deviation = np.sqrt(variance)
        first, second, slope = np.zeros_like(mean), np.zeros_like(mean), np.zeros_like(mean)
        for node, weight in zip(_NODES, _NODE_WEIGHTS, strict=True):
            value = self(mean + deviation * node)
            first += weight * value
            second += weight * value**2
            slope += weight * value * node
        # Stein's lemma: E[g'(u)] = E[g(u) z] / sd, smooth where g has bends
        slope = slope / np.maximum(deviation, 1e-9)
        return first, np.maximum(second - first**2, 0), slope


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of n items, and what they rest on.

    Attributes:
        items: names of the items.
        labels, standard_errors: [n], in [0, 1].
        utilities: [n], on the scale that all queries share.
        map: from that scale to labels.
        basis: "grades"; "cross-query" = no grades, offsets from cross-query verdicts, levels from
            assumed shares; "prior" = neither, so queries are only comparable on the assumption
            that they are alike, and the standard errors say so.
        grade_noise: standard deviation of a grade around its label; NaN without grades.
        grade_drift: standard deviation of a teacher's drift from query to query.
        leniency: each grading teacher's, by name; they sum to 0.
    """

    items: Items
    labels: Floats
    standard_errors: Floats
    utilities: Floats
    map: LabelMap
    basis: Basis
    grade_noise: float
    grade_drift: float
    leniency: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Scale:
    """All that is shared between queries."""

    map: LabelMap
    query_sd: float
    noise: float
    drift: float
    leniency: Floats


def label(
    fitted: Fit,
    grades: Grades | None = None,
    *,
    shares: tuple[tuple[float, float], ...] = LEVEL_SHARES,
    query_sd: float = 1.0,
    sample_queries: int = 3000,
    seed: int = 0,
    rounds: int = 25,
) -> Labels:
    """Turn a fit into labels.

    Args:
        fitted: of n items.
        grades: pointwise grades of some of the same items, see schedule.to_grade.
        shares: (label, share of candidates), worst first; used only without grades.
        query_sd: how far apart queries' mean utilities are taken to lie, in units of prior_sd;
            learnt where there are grades.
        sample_queries: the shared scale is learnt from at most this many queries.
        seed: of that sample.
        rounds: of EM.

    Raises:
        InputError: the grades are of other items.
    """
    if grades is not None and grades.items is not fitted.items:
        raise InputError(
            "grades are of other items than the fit, expected Grades.of(..., fit.items)"
        )
    if grades is None or len(grades) == 0:
        return _without_grades(fitted, shares, query_sd)
    problem, sample = fitted.problem, grades
    if len(fitted.items.queries) > sample_queries:
        chosen = np.random.default_rng(seed).permutation(len(fitted.items.queries))
        keep = problem.is_border.copy()
        keep[chosen[:sample_queries]] = True
        problem, sample = _sampled(problem, grades, keep)
    scale = _learn_scale(problem, fitted.teachers, sample, query_sd, rounds)
    whole = _with_query_sd(fitted.problem, scale.query_sd)
    u, spread = _posterior(whole, fitted.teachers, grades, scale, fitted.utilities, None, 8)
    mean, squares, _ = scale.map.moments(u, spread.variance)
    return Labels(
        items=fitted.items,
        labels=np.clip(mean, 0, 1),
        standard_errors=np.sqrt(squares),
        utilities=u,
        map=scale.map,
        basis="grades",
        grade_noise=scale.noise,
        grade_drift=scale.drift,
        leniency=dict(zip(grades.teachers, scale.leniency.tolist(), strict=True)),
    )


def _without_grades(
    fitted: Fit, shares: tuple[tuple[float, float], ...], query_sd: float
) -> Labels:
    query = fitted.items.query
    verdicts = fitted.problem.verdicts
    crossing = bool((query[verdicts.first] != query[verdicts.second]).any())
    problem = fitted.problem
    sd = problem.query_sd if crossing else query_sd * problem.prior_sd
    whole = _with_query_sd(problem, sd)
    u = whole.solve(fitted.teachers, start=fitted.utilities)
    variance = whole.spread(u, fitted.teachers).variance
    levels, share = np.array(shares).T
    cut = np.cumsum(share) / share.sum()
    middle = cut - share / share.sum() / 2
    at = np.maximum.accumulate(np.quantile(u, middle) + 1e-9 * np.arange(len(middle)))
    mapped = LabelMap(at, levels)
    mean, spread, _ = mapped.moments(u, variance)
    nan = float("nan")
    basis: Basis = "cross-query" if crossing else "prior"
    return Labels(fitted.items, mean, np.sqrt(spread), u, mapped, basis, nan, nan, {})


def _with_query_sd(problem: Problem, query_sd: float) -> Problem:
    return Problem(
        problem.verdicts, prior_sd=problem.prior_sd, query_sd=query_sd, link=problem.link
    )


def _sampled(problem: Problem, grades: Grades, keep: NDArray[np.bool_]) -> tuple[Problem, Grades]:
    verdicts = of_queries(problem.verdicts, keep)
    kept = keep[problem.query]
    place = np.cumsum(kept) - 1
    mine = kept[grades.item]
    fewer = Grades(
        verdicts.items,
        grades.teachers,
        place[grades.item[mine]],
        grades.teacher[mine],
        grades.grade[mine],
    )
    smaller = Problem(
        verdicts, prior_sd=problem.prior_sd, query_sd=problem.query_sd, link=problem.link
    )
    return smaller, fewer


def _uncensored(grade: Floats, expected: Floats, deviation: Floats) -> tuple[Floats, Floats]:
    """What a grade at the end of its scale stands for: mean and variance, each [g].

    A grade cannot be below 0, so teachers' noise on a worthless memory only ever adds; taken at
    their word, grades would call it worth something. A grade of 0 (or 1) says "0 or less" ("1 or
    more"): its normal variable truncated there (Tobin 1958), by expectation as in EM.
    """
    value, variance = grade.copy(), np.zeros_like(grade)
    for end, sign in ((0.0, 1.0), (1.0, -1.0)):
        at = grade <= end + 1e-9 if sign > 0 else grade >= end - 1e-9
        z = np.clip(sign * (end - expected[at]) / deviation[at], -6, 6)
        ratio = np.exp(-0.5 * z * z - 0.5 * np.log(2 * np.pi) - log_ndtr(z))
        value[at] = expected[at] - sign * deviation[at] * ratio
        variance[at] = deviation[at] ** 2 * np.maximum(1 - z * ratio - ratio**2, 0)
    return value, variance


def _per_cell(problem: Problem, grades: Grades) -> tuple[Indices, Floats]:
    """The (teacher, query) cell of each grade [g], and how many grades that cell has [g]."""
    cell = grades.teacher * len(problem.items.queries) + problem.query[grades.item]
    _, cell, counts = np.unique(cell, return_inverse=True, return_counts=True)
    return cell, counts[cell].astype(np.float64)


def _posterior(
    problem: Problem,
    teachers: Teachers,
    grades: Grades,
    scale: _Scale,
    u: Floats,
    spread: Spread | None,
    rounds: int,
) -> tuple[Floats, Spread]:
    """Utilities and their variances [n] from verdicts and grades, by statistical linearisation.

    A grade is taken for E[g] + E[g'] (u_i - mean) around the present posterior (an iterated
    sigma-point update), so a map that is flat somewhere does not hide an item there for good.
    """
    n = len(u)
    _, per_cell = _per_cell(problem, grades)
    # grades of one cell share their drift: m of them together weigh as one of variance
    # noise^2 / m + drift^2
    own = scale.noise**2 + per_cell * scale.drift**2
    if spread is None:
        spread = problem.spread(u, teachers)
    for number in range(rounds):
        mean, _, slope = scale.map.moments(u, spread.variance)
        at = slope[grades.item]
        followed = at**2 * spread.variance[grades.item]
        expected = mean[grades.item] + scale.leniency[grades.teacher]
        deviation = np.sqrt(scale.noise**2 + scale.drift**2 + followed)
        value, unknown = _uncensored(grades.grade, expected, deviation)
        residual = value - expected
        squares = residual**2 + followed + unknown
        weight = (_FREEDOM + 1) / (_FREEDOM + squares / scale.noise**2) / own
        precision = summed(grades.item, weight * at**2, n)
        pull = summed(grades.item, weight * at * (residual + at * u[grades.item]), n)
        absolute = Absolute(precision, pull)
        aim = problem.solve(teachers, start=u, absolute=absolute, tolerance=1e-4, steps=3)
        u = u + (aim - u) * (1.0 if number < 3 else 0.6)  # damped: the linearisation moves with u
        spread = problem.spread(u, teachers, absolute)
    return u, spread


def _learn_scale(
    problem: Problem, teachers: Teachers, grades: Grades, query_sd: float, rounds: int
) -> _Scale:
    query_sd = query_sd * problem.prior_sd
    u = problem.solve(teachers, tolerance=1e-4)
    count = len(grades.teachers)
    leniency = np.zeros(count)
    problem = _with_query_sd(problem, query_sd)
    sizes = np.maximum(problem.items.sizes, 1)
    spread = problem.spread(u, teachers)
    variance = spread.variance
    # first the regression of grades on what the verdicts say, offsets unknown
    mapped = _fit_map(u, variance * 0.25, grades, np.ones(len(grades)), leniency)
    residual = grades.grade - mapped(u[grades.item])
    scale = _Scale(mapped, query_sd, max(float(residual.std()), 0.02), 0.0, leniency)
    cell, per_cell = _per_cell(problem, grades)
    first_of_cell = np.unique(cell, return_index=True)[1]
    for _ in range(rounds):
        u, spread = _posterior(problem, teachers, grades, scale, u, spread, 1)
        variance = spread.variance
        mean, _, slope = scale.map.moments(u, variance)
        at = slope[grades.item]
        followed = at**2 * variance[grades.item]
        expected = mean[grades.item] + scale.leniency[grades.teacher]
        deviation = np.sqrt(scale.noise**2 + scale.drift**2 + followed)
        value, unknown = _uncensored(grades.grade, expected, deviation)
        followed = followed + unknown
        raw = value - mean[grades.item]
        squares = (raw - scale.leniency[grades.teacher]) ** 2 + followed
        weight = (_FREEDOM + 1) / (_FREEDOM + squares / scale.noise**2)
        # leniency: each teacher's mean residual, less the mean of teachers
        total = np.bincount(grades.teacher, weight, minlength=count)
        leniency = np.bincount(grades.teacher, weight * raw, minlength=count) / np.maximum(
            total, 1e-9
        )
        leniency = leniency - leniency.mean()
        residual = raw - leniency[grades.teacher]
        # noise within a cell and drift between cells, by moments
        m = per_cell[first_of_cell]
        sums = np.bincount(cell, residual)
        inside = np.bincount(cell, residual**2 + followed) - sums**2 / m
        several = m > 1
        if several.any():
            noise = float(inside[several].sum() / (m[several] - 1).sum())
            # cells of few grades hold noise / m besides the drift
            between = float(((sums / m) ** 2)[several].mean())
            drift = max(between - float((noise / m[several]).mean()), 0.0)
        else:
            noise, drift = float((weight * squares).mean()), 0.0
        noise = max(noise * 0.8, 4e-4)  # a t with 4 degrees: its scale is below its spread
        seen = replace(grades, grade=value)
        mapped = _fit_map(u, variance, seen, weight / (noise + per_cell * drift), leniency)
        # how far queries' means lie apart, beyond what n memories drawn at random would
        offset = np.bincount(problem.query, u, minlength=len(sizes)) / sizes
        apart = float((offset**2 + spread.of_mean - problem.prior_sd**2 / sizes).mean())
        query_sd = float(np.clip(np.sqrt(max(apart, 0.0)), 0.05, 5)) * problem.prior_sd
        problem = _with_query_sd(problem, query_sd)
        scale = _Scale(mapped, query_sd, float(np.sqrt(noise)), float(np.sqrt(drift)), leniency)
    return scale


def _fit_map(
    u: Floats, variance: Floats, grades: Grades, weight: Floats, leniency: Floats, bends: int = 10
) -> LabelMap:
    """The monotone map of least expected squared error over u_i ~ N(mean, variance).

    Ramps between ``bends`` knots with rises >= 0, by non-negative least squares; a small penalty
    on changes of slope keeps it smooth where there is little to go by.
    """
    low, high = np.quantile(u, [0.01, 0.995])
    margin = float(np.sqrt(variance.mean())) if len(variance) else 0.1
    knots = np.linspace(low - margin, high + margin, bends)
    step = knots[1] - knots[0]
    target = grades.grade - leniency[grades.teacher]
    gram, moment = np.zeros((bends, bends)), np.zeros(bends)
    at, deviation = u[grades.item], np.sqrt(variance[grades.item])
    for node, node_weight in zip(_NODES, _NODE_WEIGHTS, strict=True):
        ramps = np.clip((at + deviation * node)[:, None] - knots[:-1], 0, step) / step
        design = np.concatenate([np.ones((len(at), 1)), ramps], axis=1)
        w = (weight * node_weight)[:, None]
        gram += design.T @ (w * design)
        moment += design.T @ (w[:, 0] * target)
    bend = np.diff(np.eye(bends - 1), axis=0)
    smooth = np.concatenate([np.zeros((bends - 2, 1)), bend], axis=1)
    gram += 2e-3 * weight.sum() * smooth.T @ smooth + 1e-9 * weight.sum() * np.eye(bends)
    root = np.linalg.cholesky(gram)
    rises, _ = nnls(root.T, np.linalg.solve(root, moment))
    return LabelMap(knots, np.minimum(np.cumsum(rises), 1.0))
