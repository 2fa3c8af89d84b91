from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.annotation.events import LABELS
from labkit.annotation.export import read_splits
from labkit.annotation.queue import Plan, build_queue, judge, negatives, undo
from labkit.annotation.store import Store
from labkit.annotation.users import read_users
from labkit.records import read_examples
from tests.test_cli import run
from tests.training.made_up import QUICK, write_set


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("data") / "set", train=16, dev=0)


@pytest.fixture
def store(data: Path, tmp_path: Path) -> Path:
    """Two annotators; they differ on one item, and one of them took a label back."""
    path = tmp_path / "a.sqlite"
    items = negatives(read_splits(data)["train"])
    with Store(path) as store:
        for name in ("ana", "bo"):
            queue = build_queue(items, name, Plan(size=6, overlap=6))
            for item in sorted(queue.items, key=lambda item: item.id):
                number = sorted(i.id for i in queue.items).index(item.id)
                level = 4 if (name, number) == ("bo", 0) else number % 4
                judge(store, queue, item, id_=f"{name}{number}", level=level)
        judge(store, queue, queue.items[0], id_="x", level=0, note="no, wait")
        undo(store, queue, id_="u")
    return path


def test_help_loads_no_database() -> None:
    code = (
        "import sys, contextlib\n"
        "from labkit import cli\n"
        "sys.argv = ['labkit', 'annotations', '--help']\n"
        "with contextlib.suppress(SystemExit):\n"
        "    cli.main()\n"
        "heavy = {'sqlalchemy', 'torch', 'datasets', 'numpy', 'gradio'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for verb in ("status", "export", "import", "agreement", "log", "user"):
        assert verb in done.stdout


def test_status_counts_who_did_what(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, err = run("annotations", "status", "--store", store, "--json", capsys=capsys)
    assert code == 0, err
    found = json.loads(printed)
    assert (found["events"], found["items"], found["to_adjudicate"]) == (14, 6, 1)
    assert found["decided"] == {"majority": 5, "undecided": 1}
    assert found["annotators"] == {"ana": {"label": 6}, "bo": {"label": 6}}
    code, printed, _ = run("annotations", "status", "--store", store, capsys=capsys)
    assert code == 0 and "14 events on 6 items" in printed and "bo: label 6" in printed


def test_the_log_is_shown_whole_and_taken_by_import(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed, _ = run(
        "annotations", "log", "--store", store, "--annotator", "bo", capsys=capsys
    )  # fmt: skip
    lines = printed.splitlines()
    assert code == 0 and len(lines) == 8
    assert '(undone)  "no, wait"' in lines[-2] and lines[-1].endswith("undo  of x")
    code, printed, _ = run("annotations", "log", "--store", store, "--json", capsys=capsys)
    (tmp_path / "log.jsonl").write_text(printed)
    monkeypatch.setenv("LABKIT_DATABASE_URL", f"sqlite:///{tmp_path}/b.sqlite")
    for expected in ("14 new events, 0 were", "0 new events, 14 were"):
        code, said, err = run("annotations", "import", tmp_path / "log.jsonl", capsys=capsys)
        assert code == 0 and said.startswith(expected), err
    code, again, _ = run("annotations", "log", "--json", capsys=capsys)
    assert again == printed


def test_agreement_says_how_far_and_where_not(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed, err = run("annotations", "agreement", "--store", store, capsys=capsys)
    assert code == 0, err
    assert "Krippendorff's alpha, ordinal: " in printed and "12 labels of 6 items" in printed
    assert "ana, bo: " in printed and "to adjudicate: 1" in printed
    assert "ana: irrelevant, bo: contains the answer" in printed
    code, printed, _ = run("annotations", "agreement", "--store", store, "--json", capsys=capsys)
    found = json.loads(printed)
    assert found["alpha"]["units"] == 6 and len(found["to_adjudicate"]) == 1
    assert set(found["to_adjudicate"][0]["votes"].values()) == {0, 4}


def test_export_writes_a_folder_and_says_what_is_in_it(
    store: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["annotations", "export", data, "--store", store, "--out", out]
    code, printed, err = run(*arguments, capsys=capsys)
    assert code == 0 and printed == ""
    assert "5 labels by people" in err and "annotators differ: 1" in err
    assert sorted(p.name for p in out.iterdir()) == [
        "README.md", "dataset", "events.jsonl", "summary.json", "train.jsonl",
    ]  # fmt: skip
    code, _, err = run(*arguments, capsys=capsys)
    assert code == 2 and "expected a new folder" in err


def test_a_user_is_added_with_a_password_that_nobody_sees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = iter(["long enough", "long enough", "another one", "another 1"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    arguments = ["annotations", "user", "ana", "--file", tmp_path / "users"]
    code, printed, err = run(*arguments, capsys=capsys)
    assert code == 0 and printed == "" and "ana can log in" in err
    assert read_users(tmp_path / "users").are("ana", "long enough")
    code, printed, err = run(*arguments, capsys=capsys)
    assert code == 2 and "the two passwords differ" in err and "another" not in err
    assert read_users(tmp_path / "users").are("ana", "long enough")


BAD = {
    "no store": (["status", "--store", "mysql://x"], "expected postgresql://"),
    "a store that is not there": (
        ["log", "--store", "typo/a.sqlite"],
        "typo/a.sqlite: no such file",
    ),
    "no data": (["export", "none.jsonl", "--out", "out"], "none.jsonl"),
    "nothing annotated": (["export", "DATA", "--out", "out"], "has no label for this data"),
    "no file": (["import", "none.jsonl"], "none.jsonl: No such file"),
    "no events": (["import", "BAD"], "bad.jsonl:1: unknown key"),
}


@pytest.mark.parametrize("premise", BAD)
def test_bad_input_is_one_line(
    premise: str,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABKIT_DATABASE_URL", "sqlite:///a.sqlite")
    (tmp_path / "bad.jsonl").write_text('{"like": 1}\n')
    given, expected = BAD[premise]
    places = {"DATA": data, "BAD": "bad.jsonl"}
    code, printed, err = run("annotations", *(places.get(a, a) for a in given), capsys=capsys)
    assert code == 2 and printed == "" and not (tmp_path / "out").exists()
    assert expected in err.splitlines()[-1] and "Traceback" not in err
    assert not (tmp_path / "typo").exists()


@pytest.mark.slow
def test_twenty_corrected_negatives_become_training_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The loop closed: a queue, twenty labels, an export, a student trained on it."""
    data = write_set(tmp_path / "set", train=24, dev=12)
    before = {e.id: e for e in read_examples(data / "train.jsonl")}
    with Store(tmp_path / "a.sqlite") as store:
        items = negatives(before.values())
        queue = build_queue(items, "ana", Plan(size=20, overlap=0))
        given = {}
        for i, item in enumerate(queue.items):
            judge(store, queue, item, id_=f"e{i}", level=4 - i % 5)
            given[item.example.id, item.memory.id] = LABELS[4 - i % 5]
    assert len(given) == 20
    out = tmp_path / "corrected"
    code, _, err = run(
        "annotations", "export", data, "--store", tmp_path / "a.sqlite", "--out", out,
        capsys=capsys,
    )  # fmt: skip
    assert code == 0, err
    after = {e.id: e for e in read_examples(out / "train.jsonl")}
    for id_, example in after.items():
        for memory in example.memories:
            expected = given.get((id_, memory.id), before[id_].label(memory.id))
            assert example.label(memory.id) == expected
    told = {}
    for name, place in (("before", data), ("after", out)):
        code, _, err = run(
            "train", "tiny", "--data", f"lives={place}", "--out", tmp_path / name,
            *(part for each in QUICK for part in ("--set", each)), capsys=capsys,
        )  # fmt: skip
        assert code in (0, 1), err
        report = json.loads((tmp_path / name / "report.json").read_text())
        assert report["verdict"]["outcome"] in ("WIN", "MARGINAL", "REGRESSION")
        rows = map(json.loads, (tmp_path / name / "log.jsonl").read_text().splitlines())
        told[name] = [row["loss"] for row in rows if "loss" in row]
    assert len(told["before"]) == len(told["after"]) > 0 and told["before"] != told["after"]
