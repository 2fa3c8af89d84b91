"""The cosine student: the packaged MiniLM's cosine, put on the scale of log-odds.

A bi-encoder compares what two texts are about. That is the baseline which a reranker has to beat,
and the scorer of the lab until a trained student is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labkit.records import Memory, Query
from labkit.rendering import render_memory, render_search
from labkit.retrieval.minilm import DECIMALS, embed
from labkit.students.card import Card


def cosines(query: Query, memories: Sequence[Memory]) -> NDArray[np.float64]:
    """Cosine [n] between the query with its context and each memory, to six decimals."""
    if not memories:
        return np.zeros(0)
    vectors = embed([render_search(query), *(render_memory(memory) for memory in memories)])
    products = np.asarray(vectors[1:] @ vectors[0], dtype=np.float64)
    return products.round(DECIMALS)


class CosineStudent:
    """``slope * cosine + intercept``, a logistic regression on one feature.

    The two numbers are the card's ``head``; :mod:`labkit.training.cosine` fits them.
    """

    family = "cosine"

    def __init__(self, card: Card) -> None:
        self.slope, self.intercept = card.line()
        self.card = card

    def score(self, query: Query, memories: Sequence[Memory]) -> NDArray[np.float64]:
        """Log-odds [n]. The instruction is not read: a cosine cannot follow one."""
        return self.slope * cosines(query, memories) + self.intercept

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.card.save(folder)
