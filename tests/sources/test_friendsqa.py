"""FriendsQA: a made-up scene in the file's layout."""

from __future__ import annotations

from pathlib import Path

from labkit.records import Turn
from labkit.sources.friendsqa import read_friendsqa
from tests.sources.corpora_fixtures import friends_qa, friends_scene, put


def test_utterances_are_memories_with_speakers_and_a_stage_direction_has_none(
    tmp_path: Path,
) -> None:
    said = [("#NOTE#", "[ Scene : a mill . ]"), ("Ana", "I 've sold it ."), ("Ben", "")]
    scene = friends_scene("s1", said, friends_qa("q", "Who sold it ?", (1, "Ana"), (1, "I")))
    scene["paragraphs"][0]["utterances:"][1]["speakers"].append("Cy")
    [dialogue] = read_friendsqa(put(tmp_path / "x.json", {"data": [scene]}))
    assert [(m.speaker, m.text) for m in dialogue.memories] == [
        (None, "[Scene: a mill.]"),
        ("Ana and Cy", "I've sold it."),
    ]
    assert [m.previous for m in dialogue.memories] == [None, Turn("", "[Scene: a mill.]")]
    [example] = dialogue.examples
    assert (example.id, example.query.text) == ("friendsqa-q", "Who sold it?")
    assert example.labels == {"friendsqa-s1-0-1": 1.0}
    assert example.extra["answers"] == ["Ana", "I"]


def test_the_key_is_read_with_and_without_its_colon(tmp_path: Path) -> None:
    scene = friends_scene("s1", [("Ana", "Hi !")], friends_qa("q", "Who ?", (0, "Ana")))
    part = scene["paragraphs"][0]
    part["utterances"] = part.pop("utterances:")
    [dialogue] = read_friendsqa(put(tmp_path / "x.json", {"data": [scene]}))
    assert dialogue.memories[0].text == "Hi!"


def test_a_question_on_an_utterance_that_is_not_there_is_noted(tmp_path: Path) -> None:
    said = [("Ana", "Hi !"), ("Ben", " ")]
    questions = [friends_qa(i, "Who ?", (row, "x")) for i, row in (("a", 2), ("b", 1), ("c", 0))]
    notes: list[str] = []
    path = put(tmp_path / "x.json", {"data": [friends_scene("s1", said, *questions)]})
    [dialogue] = read_friendsqa(path, on_note=notes.append)
    assert [e.id for e in dialogue.examples] == ["friendsqa-c"]
    assert "utterance_id is 2" in notes[0] and "with words" in notes[1]
