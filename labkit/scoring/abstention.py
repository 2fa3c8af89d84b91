"""Abstention: the probability that any candidate of a query is relevant.

The greatest probability of a query's memories is not that: it forgets how the others stand. So a
logistic regression reads features of all its scores, and has a base rate of its own. Of a student
that adds a similarity to what it was trained to say, it reads both parts by themselves too: what
only sounds like an answer is similar, often more so than what is one, and some questions are
similar to everything.

Data sets hold few queries without an answer, and most of those are traps, worded like what is
there. So each query that has an answer is also used with its relevant candidates taken out
(:func:`emptied`): what stays is what retrieval found beside the answer. (The number of candidates
is still counted as it was, or it would tell.) And queries are asked of memories that have nothing
to do with them (``elsewhere``), which most questions in vain are like. Queries without an answer
weigh as much as is their share in the data, half of it the real ones, half the two kinds of copies:
``answerable`` is a probability at that base rate. Where people ask far more, or far less, of what
the memories do not hold, its order still stands and its value is off by that prior.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.errors import InputError
from labkit.scoring.calibration import FOLDS, probability
from labkit.scoring.scored import Floats, ScoredData

FEATURES = ("greatest", "gap to the second", "log-sum-exp", "mean of the best 3", "log n")
OF_PARTS = (
    "logit of the greatest",
    "greatest logit",
    "greatest similarity",
    "mean similarity",
    "greatest similarity, squared",
)
"""Further features where the model adds a similarity: of the log-odds without it, and of it.

Squared too, for both ends speak against an answer: a question that is like nothing here, and one
that is very like a memory which the logit does not take for an answer.
"""

ALPHA = 0.1
"""Share of the queries with an answer that a threshold may give up: to lose an answer is worse than
to pass on memories that hold none."""

LEAST_QUERIES = 10
"""Queries with, and queries without a relevant candidate, that a fit needs."""


@dataclass(frozen=True, slots=True)
class Abstention:
    """``weights . f + intercept``, in log-odds that something is relevant.

    ``f`` are the :data:`FEATURES` of the model's own log-odds, and :data:`OF_PARTS` where it adds
    a similarity, clipped to [``low``, ``high``] (what the fit saw), less ``mean``, over
    ``deviation``. ``threshold`` is the probability below which to say that nothing answers: of the
    queries that have an answer about :data:`ALPHA` lie below it.
    """

    weights: tuple[float, ...]
    intercept: float
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    threshold: float

    def __call__(self, log_odds: Floats, logits: Floats | None = None) -> float:
        """The probability in [0, 1] that one query's candidates with these log-odds [n] hold a
        relevant one; 0 where there is none. ``logits`` [n] are the log-odds without a similarity,
        which a model that was fitted on such needs, and another does not read.

        Raises:
            ValueError: they are needed and not given.
        """
        if not len(log_odds):
            return 0.0
        if len(self.weights) == len(FEATURES):
            logits = None
        elif logits is None:
            raise ValueError("abstention was fitted on logits beside the log-odds, expected both")
        read = features(log_odds, logits)[: len(self.weights)]  # a card of before may have fewer
        f = (np.clip(read, self.low, self.high) - self.mean) / self.deviation
        return float(probability(np.array([f @ np.asarray(self.weights) + self.intercept]))[0])


def features(log_odds: Floats, logits: Floats | None = None, *, count: int | None = None) -> Floats:
    """:data:`FEATURES` [5] of one query's log-odds [n >= 1]; the gap is 0 where n is 1.

    With ``logits`` [n], :data:`OF_PARTS` follow. ``count`` stands for n where some candidates were
    taken out.
    """
    best = np.sort(log_odds)[::-1][:3]
    total = best[0] + np.log(np.exp(log_odds - best[0]).sum())
    gap = best[0] - best[min(1, len(best) - 1)]
    found = [best[0], gap, total, best.mean(), np.log(count or len(log_odds))]
    if logits is not None:
        similarity = log_odds - logits
        found += [logits[int(np.argmax(log_odds))], logits.max()]
        found += [similarity.max(), similarity.mean(), similarity.max() ** 2]
    return np.array(found)


def emptied(data: ScoredData) -> list[Floats]:
    """The features of each query that has a relevant candidate, with all of these taken out."""
    found = []
    for s in data.slices():
        left = ~data.relevant[s]
        if 0 < left.sum() < len(left):
            logits = None if data.logits is None else data.logits[s][left]
            found.append(features(data.log_odds[s][left], logits, count=len(left)))
    return found


def answerable(abstention: Abstention, data: ScoredData) -> Floats:
    """The probability [Q] of each query."""
    return np.array([abstention(*_scores(data, s)) for s in data.slices()])


def _scores(data: ScoredData, s: slice) -> tuple[Floats, Floats | None]:
    return data.log_odds[s], None if data.logits is None else data.logits[s]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The model fitted on all data, and what it said of groups that it had not seen.

    ``held_out`` [Q] are the probabilities of the real queries by cross-validation.
    """

    abstention: Abstention
    held_out: Floats


def fit(data: ScoredData, elsewhere: ScoredData | None = None) -> Fitted:
    """Fit on queries with and without a relevant candidate.

    Args:
        data: they.
        elsewhere: queries of other dialogues on the memories of these, by the groups of these.

    Raises:
        InputError: fewer than :data:`LEAST_QUERIES` of either.
    """
    with_answer = int(data.answerable.sum())
    without = len(data) - with_answer
    if min(with_answer, without) < LEAST_QUERIES:
        raise InputError(
            f"{with_answer} queries with and {without} without a relevant candidate are too few to "
            f"learn when to abstain, expected at least {LEAST_QUERIES} of each"
        )
    held_out = np.zeros(len(data))
    for fold in data.folds(FOLDS):
        model = _fit(data.take(~fold), elsewhere, threshold=0.5)
        held_out[fold] = answerable(model, data.take(fold))
    return Fitted(_fit(data, elsewhere, _threshold(held_out, data.answerable)), held_out)


def _beside(data: ScoredData, elsewhere: ScoredData | None) -> list[Floats]:
    """The features of what was asked elsewhere, on memories of the groups of ``data``."""
    if elsewhere is None:
        return []
    groups = {query.group for query in data.queries}
    some = elsewhere.take(np.array([query.group in groups for query in elsewhere.queries], bool))
    return [features(*_scores(some, s)) for s in some.slices()]


def _fit(data: ScoredData, elsewhere: ScoredData | None, threshold: float) -> Abstention:
    from sklearn.linear_model import LogisticRegression

    own = [features(*_scores(data, s)) for s in data.slices()]
    kinds = [own, emptied(data), _beside(data, elsewhere)]
    raw = np.concatenate([np.stack(kind) for kind in kinds if kind])
    hit = np.zeros(len(raw), dtype=bool)
    hit[: len(data)] = data.answerable
    share = (1 + (~data.answerable).sum()) / (2 + len(data))
    # Queries with an answer weigh 1 each. Those without share what is left, half of it the real
    # ones: they are few, and it is they that sound as if they had an answer.
    rest = hit.sum() * share / (1 - share)
    kind_of = np.repeat(np.arange(len(kinds)), [len(kind) for kind in kinds])
    real, *copies = (np.flatnonzero(~hit & (kind_of == kind)) for kind in range(len(kinds)))
    halves = [[kind for kind in half if len(kind)] for half in ([real], copies)]
    halves = [half for half in halves if half]
    weight = np.ones(len(hit))
    for half in halves:
        for places in half:
            weight[places] = rest / len(halves) / len(half) / len(places)
    mean, deviation = raw.mean(0), np.maximum(raw.std(0), 1e-6)
    model = LogisticRegression(C=1.0, max_iter=1000)
    model.fit((raw - mean) / deviation, hit, sample_weight=weight)
    return Abstention(
        weights=tuple(model.coef_[0].tolist()),
        intercept=float(model.intercept_[0]),
        mean=tuple(mean.tolist()),
        deviation=tuple(deviation.tolist()),
        low=tuple(raw.min(0).tolist()),
        high=tuple(raw.max(0).tolist()),
        threshold=threshold,
    )


def _threshold(p: Floats, answerable: NDArray[np.bool_]) -> float:
    """The k-th least probability of the n queries with an answer, k = ALPHA (n + 1), rounded down.

    Another such query lies below it with a probability of at most :data:`ALPHA` (a conformal
    quantile), as far as what cross-validation said stands for what the whole model says.
    """
    own = np.sort(p[answerable])
    k = int(ALPHA * (len(own) + 1))
    return float(own[k - 1]) if k else 0.0


def to_json(abstention: Abstention) -> dict[str, Any]:
    """The card's form; :func:`from_json` is its inverse."""
    return asdict(abstention)


def from_json(item: Mapping[str, Any]) -> Abstention | None:
    """The abstention of a card, None where it has none; other keys are left aside.

    Raises:
        InputError: it is damaged.
    """
    if not item:
        return None
    try:
        values: dict[str, Any] = {
            field.name: tuple(map(float, item[field.name]))
            if isinstance(item[field.name], list | tuple)
            else float(item[field.name])
            for field in fields(Abstention)
        }
        sizes = {len(value) for value in values.values() if isinstance(value, tuple)}
        every = len(FEATURES) + len(OF_PARTS)
        if len(sizes) != 1 or not len(FEATURES) <= min(sizes) <= every:
            raise ValueError(f"its lists hold {sorted(sizes)} numbers, not 5 to {every}")
        result = Abstention(**values)
        result(np.zeros(2), np.zeros(2))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the card's abstention cannot be read ({error}), expected what labkit calibrate wrote"
        ) from None
    return result
