"""Ranking measures of one query, over labels in ranked order.

Each takes ``labels`` [n], the graded labels of the ranked memories, best rank first, and the number
of relevant memories (or the gains of all memories) that exist, ranked or not: what the first stage
lost counts against the ranking. A query without a relevant memory has no ranking quality; the
measures return NaN for it, and a mean over queries leaves it out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labkit.records import RELEVANT


def average_precision(labels: Sequence[float], relevant: int) -> float:
    """Mean over the relevant memories of the precision at their ranks; 0 for one not ranked."""
    if relevant == 0:
        return float("nan")
    hits = np.asarray(labels) >= RELEVANT
    ranks = np.flatnonzero(hits) + 1
    return float((np.arange(1, len(ranks) + 1) / ranks).sum() / relevant)


def reciprocal_rank(labels: Sequence[float], relevant: int) -> float:
    """1 / rank of the first relevant memory; 0 where none is ranked."""
    if relevant == 0:
        return float("nan")
    ranks = np.flatnonzero(np.asarray(labels) >= RELEVANT) + 1
    return float(1 / ranks[0]) if len(ranks) else 0.0


def recall_at(labels: Sequence[float], relevant: int, k: int) -> float:
    """Share of the relevant memories among the first ``k``."""
    if relevant == 0:
        return float("nan")
    return float((np.asarray(labels[:k]) >= RELEVANT).sum() / relevant)


def ndcg_at(labels: Sequence[float], gains: Sequence[float], k: int) -> float:
    """nDCG at ``k`` with the label as gain and log2(1 + rank) as discount (Järvelin, Kekäläinen).

    Args:
        labels: labels in ranked order.
        gains: labels of all memories in any order; their best order is the ideal.
        k: depth.
    """
    ideal = np.sort(np.asarray(gains, dtype=float))[::-1][:k]
    best = float((ideal / np.log2(np.arange(2, len(ideal) + 2))).sum())
    if best == 0:
        return float("nan")
    got = np.asarray(labels[:k], dtype=float)
    return float((got / np.log2(np.arange(2, len(got) + 2))).sum()) / best
