from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from labkit.evaluation.results import QueryResult, Row, file_of, write_row
from labkit.ui.evaluations_data import (
    Results,
    benchmarks_of,
    chosen_names,
    compared,
    measures_of,
    no_evaluations,
    overview,
    tables_of,
)
from labkit.ui.runs_charts import quality
from tests.ui.made_up import HOSTILE


def query(number: int, rank: int) -> QueryResult:
    return QueryResult(
        id=f"q{number}",
        kind="causal" if number % 2 else "update",
        ranked=10,
        gains=((rank, 1.0),),
        ids=("m1", "m2"),
        probabilities=tuple(0.9 - i / 20 for i in range(10)),
        seconds=0.01,
    )


def row(name: str = "mini", rank: int = 1, place: int = 0, benchmark: str = "lives:test") -> Row:
    return Row(
        name=name,
        benchmark=benchmark,
        protocol={"about": "About.", "candidates": "all", "relevant": "from 0.6"},
        data={
            "sha256": "ab" * 32,
            "file": "lives",
            "sample": {"kinds": None, "limit": None, "seed": 0},
        },
        settings={"candidates": 50, "first_stage": "fused"},
        ranker={"model": name, "rank": rank},
        command="labkit eval --benchmark lives:test",
        place=place,
        code={"labkit": "0.1.0", "source_sha256": "cd" * 32},
        queries=tuple(query(i, rank if i % 3 else 1) for i in range(12)),
    )


def save(folder: Path, *rows: Row) -> Path:
    for each in rows:
        write_row(file_of(folder, each), each)
    return folder


def test_a_folder_is_read_and_its_rows_counted(tmp_path: Path) -> None:
    path = save(tmp_path / "e", row("fused", 3), row("mini", 1, 1), row(benchmark="locomo"))
    found = Results().evaluation(path, "e")
    assert [r.name for r in found.rows] == ["fused", "mini", "mini"]
    (line,) = overview([found])
    assert line["benchmarks"] == "lives:test (2 rows, n = 12), locomo (1 row, n = 12)"
    assert (line["status"], line["problems"]) == ("finished", [])
    assert benchmarks_of([found]) == ["lives:test", "locomo"]


def test_damage_and_unfinished_rows_are_told_and_the_rest_is_shown(tmp_path: Path) -> None:
    path = save(tmp_path / "e", row())
    (path / "lives-test" / "torn.result.json").write_text('{"format": 1, "que')
    (path / "lives-test" / "next.journal").write_text("")
    found = Results().evaluation(path, "e")
    assert len(found.rows) == 1 and len(found.problems) == 1
    assert "torn.result.json" in found.problems[0] and str(tmp_path) not in found.problems[0]
    assert overview([found])[0]["status"].startswith("not finished: 1 of its rows")
    (path / "lives-test" / "next.journal").unlink()
    assert overview([Results().evaluation(path, "e")])[0]["status"] == "partly damaged"


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    results = Results()
    path = save(tmp_path / "e", row())
    before = results.evaluation(path, "e")
    assert results.evaluation(path, "e").rows[0] is before.rows[0]
    save(path, replace(row(), command="another, longer command"))
    assert results.evaluation(path, "e").rows[0].command.startswith("another")


def test_folders_stand_side_by_side_with_intervals(tmp_path: Path) -> None:
    results = Results()
    one = results.evaluation(save(tmp_path / "one", row("fused", 4), row("mini", 2, 1)), "one")
    two = results.evaluation(save(tmp_path / "two", row("fused", 4), row("mini", 1, 1)), "two")
    (table,) = compared([one, two], "lives:test")
    assert [r.name for r in table.rows] == ["fused", "mini (one)", "mini (two)"]
    assert table.summaries[2].overall["MAP"].value > table.summaries[1].overall["MAP"].value
    main = tables_of([table])[0]
    assert main["head"][:2] == ["ranked by", "MAP"]
    assert "[" in main["rows"][0][1]
    assert "12 queries" in main["note"] and "Command: labkit eval" in main["note"]
    assert "MAP" in measures_of(table)
    figure = quality([table], "MAP")
    (points,) = figure.data
    assert "(n = 12)" in points.y[0] and len(points.x) == 3
    assert all(width >= 0 for width in (*points.error_x.array, *points.error_x.arrayminus))


def test_what_cannot_be_compared_is_in_tables_of_its_own(tmp_path: Path) -> None:
    other = replace(row("mini"), settings={"candidates": 10, "first_stage": "bm25"})
    results = Results()
    one = results.evaluation(save(tmp_path / "one", row("mini")), "one")
    two = results.evaluation(save(tmp_path / "two", other), "two")
    tables = compared([one, two], "lives:test")
    assert len(tables) == 2
    assert "(1 of 2 that cannot be compared)" in tables_of(tables)[0]["title"]
    assert len(quality(tables, "MAP").data) == 2


def test_hostile_names_are_no_markup_for_plotly(tmp_path: Path) -> None:
    text = "".join(HOSTILE)
    hostile = row(text)
    found = Results().evaluation(save(tmp_path / "e", hostile), "e")
    tables = compared([found], "lives:test")
    assert "<" not in quality(tables, "MAP").data[0].y[0]
    json.dumps(tables_of(tables))


@pytest.mark.parametrize("names", [["../.."], [], ["gone"]])
def test_only_what_is_there_can_be_chosen(names: list[str]) -> None:
    assert chosen_names({"e": Path("e")}, names) == []


def test_no_evaluation_says_how_to_make_one(tmp_path: Path) -> None:
    assert "labkit eval --benchmark lives:test" in no_evaluations(tmp_path)
