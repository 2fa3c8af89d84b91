from __future__ import annotations

import json
from pathlib import Path

import pytest

from labkit.records import Example, Memory, Query, read_examples, write_examples
from labkit.teachers.verdicts import read_grades, read_verdicts
from tests.fake_openai import FakeOpenAI, teaches
from tests.test_cli import run

MEMORIES = tuple(
    Memory(f"m{i}", f"Fact {i} of the house: worth {worth}", f"2025-0{i + 1}-02", "Ana")
    for i, worth in enumerate((0.9, 0.5, 0.1, 0.1))
)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-secret-of-this-test")
    monkeypatch.setenv("OTHER_KEY", "sk-another-secret-of-it")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    path = tmp_path / "data.jsonl"
    examples = [
        Example(Query(f"Which fact, {i}?", id=f"x-{i}", kind="update"), MEMORIES, {"m0": 0.9})
        for i in range(3)
    ]
    write_examples(path, examples)
    return path


def test_label_writes_soft_labels_verdicts_and_a_summary(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    with FakeOpenAI(teaches) as one, FakeOpenAI(teaches) as two:
        arguments = [
            "label", data, "--out", out, "--cycles", 1,
            "--teacher", f"openai:a,url={one.url},prices=1/4",
            "--teacher", f"openai:b,url={two.url},key=OTHER_KEY,verdicts=logprobs,prices=1/4",
            "--teacher", "bm25",
        ]  # fmt: skip
        code, printed, err = run(*arguments, "--dry-run", "--json", capsys=capsys)
        assert code == 0 and not (one.calls or two.calls) and not out.exists()
        bounds = json.loads(printed)
        assert [bound["teacher"] for bound in bounds] == ["openai:a", "openai:b", "bm25"]
        assert "calls" in err and "cost about" in err and "bm25: about" in err
        code, printed, err = run(*arguments, "--json", capsys=capsys)
        assert code == 0, err
        summary = json.loads(printed)
        assert summary == json.loads((out / "summary.json").read_text()) and summary["complete"]
        for name, server, bound in zip("ab", (one, two), bounds, strict=False):
            assert summary["spending"][f"openai:{name}"]["paid"]["calls"] == len(server.calls)
            assert abs(len(server.calls) - bound["calls"]) <= 2
        count = len(one.calls) + len(two.calls)
        code, printed, _ = run(*arguments, capsys=capsys)
        assert code == 0 and len(one.calls) + len(two.calls) == count
    for word in ("openai:a", "bm25", "triads go in a circle", "labels (basis: grades)", "gold"):
        assert word in printed
    labelled = list(read_examples(out / "examples.jsonl"))
    assert [e.id for e in labelled] == ["x-0", "x-1", "x-2"]
    assert all(max(e.labels, key=lambda id_: e.labels[id_]) == "m0" for e in labelled)
    assert all(e.extra["gold_labels"] == {"m0": 0.9} for e in labelled)
    assert {v.teacher for v in read_verdicts(out / "verdicts.jsonl")} == {
        "openai:a", "openai:b", "bm25",
    }  # fmt: skip
    assert {g.teacher for g in read_grades(out / "grades.jsonl")} == {"openai:a", "openai:b"}
    files = b"".join(path.read_bytes() for path in out.iterdir())
    assert b"secret" not in files


def test_a_budget_stops_cleanly_and_the_same_command_goes_on(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    with FakeOpenAI(teaches) as server:
        arguments = ["label", data, "--out", out, "--teacher", f"openai:a,url={server.url}"]
        code, printed, err = run(*arguments, "--max-calls", 7, capsys=capsys)
        assert code == 0 and len(server.calls) == 7
        assert "not complete" in err and "7 calls" in err
        code, printed, err = run(*arguments, capsys=capsys)
        assert code == 0 and "not complete" not in err
        bodies = [json.dumps(call.body) for call in server.calls]
    assert len(bodies) == len(set(bodies))


def test_simulated_teachers_are_announced(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["label", data, "--out", tmp_path / "out", "--teacher", "simulated:b"]
    code, printed, err = run(*arguments, capsys=capsys)
    assert code == 0, err
    assert "simulated: they know the labels" in printed and "simulated:b" in printed
    assert "assumed" not in err
    code, _, err = run(*arguments[:-1], "bm25", capsys=capsys)
    assert code == 0 and "no teacher can grade" in err and "assumed" in err


BAD = {
    "no teacher": (["label", "DATA", "--out", "out"], "expected --teacher with"),
    "no such teacher": (["label", "DATA", "--out", "out", "--teacher", "owl"], "openai:MODEL"),
    "no such student": (
        ["label", "DATA", "--out", "out", "--teacher", "reranker:nope"], "no model 'nope'",
    ),
    "no such file": (["label", "none.jsonl", "--out", "out", "--teacher", "bm25"], "none.jsonl"),
    "no queries": (["label", "CHAT", "--out", "out", "--teacher", "bm25"], "no query"),
    "a split that is none": (
        ["label", "DATA", "--out", "out", "--teacher", "bm25", "--split", "all"],
        "train, dev or test",
    ),
    "two of one name": (
        ["label", "DATA", "--out", "out", "--teacher", "bm25", "--teacher", "bm25"],
        "expected each once",
    ),
    "a cost without prices": (
        ["label", "DATA", "--out", "out", "--teacher", "openai:m", "--max-cost", 1],
        "no prices of openai:m",
    ),
    "an address that is none": (
        ["label", "DATA", "--out", "out", "--teacher", "openai:m,url=localhost"], "base URL is",
    ),
    "a host that is not there": (
        ["label", "DATA", "--out", "out", "--teacher", "openai:m,url=http://127.0.0.1:9/v1"],
        "cannot be reached",
    ),
    "a folder without prompts": (
        ["label", "DATA", "--out", "out", "--teacher", "bm25", "--prompts", "nowhere"],
        "holds no prompt of a teacher",
    ),
    "out is a file": (["label", "DATA", "--out", "DATA", "--teacher", "bm25"], "is a file"),
    "a device that is not here": (
        ["label", "DATA", "--out", "out", "--teacher", "reranker:minilm-cosine",
         "--device", "cuda:77"], "expected cpu",
    ),
}  # fmt: skip


@pytest.mark.parametrize("premise", BAD)
def test_bad_input_is_one_line_and_no_label_is_written(
    premise: str,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    chat = tmp_path / "chat.txt"
    chat.write_text("Ana: hello\nBo: hello there\n")
    given, expected = BAD[premise]
    places = {"DATA": data, "CHAT": chat}
    code, printed, err = run(*(places.get(str(a), a) for a in given), capsys=capsys)
    assert code == 2 and printed == ""
    assert expected in err.splitlines()[-1] and "Traceback" not in err
    assert not list(tmp_path.glob("out/*.json*"))
