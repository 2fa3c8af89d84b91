from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labkit.annotation.events import Event, event_to_json, parse_event, read_events, write_events
from labkit.errors import InputError
from tests.annotation.made_up import event

TIME = "2026-03-14T09:30:00.000001Z"


def test_events_come_back_from_a_file_or_the_folder_it_lies_in(tmp_path: Path) -> None:
    events = [
        event("a", note='"née"\n<b>', probability=0.1 + 0.2, seed=0, blind=False, time=TIME),
        event("b", kind="undo", undo_of="a", time=TIME),
    ]
    write_events(tmp_path / "events.jsonl", events)
    assert list(read_events(tmp_path)) == list(read_events(tmp_path / "events.jsonl")) == events


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    good = json.dumps(event_to_json(event("a", time=TIME)))
    path.write_text(good + "\n" + good.replace('"level": 2', '"level": 9') + "\n")
    with pytest.raises(InputError, match=r"events.jsonl:2: level is 9, expected 0 to 4"):
        list(read_events(path))


@pytest.mark.parametrize("change", [{"time": None}, {"item": None}, {"sneaky": 1}])
def test_a_line_that_is_no_stored_event_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="is missing|unknown key"):
        parse_event({**event_to_json(event("a", time=TIME)), **change})


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a label without a level": ({"level": None}, "a label has no level"),
    "a level that is none": ({"level": 5}, "level is 5, expected 0 to 4"),
    "a level that is true": ({"level": True}, "level is true, expected a whole number"),
    "a skip with a level": ({"kind": "skip", "level": 1}, "skip has level 1, expected none"),
    "a can't tell without why": (
        {"kind": "cannot_tell", "level": None, "note": " "},
        "expected one that says",
    ),
    "an undo of nothing": ({"kind": "undo", "level": None}, "undo has undo_of null"),
    "a label that undoes": ({"undo_of": "x"}, "label has undo_of"),
    "an unknown kind": ({"kind": "like", "level": None}, "expected one of label, cannot_tell"),
    "nobody": ({"annotator": "  "}, 'annotator is "  ", expected a text'),
    "a long note": ({"note": "x" * 4_001}, "note has 4,001 characters"),
    "a NUL": ({"note": "a\0b"}, "expected text without control characters"),
    "half a surrogate pair": ({"note": "a\ud800"}, "expected text without control characters"),
    "a probability above 1": ({"probability": 1.5}, "probability is 1.5, expected a number from 0"),
    "no number": ({"teacher_label": float("nan")}, "teacher_label is NaN"),
    "negative time": ({"milliseconds": -1}, "milliseconds is -1, expected a whole number"),
    "a local time": ({"time": "2026-03-14 09:30"}, "expected UTC such as"),
    "blind as a word": ({"blind": "no"}, "expected true or false"),
}


@pytest.mark.parametrize("premise", BAD)
def test_what_cannot_be_meant_is_refused_in_one_line(premise: str) -> None:
    change, expected = BAD[premise]
    values = {**event_to_json(event("a")), **change}
    with pytest.raises(InputError) as caught:
        Event(**values)
    assert expected in str(caught.value) and "\n" not in str(caught.value)
