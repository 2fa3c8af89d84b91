"""``labkit score``"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labkit.cli.shared import (
    DEFAULT_MODEL,
    AsJson,
    Device,
    Dtype,
    EngineOption,
    Model,
    SkipBad,
    Workers,
    load_reranker,
    note,
    pool_size,
)

if TYPE_CHECKING:
    from labkit.scoring.shards import Engine


def score(
    data: Annotated[
        Path,
        typer.Argument(
            help="Example JSONL, Parquet as to_dataset(...).to_parquet(...) writes it, or a "
            "folder of either."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write into; made where missing.")],
    model: Model = DEFAULT_MODEL,
    engine: EngineOption = "local",
    workers: Workers = None,
    shards: Annotated[
        int | None,
        typer.Option(min=1, help="Cut the data into N; without it one for each MiB, 16 at least."),
    ] = None,
    device: Device = None,
    dtype: Dtype = None,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
) -> None:
    """Score all memories of many queries into Parquet files, a file a shard.

    The same command goes on where it was stopped, with either engine; a folder that holds another
    run is refused. manifest.json says what the scores are of.
    """
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from labkit.scoring.shards import LocalEngine, score_data

    count = pool_size(engine, workers)
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())

    def run(chosen: Engine) -> dict[str, Any]:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("queries", total=None)

            def show(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total)

            return score_data(data, out, chosen, shards=shards, skip_bad=skip_bad, on_progress=show)

    if count is None:
        manifest = run(LocalEngine(load_reranker(model, device, dtype), model))
    else:
        from labkit.cluster import ray_session

        with ray_session(count):
            from labkit.scoring.on_ray import RayEngine

            manifest = run(RayEngine(model, device=device, dtype=dtype, workers=count))
    if as_json:
        print(json.dumps(manifest))
        return
    skipped = f", {manifest['skipped']:,} bad ones skipped" if manifest["skipped"] else ""
    print(
        f"{manifest['pairs']:,} pairs of {manifest['examples']:,} Examples{skipped} in "
        f"{manifest['shards']} shards of {out}"
    )
    if manifest["runs"]:
        last = manifest["runs"][-1]
        rate = last["pairs"] / max(last["processor_seconds"], 1e-3)
        note(
            f"the last run: {last['pairs']:,} pairs in {last['seconds']:.1f} s, "
            f"{rate:,.1f} in a second of a processor"
        )
