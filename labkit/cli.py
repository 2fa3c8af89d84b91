"""The command line: ``labkit VERB ...``. Thin: each verb reads its arguments and calls the rooms.

Heavy packages are imported inside the verbs, so that ``labkit --help`` is quick.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from labkit import __version__
from labkit.errors import InputError

if TYPE_CHECKING:
    from labkit.records import Dialogue, Example, Ranking
    from labkit.retrieval.first_stage import Method

app = typer.Typer(
    help="An open lab for reranking agent memories.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DEFAULT_MODEL = "minilm-cosine"

Data = Annotated[
    Path,
    typer.Argument(
        help="A LoCoMo file, Example JSONL, lives JSONL (or a folder of it), a chat export in "
        "JSON, or text with speakers. - reads Example JSONL from stdin."
    ),
]
Model = Annotated[str, typer.Option(help="Embedded name, checkpoint folder or hub id.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, mps; chosen where not given.")]
Dtype = Annotated[str | None, typer.Option(help="float32, bfloat16 or float16.")]
FirstStageOption = Annotated[
    str, typer.Option("--first-stage", help="fused, bm25, dense, or none (memories as they come).")
]
Candidates = Annotated[int, typer.Option(min=1, help="Memories that the first stage passes on.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Go on past bad lines; count them.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """An open lab for reranking agent memories."""
    if version:
        print(__version__)
        raise typer.Exit


def note(text: str) -> None:
    """A line for the person, not for the pipe."""
    print(text, file=sys.stderr)


class _BadLines:
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
def _dialogues(data: Path, skip_bad: bool) -> Iterator[Iterator[Dialogue]]:
    from labkit.sources import read_dialogues

    bad = _BadLines()
    yield read_dialogues(data, on_bad=bad if skip_bad else None, on_note=note)
    bad.close()


def _load(model: str, device: str | None, dtype: str | None) -> Any:
    from labkit.scoring.reranker import Reranker

    reranker = Reranker.load(model, device=device, dtype=dtype)
    note(f"model {reranker.name}" + (f" on {reranker.placement}" if reranker.placement else ""))
    return reranker


def _method(name: str) -> Method:
    from labkit.retrieval.first_stage import METHODS

    for method in METHODS:
        if method == name:
            return method
    raise InputError(f"--first-stage is {name!r}, expected one of {', '.join(METHODS)}")


# --- rerank --------------------------------------------------------------------------------------


@app.command()
def rerank(
    data: Data,
    query: Annotated[str | None, typer.Option("--query", "-q", help="The question.")] = None,
    query_id: Annotated[
        str | None, typer.Option(help="One query of the file; without it and --query, all.")
    ] = None,
    dialogue: Annotated[
        str | None, typer.Option(help="Which dialogue of the file, where it has several.")
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(
            "--context",
            "-c",
            help='A turn before the question, "Speaker: text"; again for more, oldest first.',
        ),
    ] = None,
    query_time: Annotated[str | None, typer.Option(help="When it is asked, ISO 8601.")] = None,
    instruction: Annotated[str | None, typer.Option(help="What to look for.")] = None,
    model: Model = DEFAULT_MODEL,
    first_stage: FirstStageOption = "fused",
    candidates: Candidates = 50,
    top_k: Annotated[int | None, typer.Option(min=1, help="Show the best K only.")] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Probability that a memory needs to be kept.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after N queries.")] = None,
    device: Device = None,
    dtype: Dtype = None,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
) -> None:
    """Rank memories for a query: the first stage finds candidates, the model orders them.

    Without --threshold nothing is dropped. --json prints one object a query on one line.
    """  # fmt: skip
    from labkit.retrieval.first_stage import FirstStage

    if query is None and (context or query_time or instruction):
        raise InputError("--context, --query-time and --instruction need --query, got none")
    if query is not None and query_id is not None:
        raise InputError("got --query and --query-id, expected one of them")
    method = _method(first_stage)
    own = None if query is None else _own_query(query, context or [], query_time, instruction)
    with _dialogues(data, skip_bad) as dialogues:
        reranker = None
        count = 0
        for current, examples in _selected(dialogues, data, dialogue, query_id, own):
            stage = FirstStage(current.memories, method)
            for example in examples:
                if limit is not None and count >= limit:
                    return
                reranker = reranker or _load(model, device, dtype)
                ranking = reranker.rerank(
                    example.query, stage.candidates(example.query, candidates)
                )
                show = _print_json if as_json else _print_table
                show(current, example, ranking, method, top_k, threshold)
                count += 1
    if count == 0:
        raise InputError(f"{data} holds no query, expected --query with a question to rank for")


def _own_query(text: str, context: list[str], time: str | None, instruction: str | None) -> Example:
    from labkit.records import Example, parse_query

    turns = []
    for turn in context:
        speaker, colon, said = turn.partition(":")
        if not colon or not speaker.strip():
            raise InputError(f'--context is {turn!r}, expected "Speaker: text"')
        turns.append({"speaker": speaker.strip(), "text": said.strip()})
    item = {
        "id": "query",
        "query": text,
        "context": turns,
        "query_time": time,
        "instruction": instruction,
    }
    return Example(query=parse_query(item, kind_key="category"), memories=())


def _selected(
    dialogues: Iterator[Dialogue],
    data: Path,
    wanted: str | None,
    query_id: str | None,
    own: Example | None,
) -> Iterator[tuple[Dialogue, tuple[Example, ...]]]:
    """The dialogues and queries that the options name; an error says what there was."""
    seen: list[str] = []
    if own is not None and wanted is None:
        first, second = next(dialogues, None), next(dialogues, None)
        if first is not None and second is None:
            yield first, (own,)
            return
        if second is not None:
            assert first is not None
            raise InputError(
                f"{data} holds several dialogues ({first.id}, {second.id}, ...), expected "
                "--dialogue with the one to search"
            )
    for dialogue in dialogues:
        seen.append(dialogue.id)
        if wanted is not None and dialogue.id != wanted:
            continue
        if own is not None:
            yield dialogue, (own,)
            return
        examples = dialogue.examples
        if query_id is not None:
            examples = tuple(example for example in examples if example.id == query_id)
        if examples:
            yield dialogue, examples
        if query_id is not None and examples:
            return
    if query_id is not None:
        raise InputError(f"{data} has no query with id {query_id!r}, expected one of its ids")
    if not seen:
        raise InputError(f"{data} holds no dialogue, expected at least one")
    if wanted is not None and wanted not in seen:
        some = ", ".join(seen[:5]) + (", ..." if len(seen) > 5 else "")
        raise InputError(f"{data} has no dialogue {wanted!r}, expected one of {some}")


def _print_json(
    dialogue: Dialogue,
    example: Example,
    ranking: Ranking,
    method: str,
    top_k: int | None,
    threshold: float | None,
) -> None:
    rows = zip(
        ranking.memories,
        ranking.log_odds,
        ranking.probabilities,
        ranking.first_stage_ranks,
        strict=True,
    )
    results = []
    for rank, (memory, log_odds, p, before) in enumerate(list(rows)[:top_k], 1):
        result = {
            "rank": rank,
            "id": memory.id,
            "log_odds": log_odds,
            "probability": p,
            "first_stage_rank": before,
            "kept": threshold is None or p >= threshold,
            "time": memory.time,
            "speaker": memory.speaker,
            "text": memory.text,
            "truncated": memory.id in ranking.truncated,
        }
        if example.labels:
            result["label"] = example.label(memory.id)
        results.append(result)
    line = {
        "dialogue": dialogue.id,
        "id": example.id,
        "query": example.query.text,
        "model": ranking.model,
        "first_stage": method,
        "candidates": len(ranking.memories),
        "threshold": threshold,
        "results": results,
    }
    print(json.dumps(line, ensure_ascii=False), flush=True)


def _print_table(
    dialogue: Dialogue,
    example: Example,
    ranking: Ranking,
    method: str,
    top_k: int | None,
    threshold: float | None,
) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    console = Console(soft_wrap=False)
    query = example.query
    for turn in query.context:
        console.print(Text(f"  {turn.speaker}: {turn.text}", style="dim"))
    console.print(Text(f"{query.text}  [{query.id}, {dialogue.id}]", style="bold"))
    gold = bool(example.labels)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("rank", method, "prob", "log-odds", *(["gold"] if gold else [])):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("date", no_wrap=True)
    table.add_column("memory", ratio=1)
    drawn = False
    shown = list(zip(ranking.memories, ranking.log_odds, ranking.probabilities, strict=True))
    for rank, (memory, log_odds, p) in enumerate(shown[:top_k], 1):
        dropped = threshold is not None and p < threshold
        if dropped and not drawn:
            table.add_section()
            drawn = True
        label = example.label(memory.id)
        speaker = f"{memory.speaker}: " if memory.speaker else ""
        table.add_row(
            str(rank),
            str(ranking.first_stage_ranks[rank - 1]),
            f"{p:.3f}",
            f"{log_odds:+.2f}",
            *([f"{label:.1f}" if label else ""] if gold else []),
            (memory.time or "")[:10],
            escape(speaker + " ".join(memory.text.split())),
            style="dim strike" if dropped and console.is_terminal else ("dim" if dropped else ""),
        )
    console.print(table)
    if threshold is not None:
        kept = len(ranking.kept(threshold))
        console.print(f"threshold {threshold:g} keeps {kept} of {len(ranking.memories)}")
    if ranking.truncated:
        console.print(f"{len(ranking.truncated)} memories were too long to be read to their end")
    console.print()


# --- eval ----------------------------------------------------------------------------------------


@app.command("eval")
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

    methods = [_method(name) for name in first_stage or ["fused", "bm25", "dense"]]
    rerankers = [_load(name, device, dtype) for name in model or []]
    columns = (*Progress.get_default_columns()[:1], MofNCompleteColumn(), TimeElapsedColumn())
    with (
        _dialogues(data, skip_bad) as dialogues,
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


# --- doctor --------------------------------------------------------------------------------------


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what is installed, which device is used, and whether the embedded model is intact.

    Exits with 1 if something is broken. A hub that cannot be reached is no fault.
    """
    from dataclasses import asdict

    from labkit.doctor import check_all

    checks = []
    for check in check_all():
        checks.append(check)
        if not as_json:
            print(f"{check.status:<7}{check.name:<22}{check.found}")
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
    if any(check.status == "broken" for check in checks):
        raise typer.Exit(1)


# --- the way out ---------------------------------------------------------------------------------


def _fail(message: str) -> NoReturn:
    note(f"labkit: {message}")
    sys.exit(2)


def main() -> None:
    """Entry point: one line on stderr and exit code 2 for input that cannot be used."""
    try:
        app()
    except InputError as error:
        _fail(str(error))
    except BrokenPipeError:
        # The reader (head, less) has left; what it wanted, it has.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        note("labkit: stopped")
        sys.exit(130)
