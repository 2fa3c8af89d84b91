"""What the Disagreements tab shows, as plain data: no Gradio here.

**How much a disagreement matters.** For a pair with label y (its standard error s), student
probability p and threshold t:

    matters = KL(y || p) x certainty x (2 if the two fall on different sides, else 1)

* KL(y || p) = y ln(y / p) + (1 - y) ln((1 - y) / (1 - p)), in nats, is what the student pays in log
  loss beyond what the label itself costs (the regret of a proper score); a plain |y - p| would call
  .50 against .40 as bad as .11 against .01, which is eleven times the odds. p is held within
  [.001, .999]: nobody checks a calibration further out.
* certainty = 2 Phi(|y - p| / s) - 1 is how sure it is that the label and the student differ at all,
  given the error of the fit. A label that may be anything is no reason to call the student wrong.
  It is 1 for gold labels, which have no error.
* The sides are: label at least 0.6 (relevant, as everywhere here); probability at least t (kept).
  Only there does what a reader gets to see change, hence the factor.

It is a reading order for people, not an estimate of anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy  # type: ignore[import-untyped]
from scipy.stats import norm  # type: ignore[import-untyped]

from labkit.errors import InputError
from labkit.records import RELEVANT, Example, Memory
from labkit.rendering import render_date
from labkit.teachers.summary import GOLD, gold_labels
from labkit.teachers.verdicts import USABLE, Verdict
from labkit.ui.inspect_data import short_level
from labkit.ui.labelled import Labelled
from labkit.ui.scores import QueryScores

Floats = NDArray[np.float64]
Quadrant = Literal["missed", "extra", "kept", "dropped"]
QUADRANTS: tuple[Quadrant, ...] = get_args(Quadrant)
"""missed: label high, student low. extra: label low, student high. The others agree."""

CLIPPED = 0.001
ROWS_A_PAGE = 25
SENT_AT_MOST = 200
"""Pairs that are sent to annotation at once: what matters most, and no more than somebody reads."""

EVERY = ""
"""Stands for "all" in a filter."""
NO_KIND = "no kind"


# --- the pairs -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair:
    """A memory of a query: what the labels say, and what the student does.

    ``error`` is the label's standard error, 0 of a gold label; ``gold`` None where it is not known.
    """

    query: str
    memory: str
    label: float
    error: float
    gold: float | None
    probability: float
    kind: str
    negative_kind: str
    split: str


def pairs_of(
    labelled: Labelled, scored: Iterable[QueryScores], splits: Mapping[str, str]
) -> list[Pair]:
    """All pairs of the queries that were scored. A memory without a label counts as 0."""
    found = []
    for query in scored:
        example = query.example
        errors = _errors(example)
        gold = gold_labels(example) if labelled.gold or GOLD in example.extra else None
        for memory, probability in zip(query.memories, query.probabilities.tolist(), strict=True):
            found.append(
                Pair(
                    query=example.id,
                    memory=memory.id,
                    label=example.label(memory.id),
                    error=errors.get(memory.id, 0.0),
                    gold=None if gold is None else gold.get(memory.id, 0.0),
                    probability=probability,
                    kind=example.query.kind or NO_KIND,
                    negative_kind=example.negative_kinds.get(memory.id, NO_KIND),
                    split=labelled.split or splits.get(example.id, ""),
                )
            )
    return found


def _errors(example: Example) -> Mapping[str, float]:
    """Standard errors as ``labkit label`` wrote them; what is no number from 0 to 1 is left out."""
    errors = example.extra.get("label_errors")
    if not isinstance(errors, dict):
        return {}
    return {
        id_: float(error)
        for id_, error in errors.items()
        if isinstance(error, int | float) and 0 <= error <= 1
    }


def matters(labels: Floats, errors: Floats, probabilities: Floats, threshold: float) -> Floats:
    """How much each pair's disagreement matters, [n]; see the module."""
    p = np.clip(probabilities, CLIPPED, 1 - CLIPPED)
    regret = xlogy(labels, labels / p) + xlogy(1 - labels, (1 - labels) / (1 - p))
    apart = np.abs(labels - probabilities)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        sure = np.where(errors > 0, 2 * norm.cdf(apart / errors) - 1, 1.0)
    crosses = (labels >= RELEVANT) != (probabilities >= threshold)
    found: Floats = np.maximum(regret, 0) * sure * np.where(crosses, 2.0, 1.0)
    return found


def quadrant_of(label: float, probability: float, threshold: float) -> Quadrant:
    """Where a pair falls, at an operating point."""
    if label >= RELEVANT:
        return "kept" if probability >= threshold else "missed"
    return "extra" if probability >= threshold else "dropped"


@dataclass(frozen=True, slots=True)
class Weighed:
    """Pairs at one operating point, what matters most first."""

    pairs: tuple[Pair, ...]
    matters: tuple[float, ...]
    quadrants: tuple[Quadrant, ...]
    threshold: float

    def __len__(self) -> int:
        return len(self.pairs)

    def chosen(self, keep: Iterable[bool]) -> Weighed:
        places = [i for i, kept in enumerate(keep) if kept]
        return Weighed(
            tuple(self.pairs[i] for i in places),
            tuple(self.matters[i] for i in places),
            tuple(self.quadrants[i] for i in places),
            self.threshold,
        )

    def counts(self) -> dict[Quadrant, int]:
        counted = Counter(self.quadrants)
        return {name: counted[name] for name in QUADRANTS}


def weigh(pairs: Sequence[Pair], threshold: float) -> Weighed:
    """Sort pairs by what matters; of equal ones those of the file's beginning come first."""
    labels, errors, p = (
        np.array([getattr(pair, name) for pair in pairs], dtype=np.float64)
        for name in ("label", "error", "probability")
    )
    weight = matters(labels, errors, p, threshold)
    order = np.argsort(-weight, kind="stable").tolist()
    return Weighed(
        tuple(pairs[i] for i in order),
        tuple(weight[order].tolist()),
        tuple(
            quadrant_of(pairs[i].label, pairs[i].probability, threshold)
            for i in order
        ),
        threshold,
    )  # fmt: skip


# --- filters -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked at; :data:`EVERY` lets all through."""

    kind: str = EVERY
    negative_kind: str = EVERY
    split: str = EVERY
    quadrant: str = EVERY


def filtered(weighed: Weighed, filters: Filters) -> Weighed:
    """The pairs that pass, in the same order."""
    return weighed.chosen(
        filters.kind in (EVERY, pair.kind)
        and filters.negative_kind in (EVERY, pair.negative_kind)
        and filters.split in (EVERY, pair.split)
        and filters.quadrant in (EVERY, quadrant)
        for pair, quadrant in zip(weighed.pairs, weighed.quadrants, strict=True)
    )


def choices(pairs: Sequence[Pair], name: str) -> list[tuple[str, str]]:
    """Label and value of what a filter may be set to, with counts; "all" first."""
    counted = Counter(str(getattr(pair, name)) for pair in pairs)
    return [
        (f"all ({len(pairs):,})", EVERY),
        *(
            (f"{value.replace('_', ' ')} ({count:,})", value)
            for value, count in counted.most_common()
            if value
        ),
    ]


def quadrant_names(whose: str) -> dict[Quadrant, str]:
    """What the page calls the quadrants; ``whose`` labels: teachers or gold."""
    return {
        "missed": f"{whose} high, student low",
        "extra": f"{whose} low, student high",
        "kept": "both high",
        "dropped": "both low",
    }


# --- what is drawn -------------------------------------------------------------------------------


def caption(labelled: Labelled, shown: Weighed, every: int, model: str) -> str:
    """Whose labels, which split, how many, which model, which threshold."""
    splits = ", ".join(sorted({pair.split for pair in shown.pairs if pair.split}))
    queries = len({pair.query for pair in shown.pairs})
    of = "" if len(shown) == every else f" of {every:,}"
    left_out = (
        f" · {labelled.left_out:,} more queries were left out (drawn with seed 0)"
        if labelled.left_out
        else ""
    )
    return (
        f"{labelled.title} · {f'split {splits}' if splits else 'no split named'} · "
        f"n = {len(shown):,}{of} pairs of "
        f"{queries:,} queries · model {model} · threshold {shown.threshold:.3f}, relevant from "
        f"{RELEVANT:g}{left_out}"
    )


def tiles(labelled: Labelled, shown: Weighed) -> list[dict[str, str]]:
    """The quadrants counted, with their share."""
    names = quadrant_names(labelled.whose)
    total = len(shown)
    return [
        {
            "name": names[quadrant],
            "value": f"{count:,}",
            "note": f"{100 * count / total:.1f} %" if total else "",
        }
        for quadrant, count in shown.counts().items()
    ]


def page_of(
    labelled: Labelled, shown: Weighed, number: int, model: str, every: int
) -> dict[str, Any]:
    """One page of the table; ``number`` is held within what there is."""
    last = max(0, (len(shown) - 1) // ROWS_A_PAGE)
    number = min(max(number, 0), last)
    names = quadrant_names(labelled.whose)
    examples = {example.id: example for example in labelled.batch.examples}
    rows = []
    for place in range(number * ROWS_A_PAGE, min((number + 1) * ROWS_A_PAGE, len(shown))):
        pair = shown.pairs[place]
        example = examples[pair.query]
        rows.append(
            {
                "place": place + 1,
                "query": pair.query,
                "memory": pair.memory,
                "matters": f"{shown.matters[place]:.2f}",
                "label": f"{pair.label:.2f}",
                "error": f"±{pair.error:.2f}" if pair.error else "",
                "probability": f"{pair.probability:.3f}",
                "quadrant": shown.quadrants[place],
                "verdict": names[shown.quadrants[place]],
                "kind": pair.kind,
                "negative_kind": "" if pair.negative_kind == NO_KIND else pair.negative_kind,
                "question": example.query.text,
                "text": memory_of(example, pair.memory).text,
            }
        )
    return {
        "rows": rows,
        "page": number,
        "pages": last + 1,
        "whose": labelled.whose,
        "shown": len(shown),
        "most": SENT_AT_MOST,
        "tiles": tiles(labelled, shown),
        "caption": caption(labelled, shown, every, model),
        "about": " ".join([labelled.about, *(f"{problem}." for problem in labelled.problems)]),
        "empty": "" if len(shown) else "No pair passes these filters. Set one of them to all.",
    }


def empty_page(message: str, about: str = "") -> dict[str, Any]:
    """A page without rows that says why."""
    return {
        "rows": [], "page": 0, "pages": 1, "whose": "", "shown": 0, "most": SENT_AT_MOST,
        "tiles": [], "caption": "", "about": about, "empty": message,
    }  # fmt: skip


def memory_of(example: Example, id_: str) -> Memory:
    """
    Raises:
        InputError: the query has no such memory.
    """
    for memory in example.memories:
        if memory.id == id_:
            return memory
    raise InputError(f"query {example.id[:60]!r} has no memory {id_[:60]!r}")


# --- one pair, and what the teachers said --------------------------------------------------------


def opened(
    labelled: Labelled, weighed: Weighed, query: str, memory: str, model: str
) -> dict[str, Any]:
    """A pair with all that is known of it, and its query's other memories, best label first.

    Raises:
        InputError: there is no such pair (any more).
    """
    names = quadrant_names(labelled.whose)
    mine = [
        (pair, weight, quadrant)
        for pair, weight, quadrant in zip(
            weighed.pairs, weighed.matters, weighed.quadrants, strict=True
        )
        if pair.query == query
    ]
    example = next((e for e in labelled.batch.examples if e.id == query), None)
    this = next((each for each in mine if each[0].memory == memory), None)
    if example is None or this is None:
        raise InputError(
            f"no pair of {query[:60]!r} and {memory[:60]!r} here, expected one of the list"
        )
    pair, weight, quadrant = this
    text = memory_of(example, memory)
    return {
        "query": query,
        "memory": memory,
        "question": example.query.text,
        "context": [f"{turn.speaker}: {turn.text}" for turn in example.query.context],
        "asked": render_date(example.query.time) if example.query.time else "",
        "text": text.text,
        "when": render_date(text.time) if text.time else "no date",
        "speaker": text.speaker or "",
        "facts": [
            ["falls", names[quadrant]],
            [f"{labelled.whose} label", _label(pair)],
            ["student", f"{pair.probability:.3f} · {short_level(pair.probability)} · {model}"],
            *([] if labelled.gold or pair.gold is None else [["gold", _gold(pair.gold)]]),
            ["matters", f"{weight:.2f} nats"],
            ["kind of query", pair.kind.replace("_", " ")],
            ["negative kind", pair.negative_kind.replace("_", " ")],
            ["split", pair.split or "no split named"],
        ],
        "why": example.why or "",
        "whose": labelled.whose,
        "labels": [
            {
                "memory": each.memory,
                "this": each.memory == memory,
                "label": each.label,
                "error": each.error,
                "shown": _label(each),
                "gold": "" if labelled.gold or each.gold is None else f"{each.gold:.1f}",
                "probability": each.probability,
                "student": f"{each.probability:.3f}",
                "text": memory_of(example, each.memory).text,
            }
            for each, _, _ in sorted(mine, key=lambda one: (-one[0].label, one[0].memory))
        ],
        "threshold": weighed.threshold,
        "relevant": RELEVANT,
        **verdicts_on(labelled, example, memory),
    }


def _label(pair: Pair) -> str:
    error = f" ± {pair.error:.2f}" if pair.error else ""
    return f"{pair.label:.2f}{error} · {short_level(pair.label)}"


def _gold(label: float) -> str:
    return f"{label:.1f} · {short_level(label)}"


def verdicts_on(labelled: Labelled, example: Example, memory: str) -> dict[str, Any]:
    """What each teacher said of a memory beside each other, in both orders.

    A preference is told for the memory: +1 it is better by all means, -1 the other is, whichever
    was shown first.
    """
    if labelled.gold:
        return {"verdicts": [], "no_verdicts": "Gold labels: no teacher was asked."}
    given = [
        verdict
        for verdict in labelled.verdicts.get(example.id, ())
        if (verdict.query, verdict.first) == (example.id, memory)
        or (verdict.second_query or verdict.query, verdict.second) == (example.id, memory)
    ]
    if not given:
        return {
            "verdicts": [],
            "no_verdicts": "No verdict on this memory was kept.",
        }
    examples = {each.id: each for each in labelled.batch.examples}
    by_other: dict[tuple[str, str, str], dict[str, list[Verdict]]] = {}
    for verdict in given:
        place = "first" if (verdict.query, verdict.first) == (example.id, memory) else "second"
        beside = (
            (verdict.second_query or verdict.query, verdict.second)
            if place == "first"
            else (verdict.query, verdict.first)
        )
        sides = by_other.setdefault((verdict.teacher, *beside), {"first": [], "second": []})
        sides[place].append(verdict)
    rows = []
    for (teacher, query, other), sides in by_other.items():
        of = examples.get(query)
        known = None if of is None else next((m for m in of.memories if m.id == other), None)
        first, second = _mean(sides["first"], 1), _mean(sides["second"], -1)
        both = first is not None and second is not None
        against = first is not None and second is not None and first * second < 0
        rows.append(
            {
                "teacher": teacher,
                "other": other,
                "text": "not among what was read" if known is None else known.text,
                "across": "" if query == example.id else query if of is None else of.query.text,
                "label": "" if of is None or known is None else f"{of.label(other):.2f}",
                "first": _said(sides["first"], first),
                "second": _said(sides["second"], second),
                "for": sum(x for x in (first, second) if x is not None),
                "note": "contradicts itself: the place decided"
                if against
                else ("" if both else "asked in one order only"),
            }
        )
    rows.sort(key=lambda row: (bool(row["across"]), str(row["other"]), str(row["teacher"])))
    return {"verdicts": rows, "no_verdicts": ""}


def _mean(given: Sequence[Verdict], sign: int) -> float | None:
    usable = [sign * verdict.preference for verdict in given if verdict.kind in USABLE]
    return sum(usable) / len(usable) if usable else None


def _said(given: Sequence[Verdict], mean: float | None) -> str:
    if mean is not None:
        return "tie" if mean == 0 else f"{mean:+.2f}".replace("-", "\N{MINUS SIGN}")
    return given[0].kind if given else ""


# --- stepping, and sending -----------------------------------------------------------------------


def to_send(shown: Weighed) -> list[Pair]:
    """The pairs of a list that are sent to annotation: the first :data:`SENT_AT_MOST` of it."""
    return list(shown.pairs[:SENT_AT_MOST])
