"""One thing that an annotator did: the line of the log from which all else follows."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from labkit.errors import InputError
from labkit.files import write_whole
from labkit.records import LEVELS, expect_object, parse_lines, shown

Kind = Literal["label", "cannot_tell", "skip", "adjudication", "undo", "request"]

KINDS: tuple[Kind, ...] = get_args(Kind)

LABELS: tuple[float, ...] = (0.0, 0.3, 0.5, 0.7, 1.0)
"""The label that each level becomes, worst first: what authored and simulated lives use too."""

EVENTS = "events.jsonl"
"""The log in an exported folder."""

MOST_TEXT = 4_000
"""Characters of a note, and of any other text."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that an annotator did to one item; it is never changed, only followed by others.

    Attributes:
        id: made by the client, once for each thing done: sent twice, it counts once.
        item: the pair and its texts, see :func:`labkit.annotation.queue.item_id`.
        query, memory: ids of the pair.
        content_sha256: of the texts that were judged.
        annotator: who.
        kind: label (one of the five levels), cannot_tell (with a note that says why), skip (not
            now), adjudication (ends a disagreement: a level, or none where it cannot be told),
            undo (of one's own event ``undo_of``), request (everybody should judge it).
        level: 0 (irrelevant) to 4 (contains the answer).
        note: what the annotator wrote.
        negative_kind: how the memory fools.
        model, probability, teacher_label: what the student and the teachers said of the pair then;
            ``blind`` is True where the annotator was not shown it.
        guidelines: version and hash of the guidelines that were followed.
        milliseconds: from seeing the card to this event.
        sampler, seed: how the item came into the queue.
        time: when it was stored, UTC to the microsecond; the store gives it.
        previous: id of the event that this one takes the place of; the store gives it.
    """

    id: str
    item: str
    query: str
    memory: str
    content_sha256: str
    annotator: str
    kind: Kind
    level: int | None = None
    note: str | None = None
    negative_kind: str | None = None
    model: str | None = None
    probability: float | None = None
    teacher_label: float | None = None
    guidelines: str | None = None
    blind: bool = True
    milliseconds: int | None = None
    sampler: str | None = None
    seed: int | None = None
    undo_of: str | None = None
    time: str | None = None
    previous: str | None = None

    def __post_init__(self) -> None:
        for name in _TEXTS:
            _check_text(name, getattr(self, name), needed=name in _NEEDED)
        for name in ("level", "milliseconds", "seed"):
            _check_integer(name, getattr(self, name))
        for name in ("probability", "teacher_label"):
            _check_share(name, getattr(self, name))
        if not isinstance(self.blind, bool):
            raise InputError(f"blind is {shown(self.blind)}, expected true or false")
        if self.kind not in KINDS:
            raise InputError(f"kind is {shown(self.kind)}, expected one of {', '.join(KINDS)}")
        if self.level is not None and not 0 <= self.level < len(LEVELS):
            raise InputError(f"level is {self.level}, expected 0 to {len(LEVELS) - 1}")
        if self.kind == "label" and self.level is None:
            raise InputError(f"a label has no level, expected 0 to {len(LEVELS) - 1}")
        if self.kind not in ("label", "adjudication") and self.level is not None:
            raise InputError(f"{self.kind} has level {self.level}, expected none")
        if self.kind == "cannot_tell" and not (self.note or "").strip():
            raise InputError("cannot_tell has no note, expected one that says why")
        if (self.undo_of is None) == (self.kind == "undo"):
            raise InputError(
                f"{self.kind} has undo_of {shown(self.undo_of)}, expected the id of an event for "
                "undo and none else"
            )
        if self.time is not None and not _TIME.fullmatch(self.time):
            raise InputError(
                f"time is {shown(self.time)}, expected UTC such as 2026-03-14T09:30:00.000000Z"
            )


def undoing(event: Event, id_: str) -> Event:
    """The event, for :meth:`Store.append`, by which its annotator takes ``event`` back."""
    return replace(
        event,
        id=id_,
        kind="undo",
        level=None,
        note=None,
        negative_kind=None,
        milliseconds=None,
        undo_of=event.id,
        time=None,
        previous=None,
    )


_NEEDED = frozenset({"id", "item", "query", "memory", "content_sha256", "annotator"})
_OPTIONAL = frozenset(
    ("note", "negative_kind", "model", "guidelines", "sampler", "undo_of", "time", "previous")
)
_TEXTS = tuple(sorted(_NEEDED | _OPTIONAL))


def _check_text(name: str, value: object, *, needed: bool) -> None:
    if value is None and not needed:
        return
    if not isinstance(value, str) or (needed and not value.strip()):
        raise InputError(f"{name} is {shown(value)}, expected a text that is not empty")
    if len(value) > MOST_TEXT:
        raise InputError(f"{name} has {len(value):,} characters, expected at most {MOST_TEXT:,}")
    # Neither a NUL nor half a surrogate pair can be kept by every database.
    if "\0" in value or value.encode("utf-8", "replace").decode() != value:
        raise InputError(f"{name} is {shown(value)}, expected text without control characters")


def _check_integer(name: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise InputError(f"{name} is {shown(value)}, expected a whole number from 0")


def _check_share(name: str, value: object) -> None:
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not 0 <= value <= 1:  # type: ignore[arg-type,operator]
        raise InputError(f"{name} is {shown(value)}, expected a number from 0 to 1")


# --- files ---------------------------------------------------------------------------------------


def event_to_json(event: Event) -> dict[str, Any]:
    """The event as a JSON object, without what it has not."""
    return {key: value for key, value in asdict(event).items() if value is not None}


def parse_event(value: object) -> Event:
    """Build an event from a decoded JSON object.

    Raises:
        InputError: a value is missing or of the wrong kind, or a key is not an event's.
    """
    item = expect_object(value, "the line")
    known = [field.name for field in fields(Event)]
    for key in item.keys() - set(known):
        raise InputError(f"unknown key {shown(key)}, expected some of {', '.join(known)}")
    for key in (*sorted(_NEEDED), "kind", "time"):
        if item.get(key) is None:
            raise InputError(f"{key} is missing, expected an event that labkit exported")
    return Event(**item)


def read_events(path: str | os.PathLike[str]) -> Iterator[Event]:
    """Stream the events of a JSONL file, or of the ``events.jsonl`` of an exported folder."""
    place = Path(path)
    return parse_lines(place / EVENTS if place.is_dir() else place, parse_event)


def write_events(path: Path, events: Iterable[Event]) -> None:
    """Write events as JSONL; the file appears whole or not at all."""
    write_whole(path, (json.dumps(event_to_json(e), ensure_ascii=False) + "\n" for e in events))
