"""``labkit rerank``"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labkit.cli.shared import (
    DEFAULT_MODEL,
    AsJson,
    Candidates,
    Data,
    Device,
    Dtype,
    FirstStageOption,
    Model,
    SkipBad,
    first_stage_method,
    load_reranker,
    open_dialogues,
)
from labkit.errors import InputError

if TYPE_CHECKING:
    from labkit.records import Dialogue, Example, Ranking


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
        str | None,
        typer.Option(
            help="Probability that a memory needs to be kept, or the name of an operating point of "
            "the model: balanced, careful, lean."
        ),
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
    method = first_stage_method(first_stage)
    own = None if query is None else _own_query(query, context or [], query_time, instruction)
    with open_dialogues(data, skip_bad) as dialogues:
        reranker = None
        least: float | None = None
        count = 0
        for current, examples in _selected(dialogues, data, dialogue, query_id, own):
            stage = FirstStage(current.memories, method)
            for example in examples:
                if limit is not None and count >= limit:
                    return
                if reranker is None:
                    reranker = load_reranker(model, device, dtype)
                    least = None if threshold is None else reranker.threshold(threshold)
                ranking = reranker.rerank(
                    example.query, stage.candidates(example.query, candidates)
                )
                show = _print_json if as_json else _print_table
                show(current, example, ranking, method, top_k, least)
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
        "answerable": ranking.answerable,
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
    if ranking.answerable is not None:
        console.print(f"probability that one of them answers: {ranking.answerable:.3f}")
    if ranking.truncated:
        console.print(f"{len(ranking.truncated)} memories were too long to be read to their end")
    console.print()
