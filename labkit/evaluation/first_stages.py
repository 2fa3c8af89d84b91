"""First-stage orders of all queries: computed once, kept, and the same for every ranker.

A tie falls by a shuffle that depends on the dialogue's id alone. Files tend to put the evidence
first, and BM25 gives 0 to all that shares no word: kept in the order of the file, such ties would
be a gift.
"""

from __future__ import annotations

import functools
import hashlib
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from labkit.evaluation.benchmarks import Asked
from labkit.files import whole_file
from labkit.records import Dialogue, Example, Memory, Query
from labkit.retrieval.first_stage import (
    FirstStage,
    Method,
    rank_order,
    reciprocal_rank_fusion,
)

Orders = dict[Method, NDArray[np.int32]]

_ANYTHING = Query("anything")

_SINGLE: tuple[Literal["bm25", "dense"], ...] = ("bm25", "dense")


@dataclass(frozen=True, slots=True)
class Task:
    """One query with its first-stage orders.

    ``orders`` are indices into ``example.memories``, best first; ``seconds`` is what each took,
    embedding the query included, indexing the memories not.
    """

    example: Example
    orders: Orders
    seconds: dict[Method, float]

    def candidates(self, method: Method, top_k: int) -> tuple[Memory, ...]:
        return tuple(self.example.memories[i] for i in self.orders[method][:top_k])


def rank_all(
    asked: Asked,
    methods: Sequence[Method],
    *,
    cache: Path | None = None,
    on_query: Callable[[], None] = lambda: None,
) -> list[Task]:
    """The orders of every query by every method, in the order of the queries.

    Args:
        cache: folder in which they are kept, by the hash of the data.
    """
    kept = _load(asked, methods, cache)
    if kept is not None:
        return kept
    tasks = [
        task for dialogue in asked.dialogues for task in _rank_dialogue(dialogue, methods, on_query)
    ]
    if cache is not None:
        _save(asked, methods, tasks, cache)
    return tasks


def _shuffled(dialogue: Dialogue) -> NDArray[np.intp]:
    digest = hashlib.sha256(dialogue.id.encode("utf-8", "replace")).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    return rng.permutation(len(dialogue.memories))


def _rank_dialogue(
    dialogue: Dialogue, methods: Sequence[Method], on_query: Callable[[], None]
) -> list[Task]:
    places = _shuffled(dialogue)
    memories = [dialogue.memories[i] for i in places]
    single = [m for m in _SINGLE if m in methods or "fused" in methods]
    stages = {method: FirstStage(memories, method) for method in single}
    for stage in stages.values():
        stage.order(_ANYTHING)  # builds the index, outside of the clock
    tasks = []
    for example in dialogue.examples:
        found: Orders = {}
        seconds: dict[Method, float] = {}
        in_turn: list[NDArray[np.intp]] = []
        for method, stage in stages.items():
            start = time.perf_counter()
            order = stage.order(example.query)
            seconds[method] = time.perf_counter() - start
            in_turn.append(order)
            found[method] = places[order].astype(np.int32)
        if "fused" in methods:
            start = time.perf_counter()
            order = rank_order(reciprocal_rank_fusion(in_turn))
            seconds["fused"] = sum(seconds.values()) + time.perf_counter() - start
            found["fused"] = places[order].astype(np.int32)
        if "none" in methods:
            found["none"], seconds["none"] = np.arange(len(memories), dtype=np.int32), 0.0
        tasks.append(
            Task(example, {m: found[m] for m in methods}, {m: seconds[m] for m in methods})
        )
        on_query()
    return tasks


# --- the cache -----------------------------------------------------------------------------------


def _file(asked: Asked, methods: Sequence[Method], cache: Path) -> Path:
    return cache / f"{asked.sha256[:16]}-{'-'.join(sorted(methods))}-{_code()[:8]}.npz"


@functools.cache
def _code() -> str:
    """sha256 of the code that an order depends on: an order by other code is none of ours."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in [package / "rendering.py", *sorted((package / "retrieval").glob("*.py"))]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _save(asked: Asked, methods: Sequence[Method], tasks: Sequence[Task], cache: Path) -> None:
    packed = io.BytesIO()
    arrays: dict[str, NDArray[np.generic]] = {}
    for method in methods:
        arrays[method] = np.concatenate([task.orders[method] for task in tasks])
        arrays[f"{method} seconds"] = np.array([task.seconds[method] for task in tasks])
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]
    with whole_file(_file(asked, methods, cache)) as handle:
        handle.write(packed.getvalue())


def _load(asked: Asked, methods: Sequence[Method], cache: Path | None) -> list[Task] | None:
    if cache is None or not _file(asked, methods, cache).is_file():
        return None
    examples = [example for dialogue in asked.dialogues for example in dialogue.examples]
    cuts = np.cumsum([len(example.memories) for example in examples])[:-1]
    with np.load(_file(asked, methods, cache), allow_pickle=False) as stored:
        orders = {method: np.split(stored[method], cuts) for method in methods}
        seconds = {method: stored[f"{method} seconds"].tolist() for method in methods}
    return [
        Task(
            example,
            {method: orders[method][i] for method in methods},
            {method: seconds[method][i] for method in methods},
        )
        for i, example in enumerate(examples)
    ]
