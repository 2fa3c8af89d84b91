"""``labkit benchmarks`` and ``labkit benchmarks check``"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from labkit.cli.shared import AsJson, note

app = typer.Typer(
    help="What can be measured on: where to get it, under what licence, by which protocol.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def benchmarks(context: typer.Context, as_json: AsJson = False) -> None:
    """List the benchmarks: where to get them, under what licence, by which protocol."""
    if context.invoked_subcommand is not None:
        return
    from labkit.evaluation.benchmarks import BENCHMARKS

    if as_json:
        print(
            json.dumps(
                [{**b.protocol(), "file": b.file, "splits": b.splits} for b in BENCHMARKS.values()]
            )
        )
        return
    for b in BENCHMARKS.values():
        print(f"{b.name}: {b.about}")
        print(f"  get it: {b.source or ('it comes with labkit' if b.shipped else 'yours')}")
        print(f"  licence: {b.licence}")
        print(f"  file: {b.file}")
        if len(b.splits) > 1:
            print(f"  splits: {', '.join(b.splits)} (the first one where none is named)")
        print(f"  candidates: {b.candidates}")
        print(f"  relevant: {b.relevant}")
        print()
    print("labkit eval --benchmark NAME=PATH measures; labkit benchmarks check NAME PATH looks.")


@app.command()
def check(
    name: Annotated[
        str, typer.Argument(help="Name of a benchmark, with :SPLIT where it has some.")
    ],
    path: Annotated[
        Path | None, typer.Argument(help="Its file or folder; not needed for what is shipped.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read a benchmark's file as labkit eval would, and count what is in it."""
    from labkit.evaluation.benchmarks import check as look
    from labkit.evaluation.benchmarks import parse_choice

    benchmark, split, given = parse_choice(name)
    found = look(benchmark, split, path or given, note)
    if as_json:
        print(json.dumps(found))
        return
    known = found.pop("published")
    for key, value in found.items():
        shown = value
        if isinstance(value, dict):
            shown = ", ".join(f"{inner} {count}" for inner, count in value.items())
        print(f"{key}: {shown}")
    if known is not None:
        print(
            "the file as it was published, byte for byte"
            if known
            else "not a file that labkit knows: it can be read, but may not be the published one"
        )
