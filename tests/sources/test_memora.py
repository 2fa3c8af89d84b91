"""Memora: one made-up persona in the folder's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labkit.errors import InputError
from labkit.records import Dialogue
from labkit.sources.memora import read_memora
from tests.sources.corpora_fixtures import (
    memora_question,
    memora_questions,
    put,
    write_memora,
)

ID = "memora-weekly-baker"


def read(folder: Path, **options: Any) -> tuple[Dialogue, list[str]]:
    notes: list[str] = []
    [persona] = read_memora(folder, on_note=notes.append, **options)
    return persona, notes


def test_shared_turns_are_memories_at_their_sessions_date(tmp_path: Path) -> None:
    persona, _ = read(write_memora(tmp_path, **memora_questions()))
    assert [(m.time, m.speaker, m.text) for m in persona.memories] == [
        ("2025-06-01", "user", "I like the band Rook."),
        ("2025-06-01", "user", "Their drums are wild."),
        ("2025-06-02", "user", "I have to call the miller."),
        ("2025-06-03", "user", "The miller is called, strike that."),
        ("2025-06-04", "user", "Must buy yeast."),
        ("2025-06-05", "user", "I have gone off Rook, by the way."),
    ]


def test_what_was_deleted_is_superseded_where_it_was_said_and_where_it_was_dropped(
    tmp_path: Path,
) -> None:
    persona, _ = read(write_memora(tmp_path, **memora_questions()))
    todos = persona.examples[0]
    assert todos.labels == {f"{ID}-s4-t2": 1.0, f"{ID}-s2-t2": 0.3, f"{ID}-s3-t2": 0.3}
    assert todos.negative_kinds == {
        f"{ID}-s2-t2": "superseded",
        f"{ID}-s3-t2": "superseded",
    }
    assert (todos.query.time, todos.query.kind) == ("2025-06-07", "update")


def test_a_changed_liking_is_evidence_too_and_the_turn_that_names_the_thing_weighs_most(
    tmp_path: Path,
) -> None:
    persona, _ = read(write_memora(tmp_path, **memora_questions()))
    music = persona.examples[1]
    assert music.labels == {f"{ID}-s1-t2": 1.0, f"{ID}-s1-t3": 0.7, f"{ID}-s5-t2": 1.0}
    assert not music.negative_kinds, "a past event names no thing"
    assert music.query.kind == "preference"


def test_questions_that_name_no_session_are_counted_in_one_note(tmp_path: Path) -> None:
    persona, notes = read(write_memora(tmp_path, **memora_questions()))
    assert len(persona.examples) == 2
    [note] = notes
    assert "1 content_ questions" in note


def test_whole_sessions_are_memories_where_that_is_asked_for(tmp_path: Path) -> None:
    persona, _ = read(write_memora(tmp_path, **memora_questions()), granularity="sessions")
    assert [m.id for m in persona.memories] == [f"{ID}-s{n}" for n in range(1, 7)]
    assert persona.memories[1].text == "ai: Hello!\nuser: I have to call the miller."
    assert persona.examples[0].labels == {f"{ID}-s4": 1.0, f"{ID}-s2": 0.3, f"{ID}-s3": 0.3}


def test_a_damaged_session_is_noted_and_a_question_on_it_left_out(tmp_path: Path) -> None:
    write_memora(tmp_path, **memora_questions())
    [file] = tmp_path.rglob("session_0004.json")
    put(file, '{"session_id": 4')
    persona, notes = read(tmp_path)
    assert [e.id for e in persona.examples] == [f"{ID}-pref_music_6"]
    assert any("session_0004.json" in note for note in notes)
    assert any("names session 4" in note for note in notes)


def test_a_bad_date_is_told_and_questions_without_sessions_are_no_set(tmp_path: Path) -> None:
    write_memora(tmp_path, remembering=[memora_question("a", "What?", {})])
    with pytest.raises(InputError, match="expected at least one"):
        read(tmp_path)
    [file] = tmp_path.rglob("session_0001.json")
    put(file, {"session_id": 1, "date": "Sunday", "conversation": []})
    notes: list[str] = []
    with pytest.raises(InputError):
        list(read_memora(tmp_path, on_note=notes.append))
    assert 'date is "Sunday"' in notes[0]
