"""QMSum: a made-up meeting in the file's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labkit.records import Turn
from labkit.sources.qmsum import read_qmsum
from tests.sources.corpora_fixtures import put_lines, qmsum_meeting


def test_turns_with_words_are_memories_and_both_ends_of_a_span_are_relevant(tmp_path: Path) -> None:
    [meeting] = read_qmsum(put_lines(tmp_path / "x.jsonl", [qmsum_meeting()]))
    assert [m.text for m in meeting.memories][:2] == [
        "Good morning, let's begin with the roof of the library.",
        "It leaks, and the repair costs forty thousand",
    ]
    assert [m.speaker for m in meeting.memories] == ["Chair", "Ann", "Ann", "Chair", "Bo"]
    assert meeting.memories[0].previous is None
    assert meeting.memories[1].previous == Turn("Chair", meeting.memories[0].text)
    roof, fence = meeting.examples
    assert [id_.rsplit("-", 1)[1] for id_ in roof.labels] == ["0", "1", "3", "4"]
    assert set(roof.labels.values()) == {0.7}, "a long passage answers as a whole"
    assert list(fence.labels.values()) == [1.0]
    assert meeting.title == "The roof"
    assert roof.extra["group"] == fence.extra["group"] == meeting.id


def test_short_turns_are_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    path = put_lines(tmp_path / "x.jsonl", [qmsum_meeting()])
    [meeting] = read_qmsum(path, least_words=1)
    assert len(meeting.memories) == 7


def test_a_meeting_that_stands_in_two_files_is_read_once(tmp_path: Path) -> None:
    both = [qmsum_meeting(), _other()]
    for name, meetings in (("ALL", both), ("Committee", both[1:])):
        put_lines(tmp_path / name / "jsonl" / "train.jsonl", meetings)
    assert len({meeting.id for meeting in read_qmsum(tmp_path)}) == 2
    assert len(list(read_qmsum(tmp_path))) == 2


def _other() -> dict[str, Any]:
    other = qmsum_meeting()
    other["meeting_transcripts"][0]["content"] = "Welcome all to the second meeting ."
    return other


@pytest.mark.parametrize("span", [["5", "4"], ["0", "7"], ["0"], ["a", "b"], ["6", "6"]])
def test_a_damaged_span_is_noted_and_its_query_left_out(tmp_path: Path, span: list[str]) -> None:
    meeting = qmsum_meeting()
    meeting["specific_query_list"][0]["relevant_text_span"] = [span]
    notes: list[str] = []
    [read] = read_qmsum(put_lines(tmp_path / "x.jsonl", [meeting]), on_note=notes.append)
    assert len(read.examples) == 1
    [note] = notes
    assert "specific_query_list[0].relevant_text_span" in note
