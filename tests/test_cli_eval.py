from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labkit.records import write_examples
from tests.evaluation.made_up import example
from tests.fake_openai import FakeOpenAI, says
from tests.test_cli import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    write_examples(path, [example(i, relevant=() if i % 4 == 0 else (1,)) for i in range(8)])
    return path


def evaluated(*arguments: object, capsys: Capture) -> list[dict[str, Any]]:
    code, out, err = run("eval", *arguments, "--json", capsys=capsys)
    assert code == 0, err
    rows: list[dict[str, Any]] = json.loads(out)
    return rows


def test_eval_measures_first_stages_and_says_what_a_query_costs(
    data: Path, capsys: Capture
) -> None:
    rows = evaluated(data, "--first-stage", "bm25", "--first-stage", "none", capsys=capsys)
    assert [row["name"] for row in rows] == ["bm25", "none"]
    assert rows[0]["overall"]["n"] == 6 and rows[0]["queries"] == 8
    assert rows[1]["overall"]["MAP"] == 0.5 and "MAP" in rows[1]["p"]
    assert rows[0]["seconds"]["p50"] > 0


def test_the_table_says_how_many_counted(data: Path, capsys: Capture) -> None:
    code, out, err = run("eval", data, "--first-stage", "none", "--per-kind", capsys=capsys)
    assert code == 0, err
    assert "8 queries, 6 with a relevant memory" in out
    assert "none" in out and ".500" in out and "odd (4)" in out and "…" not in out


def test_a_language_model_stands_in_the_same_table_and_is_paid_once(
    data: Path, tmp_path: Path, capsys: Capture
) -> None:
    with FakeOpenAI(lambda body: says({"order": [2, 2, 1]})) as server:
        model = f"openai:fake,mode=listwise,url={server.url},prices=1/2"
        arguments = [data, "--first-stage", "none", "--model", model, "--out", tmp_path / "out"]
        rows = evaluated(*arguments, capsys=capsys)
        assert len(server.calls) == 8
        again = evaluated(*arguments, capsys=capsys)
        assert len(server.calls) == 8 and again == rows
    assert rows[1]["name"] == "none 50 > fake (listwise)"
    assert rows[1]["overall"]["MAP"] == 1 and rows[1]["overall"]["Brier"] is None
    assert rows[1]["tokens"] == [100, 20] and rows[1]["cost"] == pytest.approx(140 / 1e6)
    assert rows[1]["problems"] == {"missing numbers": 8}


def test_results_are_rendered_as_markdown_page_and_readme(
    data: Path, tmp_path: Path, capsys: Capture
) -> None:
    out, page, readme = tmp_path / "out", tmp_path / "page.html", tmp_path / "README.md"
    evaluated(data, "--first-stage", "none", "--limit", 5, "--out", out, capsys=capsys)
    code, text, _ = run("report", out, "--measure", "R_all@1", capsys=capsys)
    assert code == 0 and "| ranked by | R_all@1 |" in text and "5 drawn with seed 0" in text
    readme.write_text("# x\n<!-- eval data.jsonl MAP n -->\n<!-- end of eval -->\n")
    code, text, err = run("report", out, "--html", page, "--readme", readme, capsys=capsys)
    assert code == 0, err
    assert "| none | .500 |" in readme.read_text()
    assert "plotly" in page.read_text() and text == ""


def test_benchmarks_says_from_where_under_what_licence_by_which_protocol(capsys: Capture) -> None:
    code, out, _ = run("benchmarks", capsys=capsys)
    assert code == 0
    for part in ("locomo: ", "https://github.com/snap-research/locomo", "CC BY-NC", "candidates: "):
        assert part in out
    code, out, _ = run("benchmarks", "--json", capsys=capsys)
    names = {item["name"] for item in json.loads(out)}
    assert names >= {"locomo", "longmemeval", "memora", "ikat", "hardcases", "finance", "medical"}


def test_benchmarks_check_counts_what_a_file_holds(data: Path, capsys: Capture) -> None:
    code, out, err = run("benchmarks", "check", "examples", data, capsys=capsys)
    assert code == 0, err
    assert "queries: 8" in out and "without one: 2" in out and "even 4" in out


BAD = {
    "nothing to measure on": (["eval"], "--benchmark NAME"),
    "an unknown benchmark": (["eval", "--benchmark", "trec"], "expected one of locomo"),
    "a set that is not there": (["eval", "--benchmark", "locomo"], "get it from https://"),
    "a path for no benchmark": (["eval", "DATA", "--path", "x"], "--path needs one"),
    "an unknown measure": (["eval", "DATA", "--measure", "ndcg"], "nDCG@10"),
    "an unknown part": (["eval", "DATA", "--withhold", "verbs"], "context, date, instruction"),
    "an unknown kind": (["eval", "DATA", "--kind", "prime"], "even, odd"),
    "paid calls without a store": (["eval", "DATA", "--model", "openai:m"], "--out"),
    "a broken endpoint": (["eval", "DATA", "--model", "openai:m,x=1", "--out", "OUT"], "mode"),
    "a report of nothing": (["report", "OUT"], "no such folder"),
    "a check of the wrong file": (["benchmarks", "check", "locomo", "DATA"], "expected"),
}


@pytest.mark.parametrize("premise", BAD)
def test_bad_input_is_one_line_and_exit_code_2(
    data: Path, tmp_path: Path, premise: str, capsys: Capture
) -> None:
    arguments, expected = BAD[premise]
    places = {"DATA": data, "OUT": tmp_path / "out"}
    code, out, err = run(*[places.get(a, a) for a in arguments], capsys=capsys)
    assert code == 2 and out == ""
    assert expected in err and "Traceback" not in err
    assert err.splitlines()[-1].startswith("labkit: ")


def test_a_file_without_labels_is_told_so_and_measured(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "bare.jsonl"
    write_examples(path, [example(0, relevant=())])
    path.write_text(path.read_text().replace('"labels": {"m0": 0.3}', '"labels": null'))
    code, out, err = run("eval", path, "--first-stage", "bm25", capsys=capsys)
    assert code == 0 and "no ranking has a quality" in err
    assert "1 queries, 0 with a relevant memory" in out
