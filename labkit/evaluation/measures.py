"""Measures as data: ``nDCG@10`` is the same string in a table, at the command line and in a file.

Three sorts, by what they look at:

* one ranking: :data:`RANKING` (``MAP``, ``MRR``, ``nDCG@k``, ``P@k``, ``R@k``, ``F1@k``,
  ``R_any@k``, ``R_all@k``). A query without a relevant memory has none of them: NaN, left out of
  means. They see labels in ranked order, so a tie is no matter of theirs: who ranks breaks it, by
  a rule that cannot know the labels.
* all pairs together: :data:`PAIRS` (``Brier``, ``LogLoss``, ``ECE``, ``ECE_mass``, ``F1_p@0.5``),
  from the probabilities of what was scored.
* whether a query has an answer at all: :data:`ABSTENTION` (``abstain_AUROC``, ``abstain_P@0.9``),
  from the greatest probability of each query, or the ranker's own where it has one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.errors import InputError
from labkit.records import RELEVANT

Floats = NDArray[np.float64]

RANKING = ("MAP", "MRR", "nDCG", "P", "R", "F1", "R_any", "R_all")
PAIRS = ("Brier", "LogLoss", "ECE", "ECE_mass", "F1_p")
ABSTENTION = ("abstain_AUROC", "abstain_P")

_DEPTH = frozenset(("nDCG", "P", "R", "F1", "R_any", "R_all"))
_SHARE = frozenset(("F1_p", "abstain_P"))
_FORM = re.compile(r"([A-Za-z][A-Za-z0-9_]*)(?:@([0-9]+(?:\.[0-9]+)?))?")

EXAMPLES = "MAP, MRR, nDCG@10, R_all@5, Brier, ECE or F1_p@0.5"


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure by name and parameter: the depth k, or a share (a probability, a recall)."""

    name: str
    at: float | None = None

    def __str__(self) -> str:
        return self.name if self.at is None else f"{self.name}@{self.at:g}"


def parse_measure(text: str) -> Measure:
    """The measure that a string names; ``str`` of the result gives the string back.

    Raises:
        InputError: there is no such measure, or its parameter is missing, one too many or out of
            range.
    """
    match = _FORM.fullmatch(text.strip())
    name, at = (match[1], match[2]) if match else (text, None)
    if match is None or name not in (*RANKING, *PAIRS, *ABSTENTION):
        raise InputError(f"no measure {text!r}, expected one such as {EXAMPLES}")
    if name in _DEPTH:
        if at is None or not at.isdecimal() or int(at) < 1:
            raise InputError(f"measure {text!r} needs a depth of 1 or more, such as {name}@10")
        return Measure(name, int(at))
    if name in _SHARE:
        if at is None or not 0 <= float(at) <= 1:
            raise InputError(f"measure {text!r} needs a number from 0 to 1, such as {name}@0.5")
        return Measure(name, float(at))
    if at is not None:
        raise InputError(f"measure {text!r} takes no number, expected {name}")
    return Measure(name)


# --- one ranking ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judged:
    """One query's ranking with its labels: all that a measure looks at.

    Attributes:
        labels: [n], labels of the ranked memories, best rank first.
        every: [m], labels of all memories in any order, ranked or not: what the first stage lost
            counts against the ranking.
        probabilities: [c], of the first c ranked; empty where the ranker gives none.
        answerable: the ranker's own probability that the query has an answer; None where it has
            none, so that its greatest probability stands for it.
    """

    labels: Floats
    every: Floats
    probabilities: Floats = field(default_factory=lambda: np.zeros(0))
    answerable: float | None = None

    @property
    def relevant(self) -> int:
        """How many relevant memories exist."""
        return int((self.every >= RELEVANT).sum())

    @property
    def answer(self) -> float:
        """How probable it is that the query has an answer; 0 without a candidate."""
        if self.answerable is not None:
            return self.answerable
        return float(self.probabilities.max(initial=0.0))


def ranking_value(measure: Measure, judged: Judged) -> float:
    """One of :data:`RANKING` for one query; NaN where the query has no relevant memory."""
    relevant = judged.relevant
    if relevant == 0:
        return float("nan")
    k = len(judged.labels) if measure.at is None else int(measure.at)
    hits = int((judged.labels[:k] >= RELEVANT).sum())
    match measure.name:
        case "MAP":
            return average_precision(judged.labels, relevant)
        case "MRR":
            return reciprocal_rank(judged.labels, relevant)
        case "nDCG":
            return ndcg_at(judged.labels, judged.every, k)
        case "P":
            return hits / k
        case "R":
            return hits / relevant
        case "F1":
            return 2 * hits / (k + relevant)
        case "R_any":
            return float(hits > 0)
        case "R_all":
            return float(hits == relevant)
    raise InputError(f"{measure} is no measure of one ranking, expected one of {RANKING}")


def average_precision(labels: ArrayLike, relevant: int) -> float:
    """Mean over the relevant memories of the precision at their ranks; 0 for one not ranked."""
    if relevant == 0:
        return float("nan")
    ranks = np.flatnonzero(np.asarray(labels) >= RELEVANT) + 1
    return float((np.arange(1, len(ranks) + 1) / ranks).sum() / relevant)


def reciprocal_rank(labels: ArrayLike, relevant: int) -> float:
    """1 / rank of the first relevant memory; 0 where none is ranked."""
    if relevant == 0:
        return float("nan")
    ranks = np.flatnonzero(np.asarray(labels) >= RELEVANT) + 1
    return float(1 / ranks[0]) if len(ranks) else 0.0


def ndcg_at(labels: ArrayLike, gains: ArrayLike, k: int) -> float:
    """nDCG at ``k`` with the label as gain and log2(1 + rank) as discount (Järvelin, Kekäläinen).

    Args:
        labels: labels in ranked order.
        gains: labels of all memories in any order; their best order is the ideal.
        k: depth.
    """
    ideal = np.sort(np.asarray(gains, dtype=float))[::-1][:k]
    best = float((ideal / np.log2(np.arange(2, len(ideal) + 2))).sum())
    if best == 0:
        return float("nan")
    got = np.asarray(labels, dtype=float)[:k]
    return float((got / np.log2(np.arange(2, len(got) + 2))).sum()) / best


# --- probabilities of pairs ----------------------------------------------------------------------

BINS = 15
"""Bins of an ECE where nothing else is said (Guo et al. 2017)."""


def _probabilities(values: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats]:
    p, y = np.asarray(values, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if p.shape != y.shape or p.ndim != 1:
        raise ValueError(f"shapes {p.shape} and {y.shape}, expected two arrays [n]")
    return p, y


def squared_errors(probabilities: ArrayLike, labels: ArrayLike) -> Floats:
    """(p - y)², [n]; y may be soft."""
    p, y = _probabilities(probabilities, labels)
    return np.square(p - y)


def surprises(probabilities: ArrayLike, labels: ArrayLike) -> Floats:
    """Cross entropy in nats, [n]; y may be soft. A certain error costs 36, not infinity."""
    p, y = _probabilities(probabilities, labels)
    tiny = np.finfo(np.float64).eps
    p = np.clip(p, tiny, 1 - tiny)
    return -(y * np.log(p) + (1 - y) * np.log1p(-p))


def brier(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Mean squared error of probabilities [n] against labels [n] in [0, 1]; NaN of none."""
    return _mean(squared_errors(probabilities, labels))


def log_loss(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Mean cross entropy of probabilities [n] against labels [n] in [0, 1], in nats."""
    return _mean(surprises(probabilities, labels))


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def bin_edges(probabilities: ArrayLike, bins: int = BINS, *, equal_mass: bool = False) -> Floats:
    """The edges [b + 1] of at most ``bins`` bins over [0, 1]; a bin holds its lower edge.

    Of equal width, or of as equal a mass as ties allow: equal probabilities stay together, so that
    the result does not hang on their order.
    """
    if not equal_mass:
        return np.linspace(0, 1, bins + 1)
    ordered = np.sort(np.asarray(probabilities, dtype=np.float64))
    if not len(ordered):
        return np.array([0.0, 1.0])
    inner = ordered[
        np.round(np.arange(1, bins) * len(ordered) / bins).astype(int).clip(max=len(ordered) - 1)
    ]
    return np.concatenate([[0.0], np.unique(inner[inner > ordered[0]]), [1.0]])


def bin_of(probabilities: ArrayLike, edges: Floats) -> NDArray[np.intp]:
    """The bin [n] of each probability."""
    found: NDArray[np.intp] = np.searchsorted(
        edges[1:-1], np.asarray(probabilities, dtype=np.float64), side="right"
    )
    return found


def expected_calibration_error(
    probabilities: ArrayLike, labels: ArrayLike, *, bins: int = BINS, equal_mass: bool = False
) -> float:
    """ECE: how far, on average over pairs, a bin's mean probability is from its share of hits.

    A hit is a label of at least :data:`labkit.records.RELEVANT`. Naeini et al., AAAI 2015.
    """
    p, y = _probabilities(probabilities, labels)
    if not len(p):
        return float("nan")
    edges = bin_edges(p, bins, equal_mass=equal_mass)
    gaps = np.bincount(bin_of(p, edges), p - (y >= RELEVANT), minlength=len(edges) - 1)
    return float(np.abs(gaps).sum() / len(p))


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Pairs whose probabilities lie in [low, high): what was promised and what came.

    ``observed`` is the share of hits, ``interval`` its 95 % Wilson interval.
    """

    low: float
    high: float
    count: int
    promised: float
    observed: float
    interval: tuple[float, float]


def reliability(
    probabilities: ArrayLike, labels: ArrayLike, *, bins: int = BINS, equal_mass: bool = False
) -> list[ReliabilityBin]:
    """The bins of a reliability diagram that hold a pair, lowest first."""
    p, y = _probabilities(probabilities, labels)
    edges = bin_edges(p, bins, equal_mass=equal_mass)
    index = bin_of(p, edges)
    found = []
    for b in np.unique(index):
        inside = index == b
        count, hits = int(inside.sum()), int((y[inside] >= RELEVANT).sum())
        found.append(
            ReliabilityBin(
                low=float(edges[b]),
                high=float(edges[b + 1]),
                count=count,
                promised=float(p[inside].mean()),
                observed=hits / count,
                interval=wilson(hits, count),
            )
        )
    return found


def wilson(hits: int, count: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Wilson's score interval of a share, 95 % by default (Wilson 1927); (0, 1) of none."""
    if count == 0:
        return 0.0, 1.0
    share, over = hits / count, z * z / count
    middle = (share + over / 2) / (1 + over)
    half = z / (1 + over) * float(np.sqrt(share * (1 - share) / count + over / (4 * count)))
    return max(0.0, middle - half), min(1.0, middle + half)


def f1_at(probabilities: ArrayLike, labels: ArrayLike, threshold: float, *, lost: int = 0) -> float:
    """F1 of keeping the pairs with at least this probability, over all pairs together.

    ``lost`` counts relevant memories that were not scored: they are misses. NaN where nothing is
    relevant.
    """
    p, y = _probabilities(probabilities, labels)
    kept, hit = p >= threshold, y >= RELEVANT
    relevant = int(hit.sum()) + lost
    if relevant == 0:
        return float("nan")
    return 2 * int((kept & hit).sum()) / (int(kept.sum()) + relevant)


# --- whether there is an answer ------------------------------------------------------------------


def _grouped(
    scores: ArrayLike, positive: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Floats]:
    """Weight of the positives and of the negatives at each distinct score, falling, [..., g]."""
    s, hit = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=bool)
    w = np.ones(len(s)) if weights is None else np.asarray(weights, dtype=np.float64)
    order = np.argsort(-s, kind="stable")
    starts = np.flatnonzero(np.diff(s[order], prepend=np.inf))
    return tuple(  # type: ignore[return-value]
        np.add.reduceat((w * side)[..., order], starts, axis=-1) for side in (hit, ~hit)
    )


def auroc(scores: ArrayLike, positive: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """How often a positive scores above a negative, ties counting half; NaN without both.

    Args:
        scores: [n].
        positive: [n], true or false.
        weights: [..., n], how often each stands there; the result then has shape [...].
    """
    if not len(np.asarray(scores)):
        return np.full(np.shape(weights)[:-1] if weights is not None else (), np.nan)
    hits, misses = _grouped(scores, positive, weights)
    below = misses.sum(-1, keepdims=True) - np.cumsum(misses, -1)
    pairs = hits.sum(-1) * misses.sum(-1)
    won = (hits * (below + misses / 2)).sum(-1)
    return _share(won, pairs)


def precision_at_recall(
    scores: ArrayLike, positive: ArrayLike, recall: float, weights: ArrayLike | None = None
) -> Floats:
    """The best precision of a threshold that reaches a recall; shapes as :func:`auroc`.

    A threshold keeps or drops equal scores together.
    """
    if not len(np.asarray(scores)):
        return np.full(np.shape(weights)[:-1] if weights is not None else (), np.nan)
    hits, misses = _grouped(scores, positive, weights)
    kept_hits, kept = np.cumsum(hits, -1), np.cumsum(hits + misses, -1)
    relevant = kept_hits[..., -1:]
    precision = np.divide(kept_hits, kept, out=np.zeros(kept.shape), where=kept > 0)
    # A share of whole queries: 9 of 10 reach a recall of 0.9 whatever the division rounds to.
    reaches = kept_hits >= recall * relevant - 1e-9
    best = np.where(reaches, precision, 0.0).max(-1)
    return np.where(relevant[..., 0] > 0, best, np.nan)


# --- many queries --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scored:
    """The scored pairs of Q queries, flat; ``query`` [p] is the index of each pair's query."""

    probabilities: Floats
    labels: Floats
    query: NDArray[np.intp]
    lost: Floats
    """[Q], relevant memories of each query that were not scored."""
    answer: Floats
    """[Q], probability that each query has an answer."""
    answerable: NDArray[np.bool_]
    """[Q], whether it has a relevant memory."""
    heard: NDArray[np.bool_]
    """[Q], whether the ranker gave a probability, or had nothing to give one of."""

    @staticmethod
    def of(judged: Sequence[Judged]) -> Scored:
        labels = [one.labels[: len(one.probabilities)] for one in judged]
        found = [int((kept >= RELEVANT).sum()) for kept in labels]
        return Scored(
            probabilities=np.concatenate([np.zeros(0), *(one.probabilities for one in judged)]),
            labels=np.concatenate([np.zeros(0), *labels]),
            query=np.repeat(np.arange(len(judged)), [len(kept) for kept in labels]),
            lost=np.array([one.relevant for one in judged], float) - np.array(found, float),
            answer=np.array([one.answer for one in judged], float),
            answerable=np.array([one.relevant > 0 for one in judged], bool),
            heard=np.array(
                [
                    bool(len(one.probabilities) or one.answerable is not None)
                    or not len(one.labels)
                    for one in judged
                ],
                bool,
            ),
        )


def pooled_value(measure: Measure, scored: Scored, weights: ArrayLike | None = None) -> Floats:
    """One of :data:`PAIRS` or :data:`ABSTENTION` over all queries; NaN where it has no meaning.

    A query on which the ranker gave no probability is left out: silence is no sure "nothing here".

    Args:
        weights: [..., Q], how often each query stands there (a bootstrap draw); the result then
            has shape [...]. The bins of an ECE stay those of the whole.
    """
    size = len(scored.answer)
    w = np.ones(size) if weights is None else np.asarray(weights, dtype=np.float64)
    w = w * scored.heard
    p, y = scored.probabilities, scored.labels
    if not len(p):
        return np.full(w.shape[:-1], np.nan)

    def total(values: Floats) -> Floats:
        """Weighted sum over pairs, [...]."""
        result: Floats = w @ np.bincount(scored.query, values, minlength=size)
        return result

    match measure.name:
        case "Brier":
            return _share(total(squared_errors(p, y)), total(np.ones(len(p))))
        case "LogLoss":
            return _share(total(surprises(p, y)), total(np.ones(len(p))))
        case "ECE" | "ECE_mass":
            edges = bin_edges(p, equal_mass=measure.name == "ECE_mass")
            bins = len(edges) - 1
            gaps = np.bincount(
                scored.query * bins + bin_of(p, edges), p - (y >= RELEVANT), minlength=size * bins
            )
            return _share(np.abs(w @ gaps.reshape(size, bins)).sum(-1), total(np.ones(len(p))))
        case "F1_p":
            kept, hit = p >= (measure.at or 0.0), y >= RELEVANT
            relevant = total(hit.astype(float)) + w @ scored.lost
            f1 = _share(2 * total((kept & hit).astype(float)), total(kept.astype(float)) + relevant)
            return np.where(relevant > 0, f1, np.nan)
        case "abstain_AUROC":
            return auroc(scored.answer, scored.answerable, w)
        case "abstain_P":
            # With nothing to abstain from a precision of 1 says nothing.
            if scored.answerable[scored.heard].all():
                return np.full(w.shape[:-1], np.nan)
            return precision_at_recall(scored.answer, scored.answerable, measure.at or 0.0, w)
    raise InputError(f"{measure} is no measure of many queries, expected one of {PAIRS}")


def _share(part: Floats, whole: Floats) -> Floats:
    whole = np.asarray(whole)
    result: Floats = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return result
