from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labkit.errors import InputError
from labkit.records import Example
from labkit.sources import read_dialogues
from labkit.sources.longmemeval import read_longmemeval


def turn(role: str, content: str, answers: bool | None = None) -> dict[str, Any]:
    return {"role": role, "content": content} | ({} if answers is None else {"has_answer": answers})


def question(id_: str = "q1", **changes: Any) -> dict[str, Any]:
    return {
        "question_id": id_,
        "question_type": "knowledge-update",
        "question": "How heavy is the anvil now?",
        "answer": 31,
        "question_date": "2023/05/30 (Tue) 23:40",
        "haystack_dates": ["2023/05/20 (Sat) 02:21", "2023/05/21 (Sun) 9:05", "2023/05/22"],
        "haystack_session_ids": ["filler_1", "answer_1", "filler_1"],
        "haystack_sessions": [
            [turn("user", "Tell me about tin."), turn("assistant", "It is soft.")],
            [
                turn("user", "My anvil weighs 31 kilos now.", True),
                turn("assistant", "Heavy!", False),
                turn("assistant", " "),
            ],
            [turn("user", "Tell me about tin.")],
        ],
        "answer_session_ids": ["answer_1"],
        **changes,
    }


def write(tmp_path: Path, *items: object) -> Path:
    path = tmp_path / "longmemeval_s.json"
    path.write_text(json.dumps(items))
    return path


def only(path: Path, **options: Any) -> Example:
    (dialogue,) = read_longmemeval(path, **options)
    (example,) = dialogue.examples
    return example


def test_turns_with_has_answer_are_relevant(tmp_path: Path) -> None:
    example = only(write(tmp_path, question()))
    assert example.id == "q1" and example.query.kind == "knowledge_update"
    assert example.query.time == "2023-05-30T23:40"
    assert [m.id for m in example.memories] == [
        *("filler_1-t1", "filler_1-t2", "answer_1-t1", "answer_1-t2", "filler_1#2-t1"),
    ]
    assert example.labels == {"answer_1-t1": 1.0}
    anvil = example.memories[2]
    assert (anvil.speaker, anvil.time) == ("user", "2023-05-21T09:05")
    assert example.memories[4].time == "2023-05-22"
    assert [m.previous.text if m.previous else None for m in example.memories] == [
        *(None, example.memories[0].text, None, anvil.text, None),
    ]
    assert example.extra["answer"] == "31"


def test_sessions_named_in_answer_session_ids_are_relevant(tmp_path: Path) -> None:
    example = only(write(tmp_path, question()), granularity="sessions")
    assert example.labels == {"answer_1": 1.0}
    assert example.memories[0].text == "user: Tell me about tin.\nassistant: It is soft."
    assert len(example.memories) == 3


def test_an_abstention_question_has_a_near_miss_and_nothing_relevant(tmp_path: Path) -> None:
    example = only(write(tmp_path, question("q1_abs")))
    assert example.query.kind == "abstain"
    assert example.labels == {"answer_1-t1": 0.3} and not example.relevant
    assert example.extra["question_type"] == "knowledge_update"


def test_a_question_without_evidence_is_not_one_to_abstain_from(tmp_path: Path) -> None:
    bare = question(haystack_sessions=[[turn("user", "a")], [turn("user", "b")], []])
    notes: list[str] = []
    path = write(tmp_path, bare, question("q2"))
    found = list(read_longmemeval(path, on_note=notes.append))
    assert [dialogue.id for dialogue in found] == ["q2"]
    assert len(notes) == 1 and "has_answer" in notes[0] and "left out" in notes[0]
    # its sessions are named all the same
    assert len(list(read_longmemeval(path, granularity="sessions"))) == 2


DAMAGED = {
    "a date in words": {"question_date": "yesterday"},
    "too few dates": {"haystack_dates": ["2023/05/20 (Sat) 02:21"]},
    "a turn without role": {"haystack_sessions": [[{"content": "a"}], [], []]},
    "no question": {"question": " "},
}


@pytest.mark.parametrize("premise", DAMAGED)
def test_a_damaged_question_is_noted_and_the_rest_is_read(tmp_path: Path, premise: str) -> None:
    notes: list[str] = []
    path = write(tmp_path, question("bad", **DAMAGED[premise]), question("good"))
    found = list(read_longmemeval(path, on_note=notes.append))
    assert [dialogue.id for dialogue in found] == ["good"]
    assert "expected" in notes[0]


def test_the_form_is_told_from_others_by_its_content(tmp_path: Path) -> None:
    (dialogue,) = read_dialogues(write(tmp_path, question()))
    assert dialogue.examples[0].relevant == {"answer_1-t1"}


def test_another_file_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('[{"a": 1}]')
    with pytest.raises(InputError, match="haystack_sessions"):
        list(read_longmemeval(path))
