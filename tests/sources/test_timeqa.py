"""TimeQA: a made-up page in the file's layout."""

from __future__ import annotations

from pathlib import Path

from labkit.sources.timeqa import read_timeqa
from tests.sources.corpora_fixtures import put, timeqa

ID = "timeqa-Ida_Holm#P54"


def test_paragraphs_are_headed_by_the_title_and_headings_left_out(tmp_path: Path) -> None:
    [page] = read_timeqa(put(tmp_path / "x.json", timeqa()))
    assert [m.text for m in page.memories] == [
        "Ida Holm: Ida Holm (born 1970) is a rower, known for her patience.",
        "Ida Holm: From 1990 she rowed for Brinwick, in the second boat.",
        "Ida Holm: In 1996 she went to Corvale and stayed until 2001.",
        "Ida Holm: She has written two books about rivers and one on bread.",
        "Ida Holm: 2011: keeper of the boats",
    ]


def test_what_answers_for_other_years_is_a_near_miss_of_the_wrong_time(tmp_path: Path) -> None:
    [page] = read_timeqa(put(tmp_path / "x.json", timeqa()))
    first, second, _ = page.examples
    assert first.labels == {f"{ID}-3": 1.0, f"{ID}-4": 0.3}
    assert first.negative_kinds == {
        f"{ID}-1": "wrong_time",
        f"{ID}-4": "wrong_time",
        f"{ID}-6": "wrong_time",
    }
    assert second.labels == {f"{ID}-4": 1.0, f"{ID}-3": 0.3}
    assert first.query.kind == "temporal" and first.extra["answers"] == ["Brinwick"]


def test_a_question_without_an_answer_has_only_near_misses(tmp_path: Path) -> None:
    [page] = read_timeqa(put(tmp_path / "x.json", timeqa()))
    none = page.examples[2]
    assert none.query.kind == "abstain" and not none.relevant
    assert none.labels == {f"{ID}-3": 0.3, f"{ID}-4": 0.3}


def test_an_answer_in_a_heading_and_a_damaged_question_are_noted(tmp_path: Path) -> None:
    pages = timeqa()
    pages[0]["questions"].append(["Which?", [{"para": 99, "answer": "x"}]])
    pages[0]["questions"].append(["Which?"])
    notes: list[str] = []
    [page] = read_timeqa(put(tmp_path / "x.json", pages), on_note=notes.append)
    assert len(page.examples) == 3
    assert any('heading "Rowing."' in note for note in notes)
    assert any("para is 99" in note for note in notes)
    assert any("questions[5]" in note for note in notes)
