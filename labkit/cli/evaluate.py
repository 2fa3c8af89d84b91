"""``labkit eval``"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from labkit.cli.shared import (
    AsJson,
    Candidates,
    Data,
    Device,
    Dtype,
    SkipBad,
    first_stage_method,
    load_reranker,
    open_dialogues,
)
from labkit.errors import InputError


def evaluate(
    data: Data,
    model: Annotated[
        list[str] | None, typer.Option(help="A model to rerank with; again for more.")
    ] = None,
    first_stage: Annotated[
        list[str] | None,
        typer.Option(help="A first stage to rank by; again for more. The first feeds the models."),
    ] = None,
    candidates: Candidates = 50,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only queries of this kind; again for more.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after N queries.")] = None,
    per_kind: Annotated[bool, typer.Option(help="One block of rows a kind of query.")] = False,
    device: Device = None,
    dtype: Dtype = None,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
) -> None:
    """Measure first stages and models on labelled queries: MAP, MRR, nDCG@10, R@10, R@50.

    Queries without a relevant memory have no ranking quality and are left out of the means.
    """
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn
    from rich.table import Table

    from labkit.evaluation.run import MEASURES
    from labkit.evaluation.run import evaluate as run

    methods = [first_stage_method(name) for name in first_stage or ["fused", "bm25", "dense"]]
    rerankers = [load_reranker(name, device, dtype) for name in model or []]
    columns = (*Progress.get_default_columns()[:1], MofNCompleteColumn(), TimeElapsedColumn())
    with (
        open_dialogues(data, skip_bad) as dialogues,
        Progress(*columns, console=Console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("queries", total=limit)
        rows = run(
            dialogues,
            methods,
            rerankers,
            candidates=candidates,
            kinds=kind,
            limit=limit,
            on_query=lambda: progress.advance(task),
        )
    if not any(row.per_kind for row in rows):
        which = f" of kind {', '.join(kind)}" if kind else ""
        raise InputError(f"{data} holds no query{which}, expected at least one with labels")
    if as_json:
        result = [
            {
                "name": row.name,
                "overall": row.mean(),
                "per_kind": {kind: row.mean(kind) for kind in sorted(row.per_kind)},
            }
            for row in rows
        ]
        print(json.dumps(result).replace("NaN", "null"))
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("queries", "n", "ranked by", *MEASURES):
        table.add_column(name, justify="left" if name in ("queries", "ranked by") else "right")
    blocks: list[str | None] = [*sorted(rows[0].per_kind)] if per_kind else []
    for block in [*blocks, None]:
        for row in rows:
            mean = row.mean(block)
            table.add_row(
                block or "all", str(mean["n"]), row.name, *(f"{mean[m]:.3f}" for m in MEASURES)
            )
        table.add_section()
    Console().print(table)
