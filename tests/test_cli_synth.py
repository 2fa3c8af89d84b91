from __future__ import annotations

import json
from pathlib import Path

import pytest

from labkit.records import read_examples
from tests.test_cli import run


def test_synth_writes_splits_and_says_what_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "lives"
    arguments = ["synth", "--lives", 12, "--seed", 7, "--out", out, "--json"]
    code, printed, err = run(*arguments, capsys=capsys)
    assert code == 0, err
    summary = json.loads(printed)
    counted = {
        split: sum(1 for _ in read_examples(out / f"{split}.jsonl"))
        for split in ("train", "dev", "test")
    }
    assert sum(counted.values()) == sum(summary["examples"].values()) > 60
    first = {path.name: path.read_bytes() for path in sorted(out.iterdir())}
    assert run(*arguments, capsys=capsys)[0] == 0
    assert {path.name: path.read_bytes() for path in sorted(out.iterdir())} == first


BAD = {
    "neither lives nor writer": (["synth", "--out", "x"], "one of the two"),
    "both": (["synth", "--out", "x", "--lives", 1, "--writer", "openai"], "one of the two"),
    "no folder": (["synth", "--lives", 1], "expected --out"),
    "another writer": (["synth", "--out", "x", "--writer", "poet"], "expected openai"),
    "a writer without model": (["synth", "--out", "x", "--writer", "openai"], "expected --model"),
    "nothing to write from": (
        ["synth", "--out", "x", "--writer", "openai", "--model", "m"],
        "--dialogues FILE or --personas FILE",
    ),
    "a cost without prices": (
        ["synth", "--out", "x", "--writer", "openai", "--model", "m", "--max-cost", 1],
        "needs --prices",
    ),
    "a folder without lives": (["synth", "inspect", "nowhere"], "nowhere"),
    "an unknown set": (["import", "wikipedia", ".", "--out", "x"], "expected one of squad"),
    "a set that may not train": (["import", "locomo", ".", "--out", "x"], "may not train"),
}


@pytest.mark.parametrize("premise", BAD)
def test_bad_input_is_one_line_and_nothing_is_written(
    premise: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, expected = BAD[premise]
    code, out, err = run(*arguments, capsys=capsys)
    assert code == 2
    assert out == ""
    assert expected in err
    assert err.strip().splitlines()[-1].startswith("labkit: ")
    assert list(tmp_path.iterdir()) == []


def test_the_writers_cost_is_estimated_before_the_first_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    personas = tmp_path / "personas.txt"
    personas.write_text("A retired diver in Split\nA baker in Oran\n")
    arguments = ["synth", "--writer", "openai", "--model", "m", "--personas", personas]
    code, out, err = run(
        *arguments, "--out", tmp_path / "out", "--dry-run", "--json", "--prices", 1, 2,
        capsys=capsys,
    )  # fmt: skip
    assert code == 0, err
    estimate = json.loads(out)
    assert estimate["sources"] == 2 and estimate["cost"] > 0
    assert "at most" in err
    assert not (tmp_path / "out").exists()
