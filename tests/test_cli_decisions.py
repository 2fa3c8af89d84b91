"""``labkit calibrate``, ``labkit threshold`` and ``labkit rerank --threshold NAME``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from labkit import cli
from labkit.assets import assets_path
from labkit.records import Example, Memory, Query, write_examples
from labkit.students.card import Card, read_card

THINGS = ["roof", "bread", "rent", "vet", "car", "piano", "garden", "letter", "boat", "oven"]
DOINGS = ["broke", "sold", "found", "painted", "lost", "cleaned"]


def dialogues(path: Path, count: int, seed: int) -> Path:
    """Queries that the cosine can answer now and then; one in four has no answer."""
    rng = np.random.default_rng(seed)
    examples = []
    for q in range(count):
        things = rng.choice(THINGS, 8, replace=False)
        memories = tuple(
            Memory(f"m{i}", f"Ana {rng.choice(DOINGS)} the {thing} on day {rng.integers(30)}.")
            for i, thing in enumerate(things)
        )
        asked = rng.choice([t for t in THINGS if t not in things]) if q % 4 == 0 else things[2]
        labels = {} if q % 4 == 0 else {"m2": 1.0, "m5": 1.0 if rng.random() < 0.3 else 0.0}
        query = Query(f"What about the {asked}?", id=f"q{q}")
        examples.append(Example(query, memories, labels, extra={"group": f"g{q // 4}"}))
    write_examples(path, examples)
    return path


def run(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
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


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A cosine of which nothing is decided yet."""
    folder = tmp_path / "bare"
    folder.mkdir()
    Card(family="cosine", head={"slope": 8.0, "intercept": -5.0}).save(folder)
    return folder


def test_from_a_bare_model_to_decisions_by_name(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = dialogues(tmp_path / "dev.jsonl", 80, seed=0)
    other = dialogues(tmp_path / "other.jsonl", 60, seed=1)
    out = tmp_path / "out"
    code, text, err = run("calibrate", model, "--data", data, "--out", out, "--json", capsys=capsys)
    assert code == 0, err
    summary = json.loads(text)
    tried = summary["by_cross_validation"]
    assert tried[summary["chosen"]]["log_loss"] < tried["none"]["log_loss"]
    assert read_card(model) == Card(family="cosine", head={"slope": 8.0, "intercept": -5.0})
    card = read_card(out / "model")
    assert card is not None
    assert card.thresholds == summary["thresholds"]
    assert card.calibration["fitted"]["queries"] == 80
    assert len(card.calibration["fitted"]["data_sha256"]) == 64
    assert str(tmp_path) not in (out / "model" / "labkit.json").read_text()
    page = (out / "reliability.html").read_text(encoding="utf-8")
    assert "before: ECE" in page and "plotly" in page and "<script src=" not in page

    code, text, err = run(
        "threshold", out / "model", "--data", other, "--out", out, "--json", capsys=capsys
    )
    assert code == 0, err
    report = json.loads(text)
    assert report["queries"] == 60 and set(report["points"]) == set(card.thresholds)
    assert report["calibrated"]["log_loss"] < report["bare"]["log_loss"]

    code, text, err = run(
        "rerank", other, "--model", out / "model", "--threshold", "careful", "--json",
        capsys=capsys,
    )  # fmt: skip
    assert code == 0, err
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert line["threshold"] == card.thresholds["careful"]
        for result in line["results"]:
            assert result["kept"] == (result["probability"] >= line["threshold"])
    code, _, err = run(
        "rerank", other, "--model", out / "model", "--threshold", "brave", capsys=capsys
    )
    assert code == 2 and "balanced, careful" in err and len(err.strip().splitlines()) == 2


def test_the_card_names_what_abstention_was_learned_from(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = dialogues(tmp_path / "dev.jsonl", 80, seed=0)
    asked = dialogues(tmp_path / "asked.jsonl", 120, seed=2)
    cards = []
    for name, more in (("without", []), ("with", ["--abstain-on", asked])):
        out = tmp_path / name
        code, _, err = run("calibrate", model, "--data", data, "--out", out, *more, capsys=capsys)
        assert code == 0, err
        card = read_card(out / "model")
        assert card is not None
        cards.append(card)
    without, found = cards
    assert found.thresholds == without.thresholds and found.abstention != without.abstention
    told = found.calibration["fitted"]["abstained_on"]
    assert told["data"] == ["asked.jsonl"] and told["queries"] == 120
    assert found.calibration["fitted"]["asked_elsewhere"] > 0
    assert "abstained_on" not in without.calibration["fitted"]


def test_tables_are_for_people(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = dialogues(tmp_path / "dev.jsonl", 60, seed=0)
    out = tmp_path / "out"
    code, text, err = run("calibrate", model, "--data", data, "--out", out, capsys=capsys)
    assert code == 0, err
    for word in ("isotonic", "log loss", "careful", "in expectation"):
        assert word in text
    code, text, err = run("threshold", out / "model", "--data", data, "--out", out, capsys=capsys)
    assert code == 0, err
    assert "bare sigmoid" in text and "best here" in text
    arguments = ["--target", "f1", "--target", "recall=0.9"]
    code, text, err = run("threshold", out / "model", "--data", data, *arguments, capsys=capsys)
    assert code == 0, err
    assert "recall=0.9: on this data, no promise" in text and " to " in text


def test_in_place_writes_the_model_s_own_card_and_a_found_threshold_joins_it(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = dialogues(tmp_path / "dev.jsonl", 60, seed=0)
    out = tmp_path / "out"
    arguments = (
        "calibrate",
        model,
        "--data",
        data,
        "--out",
        out,
        "--in-place",
        "--method",
        "platt",
    )
    code, _, err = run(*arguments, capsys=capsys)
    assert code == 0, err
    assert not (out / "model").exists()
    code, text, err = run(
        "threshold", model, "--data", data, "--out", out, "--promise", "--target", "recall=0.8",
        "--name", "mine", "--json", capsys=capsys,
    )  # fmt: skip
    assert code == 0, err
    (found,) = json.loads(text)
    card = read_card(model)
    assert card is not None
    assert card.calibration["method"] == "platt"
    assert card.thresholds["mine"] == found["threshold"]
    assert "at most 0.2 of the evidence dropped" in card.operating_points["mine"]["promise"]
    assert "balanced" in card.thresholds


def test_simulated_promises_are_kept_and_drawn(
    tmp_path: Path,
    model: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import labkit.scoring.simulation as simulation

    monkeypatch.setattr(simulation.simulate_evidence, "__kwdefaults__", {
        **simulation.simulate_evidence.__kwdefaults__, "draws": 200})  # fmt: skip
    monkeypatch.setattr(simulation.simulate_precision, "__kwdefaults__", {
        **simulation.simulate_precision.__kwdefaults__, "draws": 60})  # fmt: skip
    data = dialogues(tmp_path / "dev.jsonl", 60, seed=0)
    code, text, err = run(
        "threshold", model, "--data", data, "--out", tmp_path / "out", "--simulate", "--json",
        capsys=capsys,
    )  # fmt: skip
    assert code == 0, err
    evidence, precision = json.loads(text)
    assert evidence["level"] == pytest.approx(0.05)
    assert evidence["realised"] <= 0.05 + 0.01
    assert precision["realised"] <= 0.1 + 0.08
    assert "promised" in (tmp_path / "out" / "promises.html").read_text(encoding="utf-8")


def test_what_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = dialogues(tmp_path / "few.jsonl", 8, seed=0)
    out = tmp_path / "out"
    for arguments, words in (
        (("calibrate", model, "--data", few, "--out", out), "too few to calibrate"),
        (("calibrate", model, "--data", tmp_path / "none", "--out", out), "No such file"),
        (("calibrate", model, "--data", few, "--out", out, "--unit", "pair"), "query or dialogue"),
        (("threshold", model, "--data", few, "--promise", "--target", "f1"), "got f1"),
        (("threshold", model, "--data", few, "--target", "f2"), "expected f1, precision=0.9"),
        (("threshold", model, "--data", few, "--promise", "--target", "recall=.95"), "least 19"),
        (("threshold", model, "--data", few, "--name", "x"), "needs one --target"),
        (("threshold", model, "--data", few, "--simulate", "--target", "f1"), "one of them"),
    ):
        code, _, err = run(*arguments, capsys=capsys)
        told = [line for line in err.splitlines() if line.startswith("labkit:")]
        assert code == 2 and len(told) == 1 and words in told[0], err
    assert not (out / "model").exists()


def test_what_cannot_be_found_is_said_before_anything_is_scored(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from labkit.cli.calibrate import Scorer

    def never(*_: object) -> None:
        raise AssertionError("it was scored")

    monkeypatch.setattr(Scorer, "score", never)
    few = dialogues(tmp_path / "few.jsonl", 8, seed=0)
    data, out = ("--data", few), tmp_path / "out"
    for arguments, words in (
        (("calibrate", model, *data, "--out", out, "--method", "plat"), "--method is 'plat'"),
        (("calibrate", model, *data, "--out", model / "cal"), "in the model's own folder"),
        (("calibrate", model, *data, "--out", model, "--in-place"), "in the model's own folder"),
        (("threshold", model, *data, "--target", "f2"), "expected f1, precision=0.9"),
        (("threshold", model, *data, "--promise", "--target", "f1"), "got f1"),
        (("threshold", model, *data, "--promise", "--target", "recall=1"), "less than 1"),
        (("threshold", model, *data, "--target", "f1", "--confidence", "2"), "--confidence is 2"),
        (("threshold", model, *data, "--simulate", "--unit", "dialogue"), "expected query"),
    ):
        code, _, err = run(*arguments, capsys=capsys)
        told = [line for line in err.splitlines() if line.startswith("labkit:")]
        assert code == 2 and len(told) == 1 and words in told[0], err


def test_standard_input_has_no_hash_to_keep_scores_by(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run("threshold", model, "--data", "-", capsys=capsys)
    assert code == 2 and "queries are to come from '-', expected a file" in err


def test_a_copy_holds_nothing_of_the_one_that_was_there_before(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = dialogues(tmp_path / "dev.jsonl", 60, seed=0), tmp_path / "out"
    (out / "model").mkdir(parents=True)
    (out / "model" / "adapter_config.json").write_text("{}")
    code, _, err = run("calibrate", model, "--data", data, "--out", out, capsys=capsys)
    assert code == 0, err
    assert [file.name for file in (out / "model").iterdir()] == ["labkit.json"]


def test_the_embedded_model_can_be_calibrated_into_a_copy_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (assets_path() / "models" / "minilm-cosine" / "labkit.json").read_bytes()
    data = dialogues(tmp_path / "dev.jsonl", 60, seed=0)
    code, _, err = run(
        "calibrate", "minilm-cosine", "--data", data, "--out", tmp_path / "out", capsys=capsys
    )
    assert code == 0, err
    assert read_card(tmp_path / "out" / "model") is not None
    assert (assets_path() / "models" / "minilm-cosine" / "labkit.json").read_bytes() == before
