from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.test_cli import run
from tests.training.made_up import QUICK, write_set

SET = [part for each in QUICK for part in ("--set", each)]


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"lives={write_set(tmp_path_factory.mktemp('data') / 'set')}"


def test_train_writes_a_run_and_ends_with_how_it_went(
    lives: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    arguments = ["train", "tiny", "--data", lives, "--out", out, *SET]
    code, printed, err = run(*arguments, "--json", capsys=capsys)
    assert code == 0, err
    assert json.loads(printed) == json.loads((out / "report.json").read_text())
    assert "before training: dev MAP" in err and "stage bce: " in err
    assert err.splitlines()[-1].split(":")[0] in ("WIN", "MARGINAL")
    assert (out / "student" / "adapter_config.json").is_file()
    command = json.loads((out / "run.json").read_text())["command"]
    assert command.startswith("labkit train tiny --data lives=")

    code, printed, err = run(*arguments, "--resume", capsys=capsys)
    assert code == 0 and printed == "" and " is finished: " in err
    code, _, err = run(*arguments, capsys=capsys)
    assert code == 2 and "holds a run already" in err.splitlines()[-1]

    stock = tmp_path / "stock"
    code, printed, err = run("export", out / "student", "--out", stock, capsys=capsys)
    assert code == 0 and (stock / "README.md").is_file(), err
    memories = [{"id": "a", "text": "The key is red."}, {"id": "b", "text": "It rains."}]
    line = json.dumps({"id": "x", "query": "Where is the key?", "memories": memories})
    (tmp_path / "x.jsonl").write_text(line + "\n")
    ranked = []
    for model in (out / "student", stock):
        code, printed, err = run(
            "rerank", tmp_path / "x.jsonl", "--model", model, "--dtype", "float32", "--json",
            capsys=capsys,
        )  # fmt: skip
        assert code == 0, err
        results = json.loads(printed)["results"]
        ranked.append({result["id"]: result["log_odds"] for result in results})
    assert ranked[0] == pytest.approx(ranked[1], abs=1e-5)


def test_a_dry_run_prints_what_to_expect_and_writes_nothing(
    lives: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["train", "tiny", "--data", lives, "--dry-run", "--out", "run", *SET]
    code, printed, err = run(*arguments, capsys=capsys)
    assert code == 0, err
    for words in ("weights are trained", "10 steps, 80 queries", "pairs", "tokens", "GiB", "about"):
        assert words in printed
    code, printed, _ = run(*arguments, "--json", capsys=capsys)
    stages = json.loads(printed)["stages"]
    assert [stage["name"] for stage in stages] == ["bce", "infonce"]
    assert not list(tmp_path.iterdir())


def test_a_regression_ends_with_one(
    lives: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from labkit.training.development import Reading

    looks = iter([0.9] + [0.4] * 20)
    monkeypatch.setattr(
        "labkit.training.run.read",
        lambda *_: Reading({"lives": np.full(8, next(looks))}, 0.5),
    )
    out = tmp_path / "run"
    code, printed, err = run("train", "tiny", "--data", lives, "--out", out, *SET, capsys=capsys)
    assert code == 1 and printed == ""
    assert err.splitlines()[-1].startswith("REGRESSION: dev MAP 0.4000 against 0.9000")
    assert not (out / "student").exists()


@pytest.mark.slow
def test_the_recipe_tiny_runs_on_the_authored_lives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lives = Path(__file__).parents[1] / "assets" / "lives"
    out = tmp_path / "run"
    code, _, err = run("train", "tiny", "--data", f"lives={lives}", "--out", out, capsys=capsys)
    assert code in (0, 1) and (out / "report.json").is_file(), err


BAD = {
    "no recipe": (["train", "maxi", "--out", "out"], "no recipe 'maxi', expected one of"),
    "no folder": (["train", "tiny", "--data", "LIVES"], "expected --out with a folder"),
    "no data": (["train", "tiny", "--out", "out"], "expected --data lives=PATH"),
    "no data, dry": (["train", "tiny", "--dry-run"], "expected --data lives=PATH"),
    "data without a name": (
        ["train", "tiny", "--data", "assets/lives", "--out", "out"], "expected NAME=PATH",
    ),
    "data of no stage": (
        ["train", "tiny", "--data", "LIVES", "--data", "nq=x", "--out", "out"], "reads lives only",
    ),
    "an unknown key": (
        ["train", "tiny", "--data", "LIVES", "--out", "out", "--set", "sead=1"], "unknown key sead",
    ),
    "nothing to go on with": (
        ["train", "tiny", "--data", "LIVES", "--out", "out", "--resume"], "is not there",
    ),
    "a device that is not here": (
        ["train", "tiny", "--data", "LIVES", "--out", "out", "--device", "cuda:77"], "expected cpu",
    ),
    "a base that cannot be reached": (
        ["train", "tiny", "--data", "LIVES", "--out", "out", "--set", "base.model=nobody/nothing"],
        "on a hub that can be reached",
    ),
    "nothing to export": (["export", "nowhere", "--out", "out"], "no such folder"),
}  # fmt: skip


@pytest.mark.parametrize("premise", BAD)
def test_bad_input_is_one_line_and_leaves_no_folder(
    premise: str,
    lives: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    given, expected = BAD[premise]
    code, printed, err = run(*(lives if a == "LIVES" else a for a in given), capsys=capsys)
    assert code == 2 and printed == ""
    assert expected in err.splitlines()[-1] and "Traceback" not in err
    assert not (tmp_path / "out").exists()
