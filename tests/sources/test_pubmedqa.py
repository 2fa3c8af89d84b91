"""PubMedQA: made-up papers in the file's layout."""

from __future__ import annotations

from pathlib import Path

from labkit.sources.pubmedqa import read_pubmedqa
from tests.sources.corpora_fixtures import pubmedqa, put


def test_all_sections_are_relevant_and_findings_most(tmp_path: Path) -> None:
    first, *_ = read_pubmedqa(put(tmp_path / "x.json", pubmedqa()))
    [example] = first.examples
    assert list(example.labels.values()) == [0.7, 0.7, 1.0]
    assert [m.extra["section"] for m in example.memories] == ["BACKGROUND", "METHODS", "RESULTS"]
    assert example.extra["decision"] == "maybe"
    assert example.extra["answers"] == ["Dust of the bridge may do some harm in Aldmoor."]
    assert not any(example.extra["answers"][0] in m.text for m in example.memories)


def test_a_damaged_paper_is_noted_and_left_out(tmp_path: Path) -> None:
    papers = pubmedqa()
    papers["9001"]["LABELS"].pop()
    papers["9002"]["QUESTION"] = None
    notes: list[str] = []
    read = list(read_pubmedqa(put(tmp_path / "x.json", papers), on_note=notes.append))
    assert [dialogue.id for dialogue in read] == ["pubmedqa-9000", "pubmedqa-9003"]
    assert "9001.LABELS" in notes[0] and "9002.QUESTION" in notes[1]
