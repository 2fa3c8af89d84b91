"""TAT-QA: a made-up report in the file's layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.sources.tatqa import read_tatqa, table_in_words
from tests.sources.corpora_fixtures import put, tatqa, tatqa_question, tatqa_report


def test_paragraphs_and_the_table_in_words_are_the_memories(tmp_path: Path) -> None:
    [report] = read_tatqa(put(tmp_path / "x.json", tatqa()))
    assert [m.text for m in report.memories] == [
        "Sales of Finch plc by kind of goods were as follows.",
        "Finch plc sells boats at a fixed price.",
        "Table (Years Ended May 31,). Sales: Boats: 2019 $ 1,452; 2018 $ 1,146. "
        "Nets: 2019 44; 2018 57.",
    ]


def test_the_evidence_is_the_text_the_table_or_both_as_answer_from_says(tmp_path: Path) -> None:
    [report] = read_tatqa(put(tmp_path / "x.json", tatqa()))
    text, table, both = report.examples
    assert text.labels == {"tatqa-Finch plc-2": 1.0}
    assert table.labels == {"tatqa-Finch plc-table": 1.0}
    assert both.labels == {"tatqa-Finch plc-table": 1.0, "tatqa-Finch plc-1": 0.7}
    assert [e.query.kind for e in report.examples] == ["single_hop", "single_hop", "numerical"]
    assert both.extra["answers"] == ["306"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["", "At home", "", "Abroad", ""], ["", "2019", "2018", "2019", "2018"],
          ["Rate", "4%", "3%", "2%", ""]],
         "Table. Rate: At home 2019 4%; At home 2018 3%; Abroad 2019 2%."),
        ([["Item", "2019"], ["Boats", "5"]], "Table. Item: 2019. Boats: 5."),
        ([["", "2019", "$"], ["Boats", "5", "6"]], "Table (2019). Boats: 5; 6."),
        ([["", ""]], "Table."),
        ([], "Table."),
    ],
)  # fmt: skip
def test_columns_are_headed_by_the_rows_above_the_first_name(
    rows: list[list[str]], words: str
) -> None:
    assert table_in_words(rows) == words


@pytest.mark.parametrize(
    ("origin", "rel", "told"),
    [
        ("elsewhere", [], 'answer_from is "elsewhere"'),
        ("text", ["9"], 'names "9"'),
        ("text", [], "expected where the answer is"),
    ],
)
def test_a_damaged_question_is_noted_and_left_out(
    tmp_path: Path, origin: str, rel: list[str], told: str
) -> None:
    bad = tatqa_question("q1", "Which?", ["x"], origin, rel)
    good = tatqa_question("q2", "Which?", ["x"], "table", [])
    notes: list[str] = []
    path = put(tmp_path / "x.json", [tatqa_report("r", bad, good)])
    [report] = read_tatqa(path, on_note=notes.append)
    assert [e.id for e in report.examples] == ["tatqa-q2"]
    [note] = notes
    assert told in note and "questions[0]" in note
