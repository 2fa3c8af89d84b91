"""Leaves unscored what will not pass the threshold, with a bound on what that loses.

The cosine of query and memory costs next to nothing once the memories' vectors are there. Below a
cut on it a candidate is not scored. The cut is the highest one for which, by conformal risk control
(Angelopoulos et al. 2022, see :mod:`labkit.scoring.conformal`), the expected share of a query's
memories that the model would have kept and the cut takes away is at most ``alpha``, for queries
exchangeable with those that it was found on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from labkit.errors import InputError
from labkit.records import Example, Memory, Query, Ranking
from labkit.scoring.conformal import evidence_threshold
from labkit.scoring.scored import ScoredData, ScoredQuery
from labkit.students.cosine import cosines

if TYPE_CHECKING:
    from labkit.scoring.reranker import Reranker


@dataclass(frozen=True, slots=True)
class Cascade:
    """A cut on the cosine for one threshold of one model.

    Attributes:
        threshold: the probability from which a memory is kept.
        cut: the cosine below which a candidate is not scored.
        alpha: the most that may be lost in expectation; ``dropped`` was lost on the ``n`` queries
            of the fit for which the model keeps anything.
        skipped: the share of their candidates that were not scored.
        slope, intercept: what an unscored candidate's log-odds are taken to be, for a calibration
            that looks at all candidates of a query.
    """

    threshold: float
    cut: float
    alpha: float
    n: int
    dropped: float
    skipped: float
    slope: float
    intercept: float

    def rerank(self, reranker: Reranker, query: Query, candidates: Sequence[Memory]) -> Ranking:
        """The ranking of those candidates that are scored; the others are not in it."""
        cosine = cosines(query, candidates)
        scored = cosine >= self.cut
        log_odds = self.slope * cosine + self.intercept
        chosen = [memory for memory, yes in zip(candidates, scored, strict=True) if yes]
        scores = reranker.score_groups([(query, chosen)])[0]
        log_odds[scored] = scores.log_odds
        logits = scores.logits
        if logits is not None:
            # Those that were not read are taken to say no more than the least of the others.
            logits = np.full(len(candidates), logits.min(initial=0.0))
            logits[scored] = scores.logits
        whole = reranker.ranking(
            query, candidates, replace(scores, log_odds=log_odds, logits=logits)
        )
        ids = {memory.id for memory in chosen}
        rows = [row for row, memory in enumerate(whole.memories) if memory.id in ids]
        return replace(
            whole,
            memories=tuple(whole.memories[row] for row in rows),
            log_odds=tuple(whole.log_odds[row] for row in rows),
            probabilities=tuple(whole.probabilities[row] for row in rows),
            first_stage_ranks=tuple(whole.first_stage_ranks[row] for row in rows),
        )


def fit_cascade(
    reranker: Reranker,
    examples: Sequence[Example],
    threshold: str | float,
    *,
    alpha: float = 0.05,
) -> Cascade:
    """Score all candidates of held-out queries and find the cut.

    Args:
        examples: their memories are the candidates; labels are not needed.
        threshold: a probability, or the name of one of the model's.
        alpha: see :class:`Cascade`.

    Raises:
        InputError: the model keeps something for too few of the queries to promise ``alpha``.
    """
    least = reranker.threshold(threshold)
    queries, every_cosine, every_score = [], [], []
    for number, example in enumerate(examples):
        if not example.memories:
            continue
        cosine = cosines(example.query, example.memories)
        ranking = reranker.rerank(example.query, example.memories)
        kept = {
            memory.id
            for memory, p in zip(ranking.memories, ranking.probabilities, strict=True)
            if p >= least
        }
        score = dict(zip((m.id for m in ranking.memories), ranking.log_odds, strict=True))
        every_score += [score[memory.id] for memory in example.memories]
        every_cosine += cosine.tolist()
        labels = tuple(float(memory.id in kept) for memory in example.memories)
        queries.append(ScoredQuery(str(number), str(number), None, tuple(cosine), labels))
    data = ScoredData(queries)
    x, y = np.array(every_cosine), np.array(every_score)
    try:
        found = evidence_threshold(x, data, alpha)
    except (InputError, IndexError, ValueError):
        count = int(data.answerable.sum()) if queries else 0
        raise InputError(
            f"the model keeps a memory for {count} of {len(queries)} queries, expected at least "
            f"{int(np.ceil(1 / alpha - 1))} to promise a loss of at most {alpha:g}; take more "
            "queries, a larger alpha or a lower threshold"
        ) from None
    skipped = x < found.threshold
    below = skipped if skipped.sum() > 1 else np.ones_like(skipped)
    slope = float(np.cov(x[below], y[below])[0, 1] / max(float(np.var(x[below], ddof=1)), 1e-12))
    intercept = float(y[below].mean() - slope * x[below].mean())
    return Cascade(
        threshold=least,
        cut=found.threshold,
        alpha=alpha,
        n=found.n,
        dropped=found.dropped,
        skipped=float(skipped.mean()),
        slope=slope,
        intercept=intercept,
    )


@dataclass(frozen=True, slots=True)
class Loss:
    """What a cascade did to ``n`` queries for which the model keeps anything.

    ``dropped`` is the mean share of what is kept without it and not with it, ``added`` the mean
    number kept only with it, for a calibration that looks at all candidates saw some guessed;
    ``skipped`` the share of candidates left unscored.
    """

    n: int
    dropped: float
    added: float
    skipped: float


def measure_loss(cascade: Cascade, reranker: Reranker, examples: Sequence[Example]) -> Loss:
    """Rerank with and without the cascade."""
    dropped, added, scored, count = [], [], 0, 0
    for example in examples:
        whole = reranker.rerank(example.query, example.memories)
        part = cascade.rerank(reranker, example.query, example.memories)
        scored += len(part.memories)
        count += len(example.memories)
        want = {memory.id for memory in whole.kept(cascade.threshold)}
        got = {memory.id for memory in part.kept(cascade.threshold)}
        if want:
            dropped.append(len(want - got) / len(want))
            added.append(len(got - want))
    return Loss(
        n=len(dropped),
        dropped=float(np.mean(dropped)) if dropped else 0.0,
        added=float(np.mean(added)) if added else 0.0,
        skipped=1 - scored / max(count, 1),
    )
