"""``labkit synth``, ``labkit synth inspect`` and ``labkit import``: Examples from nothing or from
published sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labkit.cli.shared import AsJson, note
from labkit.errors import InputError
from labkit.files import write_whole

if TYPE_CHECKING:
    from labkit.llm.client import Spending
    from labkit.synthesis.writer import Source

app = typer.Typer(
    help="Write dialogues whose memories are hard to tell apart, as Example JSONL.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Out = Annotated[Path | None, typer.Option(help="Folder to write into; made where missing.")]


@app.callback(invoke_without_command=True)
def synth(
    context: typer.Context,
    out: Out = None,
    lives: Annotated[
        int | None, typer.Option(min=1, help="Simulate N lives, offline, without a model.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the simulated lives.")] = 0,
    writer: Annotated[
        str | None, typer.Option(help="openai: let a language model write, at any such endpoint.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name of the writer's model.")] = None,
    base_url: Annotated[
        str | None, typer.Option(help="The writer's endpoint; the key is in OPENAI_API_KEY.")
    ] = None,
    dialogues: Annotated[
        Path | None, typer.Option(help="What the writer distils: any file that rerank reads.")
    ] = None,
    personas: Annotated[
        Path | None, typer.Option(help="Or personas to invent lives for, one a line.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Use the first N dialogues or personas.")
    ] = None,
    max_calls: Annotated[
        int | None, typer.Option(min=0, help="Start at most N paid calls; then stop cleanly.")
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(min=0, help="Spend at most this; needs --prices.")
    ] = None,
    prices: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Price of a million prompt tokens, and of a million written."),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Calls at once.")] = 8,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only estimate the writer's calls and cost.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write dialogues whose memories are hard to tell apart, as Example JSONL.

    --lives simulates: a world first, words second; every label is known by construction.
    --writer openai lets a language model distil memories, write queries and hard negatives, and
    judge them. Both are resumed by the same command; finished work is not done again.
    """
    if context.invoked_subcommand is not None:
        return
    if (lives is None) == (writer is None):
        raise InputError("expected --lives N or --writer openai, one of the two")
    if out is None:
        raise InputError("expected --out with a folder to write into, got none")
    if lives is not None:
        if dry_run:
            raise InputError("--dry-run is of --writer openai; --lives calls nobody, got both")
        summary = _simulate(lives, seed, out)
    else:
        if writer != "openai":
            raise InputError(f"--writer is {writer!r}, expected openai")
        if model is None:
            raise InputError("expected --model with the writer's model, got none")
        if max_cost is not None and prices is None:
            raise InputError("--max-cost needs --prices, got none")
        summary = _write(
            _sources(dialogues, personas, limit),
            out,
            model=model,
            base_url=base_url,
            max_calls=max_calls,
            max_cost=max_cost,
            prices=prices,
            concurrency=concurrency,
            dry_run=dry_run,
        )
    if as_json:
        print(json.dumps(summary))
    else:
        _print(summary)


def _print(summary: dict[str, Any], indent: str = "") -> None:
    for name, value in summary.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            _print(value, indent + "  ")
        else:
            print(f"{indent}{name}: {value}")


def _simulate(lives: int, seed: int, out: Path) -> dict[str, Any]:
    from rich.console import Console
    from rich.progress import Progress

    from labkit.synthesis.writing import write_lives

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("lives", total=lives)
        summary = write_lives(
            lives, seed, out, lambda done, total: progress.update(task, completed=done, total=total)
        )
    return summary.to_json()


def _sources(dialogues: Path | None, personas: Path | None, limit: int | None) -> list[Source]:
    from labkit.sources import read_dialogues
    from labkit.synthesis.writer import read_personas

    if (dialogues is None) == (personas is None):
        raise InputError("expected --dialogues FILE or --personas FILE, one of the two")
    found: list[Source] = []
    if dialogues is not None:
        found.extend(read_dialogues(dialogues, on_note=note))
    if personas is not None:
        found.extend(read_personas(personas))
    return found[:limit]


def _write(
    sources: list[Source],
    out: Path,
    *,
    model: str,
    base_url: str | None,
    max_calls: int | None,
    max_cost: float | None,
    prices: tuple[float, float] | None,
    concurrency: int,
    dry_run: bool,
) -> dict[str, Any]:
    from dataclasses import asdict

    from rich.console import Console
    from rich.progress import Progress

    from labkit.llm.client import Budget, Prices
    from labkit.synthesis.writer import Recipe, estimate, load_prompts, write

    price = Prices(*prices) if prices else None
    bound = estimate(sources, Recipe(), load_prompts(), price)
    cost = "" if bound.cost is None else f", cost {bound.cost:.2f}"
    note(
        f"at most {bound.calls:,} calls, {bound.prompt_tokens:,} tokens read and "
        f"{bound.completion_tokens:,} written{cost}, for {bound.sources} sources"
    )
    if dry_run:
        return asdict(bound)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("sources", total=len(sources))

        def show(done: int, total: int, spending: Spending) -> None:
            calls = f"{spending.paid.calls} calls, {spending.cached.calls} from the store"
            progress.update(task, completed=done, total=total, description=calls)

        run = write(
            sources,
            out,
            model=model,
            base_url=base_url,
            budget=Budget(max_calls, max_cost),
            prices=price,
            concurrency=concurrency,
            on_progress=show,
        )
    if not run.complete:
        note(f"not complete ({run.stopped or 'some calls failed'}); the same command goes on")
    return run.to_json()


@app.command()
def inspect(
    folder: Annotated[Path, typer.Argument(help="What labkit synth --lives wrote.")],
    compare: Annotated[
        list[Path] | None,
        typer.Option(help="A file of real dialogues to compare the variety with; again for more."),
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Also write 20 random examples to this Markdown file.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the 20 examples.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure whether the data is hard, and whether its surface gives the answers away."""
    from labkit.synthesis.inspect import inspect_folder, read_folder
    from labkit.synthesis.page import examples_page

    found = inspect_folder(folder, compare=compare or []).to_json()
    if as_json:
        print(json.dumps(found))
    else:
        _print(found)
    if page is not None:
        every = [example for examples in read_folder(folder).values() for example in examples]
        write_whole(page, [examples_page(every, seed=seed)])


def import_set(
    name: Annotated[str, typer.Argument(help="Name of the set; an unknown one lists them.")],
    path: Annotated[Path, typer.Argument(help="The set's folder or file, as it is published.")],
    out: Annotated[Path, typer.Option(help="Folder to write into; made where missing.")],
    limit: Annotated[int | None, typer.Option(min=1, help="Import N questions.")] = None,
    seed: Annotated[int, typer.Option(help="Of the draws: questions, negatives, order.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Turn a published set into Examples: train, dev and test, split by article or dialogue.

    Hard negatives are mined where questions come with too few candidates. A set whose licence
    forbids training is refused.
    """
    from rich.console import Console
    from rich.progress import Progress

    from labkit.synthesis.importing import import_corpus

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=None)
        summary = import_corpus(
            name,
            path,
            out,
            limit=limit,
            seed=seed,
            on_progress=lambda what, done, total: progress.update(
                task, description=what, completed=done, total=total or None
            ),
            on_note=note,
        )
    if as_json:
        print(json.dumps(summary))
    else:
        _print(summary)
