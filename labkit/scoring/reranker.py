"""The public class: load a student, score memories, rank them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.errors import InputError
from labkit.records import Memory, Query, Ranking
from labkit.scoring.abstention import from_json as abstention_from_json
from labkit.scoring.calibration import from_json, probability
from labkit.students.card import Card
from labkit.students.cosine import CosineStudent
from labkit.students.load import EMBEDDED, load_student
from labkit.students.placement import Placement, choose_placement


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
        self.calibration = from_json(self.card.calibration)
        self.abstention = abstention_from_json(self.card.abstention)

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

    def threshold(self, name_or_value: str | float) -> float:
        """The probability from which a memory is kept: a number as it is, or a named one.

        Raises:
            InputError: the card has no threshold of this name, or the number is none from 0 to 1.
        """
        named = self.card.thresholds
        if isinstance(name_or_value, str) and name_or_value in named:
            return named[name_or_value]
        try:
            value = float(name_or_value)
        except ValueError:
            value = float("nan")
        if not 0 <= value <= 1:
            names = (
                f"or one of {', '.join(named)}"
                if named
                else f"for {self.name} has no named ones; labkit calibrate makes them"
            )
            raise InputError(
                f"threshold is {name_or_value!r}, expected a number from 0 to 1, {names}"
            )
        return value

    def rerank(self, query: Query, candidates: Sequence[Memory]) -> Ranking:
        """All candidates, best first; equal scores keep the order of the first stage.

        The ranking holds the model's own log-odds, and the probabilities that the card's
        calibration makes of them: the logistic function alone where the card has none.
        """
        log_odds, truncated = self._score(query, candidates)
        order = np.argsort(-log_odds, kind="stable")
        return Ranking(
            query=query,
            memories=tuple(candidates[i] for i in order),
            log_odds=tuple(log_odds[order].tolist()),
            probabilities=tuple(probability(self.calibration(log_odds))[order].tolist()),
            first_stage_ranks=tuple((order + 1).tolist()),
            model=self.name,
            truncated=truncated,
            answerable=None if self.abstention is None else self.abstention(log_odds),
        )
