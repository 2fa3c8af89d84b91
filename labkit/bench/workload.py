"""Queries with as many memories as asked for, of the lengths that a file has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Literal, get_args

from labkit.assets import assets_path
from labkit.errors import InputError
from labkit.records import Dialogue, Memory, Query, Turn
from labkit.retrieval.first_stage import FirstStage
from labkit.sources import read_dialogues

Context = Literal["short", "long"]
CONTEXTS: tuple[Context, ...] = get_args(Context)

WORDS = 80
"""Of a long context, the last turns before the question; a short one has none. They fit the budget
of every student, so that whoever has no budgets reads the same."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One query and its candidates."""

    context: Context
    query: Query
    memories: tuple[Memory, ...]


def bundled_lives() -> Path:
    """The data of a benchmark that is given no file."""
    return assets_path() / "lives"


def read_workloads(data: Path, context: Context, count: int, queries: int) -> list[Workload]:
    """The first ``queries`` queries of a file, each with the ``count`` candidates of BM25.

    Memories of several dialogues are searched together where one has too few; once those of the
    file are at an end they come again with a number before them.

    Raises:
        InputError: the file has no query.
    """
    pool: list[Memory] = []
    asked: list[tuple[Query, Dialogue]] = []
    for dialogue in read_dialogues(data):
        pool += [replace(m, id=f"{dialogue.id}/{m.id}") for m in dialogue.memories]
        asked += [(example.query, dialogue) for example in dialogue.examples]
        if len(pool) >= count and len(asked) >= queries:
            break
    if not asked:
        raise InputError(f"{data} holds no query, expected a file with queries and memories")
    stage = FirstStage(_filled(pool, count), "bm25")
    chosen = asked[:: max(1, len(asked) // queries)][:queries]
    return [
        Workload(
            context, _with_context(query, dialogue, context), tuple(stage.candidates(query, count))
        )
        for query, dialogue in chosen
    ]


def many_memories(data: Path, count: int) -> tuple[Query, list[Memory]]:
    """One query and ``count`` different memories of the file's lengths."""
    pool: list[Memory] = []
    query = None
    for dialogue in read_dialogues(data):
        pool += dialogue.memories
        query = query or next((example.query for example in dialogue.examples), None)
        if query is not None and len(pool) >= count:
            break
    if query is None or not pool:
        raise InputError(f"{data} holds no query, expected a file with queries and memories")
    numbered = [replace(memory, id=str(i)) for i, memory in enumerate(_filled(pool, count))]
    return query, numbered


def _filled(pool: Sequence[Memory], count: int) -> list[Memory]:
    def again() -> Iterator[Memory]:
        for number, memory in enumerate(cycle(pool)):
            turn = number // len(pool)
            text = memory.text if turn == 0 else f"{turn} {memory.text}"
            yield replace(memory, id=f"{turn}/{memory.id}", text=text)

    source = again()
    return [next(source) for _ in range(max(count, len(pool)))]


def _with_context(query: Query, dialogue: Dialogue, context: Context) -> Query:
    if context == "short":
        return replace(query, context=(), instruction=None)
    turns: list[Turn] = []
    left = WORDS
    for memory in reversed(dialogue.memories):
        words = memory.text.split()[-left:]
        turns.insert(0, Turn(memory.speaker or "User", " ".join(words)))
        left -= len(words)
        if left <= 0:
            break
    return replace(query, context=tuple(turns), instruction=None)
