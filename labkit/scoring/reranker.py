"""The public class: load a student, score memories, rank them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.errors import InputError
from labkit.records import Memory, Query, Ranking
from labkit.scoring.abstention import from_json as abstention_from_json
from labkit.scoring.calibration import from_json, probability
from labkit.students.card import Card
from labkit.students.conversation import Conversation
from labkit.students.load import EMBEDDED, UntrainedStudent, load_student
from labkit.students.placement import Placement, choose_placement


@dataclass(frozen=True, slots=True)
class Scores:
    """Log-odds [n] of a query's memories in the order given, and what reading them took.

    ``truncated`` holds the ids of the memories that could not be read to their end; ``tokens`` is
    how many the pairs have, 0 for the cosine, which reads no pairs. ``logits`` [n] are the log-odds
    without the similarity, of a student that adds one.
    """

    log_odds: NDArray[np.float64]
    truncated: frozenset[str] = frozenset()
    tokens: int = 0
    logits: NDArray[np.float64] | None = None


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
        """Load a student by embedded name, folder or hub id; see :func:`load_student`.

        Args:
            device, dtype: see :func:`~labkit.students.placement.choose_placement`.
        """
        placement = choose_placement(device, dtype)
        student = load_student(source, placement=placement, for_scoring=True)
        name = Path(source).name if Path(source).is_dir() else str(source)
        # The cosine runs with the first stage's MiniLM, which is small enough for any CPU.
        return cls(student, name, None if isinstance(student, UntrainedStudent) else placement)

    @property
    def card(self) -> Card:
        """What the checkpoint says of itself."""
        card: Card = self.student.card
        return card

    def score(self, query: Query, memories: Sequence[Memory]) -> NDArray[np.float64]:
        """Log-odds [n] that each memory is what the query needs, in the order given."""
        return self.score_groups([(query, memories)])[0].log_odds

    def score_groups(
        self,
        groups: Sequence[tuple[Query, Sequence[Memory]]],
        *,
        conversation: Conversation | None = None,
    ) -> list[Scores]:
        """Scores of the memories of several queries, a result for each group in its order.

        An encoder runs the pairs of all of them in the same batches. A decoder computes what the
        memories of a query share once, so it takes one group after another; with a
        ``conversation`` also what the queries share.
        """
        if isinstance(self.student, UntrainedStudent):
            return [Scores(self.student.score(query, memories)) for query, memories in groups]
        from labkit.scoring.engine import score_pairs, score_rows, with_similarity
        from labkit.students.encoder import EncoderStudent

        tokens = [self.student.tokenize(query, memories) for query, memories in groups]
        logits: list[NDArray[np.float64] | None] = [None] * len(groups)
        if isinstance(self.student, EncoderStudent):
            rows = [(each.prefix, tail) for each in tokens for tail in each.tails]
            ends = np.cumsum([len(each.tails) for each in tokens])[:-1]
            parts = np.split(score_rows(self.student, rows), ends)
            log_odds = [
                with_similarity(self.student, each, part)
                for each, part in zip(tokens, parts, strict=True)
            ]
            if self.student.similarity_weight is not None:
                logits = list(parts)
        else:
            log_odds = [
                score_pairs(self.student, each, conversation=conversation) for each in tokens
            ]
        return [
            Scores(
                scores,
                frozenset(m.id for m, long in zip(group[1], each.truncated, strict=True) if long),
                sum(len(each.prefix) + len(tail) for tail in each.tails),
                own,
            )
            for scores, each, group, own in zip(log_odds, tokens, groups, logits, strict=True)
        ]

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

    def rerank(
        self,
        query: Query,
        candidates: Sequence[Memory],
        *,
        conversation: Conversation | None = None,
    ) -> Ranking:
        """All candidates, best first; equal scores keep the order of the first stage.

        The ranking holds the model's own log-odds, and the probabilities that the card's
        calibration makes of them: the logistic function alone where the card has none.

        Args:
            conversation: given with each query of one conversation, it lets a decoder go on from
                the context that it has read. An encoder has no use for it.
        """
        scores = self.score_groups([(query, candidates)], conversation=conversation)[0]
        return self.ranking(query, candidates, scores)

    def ranking(self, query: Query, candidates: Sequence[Memory], scores: Scores) -> Ranking:
        """What :meth:`rerank` makes of scores that are there already."""
        log_odds = scores.log_odds
        order = np.argsort(-log_odds, kind="stable")
        return Ranking(
            query=query,
            memories=tuple(candidates[i] for i in order),
            log_odds=tuple(log_odds[order].tolist()),
            probabilities=tuple(probability(self.calibration(log_odds))[order].tolist()),
            first_stage_ranks=tuple((order + 1).tolist()),
            model=self.name,
            truncated=scores.truncated,
            answerable=None
            if self.abstention is None
            else self.abstention(log_odds, scores.logits),
        )
