from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.evaluation.benchmarks import Asked, parse_choice
from labkit.evaluation.measures import parse_measure, ranking_value
from labkit.evaluation.page import page
from labkit.evaluation.report import cell, fill, markdown, milliseconds, tables_of, to_json
from labkit.evaluation.results import Row
from labkit.evaluation.run import Plan, evaluate
from labkit.evaluation.significance import holm, randomisation_test
from labkit.evaluation.summary import MEASURES, SCORES, summarise
from tests.evaluation.made_up import Scripted, asked, example, perfect


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    evidence = ((), (1,), (1, 4))
    examples = [example(i, relevant=evidence[1 + i % 2 if i % 5 else 0]) for i in range(25)]
    return asked(tmp_path_factory.mktemp("data") / "data.jsonl", examples)


@pytest.fixture(scope="module")
def rows(questions: Asked) -> list[Row]:
    rivals = (Scripted(perfect), Scripted(lambda q, m: 0.5, name="<b>a | b</b>"))
    return evaluate(questions, Plan(("bm25", "none"), rivals, command="labkit eval <x>"))


def test_means_leave_out_queries_without_a_relevant_memory_and_count_them(rows: list[Row]) -> None:
    summary = summarise(rows)[0]
    assert (summary.queries, summary.counted) == (25, 20)
    values = [ranking_value(parse_measure("MAP"), q.judged()) for q in rows[0].queries]
    assert summary.overall["MAP"].value == pytest.approx(np.nanmean(values))
    assert np.isnan(values).sum() == 5
    low, high = summary.overall["MAP"].interval
    assert low < summary.overall["MAP"].value < high
    kinds = summary.per_kind
    assert {kind: n for kind, (n, _) in kinds.items()} == {"even": 10, "odd": 10}
    both = sum(n * values["MAP"] for n, values in kinds.values()) / 20
    assert both == pytest.approx(summary.overall["MAP"].value)


def test_only_what_gives_probabilities_has_their_quality(rows: list[Row]) -> None:
    bm25, _, knows, flat = summarise(rows)
    assert all(np.isnan(bm25.overall[name].value) for name in SCORES)
    assert knows.overall["abstain_AUROC"].value == 1
    assert flat.overall["abstain_AUROC"].value == 0.5
    assert knows.overall["Brier"].value < flat.overall["Brier"].value
    assert flat.overall["ECE"].value == pytest.approx(abs(0.5 - 30 / 150))


def test_p_values_are_of_the_first_row_and_corrected_over_the_rest(rows: list[Row]) -> None:
    summaries = summarise(rows, ["MAP", "Brier"])
    assert summaries[0].overall["MAP"].p is None
    assert all(summary.overall["Brier"].p is None for summary in summaries)
    values = [
        np.array([ranking_value(parse_measure("MAP"), q.judged()) for q in row.queries])
        for row in rows
    ]
    want = holm([randomisation_test(values[0], other) for other in values[1:]])
    assert [s.overall["MAP"].p for s in summaries[1:]] == want
    assert want[1] < 0.05 and want[2] == 1


def test_any_measure_can_be_taken_from_a_result(rows: list[Row]) -> None:
    (table,) = tables_of(rows, ["P@3", "F1_p@0.5", "abstain_P@0.9"])
    assert set(table.summaries[2].overall) == {"P@3", "F1_p@0.5", "abstain_P@0.9"}
    assert table.summaries[2].overall["F1_p@0.5"].value == 1
    with pytest.raises(InputError, match="no measure"):
        tables_of(rows, ["quality"])


# --- rendering -----------------------------------------------------------------------------------


def test_cells_are_written_as_papers_do() -> None:
    assert [cell(x) for x in (0.4267, 1.0, 0.0, -0.02, None, float("nan"))] == [
        *(".427", "1.000", ".000", "-.020", "-", "-"),
    ]
    assert [milliseconds(x) for x in (0.0004, 0.0123, 1.5, float("nan"))] == [
        *("0.4", "12", "1,500", "-"),
    ]


def test_markdown_has_every_row_and_says_what_it_is_of(rows: list[Row], questions: Asked) -> None:
    text = markdown(tables_of(rows))
    assert "nan" not in text.lower() and "None" not in text
    for part in ("## data.jsonl", questions.sha256[:16], "25 queries", "20 with a relevant memory"):
        assert part in text
    assert "| bm25 50 > &lt;b>a \\| b&lt;/b> |" in text
    widths = {line.count("|") - line.count("\\|") for line in text.splitlines() if "MRR" in line}
    assert widths == {len(MEASURES) + 2}


def test_the_page_is_whole_escaped_and_needs_no_network(rows: list[Row]) -> None:
    text = "".join(page(tables_of(rows)))
    own = re.sub(r"<script>.*?</script>", "", text, count=1, flags=re.DOTALL)
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    assert "<b>a" not in own and "&lt;b&gt;a | b" in own
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", own)
    assert "Reliability of" in own and "labkit eval &lt;x&gt;" in own


def test_machines_get_null_and_not_nan(rows: list[Row]) -> None:
    items = json.loads(json.dumps(to_json(tables_of(rows)), allow_nan=False))
    assert [item["name"] for item in items] == [row.name for row in rows]
    assert items[0]["overall"]["n"] == 20 and items[0]["overall"]["Brier"] is None
    assert items[2]["seconds"]["p50"] == pytest.approx(0.013)


def test_the_tables_of_a_readme_are_filled_between_their_marks(rows: list[Row]) -> None:
    text = (
        "before\n<!-- eval data.jsonl MAP n ms -->\nold\n<!-- end of eval -->\nafter\n"
        "<!-- eval data.jsonl R_all@5 -->\n<!-- end of eval -->\n"
    )
    filled, count = fill(text, rows)
    assert count == 2 and "old" not in filled
    assert filled.startswith(
        "before\n<!-- eval data.jsonl MAP n ms -->\n| ranked by | MAP | n | ms |\n"
    )
    assert "| bm25 50 > scripted | 1.000* | 20 | 13 |" in filled
    assert "|\n<!-- end of eval -->\nafter\n" in filled and "| ranked by | R_all@5 |" in filled
    assert fill(filled, rows)[0] == filled


def test_a_table_by_kind_has_a_line_for_each_kind_and_a_column_for_each_row(
    rows: list[Row],
) -> None:
    opened = "<!-- eval data.jsonl MAP by kind -->\n"
    filled, _ = fill(opened + "<!-- end of eval -->\n", rows)
    head, _, *lines = filled.removeprefix(opened).splitlines()[:-1]
    assert head.startswith("| kind | n | ") and head.count(" | ") == 1 + len(rows)
    assert [line.split(" | ")[0][2:] for line in lines] == sorted({q.kind for q in rows[0].queries})


def test_the_tables_of_our_own_readme_ask_for_what_there_is() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    opened = re.findall(r"<!-- eval ([^\n]*) -->\n", text)
    assert opened and len(opened) == text.count("<!-- end of eval -->")
    for what in opened:
        choice, *columns = what.split()
        parse_choice(choice)
        if columns[-2:] == ["by", "kind"]:
            columns = columns[:-2]
        assert [str(parse_measure(column)) for column in columns] == columns


BAD = {
    "a benchmark without results": ("<!-- eval trec MAP -->\n<!-- end of eval -->", "data.jsonl"),
    "two measures by kind": (
        "<!-- eval data.jsonl MAP MRR by kind -->\n<!-- end of eval -->",
        "has 2 measures, expected one",
    ),
    "no measure": ("<!-- eval data.jsonl best -->\n<!-- end of eval -->", "no measure"),
}


@pytest.mark.parametrize("premise", BAD)
def test_a_table_that_cannot_be_filled_is_named(rows: list[Row], premise: str) -> None:
    text, expected = BAD[premise]
    with pytest.raises(InputError, match=expected):
        fill(text, rows)


def test_rows_of_other_data_or_candidates_stand_in_a_table_of_their_own(
    rows: list[Row], questions: Asked, tmp_path: Path
) -> None:
    fewer = evaluate(questions, Plan(("bm25",), candidates=2))
    other = evaluate(asked(tmp_path / "data.jsonl", [example(1)]), Plan(("bm25",)))
    assert len(tables_of([*rows, *fewer, *other])) == 3
    assert len(tables_of([*rows, *rows])[0].rows) == len(rows)
    with pytest.raises(InputError, match="3 different runs"):
        fill("<!-- eval data.jsonl MAP -->\n<!-- end of eval -->", [*rows, *fewer, *other])
