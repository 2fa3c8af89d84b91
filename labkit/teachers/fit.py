"""From verdicts to utilities: Bradley-Terry and Thurstone with teachers that differ.

The model of one verdict, for memories i (shown first) and j, teacher t:

    P(i preferred) = link(a_t (u_i - u_j) + b_t)

with utilities u, reliability (discrimination) a_t > 0 and position bias b_t. The link is the
logistic function (Bradley and Terry 1952) or the normal one (Thurstone 1927, case V). A preference
p counts as the soft outcome (p + 1) / 2, the quasi-likelihood of Papke and Wooldridge (1996), with
one dispersion a teacher: mild but steady preferences say more than a coin's, and the dispersion is
how the fit knows.

What fixes what is not identified. Utilities of a query have the prior u_i = o_q + v_i, v_i ~
N(0, prior_sd^2), o_q ~ N(0, query_sd^2). Within a query only differences are seen, so without
cross-query verdicts the utilities of each query sum to 0 (o_q is left to the grades, labels.py).
Where teachers are estimated, prior_sd sets the unit of utility, and reliabilities are in units of
the link per that unit; they come from the marginal likelihood (EM, with the utilities integrated
out), for maximising over both at once would drive a_t up and u to 0 (Neyman and Scott 1948).

Each query is one dense block of the Hessian; blocks of one size are solved together. Queries that
cross-query verdicts lead to are a border that is eliminated last, so the solution is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_ndtr, ndtr  # type: ignore[import-untyped]

from labkit.errors import InputError
from labkit.teachers.verdicts import Floats, Indices, Items, Verdicts, summed

Link = Literal["logistic", "normal"]

_CHUNK = 2_000_000  # floats of Hessian held at once (16 MB), whatever the number of queries
_MOST_BORDER = 1_000
_NODES, _NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_NODE_WEIGHTS = _NODE_WEIGHTS / _NODE_WEIGHTS.sum()


def _loss(link: Link, s: Floats, outcome: Floats) -> Floats:
    """Negative log likelihood of soft outcomes at log-odds (or z-scores) s."""
    if link == "logistic":
        loss: Floats = np.logaddexp(0, s) - outcome * s
        return loss
    loss = -outcome * log_ndtr(s) - (1 - outcome) * log_ndtr(-s)
    return loss


def _slope(link: Link, s: Floats, outcome: Floats) -> tuple[Floats, Floats]:
    """Derivative of the loss in s, and its expected second derivative (Fisher information)."""
    if link == "logistic":
        p = expit(s)
        return p - outcome, p * (1 - p)
    log_density = -0.5 * s * s - 0.5 * np.log(2 * np.pi)
    up = np.exp(log_density - log_ndtr(s))
    down = np.exp(log_density - log_ndtr(-s))
    return (1 - outcome) * down - outcome * up, up * down


def _smoothed(
    link: Link, s: Floats, outcome: Floats, deviation: Floats | None
) -> tuple[Floats, Floats, Floats]:
    """Loss, slope and curvature, averaged over a normal deviation of s where one is given."""
    if deviation is None:
        return _loss(link, s, outcome), *_slope(link, s, outcome)
    loss, slope, curvature = np.zeros_like(s), np.zeros_like(s), np.zeros_like(s)
    for node, weight in zip(_NODES, _NODE_WEIGHTS, strict=True):
        at = s + deviation * node
        one, two = _slope(link, at, outcome)
        loss += weight * _loss(link, at, outcome)
        slope += weight * one
        curvature += weight * two
    return loss, slope, curvature


def _chance(link: Link, s: Floats) -> tuple[Floats, Floats]:
    """Probability that the first is preferred, and its derivative in s."""
    if link == "logistic":
        p: Floats = expit(s)
        return p, p * (1 - p)
    return ndtr(s), np.exp(-0.5 * s * s) / np.sqrt(2 * np.pi)


@dataclass(frozen=True, slots=True)
class Teachers:
    """How the T teachers answer: reliability a, position bias b (link units), dispersion; each [T].

    Position bias > 0 favours the memory shown first. Dispersion is the variance of the outcomes
    over that of coin flips: 1 = yes-or-no verdicts that are independent, less = graded ones.
    """

    reliability: Floats
    position_bias: Floats
    dispersion: Floats

    @staticmethod
    def alike(count: int) -> Teachers:
        """What plain Bradley-Terry takes them for."""
        return Teachers(np.ones(count), np.zeros(count), np.ones(count))


@dataclass(frozen=True, slots=True)
class Absolute:
    """What is known of each item beside the comparisons: 1/2 precision u^2 - pull u, each [n]."""

    precision: Floats
    pull: Floats


@dataclass(frozen=True, slots=True)
class Spread:
    """Posterior (Laplace) variances.

    Attributes:
        variance: [n], of each utility.
        centred: [n], of each utility less the mean of its query.
        of_mean: [Q], of each query's mean.
        difference: [m], of the difference that each verdict judged.
    """

    variance: Floats
    centred: Floats
    of_mean: Floats
    difference: Floats


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Queries of one size n: ``items`` [B, n], and the verdicts that touch them."""

    queries: Indices
    items: Indices
    inside: Indices  # verdicts with both memories in one of these queries
    leaving: Indices  # verdicts between one of these queries and the border


class Problem:
    """Verdicts and a prior, ready to be solved for utilities given the teachers."""

    def __init__(
        self,
        verdicts: Verdicts,
        *,
        prior_sd: float = 1.0,
        query_sd: float = 0.0,
        link: Link = "logistic",
    ) -> None:
        if prior_sd <= 0:
            raise InputError(
                f"prior_sd is {prior_sd}, expected more than 0: it keeps the fit finite"
            )
        self.verdicts, self.link = verdicts, link
        self.items = verdicts.items
        self.prior_sd, self.query_sd = prior_sd, query_sd
        self.query = self.items.query
        self._local = np.arange(len(self.query)) - self.items.start[self.query]
        self._place_border()
        self._chunks = list(self._cut())

    def _place_border(self) -> None:
        one, two = self.query[self.verdicts.first], self.query[self.verdicts.second]
        cross = one != two
        is_border = np.zeros(len(self.items.queries), dtype=bool)
        left = np.unique(np.stack([one[cross], two[cross]], 1), axis=0)
        while len(left):  # a vertex cover of the queries that are linked, busiest first
            busiest = np.bincount(left.ravel()).argmax()
            is_border[busiest] = True
            left = left[(left != busiest).all(1)]
        self._border = np.flatnonzero(is_border[self.query])
        if len(self._border) > _MOST_BORDER:
            raise InputError(
                f"cross-query verdicts link queries with {len(self._border)} memories in all, "
                f"expected at most {_MOST_BORDER}: let them share a few reference queries"
            )
        self.is_border = is_border
        self._border_place = np.full(len(self.query), -1, dtype=np.intp)
        self._border_place[self._border] = np.arange(len(self._border))

    def _cut(self) -> Iterator[_Chunk]:
        first, second = self.verdicts.first, self.verdicts.second
        one, two = self.query[first], self.query[second]
        # a verdict belongs to the query that is not in the border
        owner = np.where(self.is_border[one], two, one)
        owner = np.where(self.is_border[owner], -1, owner)
        sizes = self.items.sizes
        free = np.flatnonzero(~self.is_border & (sizes > 0))
        free = free[np.argsort(sizes[free], kind="stable")]
        chunk_of = np.full(len(sizes) + 1, -1, dtype=np.intp)  # the last place serves owner -1
        groups: list[Indices] = []
        at = 0
        while at < len(free):
            size = int(sizes[free[at]])
            end = int(np.searchsorted(sizes[free], size, side="right"))
            end = min(end, at + max(1, _CHUNK // size**2))
            chunk_of[free[at:end]] = len(groups)
            groups.append(free[at:end])
            at = end
        of = chunk_of[owner]
        order = np.argsort(of, kind="stable")
        edges = np.searchsorted(of[order], np.arange(len(groups) + 1))
        for number, queries in enumerate(groups):
            mine = order[edges[number] : edges[number + 1]]
            same = one[mine] == two[mine]
            size = int(sizes[queries[0]])
            items = self.items.start[queries][:, None] + np.arange(size)
            yield _Chunk(queries, items, mine[same], mine[~same])

    # --- the prior -------------------------------------------------------------------------------

    def _shared(self, size: int | Indices) -> Floats:
        """How much of a query's sum its prior precision takes back: (I - shared 1 1') / sd^2."""
        variance = self.query_sd**2
        return np.asarray(variance / (self.prior_sd**2 + np.asarray(size) * variance))

    def _prior_gradient(self, u: Floats) -> Floats:
        total = summed(self.query, u, len(self.items.queries))
        pulled: Floats = (
            u - (self._shared(self.items.sizes) * total)[self.query]
        ) / self.prior_sd**2
        return pulled

    # --- one system ------------------------------------------------------------------------------

    def _signal(self, u: Floats, teachers: Teachers) -> Floats:
        v = self.verdicts
        signal: Floats = (
            teachers.reliability[v.teacher] * (u[v.first] - u[v.second])
            + teachers.position_bias[v.teacher]
        )
        return signal

    def _objective(
        self, u: Floats, teachers: Teachers, absolute: Absolute | None, deviation: Floats | None
    ) -> Floats:
        """Of each query, [Q]; a cross-query verdict counts where its first memory is."""
        v = self.verdicts
        signal = self._signal(u, teachers)
        if deviation is None:
            loss = _loss(self.link, signal, v.outcome)
        else:
            wide = deviation * teachers.reliability[v.teacher]
            loss = _smoothed(self.link, signal, v.outcome, wide)[0]
        loss = loss * v.weight / teachers.dispersion[v.teacher]
        count = len(self.items.queries)
        each = 0.5 * u * self._prior_gradient(u)
        if absolute is not None:
            each = each + (0.5 * absolute.precision * u - absolute.pull) * u
        return summed(self.query[v.first], loss, count) + summed(self.query, each, count)

    def _gradient(
        self,
        u: Floats,
        teachers: Teachers,
        absolute: Absolute | None,
        deviation: Floats | None = None,
    ) -> tuple[Floats, Floats]:
        """Gradient [n], and the curvature [m] that each verdict adds along u_i - u_j."""
        v = self.verdicts
        reliability = teachers.reliability[v.teacher]
        wide = None if deviation is None else deviation * reliability
        _, slope, curvature = _smoothed(self.link, self._signal(u, teachers), v.outcome, wide)
        weight = v.weight / teachers.dispersion[v.teacher]
        slope = slope * weight * reliability
        n = len(u)
        gradient = summed(v.first, slope, n) - summed(v.second, slope, n) + self._prior_gradient(u)
        if absolute is not None:
            gradient = gradient + absolute.precision * u - absolute.pull
        return gradient, curvature * weight * reliability**2

    def _block(
        self, chunk: _Chunk, curvature: Floats, precision: Floats | None
    ) -> tuple[Floats, Floats]:
        """Hessian of a chunk [B, n, n] and its columns towards the border [B, n, R]."""
        count, size = chunk.items.shape
        place = np.full(len(self.items.queries), -1, dtype=np.intp)
        place[chunk.queries] = np.arange(count)
        v, local = self.verdicts, self._local
        first, second = v.first[chunk.inside], v.second[chunk.inside]
        k = curvature[chunk.inside]
        base = place[self.query[first]] * size * size
        i, j = local[first], local[second]
        where = np.concatenate(
            [base + i * size + i, base + j * size + j, base + i * size + j, base + j * size + i]
        )
        flat = np.bincount(where, np.concatenate([k, k, -k, -k]), minlength=count * size * size)
        hessian = flat.reshape(count, size, size) - self._shared(size) / self.prior_sd**2
        diagonal = np.arange(size)
        hessian[:, diagonal, diagonal] += 1 / self.prior_sd**2
        if precision is not None:
            hessian[:, diagonal, diagonal] += precision[chunk.items]
        border = np.zeros((count, size, len(self._border)))
        if len(chunk.leaving):
            here, there = v.first[chunk.leaving], v.second[chunk.leaving]
            swap = self._border_place[here] >= 0
            here, there = np.where(swap, there, here), np.where(swap, here, there)
            at, k = (place[self.query[here]], local[here]), curvature[chunk.leaving]
            np.add.at(hessian, (*at, local[here]), k)
            np.add.at(border, (*at, self._border_place[there]), -k)
        return hessian, border

    def _corner(self, curvature: Floats, precision: Floats | None) -> Floats:
        """Hessian of the border [R, R]."""
        v, size = self.verdicts, len(self._border)
        i, j = self._border_place[v.first], self._border_place[v.second]
        corner = np.zeros((size, size))
        np.add.at(corner, (i[i >= 0], i[i >= 0]), curvature[i >= 0])
        np.add.at(corner, (j[j >= 0], j[j >= 0]), curvature[j >= 0])
        both = (i >= 0) & (j >= 0)
        np.add.at(corner, (i[both], j[both]), -curvature[both])
        np.add.at(corner, (j[both], i[both]), -curvature[both])
        of = self.query[self._border]
        same = of[:, None] == of[None, :]
        corner -= same * self._shared(self.items.sizes)[of] / self.prior_sd**2
        corner[np.arange(size), np.arange(size)] += 1 / self.prior_sd**2
        if precision is not None:
            corner[np.arange(size), np.arange(size)] += precision[self._border]
        return corner

    def solve(
        self,
        teachers: Teachers,
        *,
        start: Floats | None = None,
        absolute: Absolute | None = None,
        deviation: Floats | None = None,
        tolerance: float = 1e-9,
        steps: int = 100,
    ) -> Floats:
        """Utilities [n] that maximise the posterior, by Fisher scoring (Newton, for the logistic).

        With ``deviation`` [m], of the difference that each verdict judged, likelihoods are averaged
        over it: the mean of the best normal approximation to the posterior, not its mode.
        Stops when no utility moves by more than ``tolerance``, or after ``steps``.
        """
        u = np.zeros(len(self.query)) if start is None else start.copy()
        objective = self._objective(u, teachers, absolute, deviation)
        for _ in range(steps):
            step = self._newton_step(u, teachers, absolute, deviation)
            share = np.ones(len(self.items.queries))
            for _ in range(30):
                trial = u - share[self.query] * step
                reached = self._objective(trial, teachers, absolute, deviation)
                slack = 1e-10 * (1 + np.abs(objective))
                if len(self._border):  # queries hang together, so they stand or fall together
                    worse = np.full(len(share), reached.sum() > objective.sum() + slack.sum())
                else:
                    worse = reached > objective + slack
                if not worse.any():
                    break
                share[worse] /= 2
            u, objective = trial, reached
            if np.abs(share[self.query] * step).max(initial=0) <= tolerance:
                break
        return u

    def _newton_step(
        self,
        u: Floats,
        teachers: Teachers,
        absolute: Absolute | None,
        deviation: Floats | None,
    ) -> Floats:
        gradient, curvature = self._gradient(u, teachers, absolute, deviation)
        precision = None if absolute is None else absolute.precision
        step = np.zeros_like(u)
        size = len(self._border)
        corner = self._corner(curvature, precision) if size else np.zeros((0, 0))
        target = gradient[self._border]
        towards: list[Floats] = []
        for chunk in self._chunks:
            hessian, border = self._block(chunk, curvature, precision)
            right = np.concatenate([gradient[chunk.items][..., None], border], axis=2)
            found = np.linalg.solve(hessian, right)
            step[chunk.items] = found[..., 0]
            if size:
                flat = border.reshape(-1, size)
                corner -= flat.T @ found[..., 1:].reshape(-1, size)
                target = target - flat.T @ found[..., 0].ravel()
                towards.append(found[..., 1:])
        if size:
            at_border = np.linalg.solve(corner, target)
            step[self._border] = at_border
            for chunk, columns in zip(self._chunks, towards, strict=True):
                step[chunk.items] -= columns @ at_border
        return step

    def spread(
        self,
        u: Floats,
        teachers: Teachers,
        absolute: Absolute | None = None,
        deviation: Floats | None = None,
    ) -> Spread:
        """Posterior variances at utilities ``u`` from the inverse of the whole Hessian."""
        _, curvature = self._gradient(u, teachers, absolute, deviation)
        precision = None if absolute is None else absolute.precision
        v, size = self.verdicts, len(self._border)
        variance, centred = np.zeros(len(u)), np.zeros(len(u))
        of_mean = np.zeros(len(self.items.queries))
        difference = np.zeros(len(v))
        corner_inverse = np.zeros((size, size))
        towards: list[Floats] = []
        if size:
            corner = self._corner(curvature, precision)
            for chunk in self._chunks:
                hessian, border = self._block(chunk, curvature, precision)
                columns: Floats = np.linalg.solve(hessian, border).astype(np.float64, copy=False)
                corner -= border.reshape(-1, size).T @ columns.reshape(-1, size)
                towards.append(columns)
            corner_inverse[:] = np.linalg.inv(corner)

        def fill(
            queries: Indices, items: Indices, covariance: NDArray[Any], inside: Indices
        ) -> None:
            n = items.shape[1]
            own = covariance[:, np.arange(n), np.arange(n)]
            row = covariance.mean(2)
            mean = row.mean(1)
            variance[items], of_mean[queries] = own, mean
            centred[items] = own - 2 * row + mean[:, None]
            place = np.full(len(self.items.queries), -1, dtype=np.intp)
            place[queries] = np.arange(len(queries))
            first, second = v.first[inside], v.second[inside]
            b, i, j = place[self.query[first]], self._local[first], self._local[second]
            difference[inside] = own[b, i] + own[b, j] - 2 * covariance[b, i, j]

        for number, chunk in enumerate(self._chunks):
            hessian, _ = self._block(chunk, curvature, precision)
            covariance = np.linalg.inv(hessian)
            if size:
                columns = towards[number]
                covariance += columns @ corner_inverse @ columns.transpose(0, 2, 1)
            fill(chunk.queries, chunk.items, covariance, chunk.inside)
            if len(chunk.leaving):
                here, there = v.first[chunk.leaving], v.second[chunk.leaving]
                swap = self._border_place[here] >= 0
                here, there = np.where(swap, there, here), np.where(swap, here, there)
                place = np.full(len(self.items.queries), -1, dtype=np.intp)
                place[chunk.queries] = np.arange(len(chunk.queries))
                mixed = -(towards[number][place[self.query[here]], self._local[here]])
                r = self._border_place[there]
                shared = (mixed * corner_inverse[r]).sum(1)
                difference[chunk.leaving] = variance[here] + corner_inverse[r, r] - 2 * shared
        one = self.query[v.first]
        for q in np.flatnonzero(self.is_border):
            items = np.arange(self.items.start[q], self.items.start[q + 1])[None]
            at = self._border_place[items[0]]
            inside = np.flatnonzero((one == q) & (self.query[v.second] == q))
            fill(np.array([q]), items, corner_inverse[np.ix_(at, at)][None], inside)
        between = np.flatnonzero(
            self.is_border[one]
            & self.is_border[self.query[v.second]]
            & (one != self.query[v.second])
        )
        i, j = self._border_place[v.first[between]], self._border_place[v.second[between]]
        difference[between] = (
            corner_inverse[i, i] + corner_inverse[j, j] - 2 * corner_inverse[i, j]
            if len(between)
            else 0.0
        )
        return Spread(variance, centred, of_mean, np.maximum(difference, 0))


# --- the teachers --------------------------------------------------------------------------------


def _update_teachers(
    problem: Problem, u: Floats, spread: Spread, teachers: Teachers, *, graded: bool
) -> tuple[Teachers, Floats, Floats]:
    """One M-step: reliability and bias that maximise the expected likelihood, then dispersion.

    The expectation is over the difference of each pair, N(u_i - u_j, its variance), by quadrature.
    Returns the teachers and the standard errors of reliability and bias, each [T].
    """
    v, count = problem.verdicts, len(teachers.reliability)
    difference = u[v.first] - u[v.second]
    deviation = np.sqrt(spread.difference)
    a, b, dispersion = (
        teachers.reliability.copy(),
        teachers.position_bias.copy(),
        teachers.dispersion.copy(),
    )
    information = np.zeros((count, 2, 2))
    for _ in range(2):
        slope_a, slope_b = np.zeros(count), np.zeros(count)
        information[:] = 0
        for node, node_weight in zip(_NODES, _NODE_WEIGHTS, strict=True):
            d = difference + deviation * node
            slope, curvature = _slope(problem.link, a[v.teacher] * d + b[v.teacher], v.outcome)
            weight = v.weight * node_weight / dispersion[v.teacher]
            slope, curvature = slope * weight, curvature * weight
            slope_a += summed(v.teacher, slope * d, count)
            slope_b += summed(v.teacher, slope, count)
            for at, value in (
                ((0, 0), curvature * d * d),
                ((0, 1), curvature * d),
                ((1, 1), curvature),
            ):
                information[:, *at] += summed(v.teacher, value, count)
        information[:, 1, 0] = information[:, 0, 1]
        # priors a ~ N(1, 10^2), b ~ N(0, 10^2): for a teacher with next to no verdicts
        information[:, [0, 1], [0, 1]] += 0.01
        right = np.stack([slope_a + 0.01 * (a - 1), slope_b + 0.01 * b], 1)
        step = np.linalg.solve(information, right[..., None])[..., 0]
        a = np.clip(a - np.clip(step[:, 0], -a, a / 2), 1e-3, 1e3)
        b = b - np.clip(step[:, 1], -1, 1)
    if graded:
        s = a[v.teacher] * difference + b[v.teacher]
        p, rise = _chance(problem.link, s)
        # the residuals are smaller than the errors, for the utilities followed them; add that back
        followed = (rise * a[v.teacher]) ** 2 * spread.difference
        squares = summed(v.teacher, v.weight * ((v.outcome - p) ** 2 + followed), count)
        coins = summed(v.teacher, v.weight * p * (1 - p), count)
        dispersion = np.clip((squares + 1e-3) / (coins + 1e-3), 0.01, 10)
    errors = np.sqrt(np.linalg.inv(information)[:, [0, 1], [0, 1]])
    return Teachers(a, b, dispersion), errors[:, 0], errors[:, 1]


def of_queries(verdicts: Verdicts, keep: NDArray[np.bool_]) -> Verdicts:
    """The queries of a mask [Q] and the verdicts within and between them."""
    items = verdicts.items
    kept = keep[items.query]
    place = np.cumsum(kept) - 1
    mine = verdicts.chosen(kept[verdicts.first] & kept[verdicts.second])
    sizes = items.sizes[keep]
    return Verdicts(
        items=Items(
            queries=tuple(np.array(items.queries, dtype=object)[keep]),
            memories=tuple(np.array(items.memories, dtype=object)[kept]),
            start=np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp),
        ),
        teachers=mine.teachers,
        first=place[mine.first],
        second=place[mine.second],
        teacher=mine.teacher,
        outcome=mine.outcome,
        weight=mine.weight,
    )


@dataclass(frozen=True, slots=True)
class Fit:
    """Utilities and what was learnt of the teachers.

    Attributes:
        problem: what was fitted; ``problem.items`` names the n items.
        utilities: [n].
        standard_errors: [n], of a utility less the mean of its query (what verdicts can tell).
        teachers: reliability, position bias, dispersion of each teacher.
        reliability_errors, position_bias_errors: [T], standard errors; 0 where not estimated.
    """

    problem: Problem
    utilities: Floats
    standard_errors: Floats
    spread: Spread
    teachers: Teachers
    reliability_errors: Floats
    position_bias_errors: Floats

    @property
    def items(self) -> Items:
        return self.problem.items

    def chance(self, first: Indices, second: Indices) -> Floats:
        """Probability that ``first`` is the better, by a teacher of mean reliability, no bias."""
        reliability = float(np.mean(self.teachers.reliability))
        return _chance(
            self.problem.link, reliability * (self.utilities[first] - self.utilities[second])
        )[0]


def fit(
    verdicts: Verdicts,
    *,
    link: Link = "logistic",
    prior_sd: float = 1.0,
    query_sd: float | None = None,
    estimate_teachers: bool = True,
    graded: bool | None = None,
    sample_queries: int = 3000,
    seed: int = 0,
    tolerance: float = 1e-9,
) -> Fit:
    """Fit utilities, and the teachers with them.

    Args:
        verdicts: m usable verdicts.
        link: "logistic" = Bradley-Terry, "normal" = Thurstone.
        prior_sd: standard deviation of a utility within its query. With ``estimate_teachers`` it
            only sets the unit.
        query_sd: that of the queries' means; default ``prior_sd`` where a verdict crosses
            queries, else 0 (nothing in the verdicts bears on it).
        estimate_teachers: False = plain Bradley-Terry: all teachers alike, no position bias; then
            the objective is choix.opt_pairwise's with alpha = 1 / (2 prior_sd^2).
        graded: estimate each teacher's dispersion; False = 1, as for independent coin flips;
            default: where some preference is neither -1 nor 1.
        sample_queries: reliability and bias are a few numbers, learnt from at most this many
            queries; utilities are then fitted for all.
        seed: of that sample.
        tolerance: utilities are right to about this.

    Returns:
        the fit; deterministic for a seed, and the same for any order of the verdicts up to
        rounding.
    """
    count = len(verdicts.teachers)
    if graded is None:
        graded = bool(((verdicts.outcome > 0) & (verdicts.outcome < 1)).any())
    crossing = verdicts.items.query[verdicts.first] != verdicts.items.query[verdicts.second]
    if query_sd is None:
        query_sd = prior_sd if crossing.any() else 0.0
    problem = Problem(verdicts, prior_sd=prior_sd, query_sd=query_sd, link=link)
    teachers = Teachers.alike(count)
    errors = np.zeros(count), np.zeros(count)
    if estimate_teachers and len(verdicts):
        teachers, *errors_found = _learn_teachers(
            problem, graded=graded, sample_queries=sample_queries, seed=seed
        )
        errors = errors_found[0], errors_found[1]
    u = problem.solve(teachers, tolerance=tolerance)
    spread = problem.spread(u, teachers)
    return Fit(problem, u, np.sqrt(np.maximum(spread.centred, 0)), spread, teachers, *errors)


def _learn_teachers(
    problem: Problem, *, graded: bool, sample_queries: int, seed: int
) -> tuple[Teachers, Floats, Floats]:
    items = problem.items
    if len(items.queries) > sample_queries:
        chosen = np.random.default_rng(seed).permutation(len(items.queries))[:sample_queries]
        keep = problem.is_border.copy()
        keep[chosen] = True
        problem = Problem(
            of_queries(problem.verdicts, keep),
            prior_sd=problem.prior_sd,
            query_sd=problem.query_sd,
            link=problem.link,
        )
    teachers = Teachers.alike(len(problem.verdicts.teachers))
    u = np.zeros(len(problem.query))
    sizes = problem.items.sizes
    freedom = float(np.maximum(sizes - 1, 0).sum())
    before = np.zeros(0)
    none = np.zeros(len(teachers.reliability))
    errors = none, none
    deviation: Floats | None = None
    for _ in range(60):
        # the mode and its curvature understate steep teachers (Breslow and Lin 1995), so here the
        # normal approximation is the best one on average (Opper and Archambeau 2009)
        u = problem.solve(teachers, start=u, deviation=deviation, tolerance=1e-3, steps=3)
        spread = problem.spread(u, teachers, deviation=deviation)
        deviation = np.sqrt(spread.difference)
        teachers, *found = _update_teachers(problem, u, spread, teachers, graded=graded)
        errors = found[0], found[1]
        # the unit of utility wanders while a_t is learnt; bring it back to the prior's at once
        # (parameter-expanded EM, Liu, Rubin and Wu 1998)
        mean = summed(problem.query, u, len(sizes)) / np.maximum(sizes, 1)
        total = float(((u - mean[problem.query]) ** 2 + spread.centred).sum())
        scale = np.sqrt(total / max(freedom, 1)) / problem.prior_sd
        teachers = Teachers(
            teachers.reliability * scale, teachers.position_bias, teachers.dispersion
        )
        u, deviation = u / scale, deviation / scale
        now = np.concatenate(
            [np.log(teachers.reliability), teachers.position_bias, np.log(teachers.dispersion)]
        )
        if len(before) and np.abs(now - before).max() < 1e-4:
            break
        before = now
    return teachers, errors[0], errors[1]
