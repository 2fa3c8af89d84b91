"""``labkit bench``"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from labkit.cli.shared import AsJson, note
from labkit.errors import InputError


def bench(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="Whose queries and memories give the lengths, such as a LoCoMo file; the bundled "
            "lives where not given."
        ),
    ] = None,
    model: Annotated[str, typer.Option(help="An encoder: embedded name or folder.")] = "mini",
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="encoder, scale, quality, cascade, decoder or cold; again for more. Without, all."
        ),
    ] = None,
    memories: Annotated[
        list[int] | None, typer.Option(min=1, help="Memories of a query; again for more.")
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option(min=1, help="Threads; again for more. 1 and 2 without.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=3, help="Of each race, at most.")] = 30,
    seconds: Annotated[float, typer.Option(help="About how long a race may last.")] = 6.0,
    layers: Annotated[int, typer.Option(min=1, help="Of the decoder that is measured.")] = 2,
    largest: Annotated[
        int, typer.Option(min=300, help="Memories up to which cost is shown.")
    ] = 10_000,
    out: Annotated[
        Path | None, typer.Option(help="A folder for bench.json, bench.md and bench.html.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure speed beside sentence-transformers, transformers and ONNX Runtime.

    All have the same weights and run in turns in one process on the CPU, so that noise meets them
    alike. Whole, it takes about six minutes on two
    cores.
    """  # fmt: skip
    from labkit.bench.report import markdown, page
    from labkit.bench.run import PARTS, Plan, run
    from labkit.files import write_whole

    for name in only or ():
        if name not in PARTS:
            raise InputError(f"--only is {name!r}, expected one of {', '.join(PARTS)}")
    plan = Plan(
        model=model,
        data=data,
        parts=tuple(part for part in PARTS if not only or part in only),
        counts=tuple(memories or (10, 50, 200)),
        threads=tuple(threads or (1, 2)),
        rounds=rounds,
        seconds=seconds,
        layers=layers,
        largest=largest,
    )
    if out is not None:  # six minutes later would be too late
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"--out is {out} ({error.strerror}), expected a folder") from None
    found = run(plan, done=note)
    print(json.dumps(found) if as_json else markdown(found), end="\n" if as_json else "")
    if out is not None:
        write_whole(out / "bench.json", [json.dumps(found, indent=1) + "\n"])
        write_whole(out / "bench.md", [markdown(found)])
        write_whole(out / "bench.html", [page(found)])
        note(f"{out} written")
