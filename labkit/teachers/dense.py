"""The packaged MiniLM's cosine as a weak teacher: which memory is about what is asked."""

from __future__ import annotations

from labkit.llm.store import CallStore
from labkit.records import Example
from labkit.rendering import render_memory, render_search
from labkit.retrieval.dense import Dense
from labkit.retrieval.minilm import SHA256
from labkit.teachers.scored import ScoredTeacher
from labkit.teachers.verdicts import Floats

NAME = "dense"

UNIT = 0.1
"""Standard deviation of the cosine over a query's memories: 0.105 on the authored lives."""


def _scores(example: Example) -> Floats:
    index = Dense([render_memory(memory) for memory in example.memories])
    return index.search(render_search(example.query))


def dense_teacher(store: CallStore | None = None) -> ScoredTeacher:
    """The cosine with context and question. What a cosine is worth is not known: no grades."""
    return ScoredTeacher(NAME, _scores, UNIT, f"dense {SHA256}", store=store)
