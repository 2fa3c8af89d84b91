from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labkit import cli
from labkit.records import Example, Memory, Query, write_examples

MEMORIES = (
    Memory("m1", "Biscuit weighs nine kilos now.", "2025-03-02", "Ana"),
    Memory("m2", "Biscuit weighs seven kilos at last.", "2025-09-02", "Ana"),
    Memory("m3", "Painted the hallway [green].", "2025-04-11", "Bo"),
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    example = Example(
        Query("What does Biscuit weigh?", id="x-1", kind="update"), MEMORIES, {"m2": 1.0}
    )
    other = Example(
        Query("Which colour is the hall?", id="x-2", kind="entity"), MEMORIES, {"m3": 1.0}
    )
    write_examples(path, [example, other])
    return path


def run(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run the command in this process: exit code, stdout, stderr."""
    old = sys.argv
    sys.argv = ["labkit", *map(str, arguments)]
    try:
        cli.main()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.argv = old
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_rerank_prints_one_object_a_query(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run("rerank", data, "--json", "--threshold", 0.5, "--top-k", 2, capsys=capsys)
    assert code == 0
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["id"] for line in lines] == ["x-1", "x-2"]
    best = lines[1]["results"][0]
    assert best["id"] == "m3" and best["label"] == 1.0 and best["text"].endswith("[green].")
    for result in lines[0]["results"]:
        assert result["kept"] == (result["probability"] >= 0.5)
    assert len(lines[0]["results"]) == 2


def test_an_own_query_with_context_is_ranked(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["rerank", data, "-q", "Which one?", "--json"]
    context = ["-c", "Bo: The hallway", "-c", "Ana: Its colour: green?"]
    code, out, err = run(*arguments, *context, capsys=capsys)
    assert code == 0, err
    line = json.loads(out)
    assert line["query"] == "Which one?"
    assert line["results"][0]["id"] == "m3"
    assert "label" not in line["results"][0]


def test_the_table_shows_text_as_it_is(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run("rerank", data, "--query-id", "x-2", "--threshold", 0.5, capsys=capsys)
    assert code == 0
    assert "[green]" in out
    assert "threshold 0.5 keeps" in out
    assert "Which colour" in out and "What does Biscuit" not in out


BAD = {
    "a file that is not there": (["rerank", "none.jsonl"], "none.jsonl"),
    "an unknown model": (["rerank", "DATA", "--model", "nope"], "no model 'nope'"),
    "an unknown first stage": (["rerank", "DATA", "--first-stage", "x"], "fused, bm25"),
    "an unknown query id": (["rerank", "DATA", "--query-id", "x-9"], "no query with id 'x-9'"),
    "an unknown dialogue": (["rerank", "DATA", "--dialogue", "d9"], "no dialogue 'd9'"),
    "a turn without speaker": (["rerank", "DATA", "-q", "a", "-c", "hello"], "Speaker: text"),
    "a context without query": (["rerank", "DATA", "-c", "A: b"], "need --query"),
    "an empty query": (["rerank", "DATA", "-q", " "], "not empty"),
    "a query time in words": (["rerank", "DATA", "-q", "a", "--query-time", "now"], "ISO 8601"),
    "two ways to name a query": (["rerank", "DATA", "-q", "a", "--query-id", "b"], "one of them"),
    "a device that is not here": (["rerank", "DATA", "--device", "cuda:77"], "expected cpu"),
}


@pytest.mark.parametrize("premise", BAD)
def test_bad_input_is_one_line_and_exit_code_2(
    data: Path, premise: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, expected = BAD[premise]
    code, out, err = run(*[data if a == "DATA" else a for a in arguments], capsys=capsys)
    assert code == 2
    assert out == ""
    assert expected in err
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("labkit: ")


def test_bad_lines_stop_the_run_unless_they_are_skipped(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with data.open("a") as handle:
        handle.write('{"id": "x-3"}\nnot json\n')
    code, _, err = run("rerank", data, "--json", capsys=capsys)
    assert code == 2 and "data.jsonl:3" in err
    code, out, err = run("rerank", data, "--json", "--skip-bad", capsys=capsys)
    assert code == 0 and len(out.splitlines()) == 2
    assert "2 bad lines skipped" in err


def test_eval_measures_every_row_on_the_same_queries(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run("eval", data, "--model", "minilm-cosine", "--json", capsys=capsys)
    assert code == 0, err
    rows = json.loads(out)
    names = [row["name"] for row in rows]
    assert names == ["fused", "bm25", "dense", "fused 50 > minilm-cosine"]
    assert all(row["overall"]["n"] == 2 for row in rows)
    assert rows[2]["overall"]["MAP"] == pytest.approx(rows[3]["overall"]["MAP"])
    assert set(rows[0]["per_kind"]) == {"update", "entity"}


def test_doctor_finds_this_installation_whole(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run("doctor", "--json", capsys=capsys)
    checks = {check["name"]: check for check in json.loads(out)}
    assert code == 0
    assert checks["MiniLM weights"]["status"] == "ok"
    assert checks["embedded student"]["status"] == "ok"
    assert checks["hub"]["status"] in ("ok", "note")


def test_doctor_tells_damaged_weights(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("labkit.retrieval.minilm.SHA256", "0" * 64)
    code, out, _ = run("doctor", capsys=capsys)
    assert code == 1
    assert "broken MiniLM weights" in out and "force-reinstall" in out


HEAVY = ("torch", "transformers", "gradio", "numpy", "sklearn", "datasets")


@pytest.mark.parametrize("code", ["import labkit", "import labkit.cli", "import labkit.records"])
def test_importing_loads_nothing_heavy(code: str) -> None:
    script = f"{code}; import sys; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_help_is_quick() -> None:
    command = [str(Path(sys.executable).with_name("labkit")), "--help"]
    seconds = []
    for _ in range(3):
        before = os.times()
        assert subprocess.run(command, capture_output=True).returncode == 0
        after = os.times()
        # The processor's seconds, not the clock's: a busy machine must not fail the test.
        seconds.append(sum(after[2:4]) - sum(before[2:4]))
    assert min(seconds) < 0.5


def test_a_reader_that_leaves_early_is_no_error(data: Path) -> None:
    command = f"{Path(sys.executable).with_name('labkit')} rerank {data} --json | head -c 10"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert "Traceback" not in done.stderr and "Error" not in done.stderr
