"""``labkit eval``"""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labkit.cli.shared import (
    AsJson,
    BadLines,
    Candidates,
    Device,
    Dtype,
    SkipBad,
    first_stage_method,
    load_reranker,
    note,
)
from labkit.errors import InputError
from labkit.files import expect_folder

if TYPE_CHECKING:
    from labkit.evaluation.benchmarks import Asked
    from labkit.evaluation.report import Table
    from labkit.evaluation.rivals import Part, Rival
    from labkit.evaluation.run import OnProgress


def evaluate(
    data: Annotated[
        list[Path] | None,
        typer.Argument(help="Any file that labkit rerank reads, with labels; again for more."),
    ] = None,
    benchmark: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME, NAME:SPLIT, or either with =PATH (labkit benchmarks lists them); again "
            "for more."
        ),
    ] = None,
    path: Annotated[
        Path | None, typer.Option(help="The file of the one benchmark that is named.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="What reranks: an embedded name, a checkpoint folder, a hub id, or "
            "openai:NAME,url=...,mode=pointwise|listwise,prices=IN/OUT; again for more."
        ),
    ] = None,
    first_stage: Annotated[
        list[str] | None,
        typer.Option(help="A first stage to rank by; again for more. The first feeds the models."),
    ] = None,
    candidates: Candidates = 50,
    withhold: Annotated[
        list[str] | None,
        typer.Option(help="Every model once more without: context, date or instruction."),
    ] = None,
    measure: Annotated[
        list[str] | None, typer.Option(help="A measure, such as R_all@5 or F1_p@0.3; again.")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only queries of this kind; again for more.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="A sample of N queries, drawn by --seed.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the sample, the intervals and the tests.")] = 0,
    per_kind: Annotated[
        bool, typer.Option(help="Also the measures of each kind of query.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the results; a run that was stopped goes on from there."),
    ] = None,
    device: Device = None,
    dtype: Dtype = None,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
) -> None:
    """Measure first stages and models on the same labelled queries and candidates.

    Ranking, probabilities, abstention, time and cost, with intervals, and a paired test against the
    first row. Queries without a relevant memory have no ranking quality and are left out of those
    means; they count for calibration and abstention.
    """
    from labkit.evaluation.measures import parse_measure
    from labkit.evaluation.report import tables_of, to_json
    from labkit.evaluation.run import Plan
    from labkit.evaluation.run import evaluate as run
    from labkit.evaluation.summary import MEASURES, SCORES

    names = [str(parse_measure(name)) for name in measure or (*MEASURES, *SCORES)]
    methods = list(
        dict.fromkeys(map(first_stage_method, first_stage or ["fused", "bm25", "dense"]))
    )
    parts = [_part(name) for name in withhold or []]
    if out is not None:
        expect_folder(out)
    bad = BadLines()
    asked = _read(data or [], benchmark or [], path, kind, limit, seed, bad if skip_bad else None)
    bad.close()
    plan = Plan(
        methods=methods,
        rivals=_rivals(model or [], device, dtype, out),
        withheld=parts,
        candidates=candidates,
        out=out,
        command=shlex.join(["labkit", *sys.argv[1:]]),
    )
    with _progress() as on_progress:
        rows = [
            row for one in asked for row in run(one, plan, on_progress=on_progress, on_note=note)
        ]
        tables = tables_of(rows, names, seed=seed)
    if as_json:
        print(json.dumps(to_json(tables)))
        return
    for table in tables:
        _show(table, per_kind)
    if out is not None:
        note(f"results in {out}; labkit report {out} writes them as Markdown or HTML")


def _part(name: str) -> Part:
    from labkit.evaluation.rivals import PARTS

    for part in PARTS:
        if part == name:
            return part
    raise InputError(f"--withhold is {name!r}, expected one of {', '.join(PARTS)}")


def _read(
    data: list[Path],
    benchmarks: list[str],
    path: Path | None,
    kinds: list[str] | None,
    limit: int | None,
    seed: int,
    bad: BadLines | None,
) -> list[Asked]:
    from labkit.evaluation.benchmarks import BENCHMARKS, parse_choice, read_benchmark

    choices = [parse_choice(text) for text in benchmarks]
    if path is not None:
        if len(choices) != 1 or choices[0][2] is not None:
            raise InputError("--path needs one --benchmark NAME; for several give NAME=PATH each")
        choices = [(*choices[0][:2], path)]
    choices += [(BENCHMARKS["examples"], "all", file) for file in data]
    if not choices:
        raise InputError("expected a file with labelled queries or --benchmark NAME, got neither")
    asked: list[Asked] = []
    for benchmark, split, file in choices:
        notes: list[str] = []
        found = read_benchmark(
            benchmark,
            split,
            file,
            kinds=kinds,
            limit=limit,
            seed=seed,
            on_note=notes.append,
            on_bad=bad,
        )
        for line in notes[:3]:
            note(line)
        if len(notes) > 3:
            note(f"{len(notes) - 3} more such notes; labkit benchmarks check shows all")
        if not any(example.relevant for d in found.dialogues for example in d.examples):
            note(
                f"{found.title}: no memory has a label of 0.6 or more, so no ranking has a "
                "quality; every query counts as one to abstain from"
            )
        if any(other.title == found.title for other in asked):
            raise InputError(
                f"{file} comes under the name {found.title!r} in tables and folders, as one "
                "before it; expected another name, or another --out"
            )
        asked.append(found)
    return asked


def _rivals(
    models: list[str], device: str | None, dtype: str | None, out: Path | None
) -> list[Rival]:
    from labkit.evaluation.language_models import OPENAI, LanguageModel, parse_endpoint
    from labkit.evaluation.rivals import Student

    rivals: list[Rival] = []
    for name in models:
        if name.startswith(OPENAI):
            if out is None:
                raise InputError(
                    f"--model {name} needs --out: what is paid for is stored there, once"
                )
            model = LanguageModel(parse_endpoint(name), out / "calls.sqlite")
            if any(rival.name == model.name for rival in rivals):
                raise InputError(
                    f"--model {name} has the same name in a table as one before, {model.name}; "
                    "expected another model or mode, or another --out"
                )
            rivals.append(model)
        else:
            reranker = load_reranker(name, device, dtype)
            if any(rival.name == reranker.name for rival in rivals):
                reranker.name = name  # two folders of the same name: the whole path tells
            rivals.append(Student(reranker, name))
    return rivals


@contextlib.contextmanager
def _progress() -> Iterator[OnProgress]:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        *Progress.get_default_columns()[:2],
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("queries", total=None)
        doing = ""

        def update(what: str, done: int, total: int) -> None:
            nonlocal doing
            if what != doing:
                doing = what
                progress.reset(task, total=total, description=what.replace("[", "\\["))
            progress.update(task, completed=done)

        yield update


def _show(table: Table, per_kind: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as RichTable

    from labkit.evaluation.measures import RANKING, parse_measure
    from labkit.evaluation.report import cell, has, milliseconds, starred

    summaries = table.summaries
    console = Console(width=240)  # a number that is cut off is none; the terminal may fold lines
    measures = [m for m in summaries[0].overall if parse_measure(m).name in RANKING]
    scores = [m for m in summaries[0].overall if m not in measures]
    scores = [m for m in scores if any(has(s, m) for s in summaries)]

    def start(title: str, *heads: str) -> RichTable:
        grid = RichTable(box=None, pad_edge=False, header_style="dim")
        grid.add_column(escape(title), no_wrap=True)
        for head in heads:
            grid.add_column(head, justify="right", no_wrap=True)
        return grid

    first = summaries[0]
    print(f"{table.title}: {first.queries} queries, {first.counted} with a relevant memory")
    if first.counted:
        grid = start("ranked by", *measures)
        for s in summaries:
            grid.add_row(escape(s.name), *(starred(s.overall[m]) for m in measures))
        console.print(grid)
        if per_kind:
            for kind, (n, _) in first.per_kind.items():
                if not n:
                    continue
                grid = start(f"{kind} ({n})", *measures)
                for s in summaries:
                    grid.add_row(escape(s.name), *(cell(s.per_kind[kind][1][m]) for m in measures))
                console.print(grid)
    costs = any(s.tokens for s in summaries)
    heads = [*scores, "ms p50", "p95"] + ["tokens", "cost"] * costs
    grid = start("scored by", *heads)
    for s in summaries:
        tokens = ["-" if s.tokens is None else f"{sum(s.tokens):,.0f}"]
        tokens += ["-" if s.cost is None else f"{s.cost:.2g}"]
        grid.add_row(
            escape(s.name),
            *(cell(s.overall[m].value) for m in scores),
            *(milliseconds(one) for one in s.seconds),
            *(tokens if costs else ()),
        )
    console.print(grid)
    for s in summaries:
        for what, count in s.problems.items():
            print(f"{s.name}: {what} in {count} queries")
    print()
