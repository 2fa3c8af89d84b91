"""What the Agreement tab shows and does, as plain data: no Gradio here."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from labkit.annotation.agreement import (
    Readers,
    adjudicate,
    called,
    history,
    report,
    to_adjudicate,
    with_interval,
)
from labkit.annotation.consensus import Decision, decide
from labkit.annotation.events import Event
from labkit.annotation.export import check_ids, export
from labkit.annotation.guidelines import load_guidelines
from labkit.annotation.queue import Item
from labkit.errors import InputError
from labkit.records import shown
from labkit.synthesis.splits import SPLITS
from labkit.ui.annotate_data import Asked, Desk, Source, card_of, take_back
from labkit.ui.points import starting_point

LISTED = 200
"""Items in a list; the rest is counted."""


def overview(desk: Desk, collection: str, threshold: float) -> dict[str, Any]:
    """All numbers of the store, and what is to be settled, with the texts of ``collection``.

    Args:
        threshold: from here on a student counts as calling a memory relevant.

    Raises:
        InputError: the store cannot be read, or the collection is gone.
    """
    desk.library.collection(collection)
    standing = desk.store.standing()
    decisions = decide(standing)
    found = report(standing, threshold=threshold)
    unsettled = to_adjudicate(standing)
    open_ = {decision.item for decision in unsettled}
    # What was decided last comes first, so that one sees what one has just done.
    latest = {event.item: event.time or "" for event in standing}
    rest = sorted(
        (decision for decision in decisions.values() if decision.item not in open_),
        key=lambda decision: latest[decision.item],
        reverse=True,
    )
    who: dict[str, Counter[str]] = {}
    for event in standing:
        who.setdefault(event.annotator, Counter())[event.kind] += 1
    return {
        "events": len(desk.store.events()),
        "items": len(decisions),
        "how": dict(Counter(decision.how for decision in decisions.values())),
        "annotators": [
            {
                "name": name,
                "labels": kinds["label"],
                "cannot_tell": kinds["cannot_tell"],
                "skipped": kinds["skip"],
                "adjudicated": kinds["adjudication"],
            }
            for name, kinds in sorted(who.items())
        ],
        "alpha": {
            "text": with_interval(found.alpha.alpha, found.alpha.interval),
            **_numbers(found.alpha.alpha, found.alpha.interval),
            "units": found.alpha.units,
            "values": found.alpha.values,
        },
        "pairs": _readers(found.annotators),
        "models": _readers(found.models),
        "models_at_random": _readers(found.models_at_random),
        "calls": [
            {
                "model": _short(each.model),
                "found": each.found,
                "relevant": each.relevant,
                "rejected": each.rejected,
                "irrelevant": each.irrelevant,
            }
            for each in found.calls
        ],
        "threshold": threshold,
        "unsettled": [_line(desk, collection, decision) for decision in unsettled[:LISTED]],
        "unsettled_all": len(unsettled),
        "settled": [_line(desk, collection, decision) for decision in rest[:LISTED]],
        "settled_all": len(rest),
    }


def threshold_of(desk: Desk, model: str) -> float:
    """The student's balanced threshold."""
    return starting_point(desk.reranker(model).card)[1]


def _numbers(value: float, interval: tuple[float, float]) -> dict[str, float | None]:
    low, high = interval
    named = {"value": value, "low": low, "high": high}
    return {key: None if np.isnan(number) else number for key, number in named.items()}


def _readers(rows: Iterable[Readers]) -> list[dict[str, Any]]:
    return [
        {
            "first": _short(row.first),
            "second": _short(row.second),
            **_numbers(row.kappa, row.interval),
            "text": with_interval(row.kappa, row.interval),
            "relevant": None if np.isnan(row.kappa_relevant) else row.kappa_relevant,
            "items": row.items,
            "queries": row.queries,
        }
        for row in rows
    ]


def _short(name: str) -> str:
    """A reader's name; of a model in a folder, the folder's."""
    return Path(name).name or name


def _line(desk: Desk, collection: str, decision: Decision) -> dict[str, Any]:
    item = find(desk, collection, decision)
    return {
        "item": decision.item,
        "question": decision.query if item is None else item.example.query.text,
        "memory": decision.memory if item is None else item.memory.text,
        "here": item is not None,
        "how": decision.how,
        "level": decision.level,
        "said": _said(decision),
        "votes": [{"annotator": v.annotator, "level": v.level} for v in decision.votes],
    }


def _said(decision: Decision) -> str:
    return "undecided" if decision.how == "undecided" else called(decision.level)


def find(desk: Desk, collection: str, of: Decision | Event) -> Item | None:
    """The pair and its texts; None where the collection does not hold it, or holds other texts."""
    for split in SPLITS:
        item = desk.item(Source(collection, split, ""), of.item, of.query, of.memory)
        if item is not None:
            return item
    return None


# --- one item ------------------------------------------------------------------------------------


def opened(desk: Desk, asked: Asked) -> dict[str, Any]:
    """One item: its card where its texts are here, its votes, and all that was done to it.

    Raises:
        InputError: nobody ever did anything to it.
    """
    id_, collection = str(asked.get("item")), str(asked.get("collection"))
    steps = history(desk.store, id_)
    if not steps:
        raise InputError(f"no item {shown(id_)} in the store")
    decision = _decision(desk, id_)
    item = find(desk, collection, steps[0].event)
    return {
        "item": id_,
        "query": steps[0].event.query,
        "memory": steps[0].event.memory,
        "card": None if item is None else card_of(item),
        "data": None if item is None else item.label,
        "data_kind": "" if item is None else item.example.negative_kinds.get(item.memory.id, ""),
        "said": "nothing stands" if decision is None else _said(decision),
        "how": None if decision is None else decision.how,
        "level": None if decision is None else decision.level,
        "steps": [_step(step.event, step.undone) for step in steps],
    }


def _decision(desk: Desk, id_: str) -> Decision | None:
    return decide(event for event in desk.store.standing() if event.item == id_).get(id_)


def _step(event: Event, undone: bool) -> dict[str, Any]:
    said = {"cannot_tell": "can't tell", "skip": "skipped", "request": "asked for judgements"}
    text = called(event.level) if event.kind in ("label", "adjudication") else said.get(event.kind)
    return {
        "id": event.id,
        "time": (event.time or "")[:19].replace("T", " "),
        "annotator": event.annotator,
        "kind": event.kind,
        "level": event.level,
        "said": text or "undo",
        "undone": undone,
        "note": event.note or "",
        "negative_kind": event.negative_kind or "",
        "blind": event.blind,
        "seconds": None if event.milliseconds is None else event.milliseconds / 1000,
        "model": _short(event.model) if event.model else "",
        "probability": event.probability,
        "teacher": event.teacher_label,
    }


def settle(desk: Desk, annotator: str, asked: Asked) -> dict[str, Any]:
    """Store an adjudication; what was sent twice is stored once. Answers as :func:`opened`.

    Raises:
        InputError: nobody judged the item, the level is none, or it could not be stored.
    """
    id_, level, note = (asked.get(key) for key in ("id", "level", "note"))
    if not isinstance(id_, str):
        raise InputError(f"id is {shown(id_)}, expected a text")
    decision = _decision(desk, str(asked.get("item")))
    if decision is None:
        raise InputError("nobody has judged this item, expected a judgement before it is settled")
    adjudicate(
        desk.store,
        decision,
        id_=id_,
        annotator=annotator,
        level=level,
        note=note,
        guidelines=load_guidelines().name,
    )
    return opened(desk, asked)


def unsettle(desk: Desk, annotator: str, asked: Asked) -> dict[str, Any]:
    """Take an own adjudication back. Answers as :func:`opened`.

    Raises:
        InputError: it is none of the annotator's.
    """
    take_back(desk.store, annotator, str(asked.get("id")), str(asked.get("undo_of")))
    return opened(desk, asked)


# --- export --------------------------------------------------------------------------------------


def export_zip(
    desk: Desk, collection: str, folder: Path, *, only_corrected: bool = False
) -> tuple[Path, str]:
    """Write what ``labkit annotations export`` writes into a zip in ``folder``, and say what.

    Raises:
        InputError: nobody has judged anything of the collection, or it cannot be written.
    """
    found = desk.library.collection(collection)
    splits = {split: found.examples(split) for split in SPLITS}
    check_ids(splits, found.title)
    out = folder / "labkit-annotations"
    summary = export(desk.store, splits, out, only_corrected=only_corrected)
    try:
        archive = shutil.make_archive(str(out), "zip", folder, out.name)
    except OSError as error:
        raise InputError(f"{out}.zip: {error.strerror or error}; nothing was exported") from None
    return Path(archive), exported(summary)


def exported(summary: Mapping[str, Any]) -> str:
    """The summary of an export in a sentence."""
    return (
        f"{summary['labels_replaced']:,} labels by people in "
        f"{sum(summary['corrected_examples'].values()):,} of "
        f"{sum(summary['examples'].values()):,} queries; {summary['changed']:,} on another level "
        f"than before, {summary['false_negatives_found']:,} relevant where the data said not"
    )
