"""What the Runs tab shows of training runs, as plain data: no Gradio here.

A run is read as it stands. One that is under way, was killed, or was edited by hand is shown with
what can be read of it and a line on what cannot; nothing in a folder ends in an error page.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import yaml

from labkit.errors import InputError
from labkit.evaluation.report import cell
from labkit.evaluation.results import SUFFIX
from labkit.training.curves import stage_starts
from labkit.ui.inspect_data import signed

State = Literal["finished", "not finished", "unreadable"]

FOLDERS_LOOKED_AT = 2_000
DEPTH_LOOKED_AT = 3
MOST_COMPARED = 6
"""Runs whose lines can be told apart in one figure."""

MARKS = {"WIN": "▲", "MARGINAL": "=", "REGRESSION": "▼"}
MISSING = "–"


# --- finding -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """Folders below the one that was given, by their path from there, in the order of names."""

    runs: dict[str, Path]
    evaluations: dict[str, Path]


def find(folder: Path) -> Found:
    """The training runs and the evaluations in a folder, or the folder itself if it is one.

    Links are followed; so deep, and so many, that a wrong ``--runs`` ends soon.
    """
    runs: dict[str, Path] = {}
    evaluations: dict[str, Path] = {}
    left = [(folder, "", 0)]
    looked = 0
    while left and looked < FOLDERS_LOOKED_AT:
        path, name, depth = left.pop(0)
        looked += 1
        shown = name or path.resolve().name
        inside = _inside(path)
        if _is_run(inside):
            runs[shown] = path
        elif any(_has_results(each) for each in inside if each.is_dir()):
            evaluations[shown] = path
        elif depth < DEPTH_LOOKED_AT:
            deeper = (each for each in inside if each.is_dir() and not each.name.startswith("."))
            left += [(each, f"{name}/{each.name}".lstrip("/"), depth + 1) for each in deeper]
    return Found(dict(sorted(runs.items())), dict(sorted(evaluations.items())))


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _is_run(inside: Sequence[Path]) -> bool:
    names = {path.name for path in inside}
    return "recipe.yaml" in names or "run.json" in names or {"log.jsonl", "stages"} <= names


def _has_results(folder: Path) -> bool:
    return any(path.name.endswith((SUFFIX, ".journal")) for path in _inside(folder))


# --- reading -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """A training run as it stands.

    Attributes:
        name: its folder, from the one that was given.
        state: "unreadable" where neither recipe nor log can be read.
        recipe: the resolved recipe, nested; empty where it cannot be read.
        facts: ``run.json``: hashes, versions, device.
        rows: the log's lines that can be used.
        report: ``report.json``; None before the end.
        best: the step each finished stage was best at.
        written: when the log was last written; None without one.
        problems: what could not be read, a line each.
    """

    name: str
    state: State
    recipe: Mapping[str, Any]
    facts: Mapping[str, Any]
    rows: tuple[dict[str, Any], ...]
    report: Mapping[str, Any] | None
    best: Mapping[str, int]
    written: datetime | None
    problems: tuple[str, ...]


def read_run(path: Path, name: str) -> Run:
    """Read a run's folder; never fails."""
    problems: list[str] = []
    recipe = _object(path / "recipe.yaml", yaml.safe_load, problems)
    facts = _object(path / "run.json", json.loads, problems)
    rows = tuple(_log(path / "log.jsonl", problems))
    report = None
    if (path / "report.json").exists():
        named = len(problems)
        read = _object(path / "report.json", json.loads, problems)
        report = read if _is_report(read) else None
        if report is None and len(problems) == named:
            problems.append("report.json is none that this version of labkit train wrote")
    best = {}
    for done in sorted((path / "stages").glob("*/done.json")):
        step = _object(done, json.loads, problems).get("best_step")
        if isinstance(step, int):
            best[done.parent.name] = step
    readable = bool(recipe or rows or report)
    return Run(
        name=name,
        state="unreadable" if not readable else "finished" if report else "not finished",
        recipe=recipe,
        facts=facts,
        rows=rows,
        report=report,
        best=best,
        written=_written(path / "log.jsonl"),
        problems=tuple(problems),
    )


def _object(path: Path, parse: Callable[[str], Any], problems: list[str]) -> dict[str, Any]:
    """A file's object; an empty one, and a problem, where there is none."""
    try:
        value = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        problems.append(f"{path.name} is missing")
        return {}
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        problems.append(f"{path.name} cannot be read: {reason}")
        return {}
    if not isinstance(value, dict):
        problems.append(f"{path.name} is empty or no object")
        return {}
    return {str(key): each for key, each in value.items()}


def _log(path: Path, problems: list[str]) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        problems.append("log.jsonl is missing: nothing was trained yet")
        return
    bad = 0
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if _is_row(row):
            yield row
        else:
            bad += 1
    if bad:
        problems.append(f"log.jsonl: {bad:,} of {len(lines):,} lines cannot be used")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_row(row: object) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("stage"), str):
        return False
    if not isinstance(row.get("step"), int) or not 0 <= row["step"] < 10**9:
        return False
    if any(not _is_number(row[key]) for key in row if key.startswith("loss")):
        return False
    if "dev" not in row:
        return True
    dev = row["dev"]
    return (
        isinstance(dev, dict)
        and _is_number(dev.get("map"))
        and _is_number(dev.get("log_loss"))
        and isinstance(dev.get("sets"), dict)
        and all(map(_is_number, dev["sets"].values()))
    )


def _is_verdict(value: object) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("outcome"), str):
        return False
    interval = value.get("interval")
    if not isinstance(interval, list) or len(interval) != 2:
        return False
    return all(map(_is_number, (value.get("before"), value.get("after"), *interval)))


def _is_report(value: Mapping[str, Any]) -> bool:
    stages = value.get("stages")
    return (
        _is_verdict(value.get("verdict"))
        and isinstance(stages, dict)
        and all(map(_is_verdict, stages.values()))
    )


def _written(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime)
    except OSError:
        return None


# --- the list ------------------------------------------------------------------------------------


def part(value: Mapping[str, Any], *keys: str) -> Any:
    """A value of nested objects; None where one is missing or is no object."""
    found: Any = value
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def status(run: Run) -> str:
    """How a run ended, or how far it is."""
    if run.report is not None:
        outcome = run.report["verdict"]["outcome"]
        saved = "" if run.report.get("student") else ", no student saved"
        return f"{MARKS.get(outcome, '')} {outcome}{saved}".strip()
    if run.state == "unreadable":
        return "cannot be read"
    if not run.rows:
        return "not finished: no step yet"
    last = run.rows[-1]
    steps = part(run.recipe, "stages", last["stage"], "steps")
    of = f" of {steps:,}" if isinstance(steps, int) else ""
    when = f", {run.written:%Y-%m-%d %H:%M}" if run.written else ""
    return f"not finished: {last['stage']}, step {last['step']:,}{of}{when}"


def overview(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A line a run, for the list."""
    return [
        {
            "name": run.name,
            "status": status(run),
            "state": run.state,
            "recipe": str(part(run.recipe, "name") or MISSING),
            "base": str(part(run.recipe, "base", "model") or MISSING),
            "seed": _text(part(run.recipe, "seed")),
            "map": _gain(run),
            "problems": list(run.problems),
        }
        for run in runs
    ]


def _gain(run: Run) -> str:
    if run.report is not None:
        verdict = run.report["verdict"]
        low, high = verdict["interval"]
        return (
            f"{cell(verdict['before'])} → {cell(verdict['after'])} "
            f"[{signed(low, 3)}, {signed(high, 3)}]"
        )
    looks = [row["dev"]["map"] for row in run.rows if "dev" in row]
    if not looks:
        return MISSING
    return f"{cell(looks[0])} → {cell(max(looks))} so far"


def _text(value: Any) -> str:
    if value is None:
        return MISSING
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


# --- the tables ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the page draws it.

    ``numbers`` is the first column that holds numbers; a ``folded`` one opens when it is wanted.
    """

    title: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: int = 1
    folded: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "note": self.note,
            "head": list(self.head),
            "rows": [list(row) for row in self.rows],
            "numbers": self.numbers,
            "folded": self.folded,
        }


def dev_note(run: Run) -> str:
    """What a dev MAP of a run is over: the sets, at most how many queries, which model."""
    sets = part(run.recipe, "development", "sets")
    queries = part(run.recipe, "development", "queries")
    names = ", ".join(map(str, sets)) if isinstance(sets, list) else "sets not known"
    of = f", n = up to {queries} queries each" if isinstance(queries, int) else ""
    base = part(run.recipe, "base", "model") or "model not known"
    return f"{run.name}: dev split of {names}{of}; model {base} as it is trained"


def verdict_table(runs: Sequence[Run]) -> Table:
    """What became of each stage, and of the whole."""
    rows = []
    for run in runs:
        if run.report is None:
            rows.append((run.name, status(run), *[MISSING] * 6))
            continue
        stages = run.report["stages"]
        for name, verdict in {**stages, "whole run": run.report["verdict"]}.items():
            low, high = verdict["interval"]
            kept = verdict.get("kept")
            rows.append(
                (
                    f"{run.name} · {name}",
                    f"{MARKS.get(verdict['outcome'], '')} {verdict['outcome']}".strip(),
                    "" if kept is None else "kept" if kept else "not kept",
                    f"{run.best[name]:,}" if name in run.best else "",
                    cell(verdict["before"]),
                    cell(verdict["after"]),
                    signed(verdict["after"] - verdict["before"], 3),
                    f"[{signed(low, 3)}, {signed(high, 3)}]",
                )
            )
    notes = "; ".join(map(dev_note, runs))
    return Table(
        "Verdicts, stage by stage",
        "Dev MAP before and after (of a stage over the dev sets that it trains on, of the run over "
        "all), and the 95 % interval of the difference by paired bootstrap over queries. ▲ WIN: "
        "the whole interval lies above 0; ▼ REGRESSION: the difference is below 0; else = "
        f"MARGINAL. {notes}.",
        ("run · stage", "verdict", "", "best step", "before", "after", "difference", "interval"),
        tuple(rows),
        numbers=3,
    )


def flattened(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Dotted keys and values as text: a key such as ``--set`` takes."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from flattened(each, f"{key}.{name}" if key else str(name))
    else:
        yield key, _text(value)


def recipe_table(runs: Sequence[Run]) -> Table:
    """Of one run its recipe; of several what differs, first in the first run's order."""
    flat = [dict(flattened(run.recipe)) for run in runs]
    keys = list(dict.fromkeys(key for each in flat for key in each))
    if len(runs) > 1:
        keys = [key for key in keys if len({each.get(key) for each in flat}) > 1]
    rows = tuple((key, *(each.get(key, MISSING) for each in flat)) for key in keys)
    if len(runs) == 1:
        title, note = "Recipe", "As it was resolved; a key is what --set takes."
    elif rows:
        title, note = "Where the recipes differ", f"{MISSING}: the recipe has no such key."
    else:
        title, note = "Where the recipes differ", "Nowhere: the recipes are the same."
    return Table(title, note, ("key", *(run.name for run in runs)), rows, folded=len(runs) == 1)


def data_table(runs: Sequence[Run]) -> Table:
    """The data sets of each run with their hashes: what was the same, and what was not."""
    sets = [part(run.facts, "data") for run in runs]
    names = dict.fromkeys(name for each in sets if isinstance(each, Mapping) for name in each)
    rows = []
    for name in names:
        hashes = [part(run.facts, "data", name, "sha256") for run in runs]
        given = {str(each) for each in hashes if each is not None}
        cells = []
        for run, digest in zip(runs, hashes, strict=True):
            queries = part(run.facts, "data", name, "queries")
            count = f"{queries:,} queries" if isinstance(queries, int) else "queries not known"
            cells.append(MISSING if digest is None else f"{str(digest)[:16]} · {count}")
        same = "" if len(runs) == 1 else "differs" if len(given) > 1 else "same"
        if len(given) == 1 and None in hashes:
            same = "not in all"
        rows.append((name, *cells, *([same] if len(runs) > 1 else [])))
    last = ("data",) if len(runs) > 1 else ()
    return Table(
        "Data",
        "sha256 (first 16 digits) of the files, and the train queries read of each set.",
        ("set", *(run.name for run in runs), *last),
        tuple(rows),
    )


def facts_table(runs: Sequence[Run]) -> Table:
    """How each run was made: command, device, precision, versions."""
    keys = ("command", "labkit", "device", "precision", "processes", "python")
    rows = [(key, *(_text(part(run.facts, key)) for run in runs)) for key in keys]
    versions = [part(run.facts, "versions") for run in runs]
    packages = dict.fromkeys(
        name for each in versions if isinstance(each, Mapping) for name in each
    )
    rows += [
        (name, *(_text(part(run.facts, "versions", name)) for run in runs)) for name in packages
    ]
    head = ("", *(run.name for run in runs))
    return Table("How it was made", "", head, tuple(rows), folded=True)


# --- the curves ----------------------------------------------------------------------------------

EVERY = "every one"
TOTAL = "weighted sum"
MEAN = "MAP, mean of sets"
LOG_LOSS = "log loss"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a figure: (step of the run, value) in order; None where it breaks off."""

    name: str
    points: tuple[tuple[int, float | None], ...]


def loss_names(runs: Sequence[Run]) -> list[str]:
    """What the losses of runs can be chosen by; :data:`EVERY` only of one run."""
    named = {key.removeprefix("loss_") for run in runs for row in run.rows for key in row
             if key.startswith("loss_")}  # fmt: skip
    return [*([EVERY] if len(runs) == 1 else []), TOTAL, *sorted(named)]


def dev_names(runs: Sequence[Run]) -> list[str]:
    """What the looks at the dev queries can be chosen by."""
    sets = {name for run in runs for row in run.rows if "dev" in row for name in row["dev"]["sets"]}
    named = [f"MAP {name}" for name in sorted(sets)]
    return [*([EVERY] if len(runs) == 1 else []), MEAN, *named, LOG_LOSS]


def loss_lines(runs: Sequence[Run], name: str) -> list[Line]:
    """One line a loss of the only run, or one line a run of the loss that is named."""
    if name == EVERY and len(runs) == 1:
        names = loss_names(runs)[2:]
        return [Line(each, _points(runs[0], _loss_of(each), broken=True)) for each in names]
    of = _loss_of(TOTAL if name == EVERY else name)
    return [Line(run.name, _points(run, of, broken=True)) for run in runs]


def dev_lines(runs: Sequence[Run], name: str) -> list[Line]:
    """As :func:`loss_lines`, of the dev measures; "every one" is MAP of each set, and the mean."""
    if name == EVERY and len(runs) == 1:
        names = dev_names(runs)[1:-1]
        return [Line(each, _points(runs[0], _dev_of(each))) for each in names]
    of = _dev_of(MEAN if name == EVERY else name)
    return [Line(run.name, _points(run, of)) for run in runs]


def stage_marks(runs: Sequence[Run]) -> dict[str, int]:
    """Where stages begin, if all runs agree on it; else nothing."""
    begins = [stage_starts(run.rows)[0] for run in runs if run.rows]
    if not begins or any(each != begins[0] for each in begins):
        return {}
    return {name: step for name, step in begins[0].items() if name != "start"}


def _points(
    run: Run, of: Callable[[Mapping[str, Any]], float | None], *, broken: bool = False
) -> tuple[tuple[int, float | None], ...]:
    """``broken``: between stages, of which each has losses of its own."""
    starts, _ = stage_starts(run.rows)
    points: list[tuple[int, float | None]] = []
    stage = None
    for row in run.rows:
        value = of(row)
        if value is None:
            continue
        if broken and points and row["stage"] != stage:
            points.append((starts[row["stage"]], None))
        points.append((starts[row["stage"]] + row["step"], value))
        stage = row["stage"]
    return tuple(points)


def _loss_of(name: str) -> Callable[[Mapping[str, Any]], float | None]:
    key = "loss" if name == TOTAL else f"loss_{name}"
    return lambda row: row.get(key)


def _dev_of(name: str) -> Callable[[Mapping[str, Any]], float | None]:
    def value(row: Mapping[str, Any]) -> float | None:
        dev = row.get("dev")
        if dev is None:
            return None
        if name == MEAN:
            return float(dev["map"])
        if name == LOG_LOSS:
            return float(dev["log_loss"])
        found = dev["sets"].get(name.removeprefix("MAP "))
        return None if found is None else float(found)

    return value


# --- all of it -----------------------------------------------------------------------------------


def chosen_of(found: Mapping[str, Path], names: Sequence[str]) -> list[str]:
    """The names that are there, in the order of the list.

    Raises:
        InputError: too many are chosen to be told apart.
    """
    chosen = [name for name in found if name in set(names)]
    if len(chosen) > MOST_COMPARED:
        raise InputError(
            f"{len(chosen)} are chosen, expected at most {MOST_COMPARED} to compare: untick some"
        )
    return chosen


def tables_of(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The tables of the chosen runs, those without a row left out."""
    tables = (verdict_table(runs), recipe_table(runs), data_table(runs), facts_table(runs))
    return [table.to_json() for table in tables if table.rows or table.title.startswith("Where")]


def no_runs(folder: Path) -> str:
    """What the list says where there is none."""
    there = "" if folder.is_dir() else " (there is no such folder)"
    return (
        f"No training run in {folder}{there}. This makes one, and tick it here while it runs:  "
        f"labkit train tiny --data lives=assets/lives --out {folder / 'tiny'}"
    )
