"""A student whose score is a sum over what it reads, so that every effect is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labkit.records import Memory, Query
from labkit.rendering import render_memory, render_query
from labkit.scoring.calibration import Platt, to_json
from labkit.scoring.reranker import Reranker
from labkit.students.card import Card
from labkit.students.cosine import CosineStudent


def words_of(text: str) -> list[str]:
    return [word.strip(".,?!:[]") for word in text.lower().split()]


class WordWeights(CosineStudent):
    """The sum of the weights of a memory's words, and a half for each that the query has too."""

    def __init__(self, **weights: float) -> None:
        head = {"slope": 1.0, "intercept": 0.0}
        super().__init__(Card(family="cosine", head=head, calibration=to_json(Platt(2.0, -1.0))))
        self.weights = weights
        self.runs: list[int] = []

    def score(self, query: Query, memories: Sequence[Memory]) -> np.ndarray:
        self.runs.append(len(memories))
        asked = set(words_of(render_query(query).text))
        return np.array(
            [
                sum(
                    self.weights.get(word, 0.0) + (0.5 if word in asked else 0.0)
                    for word in words_of(render_memory(memory))
                )
                for memory in memories
            ]
        )


def weighing(**weights: float) -> Reranker:
    return Reranker(WordWeights(**weights), "word weights")
