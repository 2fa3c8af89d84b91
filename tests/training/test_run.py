from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from torch import Tensor

from labkit.errors import InputError
from labkit.records import write_examples
from labkit.students.decoder import DecoderStudent
from labkit.students.encoder import EncoderStudent
from labkit.students.load import load_student
from labkit.training.development import Reading
from labkit.training.recipe import Recipe
from labkit.training.run import Result, train
from labkit.training.trainee import Trainee
from labkit.training.trainer import NotFinite
from tests.training.made_up import FAMILIES, make_examples, quick_recipe, write_set

Data = dict[str, str]


def best(out: Path, stage: str = "bce") -> dict[str, Tensor]:
    return load_file(out / "stages" / stage / "best.safetensors")


def rows(out: Path) -> list[dict[str, Any]]:
    """The log, without what differs from run to run."""
    found = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in found]


def assert_equal(got: dict[str, Tensor], want: dict[str, Tensor], atol: float = 0) -> None:
    assert got.keys() == want.keys()
    for name, value in want.items():
        torch.testing.assert_close(got[name], value, atol=atol, rtol=0, msg=name)


def stop_at(wanted: int, stage: str = "bce") -> Callable[[str, int, int], None]:
    """An ``advance`` that kills the run during a step."""

    def advance(what: str, done: int, total: int) -> None:
        if what == stage and done == wanted:
            raise KeyboardInterrupt

    return advance


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def straight(
    family: str, data: Data, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Result, list[str]]:
    """Both stages of the quick recipe, from start to end: folder, result, what was reported."""
    out = tmp_path_factory.mktemp(family) / "run"
    lines: list[str] = []
    result = train(quick_recipe(family), data, out, command="as typed", report=lines.append)
    return out, result, lines


@pytest.fixture(autouse=True)
def no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    # ``straight`` was made before this; in the other runs nobody looks at them.
    monkeypatch.setattr("labkit.training.run.write_curves", lambda *_: None)


BOTH = pytest.mark.parametrize(
    "family", ["tiny-encoder", pytest.param("tiny-qwen3", marks=pytest.mark.slow)], indirect=True
)
"""Of what takes several runs, one family is enough for every day."""


# --- it learns -----------------------------------------------------------------------------------


def test_the_loss_falls_and_the_student_ranks_better(
    straight: tuple[Path, Result, list[str]],
) -> None:
    out, result, lines = straight
    losses = [row["loss_bce"] for row in rows(out) if row["stage"] == "bce" and "loss" in row]
    assert losses[-1] < losses[0]
    looks = [row["dev"] for row in rows(out) if "dev" in row]
    assert looks[-1]["log_loss"] < looks[0]["log_loss"]
    assert result.verdict.after > result.verdict.before
    assert lines[-1] == str(result.verdict) and lines[-1].split(":")[0] in ("WIN", "MARGINAL")


def test_every_weight_that_is_to_be_trained_changes(
    straight: tuple[Path, Result, list[str]], family: str
) -> None:
    out, _, _ = straight
    before, after = load_file(out / "stages/bce/start.safetensors"), best(out)
    assert before.keys() == after.keys()
    adapters = 2 * 2 * (7 if family == "tiny-qwen3" else 6)  # two layers, two matrices each
    assert len(before) == adapters + (0 if family == "tiny-qwen3" else 4)  # and pooler, and head
    for name, weight in before.items():
        assert not torch.equal(weight, after[name]), name


def test_what_is_logged_for_each_loss_adds_up_to_the_loss(
    straight: tuple[Path, Result, list[str]],
) -> None:
    out, _, _ = straight
    for row in rows(out):
        if row["stage"] == "bce" and "loss" in row:
            assert row["loss_bce"] == pytest.approx(row["loss"], rel=1e-3)
        if row["stage"] == "infonce" and "loss" in row:
            total = 0.5 * row["loss_bce"] + row["loss_infonce"]
            assert total == pytest.approx(row["loss"], rel=1e-3)


def test_the_folder_holds_what_was_promised(
    straight: tuple[Path, Result, list[str]], data: Data, family: str
) -> None:
    out, result, _ = straight
    resolved = yaml.safe_load((out / "recipe.yaml").read_text())
    assert resolved["data"] == data and resolved["stages"]["bce"]["steps"] == 10
    facts = json.loads((out / "run.json").read_text())
    assert facts["command"] == "as typed" and facts["seed"] == 0
    assert len(facts["data"]["lives"]["sha256"]) == 64 and facts["data"]["lives"]["queries"] == 24
    assert {"torch", "transformers", "peft"} <= set(facts["versions"])
    assert json.loads((out / "report.json").read_text()) == json.loads(json.dumps(result.to_json()))
    curves = (out / "curves.html").read_text()
    assert "Plotly.newPlot" in curves and "infonce" in curves
    for stage in ("bce", "infonce"):
        folder = out / "stages" / stage
        assert {"best.safetensors", "done.json", "student"} <= {p.name for p in folder.iterdir()}
        assert not list(folder.glob("checkpoint-*")), "a finished stage needs none"
    steps = [(row["stage"], row["step"]) for row in rows(out) if "dev" in row]
    assert steps == [("start", 0), ("bce", 5), ("bce", 10), ("infonce", 4)]
    student = load_student(out / "student")
    assert isinstance(student, DecoderStudent if family == "tiny-qwen3" else EncoderStudent)
    assert student.card.training["command"] == "as typed"
    assert student.card.training["dev"]["map"] == pytest.approx(result.verdict.after, abs=1e-4)


def test_the_saved_student_ranks_the_dev_queries_as_the_log_says(
    straight: tuple[Path, Result, list[str]], data: Data
) -> None:
    from labkit.evaluation.measures import average_precision
    from labkit.scoring.reranker import Reranker
    from labkit.training.groups import read_split

    out, result, _ = straight
    reranker = Reranker.load(out / "student", device="cpu", dtype="float32")
    values = []
    for example in read_split(data["lives"], "dev"):
        labels = np.array([example.label(memory.id) for memory in example.memories])
        relevant = int((labels >= 0.6).sum())
        if relevant:
            scores = reranker.score(example.query, example.memories)
            values.append(average_precision(labels[np.argsort(-scores)], relevant))
    assert np.mean(values) == pytest.approx(result.verdict.after, abs=1e-6)


def test_rank_zero_tunes_the_layers_and_saves_a_stock_model(data: Data, out: Path) -> None:
    recipe = quick_recipe("tiny-encoder", "adapter.rank=0", stages=["bce"])
    result = train(recipe, data, out)
    before, after = load_file(out / "stages/bce/start.safetensors"), best(out)
    assert any("intermediate.dense.weight" in name for name in before)
    assert not any("embeddings" in name for name in before)
    assert all(not torch.equal(before[name], after[name]) for name in before)
    assert result.student is not None and (out / "student" / "model.safetensors").is_file()
    student = load_student(out / "student")
    name = "model.classifier.weight"
    torch.testing.assert_close(
        dict(student.named_parameters())[name], after[f"student.{name}"], atol=0, rtol=0
    )


@pytest.mark.slow
def test_bfloat16_weights_under_checkpointing_train_a_float32_adapter(
    data: Data, out: Path
) -> None:
    recipe = quick_recipe(
        "tiny-qwen3", "base.weights=bfloat16", "gradient_checkpointing=true", "adapter.dropout=0.1",
        "stages.bce.steps=5", stages=["bce"],
    )  # fmt: skip
    train(recipe, data, out)
    before, after = load_file(out / "stages/bce/start.safetensors"), best(out)
    assert all(weight.dtype == torch.float32 for weight in after.values())
    assert all(not torch.equal(before[name], after[name]) for name in before)


@BOTH
def test_a_stage_may_end_with_the_mean_of_its_weights_and_those_it_began_with(
    straight: tuple[Path, Result, list[str]], family: str, data: Data, out: Path
) -> None:
    recipe = quick_recipe(family, "stages.bce.average=0.25")
    with pytest.raises(KeyboardInterrupt):  # the averaged weights are found again
        train(recipe, data, out, advance=stop_at(2, "infonce"))
    result = train(recipe, data, out, resume=True)
    assert_equal(best(out), best(straight[0]))  # the stage itself trains as it did
    start, end = load_file(out / "stages/bce/start.safetensors"), best(out)
    mean = {name: 0.75 * start[name] + 0.25 * end[name] for name in end}
    assert_equal(load_file(out / "stages/infonce/start.safetensors"), mean, atol=1e-7)
    bce, whole = result.stages["bce"], straight[1].stages["bce"]
    assert bce.before == whole.before and bce.after != whole.after


# --- nothing depends on how it was computed -----------------------------------------------------


@BOTH
def test_one_seed_gives_one_student_and_another_seed_another(
    straight: tuple[Path, Result, list[str]], family: str, data: Data, out: Path
) -> None:
    train(quick_recipe(family), data, out / "same")
    assert_equal(best(out / "same", "infonce"), best(straight[0], "infonce"))
    assert rows(out / "same") == rows(straight[0])
    recipe = quick_recipe(family, "seed=1", "stages.bce.steps=5", stages=["bce"])
    result = train(recipe, data, out / "other")
    assert rows(out / "other")[1] != rows(straight[0])[1]
    if result.student is not None:
        load_student(result.student)


@BOTH
@pytest.mark.parametrize(
    "killed_at", [6, *(pytest.param(step, marks=pytest.mark.slow) for step in (4, 5, 7))]
)
def test_a_run_that_was_killed_in_a_stage_ends_as_if_it_had_not_been(
    straight: tuple[Path, Result, list[str]], family: str, data: Data, out: Path, killed_at: int
) -> None:
    recipe = quick_recipe(family)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, data, out, advance=stop_at(killed_at))
    lines: list[str] = []
    result = train(recipe, data, out, resume=True, report=lines.append)
    assert ("stage bce goes on from step 5" in lines) == (killed_at > 5)
    assert result.verdict == straight[1].verdict
    for stage in ("bce", "infonce"):
        assert_equal(best(out, stage), best(straight[0], stage))
    assert rows(out) == rows(straight[0])


@pytest.mark.slow
@BOTH
def test_a_run_that_was_killed_in_its_second_stage_does_not_repeat_the_first(
    straight: tuple[Path, Result, list[str]], family: str, data: Data, out: Path
) -> None:
    recipe = quick_recipe(family)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, data, out, advance=stop_at(2, "infonce"))
    lines: list[str] = []
    result = train(recipe, data, out, resume=True, report=lines.append)
    assert "stage bce is done already" in lines
    assert result.verdict == straight[1].verdict
    assert_equal(best(out, "infonce"), best(straight[0], "infonce"))


@pytest.mark.slow
def test_dropout_is_drawn_on_where_a_run_goes_on(data: Data, out: Path) -> None:
    recipe = quick_recipe("tiny-encoder", "adapter.dropout=0.3", "base.dropout=0.3", stages=["bce"])
    train(recipe, data, out / "straight")
    with pytest.raises(KeyboardInterrupt):
        train(recipe, data, out / "killed", advance=stop_at(7))
    train(recipe, data, out / "killed", resume=True)
    assert_equal(best(out / "killed"), best(out / "straight"))


@BOTH
def test_a_finished_run_that_goes_on_says_the_same_again_and_changes_nothing(
    straight: tuple[Path, Result, list[str]], family: str, data: Data, tmp_path: Path
) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(straight[0], copy)
    (copy / "student" / "README.md").write_text("what its owner wrote of it since then")
    before = {file: file.read_bytes() for file in copy.rglob("*") if file.is_file()}
    lines: list[str] = []
    result = train(quick_recipe(family), data, copy, resume=True, report=lines.append)
    assert replace(result, student=None) == replace(straight[1], student=None)
    assert result.student == copy / "student"
    assert lines == [f"the run in {copy} is finished: {result.verdict}"]
    assert {file: file.read_bytes() for file in copy.rglob("*") if file.is_file()} == before


def test_a_run_does_not_go_on_with_other_data(data: Data, out: Path, tmp_path: Path) -> None:
    import shutil

    lives = tmp_path / "lives"
    shutil.copytree(data["lives"], lives)
    recipe, places = quick_recipe(stages=["bce"]), {"lives": str(lives)}
    with pytest.raises(KeyboardInterrupt):
        train(recipe, places, out, advance=stop_at(7))
    facts = (out / "run.json").read_bytes()
    lines = (lives / "train.jsonl").read_text().splitlines(keepends=True)
    (lives / "train.jsonl").write_text("".join(lines[:-1]))
    with pytest.raises(InputError, match="the data of 'lives' is no longer what the run") as caught:
        train(recipe, places, out, resume=True)
    assert "\n" not in str(caught.value) and (out / "run.json").read_bytes() == facts
    (lives / "train.jsonl").write_text("".join(lines))
    train(recipe, places, out, resume=True)
    assert (out / "student").is_dir()


def test_a_kind_that_is_mixed_alone_counts_as_queries_of_its_set(out: Path, tmp_path: Path) -> None:
    lives = write_set(tmp_path / "lives")
    examples = make_examples(24)
    odd = [replace(each, query=replace(each.query, kind="odd")) for each in examples[:9]]
    write_examples(lives / "train.jsonl", odd + examples[9:])
    recipe = quick_recipe(stages=["bce"])
    stage = replace(recipe.stages["bce"], mix={"lives:odd": 1.0}, steps=2)
    train(replace(recipe, stages={"bce": stage}), {"lives": str(lives)}, out)
    facts = json.loads((out / "run.json").read_text())
    assert facts["data"]["lives"]["queries"] == 9


@BOTH
@pytest.mark.parametrize("parts", [8, pytest.param(2, marks=pytest.mark.slow)])
def test_a_step_in_parts_is_the_step_at_once(
    family: str, data: Data, out: Path, parts: int
) -> None:
    losses = "stages.bce.losses={bce: 1, infonce: 1, ranknet: 0.5, margin_mse: 0.1, kl: 1}"
    for name, micro in (("one", 1), ("parts", parts)):
        recipe = quick_recipe(
            family, losses, f"stages.bce.micro_batches={micro}", "stages.bce.steps=5",
            stages=["bce"],
        )  # fmt: skip
        train(recipe, data, out / name)
    assert_equal(best(out / "parts"), best(out / "one"), atol=1e-4)
    for one, other in zip(rows(out / "one"), rows(out / "parts"), strict=True):
        for key in one.keys() & {"loss", "loss_bce", "loss_infonce", "loss_kl", "grad_norm"}:
            assert other[key] == pytest.approx(one[key], rel=1e-3), key


@pytest.mark.slow
@BOTH
def test_gradient_checkpointing_changes_memory_alone(family: str, data: Data, out: Path) -> None:
    for name, how in (("plain", "false"), ("checkpointing", "true")):
        recipe = quick_recipe(
            family, f"gradient_checkpointing={how}", "stages.bce.steps=5", stages=["bce"]
        )
        train(recipe, data, out / name)
    assert_equal(best(out / "checkpointing"), best(out / "plain"), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("base", FAMILIES)
def test_two_processes_train_what_one_does(base: str, data: Data, out: Path) -> None:
    settings = [
        f"base.model={base}", "precision=float32", "stages.bce.steps=10", "stages.infonce.steps=4",
        "stages.bce.queries_per_step=8", "development.every=5",
    ]  # fmt: skip
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2",
        "-m", "labkit", "train", "tiny", "--data", f"lives={data['lives']}", "--out", out / "two",
        "--device", "cpu", "--json",
    ]  # fmt: skip
    for each in settings:
        command += ["--set", each]
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=550,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"verdict"') == 1, "one process speaks for all"
    from labkit.training.recipe import load_recipe

    train(load_recipe("tiny", settings), data, out / "one")
    for stage in ("bce", "infonce"):
        assert_equal(best(out / "two", stage), best(out / "one", stage), atol=1e-4)
    one, two = rows(out / "one"), rows(out / "two")
    assert [(r["stage"], r["step"]) for r in one] == [(r["stage"], r["step"]) for r in two]
    for mine, theirs in zip(one, two, strict=True):
        for key in mine.keys() & {"loss", "loss_bce", "loss_infonce"}:
            assert theirs[key] == pytest.approx(mine[key], rel=1e-3), key
    facts = json.loads((out / "two" / "run.json").read_text())
    assert facts["processes"] == 2


# --- nothing fails silently ---------------------------------------------------------------------


def falling(trainee: Trainee, sets: Any, chunks: Any, precision: Any) -> Reading:
    """A reading that is the worse the further the adapters are from their start."""
    with precision:
        weights = [w for name, w in trainee.trainable().items() if "lora_B" in name]
    moved = sum(float(w.detach().norm()) for w in weights)
    return Reading({"lives": np.full(8, 1 / (1 + moved))}, moved)


@pytest.fixture
def worse_and_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labkit.training.run.read", falling)


@pytest.mark.usefixtures("worse_and_worse")
def test_a_regression_is_not_saved_and_the_next_stage_begins_where_it_began(
    data: Data, out: Path
) -> None:
    lines: list[str] = []
    result = train(quick_recipe(), data, out, report=lines.append)
    assert result.verdict.outcome == "REGRESSION" and result.student is None
    assert result.kept == {"bce": False, "infonce": False}
    assert not (out / "student").exists()
    assert lines[-1].startswith("REGRESSION: dev MAP") and "no student is saved" in lines[-1]
    report = json.loads((out / "report.json").read_text())
    assert report["verdict"]["outcome"] == "REGRESSION" and report["student"] is None
    start, again = (load_file(out / f"stages/{s}/start.safetensors") for s in ("bce", "infonce"))
    assert_equal(again, start)


@pytest.mark.usefixtures("worse_and_worse")
def test_the_best_look_is_what_is_kept_also_after_a_kill(data: Data, out: Path) -> None:
    recipe = quick_recipe("tiny-encoder", "development.every=2", stages=["bce"])
    train(recipe, data, out / "straight")
    assert json.loads((out / "straight/stages/bce/done.json").read_text())["best_step"] == 2
    with pytest.raises(KeyboardInterrupt):
        train(recipe, data, out / "killed", advance=stop_at(7))
    first = best(out / "killed")
    train(recipe, data, out / "killed", resume=True)
    assert_equal(best(out / "killed"), first)
    assert_equal(best(out / "killed"), best(out / "straight"))


@pytest.mark.usefixtures("worse_and_worse")
def test_a_stage_stops_when_patience_ends(
    data: Data, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from labkit.training import run

    def kill(path: Path, parts: Any) -> None:
        if path.name == "done.json":
            raise KeyboardInterrupt
        whole(path, parts)

    whole = run.write_whole
    recipe = quick_recipe(
        "tiny-encoder", "development.every=1", "development.patience=3", stages=["bce"]
    )
    with monkeypatch.context() as patch:
        patch.setattr(run, "write_whole", kill)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, data, out)
    assert rows(out)[-1]["step"] == 4, "the best look is at step 1; three more were no better"
    train(recipe, data, out, resume=True)
    assert rows(out)[-1]["step"] == 4, "patience had ended before the run was killed"


def test_a_loss_that_is_not_finite_stops_and_names_the_batch(data: Data, out: Path) -> None:
    recipe = quick_recipe("tiny-encoder", "stages.bce.learning_rate=1e38", stages=["bce"])
    with pytest.raises(NotFinite, match="expected a finite number; .*not_finite.json") as caught:
        train(recipe, data, out)
    assert "\n" not in str(caught.value)
    found = json.loads((out / "stages/bce/not_finite.json").read_text())
    assert 1 < found["step"] <= 10
    assert len(found["ids"]) == 8 and found["ids"][0].startswith("q")
    assert {"nan", "inf", "-inf"} & {str(value) for value in found["log_odds"]}


def bad(name: str, data: Data, out: Path, tmp: Path) -> tuple[Recipe, Data, dict[str, bool]]:
    """A premise of the test below: recipe, data, arguments."""
    recipe, go_on = quick_recipe(stages=["bce"]), {"resume": True}
    lives = Path(data["lives"])
    empty, blind = tmp / "empty", tmp / "blind"
    match name:
        case "the data is not given":
            return recipe, {}, {}
        case "data is given that no stage reads":
            return recipe, {**data, "more": data["lives"]}, {}
        case "the data is not there":
            return recipe, {"lives": str(tmp / "nowhere")}, {}
        case "there is nothing to train on":
            empty.mkdir()
            (empty / "train.jsonl").touch()
            (empty / "dev.jsonl").write_bytes((lives / "dev.jsonl").read_bytes())
            return recipe, {"lives": str(empty)}, {}
        case "there is nothing to look at":
            blind.mkdir()
            (blind / "train.jsonl").write_bytes((lives / "train.jsonl").read_bytes())
            return recipe, {"lives": str(blind)}, {}
        case "no dev set is named":
            return quick_recipe("tiny-encoder", "development.sets=[]"), data, {}
        case "the folder is used for something else":
            out.mkdir()
            (out / "mine.txt").touch()
            return recipe, data, {}
        case "the folder is a file":
            out.touch()
            return recipe, data, {}
        case "a run to go on with is not there":
            return recipe, data, go_on
        case "a step has fewer queries than parts":
            return quick_recipe("tiny-encoder", "stages.bce.micro_batches=9"), data, {}
        case "the base is not there":
            return quick_recipe("nobody/nothing"), data, {}
        case "the base is no cross-encoder":
            return quick_recipe("minilm-cosine"), data, {}
        case "the base takes no similarity":
            return quick_recipe("tiny-qwen3", "base.similarity=true"), data, {}
        case "the base reads no ages":
            return quick_recipe("tiny-qwen3", "base.ages=true"), data, {}
    raise AssertionError(name)


BAD = {
    "the data is not given": "was not given, expected --data lives=PATH",
    "data is given that no stage reads": "--data more: recipe tiny reads lives only",
    "the data is not there": "no such file or folder",
    "there is nothing to train on": "has no train queries",
    "there is nothing to look at": "has no dev query with a relevant memory",
    "no dev set is named": "development.sets is empty",
    "the folder is used for something else": "is not empty, expected a new folder",
    "the folder is a file": "is a file, expected a new folder",
    "a run to go on with is not there": "is not there, expected the folder of a run",
    "a step has fewer queries than parts": "queries_per_step is 8 and a step has 9 parts",
    "the base is not there": "nobody/nothing cannot be loaded",
    "the base is no cross-encoder": "expected a cross-encoder or a Qwen3-Reranker",
    "the base takes no similarity": "takes no similarity",
    "the base reads no ages": "is a decoder and reads no ages",
}


def test_one_process_is_refused_another_card_than_the_first_which_the_trainer_would_take(
    data: Data, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(InputError, match="start it with CUDA_VISIBLE_DEVICES=1"):
        train(quick_recipe(stages=["bce"]), data, out, device="cuda:1")
    assert not out.exists()


@pytest.mark.parametrize("premise", BAD)
def test_what_cannot_be_trained_is_one_line(
    premise: str, data: Data, out: Path, tmp_path: Path
) -> None:
    recipe, places, how = bad(premise, data, out, tmp_path)
    with pytest.raises(InputError) as caught:
        train(recipe, places, out, **how)
    assert BAD[premise] in str(caught.value) and "\n" not in str(caught.value)
    assert not (out / "recipe.yaml").exists(), "the folder is free for another try"


def test_a_folder_belongs_to_one_run(data: Data, out: Path, tmp_path: Path) -> None:
    recipe = quick_recipe(stages=["bce"])
    with pytest.raises(KeyboardInterrupt):
        train(recipe, data, out, advance=stop_at(2))
    with pytest.raises(InputError, match="holds a run already, expected a new folder, or --resume"):
        train(recipe, data, out)
    other = quick_recipe("tiny-encoder", "stages.bce.steps=11", stages=["bce"])
    with pytest.raises(InputError, match="is not the recipe that was given"):
        train(other, data, out, resume=True)
    moved = {"lives": str(write_set(tmp_path / "moved"))}
    with pytest.raises(InputError, match="is not the recipe that was given"):
        train(recipe, moved, out, resume=True)


@pytest.mark.slow
def test_a_run_whose_log_was_torn_goes_on(data: Data, out: Path) -> None:
    recipe = quick_recipe(stages=["bce"])
    with suppress(KeyboardInterrupt):
        train(recipe, data, out, advance=stop_at(7))
    with (out / "log.jsonl").open("a") as log:
        log.write('{"stage": "bce", "st')
    train(recipe, data, out, resume=True)
    assert [row["step"] for row in rows(out) if "dev" in row] == [0, 5, 10]
