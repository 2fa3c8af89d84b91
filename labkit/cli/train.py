"""``labkit train`` and ``labkit export``: from labelled Examples to a student."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from labkit.cli.shared import AsJson, Device, note
from labkit.errors import InputError


def train(
    recipe: Annotated[
        str, typer.Argument(help="mini, tiny, qwen3-0.6b, qwen3-4b, or a YAML file of one's own.")
    ],
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=PATH: where a data set of the recipe lies (a folder of labkit synth or "
            "labkit import, a folder of lives, or a file of Example JSONL); again for each that "
            "does not come with labkit, or is to be read instead of what does."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run; must be new.")] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE, such as stages.bce.steps=50; again for more."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only estimate steps, tokens, memory and time."),
    ] = False,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Distil a student: general ability, then BCE on soft labels, then InfoNCE.

    The student is measured on dev queries before the first step and after each stage; one that did
    not become better is not saved. Ends with WIN, MARGINAL or REGRESSION. On many GPUs or
    processes: torchrun --nproc_per_node N -m labkit train ...
    """
    from labkit.training.recipe import load_recipe

    chosen = load_recipe(recipe, overrides or [])
    places = _places(data or [])
    if dry_run:
        from labkit.training.estimate import estimate

        found = estimate(chosen, places, device=device)
        print(json.dumps(found.to_json()) if as_json else str(found))
        return
    if out is None:
        raise InputError("expected --out with a folder for the run, got none")
    result = _train(chosen, places, out, resume, device)
    if as_json and _is_main():
        print(json.dumps(result))
    if result["verdict"]["outcome"] == "REGRESSION":
        raise typer.Exit(1)


def _train(
    recipe: Any, places: dict[str, str], out: Path, resume: bool, device: str | None
) -> dict[str, Any]:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from labkit.training.run import train as run

    console = Console(stderr=True)
    main = _is_main()
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    shown = main and console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        task = progress.add_task("reading", total=None)

        def advance(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total or None)

        result = run(
            recipe,
            places,
            out,
            resume=resume,
            device=device,
            command=f"labkit {' '.join(sys.argv[1:])}",
            report=note if main else lambda line: None,
            advance=advance,
        )
    return result.to_json()


def _is_main() -> bool:
    """Whether this process speaks for all that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def _places(given: list[str]) -> dict[str, str]:
    places = {}
    for each in given:
        name, equals, path = each.partition("=")
        if not (name and equals and path):
            raise InputError(f"--data is {each!r}, expected NAME=PATH such as lives=assets/lives")
        places[name] = path
    return places


def export(
    checkpoint: Annotated[Path, typer.Argument(help="A student's folder, such as RUN/student.")],
    out: Annotated[Path, typer.Option(help="Folder to write; must be new.")],
    evaluation: Annotated[
        list[Path] | None,
        typer.Option(help="A result that labkit eval --out wrote, for the model card; again."),
    ] = None,
) -> None:
    """Write the merged stock model with a model card: transformers, sentence-transformers and vLLM
    load it without this package."""
    from labkit.training.export import export as write

    write(checkpoint, out, evaluation or [])
    note(f"wrote {out}")
