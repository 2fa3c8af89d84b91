"""Simulated scored queries with a known truth."""

from __future__ import annotations

import numpy as np

from labkit.scoring.scored import ScoredData, ScoredQuery


def simulated(
    queries: int,
    seed: int = 0,
    *,
    slope: float = 1.0,
    shift: float = 0.0,
    query_shift: float = 0.0,
    candidates: int = 12,
    per_group: int = 1,
) -> ScoredData:
    """True log-odds are normal around -2; a label is drawn from them. The model's are
    (truth - shift) / slope, and each query's all off by ``query_shift`` times a normal number."""
    rng = np.random.default_rng(seed)
    made = []
    for q in range(queries):
        truth = rng.normal(-2, 2, candidates)
        hit = rng.random(candidates) < 1 / (1 + np.exp(-truth))
        log_odds = (truth - shift) / slope + query_shift * rng.normal()
        made.append(
            ScoredQuery(
                id=f"q{q}",
                group=f"g{q // per_group}",
                kind=None,
                log_odds=tuple(log_odds.tolist()),
                labels=tuple(hit.astype(float).tolist()),
            )
        )
    return ScoredData(made)
