"""``labkit label``"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labkit.cli.shared import (
    AsJson,
    Data,
    Device,
    EngineOption,
    SkipBad,
    Workers,
    note,
    open_dialogues,
    pool_size,
)
from labkit.errors import InputError

if TYPE_CHECKING:
    from labkit.llm.client import Spending
    from labkit.teachers.cost import Estimate


def label(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder to write into; made where missing.")],
    teacher: Annotated[
        list[str] | None,
        typer.Option(
            help="openai:MODEL, reranker:FOLDER_OR_ID, bm25, dense or simulated:NAME; options "
            "follow after commas, such as openai:MODEL,url=URL,key=VARIABLE,prices=READ/WRITTEN,"
            "verdicts=logprobs,per_minute=60,max_tokens=600,name=NAME. Again for more."
        ),
    ] = None,
    cycles: Annotated[
        int, typer.Option(min=1, help="Each memory meets 2 x CYCLES others, in both orders.")
    ] = 2,
    every_teacher: Annotated[
        bool, typer.Option("--every-teacher", help="Ask all teachers of each pair, not in turns.")
    ] = False,
    grades: Annotated[
        int, typer.Option(min=0, help="Memories of each query that get a grade by the rubric.")
    ] = 4,
    across: Annotated[
        int, typer.Option(min=0, help="Memories of each query compared with other queries'.")
    ] = 1,
    more: Annotated[
        float, typer.Option(min=0, help="Second round where labels are uncertain: share of calls.")
    ] = 0.0,
    candidates: Annotated[
        int | None, typer.Option(min=2, help="Label only the first stage's best N of each query.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Only the lives of this split: train, dev or test.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after N queries.")] = None,
    seed: Annotated[int, typer.Option(help="Of the pairs, and of who is asked.")] = 0,
    prompts: Annotated[
        Path | None, typer.Option(help="Folder with own prompts, by the names of ours.")
    ] = None,
    max_calls: Annotated[
        int | None, typer.Option(min=0, help="Start at most N paid calls; then stop cleanly.")
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(min=0, help="Spend at most this; needs prices of each model.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Calls at once, of each teacher.")] = 8,
    engine: EngineOption = "local",
    workers: Workers = None,
    device: Device = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only estimate calls, tokens and cost.")
    ] = False,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
) -> None:
    """Let teachers compare memories in pairs, and turn their verdicts into soft labels.

    Writes verdicts.jsonl, grades.jsonl, examples.jsonl (soft labels; the former ones stay as
    gold_labels) and summary.json. The same command goes on where it was stopped.

    With engine ray rerankers, dense and bm25 compute in a pool of workers; endpoints are asked from
    here. The labels are the same.
    """
    import contextlib
    from dataclasses import asdict

    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from labkit.llm.client import Budget
    from labkit.sources.lives import split_of
    from labkit.teachers.cost import estimate
    from labkit.teachers.labelling import Recipe, examples_of, label_examples
    from labkit.teachers.llm import load_prompts
    from labkit.teachers.named import parse_teachers

    if split not in (None, "train", "dev", "test"):
        raise InputError(f"--split is {split!r}, expected train, dev or test")
    pool = pool_size(engine, workers)
    specs = parse_teachers(teacher or [])
    recipe = Recipe(cycles, every_teacher, grades, across, more, seed=seed)
    loaded = load_prompts(prompts)
    with open_dialogues(data, skip_bad) as dialogues:
        mine = (d for d in dialogues if split is None or split_of(d.id) == split)
        examples = examples_of(mine, candidates=candidates, limit=limit)
    bounds = estimate(examples, specs, recipe, loaded)
    for bound in bounds:
        note(_line(bound))
    if dry_run:
        if as_json:
            print(json.dumps([asdict(bound) for bound in bounds]))
        return
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with contextlib.ExitStack() as stack:
        if pool is not None:
            from labkit.cluster import ray_session

            stack.enter_context(ray_session(pool))
        progress = stack.enter_context(
            Progress(*columns, console=Console(stderr=True), transient=True)
        )
        task = progress.add_task("", total=None)

        def show(what: str, done: int, total: int, used: Sequence[Spending]) -> None:
            if done % 20 and done < total:
                return
            paid, stored = (sum(s.paid.calls for s in used), sum(s.cached.calls for s in used))
            calls = f", {paid} calls paid, {stored} from the store" if used else ""
            progress.update(task, description=what + calls, completed=done, total=total)

        summary = label_examples(
            examples,
            out,
            specs,
            recipe=recipe,
            prompts=loaded,
            budget=Budget(max_calls, max_cost),
            concurrency=concurrency,
            device=device,
            workers=pool,
            on_progress=show,
        )
    if as_json:
        print(json.dumps(summary))
    else:
        _print(summary)
    if summary.get("labels", {}).get("basis", "grades") != "grades":
        note(
            "no grades (no teacher can grade, or none was asked): the order of the labels is the "
            "teachers', their height rests on assumed shares of the five levels"
        )
    if not summary["complete"]:
        note(
            f"not complete ({summary['stopped'] or 'some calls failed'}); the same command goes on"
        )


def _line(bound: Estimate) -> str:
    if not bound.calls:
        return f"{bound.teacher}: about {bound.answers:,} verdicts, no calls"
    cost = ""
    if bound.cost is not None and bound.cost_at_most is not None:
        cost = f", cost about {bound.cost:.2f}, at most {bound.cost_at_most:.2f}"
    return (
        f"{bound.teacher}: {bound.calls:,} calls (at most {bound.calls_at_most:,}), about "
        f"{bound.prompt_tokens:,} tokens read and {bound.completion_tokens:,} written (at most "
        f"{bound.prompt_tokens_at_most:,} and {bound.completion_tokens_at_most:,}){cost}"
    )


_OUTCOMES = ("teacher", "ok", "tied", "malformed", "refused")


def _print(summary: dict[str, Any]) -> None:
    """What is worth a look; the rest is in summary.json."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    def shown(value: object) -> str:
        return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)

    console = Console(markup=False, emoji=False)
    if summary["simulated"]:
        console.print("Some of these teachers are simulated: they know the labels.")
    outcomes = Table(box=None, pad_edge=False, header_style="dim")
    for name in (*_OUTCOMES, "failed", "unasked"):
        outcomes.add_column(name, justify="left" if name == "teacher" else "right")
    for name, counts in summary["verdicts"].items():
        grades = summary["grades"][name]
        outcomes.add_row(
            Text(name),
            *(str(counts[kind] + grades[kind]) for kind in _OUTCOMES[1:]),
            str(sum(summary["failed"].get(name, {}).values())),
            str(summary["unasked"].get(name, 0)),
        )
    console.print(outcomes)
    for name, of in summary.get("teachers", {}).items():
        circles = of["triads"]
        right = of.get("right_of_verdicts")
        console.print(
            f"{name}: reliability {shown(of['reliability'])}, position bias "
            f"{shown(of['position_bias'])}, {circles['intransitive']} of {circles['complete']} "
            "triads go in a circle" + ("" if right is None else f", right in {shown(right)}")
        )
    for pair, found in summary.get("agreement", {}).items():
        console.print(
            f"{pair}: {found['pairs']} pairs in common, the same preference in "
            f"{shown(found['same_preference'])}"
        )
    labels = summary.get("labels")
    if labels is not None:
        levels = ", ".join(f"{name} {count}" for name, count in labels["levels"].items())
        console.print(f"labels (basis: {labels['basis']}): {levels}")
    gold = summary.get("against_gold")
    if gold is not None:
        values = (f"{name} {shown(value)}" for name, value in gold.items())
        console.print(f"against gold: {', '.join(values)}")
