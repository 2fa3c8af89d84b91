"""What a labelling run found out about its teachers, and how its labels compare with gold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.evaluation.agreement import levels, weighted_kappa
from labkit.evaluation.measures import auroc, average_precision, brier
from labkit.records import LEVELS, RELEVANT, Example
from labkit.teachers.fit import Fit
from labkit.teachers.labels import Labels
from labkit.teachers.verdicts import KINDS, Floats, Grade, Indices, Verdict, Verdicts

GOLD = "gold_labels"
"""Key of an Example that keeps the labels which soft labels took the place of."""


def gold_labels(example: Example) -> dict[str, float]:
    """The labels that teachers did not give: those kept by an earlier run, or the Example's own.

    None where teachers labelled what had no label before.
    """
    kept = example.extra.get(GOLD)
    if isinstance(kept, dict):
        return dict(kept)
    return {} if "labelled_by" in example.extra else dict(example.labels)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of memories that one teacher judged, whatever the order and however often.

    Attributes:
        low, high: [p], indices of the two items, low < high.
        preference: [p], mean preference for ``low``, in [-1, 1].
        habit: [p], mean preference for the first shown, where it was asked in both orders: what is
            left when the memories change places. NaN where it was not.
        against: [p], True where both orders were asked and the same place won both times.
    """

    low: Indices
    high: Indices
    preference: Floats
    habit: Floats
    against: NDArray[np.bool_]

    @property
    def both(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.habit)


def pairs_of(verdicts: Verdicts, teacher: int) -> Pairs:
    """The pairs of teacher number ``teacher``."""
    mine = verdicts.teacher == teacher
    first, second = verdicts.first[mine], verdicts.second[mine]
    said = 2 * verdicts.outcome[mine] - 1
    low, high = np.minimum(first, second), np.maximum(first, second)
    count = len(verdicts.items.memories)
    key, place = np.unique(low * count + high, return_inverse=True)
    size = len(key)
    forward = first == low

    def mean(keep: NDArray[np.bool_]) -> Floats:
        times = np.bincount(place[keep], minlength=size)
        with np.errstate(invalid="ignore"):
            of: Floats = np.bincount(place[keep], said[keep], minlength=size) / times
        return of

    one, two = mean(forward), -mean(~forward)  # preference for low, as asked in each order
    weight = np.stack([~np.isnan(one), ~np.isnan(two)])
    preference = np.nansum([one, two], axis=0) / weight.sum(0)
    return Pairs(
        low=(key // count).astype(np.intp),
        high=(key % count).astype(np.intp),
        preference=preference,
        habit=(one - two) / 2,
        against=np.nan_to_num(one) * np.nan_to_num(two) < 0,
    )


def triads(pairs: Pairs, verdicts: Verdicts) -> tuple[int, int]:
    """Triads of which all three pairs were judged and none was tied, and how many go in a circle.

    By matrix powers, query by query: a circle is a closed walk of three steps along preferences.
    """
    items = verdicts.items
    said = np.sign(pairs.preference)
    keep = (said != 0) & (items.query[pairs.low] == items.query[pairs.high])
    low, high, said = pairs.low[keep], pairs.high[keep], said[keep]
    order = np.argsort(items.query[low], kind="stable")
    edges = np.searchsorted(items.query[low][order], np.arange(len(items.queries) + 1))
    complete = circles = 0
    for q in range(len(items.queries)):
        mine = order[edges[q] : edges[q + 1]]
        if len(mine) < 3:
            continue
        size = int(items.sizes[q])
        better = np.zeros((size, size))
        i, j = low[mine] - items.start[q], high[mine] - items.start[q]
        won = said[mine] > 0
        better[np.where(won, i, j), np.where(won, j, i)] = 1
        known = better + better.T
        complete += round(float(np.einsum("ij,ji->", known @ known, known)) / 6)
        circles += round(float(np.einsum("ij,ji->", better @ better, better)) / 3)
    return complete, circles


def _share(part: float, whole: float) -> float | None:
    return None if whole == 0 else round(float(part) / float(whole), 4)


def _mean(values: Floats) -> float | None:
    return round(float(values.mean()), 4) if len(values) else None


def _pooled(every: Sequence[Pairs], count: int) -> Pairs:
    """All teachers' pairs as one: the mean of what each said."""
    low = np.concatenate([p.low for p in every])
    high = np.concatenate([p.high for p in every])
    said = np.concatenate([p.preference for p in every])
    key, place = np.unique(low * count + high, return_inverse=True)
    preference = np.bincount(place, said) / np.bincount(place) if len(key) else np.zeros(0)
    nothing = np.full(len(key), np.nan)
    low, high = (key // count).astype(np.intp), (key % count).astype(np.intp)
    return Pairs(low, high, preference, nothing, np.zeros(len(key), dtype=bool))


def _agreement(one: Pairs, two: Pairs, count: int) -> dict[str, Any]:
    """Of two teachers: pairs that both judged, share of the same preference, correlation."""
    _, i, j = np.intersect1d(
        one.low * count + one.high, two.low * count + two.high, return_indices=True
    )
    a, b = one.preference[i], two.preference[j]
    decided = (a != 0) & (b != 0)
    varied = len(a) > 1 and a.std() > 0 and b.std() > 0
    return {
        "pairs": len(a),
        "same_preference": _share((a * b > 0).sum(), decided.sum()),
        "correlation": round(float(np.corrcoef(a, b)[0, 1]), 4) if varied else None,
    }


def _outcomes(names: Sequence[str], given: Sequence[Verdict | Grade]) -> dict[str, dict[str, int]]:
    counts = Counter((each.teacher, each.kind) for each in given)
    return {name: {kind: counts[name, kind] for kind in KINDS} for name in names}


def summarise(
    examples: Sequence[Example],
    names: Sequence[str],
    verdicts: Sequence[Verdict],
    grades: Sequence[Grade],
    fitted: Fit | None,
    labels: Labels | None,
) -> dict[str, Any]:
    """Everything that can be said of a run, ready for JSON; None stands for "nothing to go by".

    ``against_gold`` is there where some query of the data has a gold label; a memory without one
    counts as 0, as everywhere.
    """
    found: dict[str, Any] = {
        "verdicts": _outcomes(names, verdicts),
        "grades": _outcomes(names, grades),
    }
    if fitted is None or labels is None:
        return found
    arrays = fitted.problem.verdicts
    count = len(arrays.items.memories)
    number = {name: t for t, name in enumerate(arrays.teachers)}
    of = {name: pairs_of(arrays, number[name]) for name in names if name in number}
    gold = _gold(examples, labels)
    found["teachers"] = {
        name: _of_teacher(fitted, number[name], pairs, gold) for name, pairs in of.items()
    }
    if of:
        complete, circles = triads(_pooled(list(of.values()), count), arrays)
        found["triads"] = {"complete": complete, "intransitive": circles}
    found["agreement"] = {
        f"{one} / {two}": _agreement(of[one], of[two], count) for one, two in combinations(of, 2)
    }
    found["labels"] = _of_labels(labels)
    if gold is not None:
        found["against_gold"] = against_gold(labels.labels, gold, labels.items.query)
    return found


def _of_teacher(fitted: Fit, t: int, pairs: Pairs, gold: Floats | None) -> dict[str, Any]:
    arrays = fitted.problem.verdicts
    mine = arrays.teacher == t
    complete, circles = triads(pairs, arrays)
    found: dict[str, Any] = {
        "reliability": round(float(fitted.teachers.reliability[t]), 4),
        "reliability_error": round(float(fitted.reliability_errors[t]), 4),
        "position_bias": round(float(fitted.teachers.position_bias[t]), 4),
        "position_bias_error": round(float(fitted.position_bias_errors[t]), 4),
        "dispersion": round(float(fitted.teachers.dispersion[t]), 4),
        "mean_preference_for_the_first": _mean(2 * arrays.outcome[mine] - 1),
        "asked_in_both_orders": int(pairs.both.sum()),
        "habit_of_the_first": _mean(pairs.habit[pairs.both]),
        "contradicts_itself": _share(pairs.against.sum(), pairs.both.sum()),
        "triads": {"complete": complete, "intransitive": circles},
    }
    if gold is not None:
        better = np.sign(gold[arrays.first[mine]] - gold[arrays.second[mine]])
        said = np.sign(arrays.outcome[mine] - 0.5)
        told = better != 0
        # a tie is half right
        right = (1 + better[told] * said[told]) / 2
        found["right_of_verdicts"] = _mean(right)
    return found


def _of_labels(labels: Labels) -> dict[str, Any]:
    at = levels(labels.labels)
    names = [name for _, name in reversed(LEVELS)]
    return {
        "basis": labels.basis,
        "levels": {name: int((at == i).sum()) for i, name in enumerate(names)},
        "histogram": np.histogram(labels.labels, bins=10, range=(0, 1))[0].tolist(),
        "mean": _mean(labels.labels),
        "mean_error": _mean(labels.standard_errors),
        "grade_noise": _finite(labels.grade_noise),
        "grade_drift": _finite(labels.grade_drift),
        "leniency": {name: round(value, 4) for name, value in labels.leniency.items()},
    }


def _finite(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def _gold(examples: Sequence[Example], labels: Labels) -> Floats | None:
    """Gold labels of the items, [n]; None where the data has none at all."""
    by_query: dict[str, Mapping[str, float]] = {e.id: gold_labels(e) for e in examples}
    if not any(by_query.values()):
        return None
    items = labels.items
    queries = (by_query[items.queries[q]] for q in items.query)
    return np.array([of.get(m, 0.0) for of, m in zip(queries, items.memories, strict=True)])


def calibration_error(labels: Floats, truth: Floats, bins: int = 10) -> float:
    """Mean |mean label - mean truth| over bins of the label of equal width, weighted by size."""
    place = np.minimum((labels * bins).astype(int), bins - 1)
    gap = np.bincount(place, labels - truth, minlength=bins)
    return float(np.abs(gap).sum() / len(labels))


def against_gold(labels: Floats, gold: Floats, query: Indices) -> dict[str, Any]:
    """How labels [n] compare with gold [n], of items [n] that are neighbours by query.

    ECE is that of :func:`calibration_error`; Brier the mean squared error, beside that of the mean
    gold label for all.
    ``in_order`` is the share of pairs of a query with different gold that the labels order alike
    (half for a tie), mean over queries; ``MAP`` that of the labels' order, gold says what is
    relevant; ``answerable`` the same of queries by their best label: has it a relevant memory?
    """
    orders, precisions, best, answered = [], [], [], []
    for q in np.unique(query):
        mine = slice(*np.searchsorted(query, [q, q + 1]))
        said, is_ = labels[mine], gold[mine]
        i, j = np.triu_indices(len(is_), 1)
        apart = is_[i] != is_[j]
        if apart.any():
            agree = np.sign(said[i] - said[j]) * np.sign(is_[i] - is_[j])
            orders.append(float((agree[apart].mean() + 1) / 2))
        relevant = int((is_ >= RELEVANT).sum())
        if relevant:
            ranked = is_[np.argsort(-said, kind="stable")]
            precisions.append(average_precision(ranked, relevant))
        best.append(float(said.max()))
        answered.append(relevant > 0)
    hit = gold >= RELEVANT
    kept = labels >= RELEVANT
    return {
        "pairs": len(gold),
        "ece": round(calibration_error(labels, gold), 4),
        "brier": round(brier(labels, gold), 4),
        "brier_of_the_mean": round(float(gold.var()), 4),
        "kappa": _finite(weighted_kappa(labels, gold)),
        "kappa_relevant": _finite(weighted_kappa(kept.astype(float), hit.astype(float))),
        "in_order": _mean(np.array(orders)),
        "MAP": _mean(np.array(precisions)),
        "relevant_precision": _share((kept & hit).sum(), kept.sum()),
        "relevant_recall": _share((kept & hit).sum(), hit.sum()),
        "answerable_auroc": _auroc(np.array(best), np.array(answered)),
    }


def _auroc(scores: Floats, positive: NDArray[np.bool_]) -> float | None:
    if not len(scores) or positive.all() or not positive.any():
        return None
    return round(float(np.squeeze(auroc(scores, positive))), 4)
