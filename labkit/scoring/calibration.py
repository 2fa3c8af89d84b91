"""Calibration: a map from the model's log-odds to log-odds that hold.

"Relevant with probability 0.8" holds when four of five such memories are relevant (their label is
at least :data:`labkit.records.RELEVANT`). A map is fitted on queries that the model was not trained
on, chosen by cross-validation that divides no dialogue, and stored in the checkpoint's card. It
never changes the order of a query's memories: every map here rises by at least
:data:`LEAST_SLOPE` for each unit of log-odds.

What holds elsewhere. A probability contains a base rate: how many of a query's candidates are
relevant. That differs between data sets, first of all with the number of candidates. If more
candidates means more memories of the same hardness, all odds should fall by the same factor; if it
means that the first stage passes on a longer tail of easy ones, they add nothing where the scores
are high and the odds there should stay. With a first stage in front the second is nearer the truth,
so no map is corrected by a guessed base rate, and what carries over is decided by data: fit on
several sources at once, with the first stage and the number of candidates in use. Few parameters
carry over better than many, so the simplest map is taken that is not clearly worse in
cross-validation (one standard error, Breiman et al. 1984), in the order of :data:`METHODS`. The map
that reads features of the query comes last: it can learn how the base rate hangs on the number of
candidates, and it can also learn the habits of one data set; features are clipped to the range that
was fitted, so it never extrapolates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labkit.errors import InputError
from labkit.scoring.scored import Floats, ScoredData

LEAST_SLOPE = 1e-3
"""Every map rises at least this much in log-odds for a unit of log-odds."""

LEAST_PAIRS = 20
"""Relevant pairs, and irrelevant ones, that a fit needs."""

FOLDS = 5


def probability(log_odds: Floats) -> Floats:
    """The logistic function [n], stable at both ends: what a reader sees of a score."""
    small = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1.0, small) / (1.0 + small)


def logit(p: Floats) -> Floats:
    """The log-odds [n] of probabilities strictly between 0 and 1."""
    result: Floats = np.log(p) - np.log1p(-p)
    return result


# --- the maps ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Temperature:
    """``slope * z``: all confidences sharper or blunter (Guo et al. 2017); slope 1 changes none."""

    method: ClassVar[str] = "temperature"
    slope: float

    def __call__(self, log_odds: Floats) -> Floats:
        return self.slope * log_odds


@dataclass(frozen=True, slots=True)
class Platt:
    """``slope * z + shift`` (Platt 1999)."""

    method: ClassVar[str] = "platt"
    slope: float
    shift: float

    def __call__(self, log_odds: Floats) -> Floats:
        return self.slope * log_odds + self.shift


@dataclass(frozen=True, slots=True)
class Beta:
    """``a log p - b log(1 - p) + shift`` with a, b > 0 (Kull, Silva Filho, Flach 2017).

    In log-odds: slope a far below zero and b far above, so that the two ends bend apart.
    """

    method: ClassVar[str] = "beta"
    a: float
    b: float
    shift: float

    def __call__(self, log_odds: Floats) -> Floats:
        low, high = _beta_features(log_odds)
        return self.a * low + self.b * high + self.shift


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A monotone broken line through the knots, plus a slope of :data:`LEAST_SLOPE`.

    The slope keeps apart what isotonic regression would tie. ``x`` rises, ``y`` does not fall.
    """

    method: ClassVar[str] = "isotonic"
    x: tuple[float, ...]
    y: tuple[float, ...]

    def __call__(self, log_odds: Floats) -> Floats:
        middle = self.x[len(self.x) // 2]
        return np.interp(log_odds, self.x, self.y) + LEAST_SLOPE * (log_odds - middle)


@dataclass(frozen=True, slots=True)
class QueryAware:
    """``exp(tanh(scale . f)) * (slope * z + shift) + offset . f``: Platt, moved by the query.

    ``f`` are the features of :func:`query_features`, clipped to [``low``, ``high``], less ``mean``,
    over ``deviation``. All memories of a query get the same positive scale and the same offset, so
    their order stays; what changes is what scores of different queries mean beside each other.
    Unlike the other maps it needs all candidates of a query at once.
    """

    method: ClassVar[str] = "query"
    slope: float
    shift: float
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def __call__(self, log_odds: Floats) -> Floats:
        if not len(log_odds):
            return log_odds
        f = (np.clip(query_features(log_odds), self.low, self.high) - self.mean) / self.deviation
        scale = np.exp(np.tanh(f @ np.asarray(self.scale)))
        moved: Floats = scale * (self.slope * log_odds + self.shift) + f @ np.asarray(self.offset)
        return moved


Calibration = Temperature | Platt | Beta | Isotonic | QueryAware

METHODS: dict[str, type[Calibration] | None] = {
    "none": None,
    "temperature": Temperature,
    "platt": Platt,
    "beta": Beta,
    "isotonic": Isotonic,
    "query": QueryAware,
}
"""By name, simplest first; "none" leaves the log-odds as they are."""

NONE = Temperature(1.0)


def query_features(log_odds: Floats) -> Floats:
    """[4] of one query's log-odds [n >= 1]: the greatest; its gap to the second (0 where alone);
    the entropy of their softmax in nats; log n."""
    best = np.sort(log_odds)[::-1][:2]
    weights = np.exp(log_odds - best[0])
    share = weights / weights.sum()
    entropy = float(-(share * np.log(np.maximum(share, 1e-300))).sum())
    return np.array([best[0], best[0] - best[-1], entropy, np.log(len(log_odds))])


def _beta_features(log_odds: Floats) -> tuple[Floats, Floats]:
    """log p and -log(1 - p) [n] without forming p."""
    return -np.logaddexp(0.0, -log_odds), np.logaddexp(0.0, log_odds)


def calibrated(calibration: Calibration, data: ScoredData) -> Floats:
    """Calibrated log-odds [n] of all pairs."""
    if not isinstance(calibration, QueryAware):
        return calibration(data.log_odds)
    return np.concatenate([np.zeros(0), *(calibration(data.log_odds[s]) for s in data.slices())])


def to_json(calibration: Calibration) -> dict[str, Any]:
    """The card's form; :func:`from_json` is its inverse."""
    return {"method": calibration.method, **asdict(calibration)}


def from_json(item: Mapping[str, Any]) -> Calibration:
    """The calibration of a card; :data:`NONE` where the card has none.

    Keys that a map does not have (how it was fitted) are left aside.

    Raises:
        InputError: it is damaged, or of a method that this version does not know.
    """
    if not item:
        return NONE
    known = [name for name, kind in METHODS.items() if kind is not None]
    kind = METHODS.get(str(item.get("method")))
    if kind is None:
        raise InputError(
            f"the card's calibration has method {item.get('method')!r}, expected one of "
            f"{', '.join(known)}; fit it again with labkit calibrate"
        )
    names = [field.name for field in fields(kind)]
    try:
        values: dict[str, Any] = {
            name: tuple(float(v) for v in item[name])
            if isinstance(item[name], list | tuple)
            else float(item[name])
            for name in names
        }
        sizes = {len(value) for value in values.values() if isinstance(value, tuple)}
        if len(sizes) > 1:
            raise ValueError(f"its lists hold {sorted(sizes)} numbers, not equally many")
        result: Calibration = kind(**values)
        rises = bool((np.diff(result(np.linspace(-20, 20, 41))) > 0).all())
        if not rises:
            raise ValueError("it does not rise")
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(
            f"the card's calibration ({kind.method}) cannot be read ({error}), expected "
            f"{', '.join(names)}; fit it again with labkit calibrate"
        ) from None
    return result


# --- the fits ------------------------------------------------------------------------------------


def fit(method: str, data: ScoredData) -> Calibration:
    """Fit one of :data:`METHODS` on all pairs, each counting once."""
    z, hit = data.log_odds, data.relevant
    match method:
        case "none":
            return NONE
        case "temperature":
            (slope,), _ = _logistic(z[:, None], hit, intercept=False)
            return Temperature(max(slope, LEAST_SLOPE))
        case "platt":
            (slope,), shift = _logistic(z[:, None], hit)
            if slope < LEAST_SLOPE:  # scores that say nothing: the base rate for all
                return Platt(LEAST_SLOPE, _base_log_odds(hit))
            return Platt(slope, shift)
        case "beta":
            return _fit_beta(z, hit)
        case "isotonic":
            return _fit_isotonic(z, hit)
        case "query":
            return _fit_query_aware(data)
    raise InputError(f"no calibration {method!r}, expected one of {', '.join(METHODS)}")


def expect_enough(data: ScoredData) -> None:
    """Raise InputError where there is too little to fit on."""
    hits = int(data.relevant.sum())
    misses = len(data.relevant) - hits
    if min(hits, misses) < LEAST_PAIRS or len(data) < 2 * FOLDS:
        raise InputError(
            f"{len(data)} queries with {hits} relevant and {misses} irrelevant candidates are too "
            f"few to calibrate on, expected {2 * FOLDS} queries with at least {LEAST_PAIRS} of "
            "each; give more data"
        )


def _base_log_odds(hit: NDArray[np.bool_]) -> float:
    return float(np.log((hit.sum() + 1) / ((~hit).sum() + 1)))


def _logistic(
    features: Floats, hit: NDArray[np.bool_], *, intercept: bool = True
) -> tuple[list[float], float]:
    """Coefficients and intercept of a logistic regression without penalty.

    Platt's targets, (n+ + 1) / (n+ + 2) and 1 / (n- + 2), keep the fit finite where a score parts
    the two classes.
    """
    from sklearn.linear_model import LogisticRegression

    positive = (hit.sum() + 1) / (hit.sum() + 2)
    negative = 1 / ((~hit).sum() + 2)
    y = np.where(hit, positive, negative)
    model = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000, fit_intercept=intercept)
    model.fit(
        np.concatenate([features, features]),
        np.repeat([1, 0], len(y)),
        sample_weight=np.concatenate([y, 1 - y]),
    )
    shift = float(model.intercept_[0]) if intercept else 0.0
    return [float(c) for c in model.coef_[0]], shift


def _fit_beta(z: Floats, hit: NDArray[np.bool_]) -> Beta:
    """As its authors do it: a coefficient that comes out negative is set to 0, and the rest is
    fitted again."""
    features = np.stack(_beta_features(z), axis=1)
    (a, b), shift = _logistic(features, hit)
    if a < 0 or b < 0:
        used = 1 if a < 0 else 0
        (only,), shift = _logistic(features[:, [used]], hit)
        if only < 0:
            only, shift = 0.0, _base_log_odds(hit)
        a, b = (0.0, only) if used else (only, 0.0)
    return Beta(max(a, LEAST_SLOPE), max(b, LEAST_SLOPE), shift)


def _fit_isotonic(z: Floats, hit: NDArray[np.bool_]) -> Isotonic:
    """scikit-learn's isotonic regression, with one relevant pair added at the low end and one
    irrelevant at the high end: no probability becomes 0 or 1 on the strength of a few pairs."""
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    model.fit(np.concatenate([z, [z.min(), z.max()]]), np.concatenate([hit, [True, False]]))
    x = np.asarray(model.X_thresholds_, dtype=np.float64)
    y = logit(np.asarray(model.y_thresholds_, dtype=np.float64))
    return Isotonic(tuple(x.tolist()), tuple(np.maximum.accumulate(y).tolist()))


_RIDGE = 1.0
"""Weight of the squares of scale and offset: a normal prior of variance 1/2 on each."""


def _fit_query_aware(data: ScoredData) -> QueryAware:
    from scipy.optimize import minimize  # type: ignore[import-untyped]

    raw = np.stack([query_features(data.log_odds[s]) for s in data.slices()])
    mean, deviation = raw.mean(0), np.maximum(raw.std(0), 1e-6)
    features = ((raw - mean) / deviation)[data.query]
    z, y = data.log_odds, data.relevant.astype(np.float64)
    width = features.shape[1]
    start = fit("platt", data)
    assert isinstance(start, Platt)

    def loss(values: Floats) -> tuple[float, Floats]:
        slope, shift = np.exp(values[0]), values[1]
        by_scale, by_offset = values[2 : 2 + width], values[2 + width :]
        bent = np.tanh(features @ by_scale)
        scale, inner = np.exp(bent), slope * z + shift
        moved = scale * inner + features @ by_offset
        value = float((np.logaddexp(0, moved) - y * moved).sum())
        value += _RIDGE * float(by_scale @ by_scale + by_offset @ by_offset)
        error = probability(moved) - y
        through = error * scale
        gradient = np.concatenate(
            [
                [(through * slope * z).sum(), through.sum()],
                features.T @ (through * inner * (1 - bent**2)) + 2 * _RIDGE * by_scale,
                features.T @ error + 2 * _RIDGE * by_offset,
            ]
        )
        return value, gradient

    first = np.concatenate([[np.log(start.slope), start.shift], np.zeros(2 * width)])
    bounds = [(np.log(LEAST_SLOPE) + 1, None)] + [(None, None)] * (1 + 2 * width)
    best = minimize(loss, first, jac=True, method="L-BFGS-B", bounds=bounds).x
    return QueryAware(
        slope=float(np.exp(best[0])),
        shift=float(best[1]),
        scale=tuple(best[2 : 2 + width].tolist()),
        offset=tuple(best[2 + width :].tolist()),
        mean=tuple(mean.tolist()),
        deviation=tuple(deviation.tolist()),
        low=tuple(raw.min(0).tolist()),
        high=tuple(raw.max(0).tolist()),
    )


# --- the choice ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """Which map was chosen, fitted on all data, and what cross-validation saw.

    Attributes:
        calibration: the chosen map.
        method: its name in :data:`METHODS`.
        held_out: by method, calibrated log-odds [n] of pairs whose groups the map had not seen.
        log_loss: by method, their mean log loss in nats; "none" is the model as it is.
    """

    calibration: Calibration
    method: str
    held_out: dict[str, Floats]
    log_loss: dict[str, float]


def choose(
    data: ScoredData,
    methods: Sequence[str] = tuple(METHODS),
    *,
    on_method: Callable[[str], None] = lambda name: None,
) -> Choice:
    """Cross-validate the methods and fit the one to use on all data.

    It is the first of :data:`METHODS` whose log loss is within one standard error of the best; the
    error is that of the paired difference over groups (queries where there are too few groups).

    Raises:
        InputError: too little data, or no such method.
    """
    unknown = [name for name in methods if name not in METHODS]
    if unknown or not methods:
        raise InputError(
            f"calibration is {', '.join(unknown) or 'not named'}, expected {', '.join(METHODS)}"
        )
    expect_enough(data)
    folds = data.folds(FOLDS)
    held_out = {}
    for name in ("none", *(name for name in METHODS if name in methods and name != "none")):
        on_method(name)
        out = np.zeros(len(data.log_odds))
        for fold in folds:
            model = fit(name, data.take(~fold))
            out[fold[data.query]] = calibrated(model, data.take(fold))
        held_out[name] = out
    losses = {name: _losses(z, data.relevant) for name, z in held_out.items()}
    log_loss = {name: float(loss.mean()) for name, loss in losses.items()}
    allowed = [name for name in METHODS if name in methods]
    best = min(allowed, key=lambda name: log_loss[name])
    chosen = next(name for name in allowed if _as_good(losses[name] - losses[best], data))
    return Choice(fit(chosen, data), chosen, held_out, log_loss)


def _losses(log_odds: Floats, hit: NDArray[np.bool_]) -> Floats:
    """Log loss of each pair in nats, [n], stable at both ends."""
    loss: Floats = np.logaddexp(0.0, np.where(hit, -log_odds, log_odds))
    return loss


def _as_good(worse: Floats, data: ScoredData) -> bool:
    """Whether a mean excess loss is within its standard error, over groups."""
    units = data.groups if len(np.unique(data.groups)) >= FOLDS else np.arange(len(data))
    total = np.bincount(units, data.per_query(worse))
    pairs = np.bincount(units, data.sizes)
    mean = total.sum() / pairs.sum()
    n = len(total)
    error = np.sqrt(n / (n - 1) * np.square(total - mean * pairs).sum()) / pairs.sum()
    return bool(mean <= error)
