"""What several verbs share: their common options, how they open a file and load a model."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labkit.errors import InputError

if TYPE_CHECKING:
    from labkit.records import Dialogue
    from labkit.retrieval.first_stage import Method
    from labkit.scoring.reranker import Reranker

DEFAULT_MODEL = "mini"

Data = Annotated[
    Path,
    typer.Argument(
        help="A LoCoMo file, Example JSONL, lives JSONL (or a folder of it), a chat export in "
        "JSON, or text with speakers. - reads Example JSONL from stdin."
    ),
]
Model = Annotated[str, typer.Option(help="Embedded name, checkpoint folder or hub id.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, mps; chosen where not given.")]
Dtype = Annotated[
    str | None,
    typer.Option(
        help="float32, bfloat16 or float16; int8 for an encoder on a CPU. Chosen where not given: "
        "on a CPU float32, whose scores are the checkpoint's."
    ),
]
FirstStageOption = Annotated[
    str, typer.Option("--first-stage", help="fused, bm25, dense, or none (memories as they come).")
]
Candidates = Annotated[int, typer.Option(min=1, help="Memories that the first stage passes on.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Go on past bad lines; count them.")]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        help="local, or ray: a pool of workers, of the cluster that RAY_ADDRESS names where it "
        "is set, else here.",
    ),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Of engine ray; without it one a processor.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]


def note(text: str) -> None:
    """A line for the person, not for the pipe."""
    print(text, file=sys.stderr)


class BadLines:
    """Shows the first few lines that were skipped and counts all."""

    SHOWN = 5

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, error: InputError) -> None:
        self.count += 1
        if self.count <= self.SHOWN:
            note(f"skipped: {error}")

    def close(self) -> None:
        if self.count:
            note(f"{self.count} bad line{'s' if self.count > 1 else ''} skipped")


@contextlib.contextmanager
def open_dialogues(data: Path, skip_bad: bool) -> Iterator[Iterator[Dialogue]]:
    from labkit.sources import read_dialogues

    bad = BadLines()
    yield read_dialogues(data, on_bad=bad if skip_bad else None, on_note=note)
    bad.close()


def load_reranker(model: str, device: str | None, dtype: str | None) -> Reranker:
    from labkit.scoring.reranker import Reranker

    reranker = Reranker.load(model, device=device, dtype=dtype)
    note(f"model {reranker.name}" + (f" on {reranker.placement}" if reranker.placement else ""))
    return reranker


def first_stage_method(name: str) -> Method:
    from labkit.retrieval.first_stage import METHODS

    for method in METHODS:
        if method == name:
            return method
    raise InputError(f"--first-stage is {name!r}, expected one of {', '.join(METHODS)}")


def pool_size(engine: str, workers: int | None) -> int | None:
    """How many workers engine ray has; None for engine local."""
    if engine not in ("local", "ray"):
        raise InputError(f"--engine is {engine!r}, expected local or ray")
    if engine == "ray":
        return workers or os.cpu_count() or 1
    if workers is not None:
        raise InputError("got --workers with engine local, expected --engine ray with it")
    return None
