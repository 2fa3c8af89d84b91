"""What if: a query without its context, date or instruction; a memory with another text.

Nothing here changes any data. The candidates stay those of the query as asked, so that what is seen
is the model's doing alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labkit.errors import InputError
from labkit.evaluation.measures import average_precision
from labkit.records import Example, Memory, Query
from labkit.scoring.calibration import probability
from labkit.scoring.reranker import Reranker
from labkit.scoring.scored import Floats

PARTS = ("context", "date", "instruction")
ROWS = 8
"""Memories that are shown: the best so many of each column, and all relevant ones."""

MOST_TEXT = 4_000
"""Characters of a memory that somebody types."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Candidates [n], in the order given: log-odds, calibrated probability, rank from 1."""

    log_odds: Floats
    probabilities: Floats
    ranks: tuple[int, ...]

    @classmethod
    def of(cls, reranker: Reranker, log_odds: Floats) -> Standing:
        order = np.argsort(-log_odds, kind="stable")
        ranks = np.empty(len(order), dtype=np.intp)
        ranks[order] = np.arange(1, len(order) + 1)
        return cls(log_odds, probability(reranker.calibration(log_odds)), tuple(ranks.tolist()))


def parts_of(query: Query) -> list[str]:
    """Those of :data:`PARTS` that a query has."""
    has = {"context": query.context, "date": query.time, "instruction": query.instruction}
    return [part for part in PARTS if has[part]]


def without(query: Query, part: str) -> Query:
    """The query with one part withheld."""
    match part:
        case "context":
            return replace(query, context=())
        case "date":
            return replace(query, time=None)
        case _:
            return replace(query, instruction=None)


def withheld(
    reranker: Reranker, query: Query, candidates: Sequence[Memory], example: Example | None
) -> dict[str, Any]:
    """A column for the query as asked and for each part that it has, withheld; for withheld.js."""
    parts = parts_of(query)
    variants = [query, *(without(query, part) for part in parts)]
    found = [Standing.of(reranker, reranker.score(each, candidates)) for each in variants]
    asked = found[0]
    relevant = frozenset[str]() if example is None else example.relevant
    shown = [
        i
        for i, memory in enumerate(candidates)
        if memory.id in relevant or any(each.ranks[i] <= ROWS for each in found)
    ]
    return {
        "columns": ["as asked", *(f"without {part}" for part in parts)],
        "precision": [_precision(each, candidates, relevant) for each in found],
        "rows": [
            {
                "id": candidates[i].id,
                "text": candidates[i].text,
                "relevant": candidates[i].id in relevant,
                "cells": [
                    {
                        "rank": each.ranks[i],
                        "change": asked.ranks[i] - each.ranks[i],
                        "p": float(each.probabilities[i]),
                        "p_change": float(each.probabilities[i] - asked.probabilities[i]),
                    }
                    for each in found
                ],
            }
            for i in sorted(shown, key=lambda i: asked.ranks[i])
        ],
        "n": len(candidates),
        "model": reranker.name,
        "empty": "" if parts else "This query has no context, no date and no instruction.",
    }


def _precision(
    standing: Standing, candidates: Sequence[Memory], relevant: frozenset[str]
) -> float | None:
    """Average precision over the candidates; None where nothing is known to be relevant."""
    labels = [0.0] * len(candidates)
    for memory, rank in zip(candidates, standing.ranks, strict=True):
        labels[rank - 1] = float(memory.id in relevant)
    return average_precision(labels, len(relevant)) if relevant else None


def edited(
    reranker: Reranker, query: Query, candidates: Sequence[Memory], memory_id: str, text: str
) -> dict[str, Any]:
    """How one candidate would stand with another text, beside how it stands.

    Raises:
        InputError: there is no such candidate, or the text is empty or too long.
    """
    place = next((i for i, memory in enumerate(candidates) if memory.id == memory_id), None)
    if place is None:
        raise InputError("this memory is not among the candidates any more, expected one of them")
    if not text.strip() or len(text) > MOST_TEXT:
        raise InputError(
            f"the edited text has {len(text.strip()):,} characters, expected 1 to {MOST_TEXT:,}"
        )
    changed = replace(candidates[place], text=text)
    scores = reranker.score(query, [*candidates, changed])
    before, after = scores[:-1], scores[:-1].copy()
    after[place] = scores[-1]
    stands = [Standing.of(reranker, each) for each in (before, after)]
    keys = ("before", "after")
    return {
        "id": memory_id,
        "text": text,
        **{
            key: {
                "rank": each.ranks[place],
                "p": float(each.probabilities[place]),
                "log_odds": float(each.log_odds[place]),
            }
            for key, each in zip(keys, stands, strict=True)
        },
    }
