"""The public class: load a student, score memories, rank them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.records import Memory, Query, Ranking
from labkit.students.card import Card
from labkit.students.cosine import CosineStudent
from labkit.students.load import EMBEDDED, load_student
from labkit.students.placement import Placement, choose_placement


def probability(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logistic function [n], stable at both ends: what a reader sees of a score."""
    small = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1.0, small) / (1.0 + small)


class Reranker:
    """A student, ready to score.

    >>> reranker = Reranker.load()                                    # doctest: +SKIP
    >>> ranking = reranker.rerank(Query("Who fixed the roof?"), memories)  # doctest: +SKIP
    >>> ranking.kept(0.5)                                             # doctest: +SKIP
    """

    def __init__(self, student: Any, name: str, placement: Placement | None = None) -> None:
        self.student = student
        self.name = name
        self.placement = placement

    @classmethod
    def load(
        cls,
        source: str | os.PathLike[str] = EMBEDDED,
        *,
        device: str | None = None,
        dtype: str | None = None,
    ) -> Reranker:
        """Load a student by embedded name, folder or hub id; see :func:`load_student`."""
        placement = choose_placement(device, dtype)
        student = load_student(source, placement=placement)
        name = Path(source).name if Path(source).is_dir() else str(source)
        # The cosine runs with the first stage's MiniLM, which is small enough for any CPU.
        return cls(student, name, None if isinstance(student, CosineStudent) else placement)

    @property
    def card(self) -> Card:
        """What the checkpoint says of itself."""
        card: Card = self.student.card
        return card

    def score(self, query: Query, memories: Sequence[Memory]) -> NDArray[np.float64]:
        """Log-odds [n] that each memory is what the query needs, in the order given."""
        return self._score(query, memories)[0]

    def _score(
        self, query: Query, memories: Sequence[Memory]
    ) -> tuple[NDArray[np.float64], frozenset[str]]:
        if isinstance(self.student, CosineStudent):
            return self.student.score(query, memories), frozenset()
        from labkit.scoring.engine import score_pairs

        tokens = self.student.tokenize(query, memories)
        cut = (memory.id for memory, long in zip(memories, tokens.truncated, strict=True) if long)
        return score_pairs(self.student, tokens), frozenset(cut)

    def rerank(self, query: Query, candidates: Sequence[Memory]) -> Ranking:
        """All candidates, best first; equal scores keep the order of the first stage."""
        log_odds, truncated = self._score(query, candidates)
        order = np.argsort(-log_odds, kind="stable")
        return Ranking(
            query=query,
            memories=tuple(candidates[i] for i in order),
            log_odds=tuple(log_odds[order].tolist()),
            probabilities=tuple(probability(log_odds)[order].tolist()),
            first_stage_ranks=tuple((order + 1).tolist()),
            model=self.name,
            truncated=truncated,
        )
