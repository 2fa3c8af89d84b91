"""BM25 as a weak teacher: which memory shares more, and rarer, words with question and context.

A BM25 score grows with the query, so across queries it says little and by itself nothing: this
teacher does not grade.
"""

from __future__ import annotations

from labkit.llm.store import CallStore
from labkit.records import Example
from labkit.rendering import render_memory, render_search
from labkit.retrieval.bm25 import BM25, K1, B
from labkit.teachers.scored import ScoredTeacher
from labkit.teachers.verdicts import Floats

NAME = "bm25"

UNIT = 1.1
"""Standard deviation of the score over a query's memories: 1.15 on the authored lives."""


def _scores(example: Example) -> Floats:
    index = BM25([render_memory(memory) for memory in example.memories])
    return index.search(render_search(example.query))


def bm25_teacher(store: CallStore | None = None) -> ScoredTeacher:
    """BM25 over the memories of each Example. The instruction and the dates are not read."""
    return ScoredTeacher(NAME, _scores, UNIT, f"bm25 k1={K1} b={B}", store=store)
