from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from labkit.errors import InputError
from labkit.ui.runs_charts import POINTS_DRAWN, curves
from labkit.ui.runs_data import (
    EVERY,
    LOG_LOSS,
    MEAN,
    MOST_COMPARED,
    TOTAL,
    Line,
    Run,
    chosen_of,
    data_table,
    dev_lines,
    dev_names,
    find,
    loss_lines,
    loss_names,
    no_runs,
    overview,
    read_run,
    recipe_table,
    stage_marks,
    status,
    tables_of,
    verdict_table,
)
from tests.ui.made_up import HOSTILE

RECIPE: dict[str, Any] = {
    "name": "small",
    "stages": {
        "bce": {"mix": {"lives": 1.0}, "steps": 40, "learning_rate": 0.001},
        "infonce": {"mix": {"lives": 1.0}, "steps": 20, "learning_rate": 0.0005},
    },
    "base": {"model": "minilm"},
    "development": {"sets": ["lives", "sim"], "queries": 100},
    "seed": 7,
    "data": {"lives": "assets/lives"},
}
FACTS: dict[str, Any] = {
    "labkit": "0.1.0",
    "command": "labkit train small",
    "data": {"lives": {"sha256": "ab" * 32, "queries": 1176}},
    "versions": {"torch": "2.13.0"},
    "device": "cpu",
    "precision": "bfloat16",
}


def look(stage: str, step: int, mean: float) -> dict[str, Any]:
    sets = {"lives": mean + 0.1, "sim": mean - 0.1}
    return {"stage": stage, "step": step, "dev": {"map": mean, "sets": sets, "log_loss": 0.25}}


ROWS = [
    look("start", 0, 0.4),
    {"stage": "bce", "step": 20, "loss": 0.9, "loss_bce": 0.9},
    {"stage": "bce", "step": 40, "loss": 0.7, "loss_bce": 0.7},
    look("bce", 40, 0.5),
    {"stage": "infonce", "step": 20, "loss": 1.2, "loss_bce": 0.4, "loss_infonce": 0.8},
    look("infonce", 20, 0.6),
]


def verdict(before: float, after: float, outcome: str = "WIN", **more: object) -> dict[str, Any]:
    return {"outcome": outcome, "before": before, "after": after, "interval": [0.01, 0.2], **more}


REPORT = {
    "verdict": verdict(0.4, 0.6),
    "stages": {
        "bce": verdict(0.4, 0.5, kept=True),
        "infonce": verdict(0.5, 0.45, "REGRESSION", kept=False),
    },
    "student": "student",
}


def make_run(
    path: Path,
    *,
    recipe: Mapping[str, Any] = RECIPE,
    facts: Mapping[str, Any] = FACTS,
    rows: list[dict[str, Any]] = ROWS,
    report: Mapping[str, Any] | None = REPORT,
) -> Path:
    (path / "stages" / "bce").mkdir(parents=True)
    (path / "recipe.yaml").write_text(yaml.safe_dump(dict(recipe), sort_keys=False))
    (path / "run.json").write_text(json.dumps(facts))
    (path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (path / "stages" / "bce" / "done.json").write_text('{"best_step": 40, "map": 0.5}')
    if report is not None:
        (path / "report.json").write_text(json.dumps(report))
    return path


def run(path: Path, **parts: Any) -> Run:
    return read_run(make_run(path, **parts), path.name)


# --- finding -------------------------------------------------------------------------------------


def test_runs_and_evaluations_are_found_and_data_is_not(tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    make_run(tmp_path / "deeper" / "b")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text("{}")
    for name in ("ours.result.json", "theirs.journal"):
        benchmark = tmp_path / f"eval-{name}" / "locomo"
        benchmark.mkdir(parents=True)
        (benchmark / name).write_text("{}")
    found = find(tmp_path)
    assert list(found.runs) == ["a", "deeper/b"]
    assert list(found.evaluations) == ["eval-ours.result.json", "eval-theirs.journal"]
    assert list(find(tmp_path / "a").runs) == ["a"], "the folder may be a run itself"
    assert not find(tmp_path / "gone").runs


def test_links_are_followed_and_a_circle_of_them_ends(tmp_path: Path) -> None:
    make_run(tmp_path / "elsewhere" / "r")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mini").symlink_to(tmp_path / "elsewhere" / "r")
    (tmp_path / "runs" / "again").symlink_to(tmp_path / "runs")
    assert "mini" in find(tmp_path / "runs").runs


# --- reading -------------------------------------------------------------------------------------


def test_a_whole_run_has_no_problems(tmp_path: Path) -> None:
    whole = run(tmp_path / "r")
    assert (whole.state, whole.problems) == ("finished", ())
    assert len(whole.rows) == len(ROWS) and whole.best == {"bce": 40}
    assert status(whole) == "▲ WIN"
    (line,) = overview([whole])
    assert line["map"] == ".400 → .600 [+0.010, +0.200]"
    assert (line["recipe"], line["base"], line["seed"]) == ("small", "minilm", "7")


def test_a_run_that_is_under_way_says_how_far_it_is(tmp_path: Path) -> None:
    half = run(tmp_path / "r", report=None, rows=ROWS[:3])
    assert half.state == "not finished"
    assert status(half).startswith("not finished: bce, step 40 of 40, 20")
    assert overview([half])[0]["map"] == ".400 → .400 so far"
    assert verdict_table([half]).rows[0][1].startswith("not finished")


def test_a_regression_says_that_no_student_was_saved(tmp_path: Path) -> None:
    lost = {**REPORT, "verdict": verdict(0.5, 0.4, "REGRESSION"), "student": None}
    assert status(run(tmp_path / "r", report=lost)) == "▼ REGRESSION, no student saved"


OBJECT = '{"verdict": 3}'
BROKEN = ["", "{", "[]", "null", "\x00\xff", "a: [", OBJECT, "- x", "NaN", "[" * 500]


@pytest.mark.parametrize("content", BROKEN)
@pytest.mark.parametrize("name", ["recipe.yaml", "run.json", "log.jsonl", "report.json"])
def test_a_broken_file_is_a_line_and_the_rest_is_shown(
    tmp_path: Path, name: str, content: str
) -> None:
    path = make_run(tmp_path / "r")
    (path / name).write_bytes(content.encode("latin-1"))
    found = read_run(path, "r")
    # An empty log is a run that has just begun; any object may be a recipe or the facts.
    usable = {("log.jsonl", ""), ("recipe.yaml", OBJECT), ("run.json", OBJECT)}
    named = any(name in problem for problem in found.problems)
    assert named != ((name, content) in usable)
    assert found.state in ("finished", "not finished")
    for lines in (loss_lines([found], EVERY), dev_lines([found], EVERY)):
        curves(lines, stage_marks([found]), "t")
    json.dumps([overview([found]), tables_of([found]), tables_of([found, found])])


def test_an_empty_folder_is_shown_as_one_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").mkdir()
    found = read_run(tmp_path, "r")
    assert found.state == "unreadable"
    assert status(found) == "cannot be read"
    json.dumps([overview([found]), tables_of([found])])


ODD: tuple[Any, ...] = (None, True, -1, 0.5, "x", [], {}, [None], {"a": []})


def spoiled(value: Any) -> Iterator[Any]:
    """The value with each part of it, in turn, replaced by each odd thing."""
    yield from ODD
    if isinstance(value, dict):
        for key, each in value.items():
            yield from ({**value, key: other} for other in spoiled(each))


@pytest.mark.parametrize("name", ["recipe.yaml", "run.json"])
def test_whatever_stands_in_the_files_the_tables_can_be_drawn(name: str) -> None:
    whole = Run("two", "finished", RECIPE, FACTS, tuple(ROWS), REPORT, {}, None, ())
    for value in spoiled(RECIPE if name == "recipe.yaml" else FACTS):
        if not isinstance(value, dict):
            continue
        recipe, facts = (value, FACTS) if name == "recipe.yaml" else (RECIPE, value)
        one = Run("one", "not finished", recipe, facts, tuple(ROWS[:3]), None, {}, None, ())
        json.dumps([overview([one, whole]), tables_of([one]), tables_of([one, whole])])


def test_a_report_or_a_line_of_the_log_with_odd_values_is_read_or_named(tmp_path: Path) -> None:
    path = make_run(tmp_path / "r")
    for value in spoiled(REPORT):
        (path / "report.json").write_text(json.dumps(value))
        found = read_run(path, "r")
        assert (found.report is None) == any("report" in problem for problem in found.problems)
        json.dumps([overview([found]), tables_of([found]), tables_of([found, found])])
    for value in spoiled(ROWS[-1]):
        (path / "log.jsonl").write_text(json.dumps(value))
        found = read_run(path, "r")
        assert (found.rows == ()) == any("log" in problem for problem in found.problems)
        curves(dev_lines([found], EVERY), stage_marks([found]), "t")


# --- comparing -----------------------------------------------------------------------------------


def test_only_what_differs_is_shown_of_two_recipes(tmp_path: Path) -> None:
    other = json.loads(json.dumps(RECIPE))
    other["stages"]["bce"]["steps"] = 80
    other["adapter"] = {"rank": 8}
    one, two = run(tmp_path / "one"), run(tmp_path / "two", recipe=other)
    table = recipe_table([one, two])
    assert table.rows == (("stages.bce.steps", "40", "80"), ("adapter.rank", "–", "8"))
    assert "the same" in recipe_table([one, one]).note
    assert ("stages.infonce.learning_rate", "0.0005") in recipe_table([one]).rows


def test_other_data_is_told(tmp_path: Path) -> None:
    changed = {
        **FACTS,
        "data": {"lives": {"sha256": "cd" * 32, "queries": 9}, "sim": {"sha256": "ef" * 32}},
    }
    one, two = run(tmp_path / "one"), run(tmp_path / "two", facts=changed)
    lives, sim = data_table([one, two]).rows
    assert lives == (
        "lives",
        "abababababababab · 1,176 queries",
        "cdcdcdcdcdcdcdcd · 9 queries",
        "differs",
    )
    assert sim == ("sim", "–", "efefefefefefefef · queries not known", "not in all")
    assert data_table([one, one]).rows[0][-1] == "same"


def test_verdicts_say_split_n_and_model(tmp_path: Path) -> None:
    table = verdict_table([run(tmp_path / "r")])
    assert [row[0] for row in table.rows] == ["r · bce", "r · infonce", "r · whole run"]
    assert table.rows[1][1:3] == ("▼ REGRESSION", "not kept")
    assert table.rows[0][3:] == ("40", ".400", ".500", "+0.100", "[+0.010, +0.200]")
    for part in ("dev split of lives, sim", "n = up to 100 queries each", "model minilm"):
        assert part in table.note


def test_lines_go_over_the_stages_in_turn(tmp_path: Path) -> None:
    one = run(tmp_path / "one")
    assert stage_marks([one]) == {"bce": 0, "infonce": 40}
    by_name = {line.name: line.points for line in loss_lines([one], EVERY)}
    # A line breaks off between stages, of which each has losses of its own.
    assert by_name == {
        "bce": ((20, 0.9), (40, 0.7), (40, None), (60, 0.4)),
        "infonce": ((60, 0.8),),
    }
    by_name = {line.name: line.points for line in dev_lines([one], EVERY)}
    assert list(by_name) == [MEAN, "MAP lives", "MAP sim"]
    assert by_name[MEAN] == ((0, 0.4), (40, 0.5), (60, 0.6))


def test_several_runs_are_a_line_each(tmp_path: Path) -> None:
    one, two = run(tmp_path / "one"), run(tmp_path / "two", rows=ROWS[:4])
    assert EVERY in loss_names([one]) and EVERY not in loss_names([one, two])
    assert dev_names([one, two]) == [MEAN, "MAP lives", "MAP sim", LOG_LOSS]
    for lines in (loss_lines([one, two], TOTAL), loss_lines([one, two], EVERY)):
        assert [line.name for line in lines] == ["one", "two"]
    assert dev_lines([one, two], LOG_LOSS)[1].points == ((0, 0.25), (40, 0.25))
    assert loss_lines([one, two], "infonce")[1].points == (), "a loss that it does not have"
    assert stage_marks([one, two]) == {}, "they do not agree"


def test_lines_differ_by_more_than_colour_and_names_are_no_markup() -> None:
    text = "".join(HOSTILE)
    lines = [
        Line(f"{text}{i}", tuple((x, x / 7) for x in range(3_000))) for i in range(MOST_COMPARED)
    ]
    figure = curves(lines, {text: 10}, "loss")
    looks = {(t.line.color, t.line.dash, t.marker.symbol) for t in figure.data}
    assert len(looks) == MOST_COMPARED
    assert len({trace.marker.symbol for trace in figure.data}) == MOST_COMPARED
    assert all(len(trace.x) <= POINTS_DRAWN for trace in figure.data)
    assert all("<" not in trace.name for trace in figure.data)
    assert all("<" not in note.text for note in figure.layout.annotations)


def test_only_what_is_there_can_be_chosen() -> None:
    found = {f"r{i}": Path(f"r{i}") for i in range(10)}
    assert chosen_of(found, ["../../etc", "r2", "r1"]) == ["r1", "r2"]
    with pytest.raises(InputError, match="7 are chosen, expected at most 6"):
        chosen_of(found, [f"r{i}" for i in range(7)])


def test_no_run_says_how_to_make_one(tmp_path: Path) -> None:
    assert "labkit train tiny" in no_runs(tmp_path)
    assert "no such folder" in no_runs(tmp_path / "gone")
