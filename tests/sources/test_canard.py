"""CANARD: a made-up dialogue in the file's layout."""

from __future__ import annotations

from pathlib import Path

from labkit.sources.canard import read_canard
from tests.sources.corpora_fixtures import canard, put


def test_the_answer_is_the_last_line_of_the_next_records_history(tmp_path: Path) -> None:
    notes: list[str] = []
    [dialogue] = read_canard(put(tmp_path / "x.json", canard()), on_note=notes.append)
    born, marry, build = dialogue.examples
    assert dialogue.title == "Mara Voss: Early years"
    assert born.labels == {"canard-C_1-1": 1.0}
    assert born.extra["answers"] == ["She was born in a lighthouse."]
    assert born.extra["rewrite"] == "Where was she born? (Mara Voss)"
    assert (build.query.kind, build.relevant) == ("coreference", {"canard-C_1-4"})
    [note] = notes
    assert "1 questions without an answer" in note and "1 whose answer" in note


def test_a_question_that_nobody_could_answer_is_one_to_abstain_from(tmp_path: Path) -> None:
    [dialogue] = read_canard(put(tmp_path / "x.json", canard()))
    marry = dialogue.examples[1]
    assert (marry.query.kind, marry.labels, marry.extra["answers"]) == ("abstain", {}, [])
    assert not any("know" in memory.text for memory in dialogue.memories)


def test_the_context_is_the_history_and_what_it_says_is_no_candidate(tmp_path: Path) -> None:
    [dialogue] = read_canard(put(tmp_path / "x.json", canard()))
    born, _, build = dialogue.examples
    assert [(t.speaker, t.text) for t in born.query.context] == [
        ("topic", "Mara Voss, Early years")
    ]
    assert [t.speaker for t in build.query.context] == ["topic", *("user", "assistant") * 3]
    assert [m.text for m in born.memories] == [
        "She was born in a lighthouse.",
        "She built boats of willow.",
    ]
    assert [m.text for m in build.memories] == ["She built boats of willow."]


def test_where_a_record_is_missing_the_next_ones_history_answers_nothing(tmp_path: Path) -> None:
    records = canard()
    del records[3]
    [dialogue] = read_canard(put(tmp_path / "x.json", records))
    assert [e.id for e in dialogue.examples] == ["canard-C_1-q1"]


def test_a_damaged_record_is_noted_and_left_out(tmp_path: Path) -> None:
    records = canard()
    records[4]["History"].pop()
    records.append({**records[0], "Question_no": "one"})
    notes: list[str] = []
    list(read_canard(put(tmp_path / "x.json", records), on_note=notes.append))
    assert "[4].History has 9 lines" in notes[0] and "[5].Question_no" in notes[1]
