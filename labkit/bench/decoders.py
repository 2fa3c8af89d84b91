"""Who scores the pairs of a decoder of Qwen3-Reranker-0.6B's shape: ours, and others beside it.

The weights are random, since only their shape costs time, and the vocabulary is tiny, which spares
the others the product with 151,669 rows that they would compute. Of the 28 layers a few are
measured: all are alike, so time grows with them, and what is said of 28 is extrapolated.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from labkit.records import Memory, Query, Turn
from labkit.rendering import render_memory, render_query
from labkit.scoring.engine import score_pairs
from labkit.scoring.reranker import Reranker
from labkit.students.decoder import DecoderStudent
from labkit.students.tiny import tiny_qwen3, tiny_qwen_tokenizer

LAYERS = 28
"""Of Qwen3-Reranker-0.6B."""

SHAPE = {"hidden": 1024, "heads": 16, "key_heads": 8, "head_size": 128, "intermediate": 3072}

Scores = Callable[[], NDArray[np.float64]]

_TEXT = "the roof was mended in March by Ana and not by Bo and it cost them more than they had"
_WORDS = _TEXT.split(" ")


def save_random(folder: Path, layers: int) -> DecoderStudent:
    """A random decoder of that shape with so many layers, as a stock checkpoint."""
    tokenizer = tiny_qwen_tokenizer()
    student = DecoderStudent(tiny_qwen3(tokenizer, layers=layers, **SHAPE), tokenizer).eval()
    student.save(folder)
    return student


def pairs_of(student: Any, prefix: int, memory: int, candidates: int) -> tuple[Query, list[Memory]]:
    """A query with context, and memories, whose prompts have about so many tokens."""

    def words(count: int, start: int) -> str:
        return " ".join(_WORDS[(start + 7 * i) % len(_WORDS)] for i in range(count))

    def query(count: int) -> Query:
        return Query("Who mended it?", context=(Turn("Ana", words(count, 0)),))

    def memories(count: int) -> list[Memory]:
        return [Memory(str(i), words(count, i)) for i in range(candidates)]

    context = _smallest(lambda n: len(student.tokenize(query(n), []).prefix), prefix)
    text = _smallest(lambda n: len(student.tokenize(Query("?"), memories(n)[:1]).tails[0]), memory)
    return query(context), memories(text)


def _smallest(tokens: Callable[[int], int], wanted: int) -> int:
    count = 1
    while tokens(count) < wanted and count < wanted:
        count += 1
    return count


def ours(reranker: Reranker, query: Query, memories: list[Memory]) -> Scores:
    return lambda: reranker.score(query, memories)


def ours_without_sharing(reranker: Reranker, query: Query, memories: list[Memory]) -> Scores:
    """The same layers reading each whole prompt: what the shared prefix alone is worth."""
    student = reranker.student
    return lambda: score_pairs(student, student.tokenize(query, memories), share_prefix=False)


def sentence_transformers(folder: Path, query: Query, memories: list[Memory]) -> Scores:
    from sentence_transformers import CrossEncoder

    peer = CrossEncoder(str(folder), device="cpu")
    pairs = [(render_query(query).text, render_memory(memory)) for memory in memories]

    def score() -> NDArray[np.float64]:
        found = peer.predict(pairs, activation_fn=torch.nn.Identity(), show_progress_bar=False)
        return np.asarray(found, dtype=np.float64)

    return score
