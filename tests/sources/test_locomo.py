"""LoCoMo: a made conversation with the real file's shape and its kinds of damage."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from labkit.errors import InputError
from labkit.records import Turn
from labkit.sources.locomo import read_locomo

REAL = os.environ.get("LABKIT_LOCOMO")


def turn(id_: str, speaker: str, text: str, **more: Any) -> dict[str, Any]:
    return {"dia_id": id_, "speaker": speaker, "text": text, **more}


def question(
    text: str, evidence: list[Any], category: int = 4, answer: Any = "x"
) -> dict[str, Any]:
    return {"question": text, "answer": answer, "evidence": evidence, "category": category}


def conversation(*questions: dict[str, Any]) -> dict[str, Any]:
    return {
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Ana",
            "speaker_b": "Ben",
            "session_10_date_time": "12:05 am on 14 August, 2023",
            "session_10": [turn("D10:1", "Ben", "Back from the lake.")],
            "session_2_date_time": "1:56 pm on 8 May, 2023",
            "session_2": [
                turn("D2:1", "Ana", "My tattoo stands for freedom."),
                turn("D2:2", "Ben", "Look!", blip_caption="a photo of a dog", query="dog park"),
                turn("D2:3", "Ana", "", blip_caption="two cups"),
            ],
            "session_3_date_time": "1:56 pm on 9 May, 2023",
        },
        "qa": list(questions),
    }


def read(tmp_path: Path, value: object) -> tuple[list[Any], list[str]]:
    path = tmp_path / "locomo.json"
    path.write_text(json.dumps(value), "utf-8")
    notes: list[str] = []
    return list(read_locomo(path, on_note=notes.append)), notes


def test_turns_become_memories_in_the_order_of_the_sessions(tmp_path: Path) -> None:
    [dialogue], _ = read(tmp_path, [conversation()])
    assert (dialogue.id, dialogue.title) == ("conv-1", "Ana and Ben")
    assert [(m.id, m.time, m.speaker, m.text) for m in dialogue.memories] == [
        ("D2:1", "2023-05-08T13:56", "Ana", "My tattoo stands for freedom."),
        ("D2:2", "2023-05-08T13:56", "Ben", "Look! [photo: a dog]"),
        ("D2:3", "2023-05-08T13:56", "Ana", "[photo: two cups]"),
        ("D10:1", "2023-08-14T00:05", "Ben", "Back from the lake."),
    ]
    first, second, third, fourth = dialogue.memories
    assert second.previous == Turn("Ana", "My tattoo stands for freedom.", "2023-05-08T13:56")
    assert third.previous is not None and third.previous.text == second.text
    assert first.previous is None and fourth.previous is None, "a session begins anew"


def test_a_question_is_an_example_over_the_one_tuple_of_memories(tmp_path: Path) -> None:
    asked = [question("Why?", ["D2:1", "D10:1"], 1, 2022), question("When?", ["D2:1"], 2)]
    [dialogue], notes = read(tmp_path, [conversation(*asked)])
    first, second = dialogue.examples
    assert first.memories is second.memories is dialogue.memories
    assert (first.id, first.query.kind, first.query.time) == ("conv-1-q001", "multi_hop", None)
    assert first.labels == {"D2:1": 1.0, "D10:1": 1.0}
    assert first.extra == {"answer": "2022"}
    assert (second.id, second.query.kind) == ("conv-1-q002", "temporal")
    assert not notes


@pytest.mark.parametrize(
    ("evidence", "found", "told"),
    [
        (["D2:1; D10:1"], ["D2:1", "D10:1"], '"D2:1; D10:1" is read as D2:1, D10:1'),
        (["D2:1 D2:2,D2:3"], ["D2:1", "D2:2", "D2:3"], "is read as D2:1, D2:2, D2:3"),
        (["D2:01"], ["D2:1"], '"D2:01" is read as D2:1'),
        (["D:2:1"], ["D2:1"], '"D:2:1" is read as D2:1'),
        (["D", "D2:2"], ["D2:2"], '"D" cannot be read'),
        ([7], [], "7 cannot be read"),
        ([" "], [], '" " cannot be read'),
        (["D2:9", "D2:2"], ["D2:2"], "D2:9 names no turn"),
        ([], [], "evidence is empty"),
    ],
)
def test_damaged_evidence_is_read_where_it_can_be_and_told_in_one_line(
    tmp_path: Path, evidence: list[Any], found: list[str], told: str
) -> None:
    [dialogue], notes = read(tmp_path, [conversation(question("Why?", evidence))])
    assert list(dialogue.examples[0].labels) == found
    [note] = notes
    assert "locomo.json: conv-1-q001: " in note and told in note and "\n" not in note


def test_evidence_given_twice_counts_once_and_is_no_damage(tmp_path: Path) -> None:
    [dialogue], notes = read(tmp_path, [conversation(question("Why?", ["D2:1", "D2:1"]))])
    assert dialogue.examples[0].labels == {"D2:1": 1.0}
    assert not notes


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("What does Ben's tattoo stand for?", "wrong_entity"),
        ("What does Ana's necklace stand for?", "wrong_aspect"),
        ("What did Ana tell Ben of her tattoo?", None),
        ("What does the tattoo mean to Benjamin?", None),
    ],
)
def test_an_adversarial_question_has_a_near_miss_and_nothing_relevant(
    tmp_path: Path, text: str, kind: str | None
) -> None:
    asked = {
        "question": text,
        "evidence": ["D2:1"],
        "category": 5,
        "adversarial_answer": "freedom",
    }
    [dialogue], _ = read(tmp_path, [conversation(asked)])
    [example] = dialogue.examples
    assert example.query.kind == "adversarial"
    assert example.labels == {"D2:1": 0.3} and not example.relevant
    assert example.negative_kinds == ({"D2:1": kind} if kind else {})
    assert example.extra == {"adversarial_answer": "freedom"}


def test_an_adversarial_question_with_an_answer_of_its_own_is_answered(tmp_path: Path) -> None:
    asked = {**question("Is it Ben's tattoo?", ["D2:1"], 5, "No"), "adversarial_answer": "Yes"}
    [dialogue], _ = read(tmp_path, [conversation(asked)])
    assert dialogue.examples[0].labels == {"D2:1": 1.0}
    assert not dialogue.examples[0].negative_kinds
    assert dialogue.examples[0].extra == {"answer": "No", "adversarial_answer": "Yes"}


def changed(**changes: Any) -> list[Any]:
    return [{**conversation(question("Why?", ["D2:1"])), **changes}]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({}, "expected a list"),
        ([1], "expected an object"),
        (changed(sample_id=None), "sample_id is null"),
        (changed(conversation=[]), "conversation is []"),
        (changed(conversation={"speaker_a": "A", "speaker_b": "B", "session_1": [3]}), "_1[0]"),
        (
            changed(
                conversation={
                    "speaker_a": "A",
                    "speaker_b": "B",
                    "session_1_date_time": "yesterday",
                    "session_1": [],
                }
            ),
            "session_1_date_time",
        ),
        (changed(qa=[question("Why?", [], 9)]), "qa[0].category is 9"),
        (changed(qa=[question("", [])]), "qa[0].question"),
        (changed(qa=[{**question("Why?", []), "evidence": "D2:1"}]), "qa[0].evidence"),
        (changed(qa=None), "qa is null"),
    ],
)
def test_another_form_is_one_line_with_file_and_place(
    tmp_path: Path, value: object, told: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, value)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "locomo.json"))
    assert told in message and "expected" in message and "\n" not in message


@pytest.mark.skipif(not REAL, reason="LABKIT_LOCOMO does not name LoCoMo's file")
def test_the_published_file_is_read_whole() -> None:
    notes: list[str] = []
    dialogues = list(read_locomo(REAL or "", on_note=notes.append))
    examples = [example for dialogue in dialogues for example in dialogue.examples]
    assert len(dialogues) == 10
    assert sum(len(dialogue.memories) for dialogue in dialogues) == 5882
    assert Counter(example.query.kind for example in examples) == {
        "multi_hop": 282,
        "temporal": 321,
        "commonsense": 96,
        "single_hop": 841,
        "adversarial": 446,
    }
    assert len(notes) == 13
    assert sum(not e.labels for e in examples) == 4
    assert sum(e.query.kind == "adversarial" and bool(e.relevant) for e in examples) == 2
