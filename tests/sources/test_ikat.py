"""iKAT: a made-up topic in the file's layout."""

from __future__ import annotations

from pathlib import Path

from labkit.sources.ikat import read_ikat
from tests.sources.corpora_fixtures import ikat, put


def test_statements_are_memories_and_a_turn_that_draws_on_none_abstains(tmp_path: Path) -> None:
    [topic] = read_ikat(put(tmp_path / "x.json", ikat()))
    first, second = topic.examples
    assert [m.text for m in topic.memories] == [
        "I'm vegetarian.",
        "I own a blue car.",
        "I dislike soy.",
    ]
    assert first.labels == {"ikat-9-1-ptkb-1": 1.0, "ikat-9-1-ptkb-3": 1.0}
    assert (first.query.kind, second.query.kind) == ("personal", "abstain")
    assert not second.labels
    assert second.extra["rewrite"] == "How long do lentils cook?"


def test_the_context_is_all_that_was_said_before(tmp_path: Path) -> None:
    [topic] = read_ikat(put(tmp_path / "x.json", ikat()))
    first, second = topic.examples
    assert first.query.context == ()
    assert [(t.speaker, t.text) for t in second.query.context] == [
        ("user", "Can you help me find a diet?"),
        ("assistant", "Try lentils."),
    ]


def test_two_people_with_one_subject_are_one_group(tmp_path: Path) -> None:
    [one] = ikat()
    path = put(tmp_path / "x.json", [one, {**one, "number": "9-2"}, {**one, "number": "10-1"}])
    groups = [topic.examples[0].extra["group"] for topic in read_ikat(path)]
    assert groups == ["ikat-9", "ikat-9", "ikat-10"]


def test_a_damaged_turn_is_noted_but_stays_in_the_context(tmp_path: Path) -> None:
    topics = ikat()
    topics[0]["turns"][0]["ptkb_provenance"] = [9]
    notes: list[str] = []
    [topic] = read_ikat(put(tmp_path / "x.json", topics), on_note=notes.append)
    [example] = topic.examples
    assert len(example.query.context) == 2
    [note] = notes
    assert "[0] (9-1).turns[0].ptkb_provenance names [9]" in note
