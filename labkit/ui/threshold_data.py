"""What the Threshold tab shows, as plain data: no Gradio here, so that it is tested without one.

All numbers come from :mod:`labkit.scoring` and :mod:`labkit.evaluation.measures`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from labkit.errors import InputError
from labkit.evaluation.measures import brier, expected_calibration_error
from labkit.records import Memory
from labkit.rendering import render_memory
from labkit.retrieval.first_stage import Method
from labkit.scoring.calibration import QueryAware, from_json, probability
from labkit.scoring.conformal import evidence_threshold
from labkit.scoring.scored import Floats, ScoredData, ScoredQuery
from labkit.scoring.thresholds import F1, Held, held, intervals, threshold_for
from labkit.sources.lives import Split
from labkit.students.card import Card
from labkit.ui.library import BUNDLED, Collection
from labkit.ui.points import decided_on
from labkit.ui.scores import Batch, QueryScores

SAMPLES: tuple[tuple[str, int], ...] = (("60 queries", 60), ("150 queries", 150), ("all", 0))
"""How many queries may be asked for: label and number, 0 for all."""

STEPS = 100
BINS = 25


# --- which queries --------------------------------------------------------------------------------


def splits_in(collection: Collection) -> list[tuple[str, Split]]:
    """Label and name of each split that has queries, test first: what nothing was tuned on."""
    found: list[tuple[str, Split]] = []
    for split in ("test", "dev", "train"):
        count = len(collection.examples(split))
        if count:
            found.append((f"{split} ({count} queries)", split))
    return found


@dataclass(frozen=True, slots=True)
class Sample:
    """Queries of a split, and the dialogue of each; ``total`` counts all that the split has."""

    collection: Collection
    split: Split
    batch: Batch
    groups: dict[str, str]
    total: int

    @property
    def title(self) -> str:
        """For captions: how many queries of what."""
        n = len(self.batch.examples)
        which = f"all {n:,}" if n == self.total else f"{n:,} of {self.total:,}"
        return f"{which} queries of {self.collection.title}, {self.split}"


def sample_of(
    collection: Collection, split: Split, size: int, method: Method, depth: int
) -> Sample:
    """``size`` queries (0: all) of a split, drawn with seed 0, in the order of the dialogues.

    Raises:
        InputError: the split has no query with labels.
    """
    asked = [
        (name, example)
        for name, dialogue in collection.dialogues.items()
        if collection.splits[name] == split
        for example in dialogue.examples
        # An answer whose evidence nobody named says nothing of any memory.
        if example.memories and (example.labels or "answer" not in example.extra)
    ]
    if not any(example.relevant for _, example in asked):
        raise InputError(
            f"{collection.title} has no labelled queries in {split}, expected a collection with "
            "gold labels"
        )
    drawn = np.arange(len(asked))
    if 0 < size < len(asked):
        drawn = np.sort(np.random.default_rng(0).permutation(len(asked))[:size])
    taken = [asked[i] for i in drawn.tolist()]
    whole = len(taken) == len(asked)
    key = f"gold:{collection.key}:{split}" + ("" if whole else f":{size}")
    batch = Batch(key, tuple(example for _, example in taken), method, depth)
    return Sample(collection, split, batch, {e.id: name for name, e in taken}, len(asked))


# --- a model's scores of them ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measured:
    """A model on a sample: n pairs of Q queries.

    Attributes:
        model: its name.
        data: log-odds and labels.
        bare: [n], the logistic function of the model's own log-odds.
        calibrated: [n], the card's probabilities.
        tokens: [n], what each memory costs in a context.
        card: thresholds, and what they were found on.
    """

    model: str
    data: ScoredData
    bare: Floats
    calibrated: Floats
    tokens: Floats
    card: Card

    def kinds(self) -> list[tuple[str, Floats]]:
        """Both sorts of probabilities, by name."""
        return [("calibrated", self.calibrated), ("bare sigmoid", self.bare)]


def measured(model: str, card: Card, scores: Sequence[QueryScores], sample: Sample) -> Measured:
    """Put scored queries into arrays."""
    queries = []
    for each in scores:
        labels = tuple(each.example.label(memory.id) for memory in each.memories)
        queries.append(
            ScoredQuery(
                each.example.id,
                sample.groups[each.example.id],
                each.example.query.kind,
                tuple(each.log_odds.tolist()),
                labels,
                lost=len(each.example.relevant)
                - sum(memory.id in each.example.relevant for memory in each.memories),
            )
        )
    data = ScoredData(queries)
    return Measured(
        Path(model).name,
        data,
        probability(data.log_odds),
        np.concatenate([np.zeros(0), *(each.probabilities for each in scores)]),
        token_counts([memory for each in scores for memory in each.memories]),
        card,
    )


@cache
def _tokenizer() -> Any:
    from transformers import AutoTokenizer

    from labkit.retrieval.minilm import minilm_path

    return AutoTokenizer.from_pretrained(minilm_path())


def token_counts(memories: Sequence[Memory]) -> Floats:
    """Tokens [n] of each memory as a model reads it, by MiniLM's vocabulary, marks left out."""
    texts = {id(memory): render_memory(memory) for memory in memories}
    every = list(dict.fromkeys(texts.values()))
    rows = _tokenizer()(every, add_special_tokens=False)["input_ids"] if every else []
    count = dict(zip(every, map(len, rows), strict=True))
    return np.array([count[texts[id(memory)]] for memory in memories], dtype=np.float64)


# --- what does not move ---------------------------------------------------------------------------


def thresholds_to_draw(p: Floats) -> Floats:
    """Where a curve has its points [m], rising: evenly, and where the probabilities crowd."""
    even = np.linspace(0, 1, STEPS + 1)
    crowd = np.quantile(p, np.linspace(0, 1, STEPS + 1)) if len(p) else np.zeros(0)
    rising: Floats = np.unique(np.concatenate([even, crowd]).round(6))
    return rising


def _number(value: float) -> float | None:
    """As JSON has it: NaN, where nothing is kept, as null."""
    return None if value != value else round(value, 6)


def curve(p: Floats, data: ScoredData) -> dict[str, list[Any]]:
    """Precision, recall and F1 by threshold."""
    points = thresholds_to_draw(p)
    found = [held(p, data, t) for t in points.tolist()]
    return {
        "t": points.tolist(),
        **{name: [_number(getattr(one, name)) for one in found] for name in _CURVES},
    }


_CURVES = ("precision", "recall", "f1")


def histogram(p: Floats, data: ScoredData) -> dict[str, list[Any]]:
    """Pairs by probability and label, in :data:`BINS` bins of equal width."""
    edges = np.linspace(0, 1, BINS + 1)
    return {
        "edges": edges.round(6).tolist(),
        "relevant": np.histogram(p[data.relevant], edges)[0].tolist(),
        "other": np.histogram(p[~data.relevant], edges)[0].tolist(),
    }


def chart_of(one: Measured, where: str) -> dict[str, Any]:
    """All that the charts of one model draw."""
    data, p = one.data, one.calibrated
    marks = [
        {"name": name, "t": threshold}
        for name, threshold in sorted(one.card.thresholds.items(), key=lambda item: item[1])
    ]
    return {
        "model": one.model,
        "curve": curve(p, data),
        "histogram": histogram(p, data),
        "marks": marks,
        "best": threshold_for(p, data, F1) if data.relevant.any() else None,
        "caption": (
            f"{one.model}, calibrated probabilities; {where}; n = {len(p):,} pairs, "
            f"{int(data.relevant.sum()):,} relevant. {marks_note(one.card)}"
        ),
    }


def marks_note(card: Card) -> str:
    """What the named thresholds were tuned on."""
    data = decided_on(card)
    if not card.thresholds:
        return "The card names no thresholds."
    return (
        f"Named thresholds were tuned on {', '.join(data)}; the star is the best F1 of these "
        "very queries, which nobody could know."
        if data
        else "The card does not say what its thresholds were tuned on."
    )


# --- what the slider moves ------------------------------------------------------------------------


def _span(ends: tuple[float, float]) -> list[float | None]:
    return [_number(end) for end in ends]


def row_of(one: Measured, kind: str, p: Floats, threshold: float) -> dict[str, Any]:
    """What a threshold does with one sort of a model's probabilities."""
    data = one.data
    did: Held = held(p, data, threshold)
    kept = p >= threshold
    y = data.relevant.astype(np.float64)
    spans = intervals(p, data, threshold)
    hits = int((kept & data.relevant).sum())
    return {
        "model": one.model,
        "kind": kind,
        "kept": int(kept.sum()),
        "pairs": len(p),
        "true": hits,
        "false": int(kept.sum()) - hits,
        "missed": int(data.relevant.sum()) - hits,
        "lost": int(data.lost.sum()),
        **{name: _number(getattr(did, name)) for name in (*_CURVES, "dropped")},
        **{f"{name}_span": _span(spans[name]) for name in _CURVES},
        "empty": int((data.per_query(kept) == 0).sum()),
        "queries": len(data),
        "tokens": int(one.tokens[kept].sum()),
        "all_tokens": int(one.tokens.sum()),
        "ece": _number(expected_calibration_error(p, y)),
        "brier": _number(brier(p, y)),
    }


def numbers(models: Sequence[Measured], threshold: float, where: str) -> dict[str, Any]:
    """The table under the slider: a row for each model and sort of probabilities."""
    rows = [row_of(one, kind, p, threshold) for one in models for kind, p in one.kinds()]
    return {
        "threshold": threshold,
        "rows": rows,
        "caption": f"{where}. Intervals: 95 %, bootstrap of 1,000 draws of queries.",
        "note": "Recall is of the evidence among the candidates; F1 counts what the first stage "
        "lost as missed. Dropped: the mean share of a query's evidence below the threshold.",
    }


# --- the promise ----------------------------------------------------------------------------------


def promise(one: Measured, alpha: float, sample: Sample) -> dict[str, Any]:
    """A threshold that drops at most a share ``alpha`` of the evidence, and whether it did.

    Found on one half of the dialogues, reported on the other: nothing is reported of a query that
    the threshold was found on.

    Raises:
        InputError: too few queries for this alpha.
    """
    first, second = one.data.folds(2)
    p = one.calibrated
    fitting, reporting = one.data.take(first), one.data.take(second)
    found = evidence_threshold(p[first[one.data.query]], fitting, alpha)
    mine = second[one.data.query]
    did = held(p[mine], reporting, found.threshold)
    kept = p[mine] >= found.threshold
    tokens = one.tokens[mine]
    saved = 1 - tokens[kept].sum() / tokens.sum() if tokens.sum() else 0.0
    return {
        "alpha": alpha,
        "threshold": found.threshold,
        "fitted": f"{len(fitting)} queries, {found.n} of them with evidence",
        "dropped": _number(did.dropped),
        "within": bool(did.dropped <= alpha),
        "kept": _number(did.kept),
        "candidates": _number(float(reporting.sizes.mean())),
        "saved": _number(float(saved)),
        "reported": f"{len(reporting)} other queries, {int(reporting.answerable.sum())} of them "
        "with evidence",
        "model": one.model,
        "where": sample.title,
        "doubt": doubt(one.card, sample),
    }


def doubt(card: Card, sample: Sample) -> str:
    """Why the promise is not exact here; empty where it is, for exchangeable queries."""
    if sample.collection.key != BUNDLED:
        return ""
    name = f"lives:{sample.split}"
    if sample.split == "train" and card.training.get("data"):
        return "The student was trained on these queries, so its scores here are no fair sample."
    seen = name in map(str, card.calibration.get("fitted", {}).get("data", []))
    if seen and isinstance(from_json(card.calibration), QueryAware):
        return (
            f"This model's calibration reads the query and was fitted on {name}: the promise is "
            "fair here, and no longer exact. Take test."
        )
    return ""


# --- the query that is looked at ------------------------------------------------------------------


def strip_of(rows: Sequence[dict[str, Any]], question: str, caption: str) -> dict[str, Any]:
    """The rows of Inspect's table, as the strip of one query needs them."""
    keys = ("id", "p", "probability", "relevant", "text", "kind", "rank")
    return {
        "rows": [{key: row[key] for key in keys} for row in rows],
        "question": question,
        "caption": caption,
    }
