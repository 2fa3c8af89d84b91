from __future__ import annotations

import math

import ir_measures
import numpy as np
import pytest
from ir_measures import AP, MRR, R, nDCG

from labkit.evaluation.measures import average_precision, ndcg_at, recall_at, reciprocal_rank
from labkit.records import RELEVANT


@pytest.mark.parametrize("seed", range(20))
def test_measures_agree_with_ir_measures_on_random_rankings(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 60))
    # trec_eval reads whole grades, so labels are grades over 10 and the gains scale alike
    grades = rng.choice([0, 0, 0, 3, 5, 7, 10], size=n)
    grades[rng.integers(n)] = 10
    ranked = rng.permutation(n)[: int(rng.integers(1, n + 1))]
    labels = grades[ranked] / 10
    relevant = int((grades >= RELEVANT * 10).sum())
    qrels = {"q": {f"d{i}": int(grades[i]) for i in range(n)}}
    run = {"q": {f"d{i}": float(n - place) for place, i in enumerate(ranked)}}
    least = int(RELEVANT * 10)
    measures = [AP(rel=least), MRR(rel=least), R(rel=least) @ 5, nDCG @ 10]
    want = ir_measures.calc_aggregate(measures, qrels, run)
    got = [
        average_precision(labels, relevant),
        reciprocal_rank(labels, relevant),
        recall_at(labels, relevant, 5),
        ndcg_at(labels, grades / 10, 10),
    ]
    assert got == pytest.approx([want[measure] for measure in measures], abs=1e-9)


def test_a_query_without_relevant_memory_has_no_quality() -> None:
    assert math.isnan(average_precision([0.3, 0], 0))
    assert math.isnan(reciprocal_rank([0.3, 0], 0))
    assert math.isnan(recall_at([0.3, 0], 0, 5))
    assert math.isnan(ndcg_at([0.0], [0.0], 5))


def test_what_the_first_stage_lost_counts_against_the_ranking() -> None:
    assert average_precision([1.0], 2) == 0.5
    assert recall_at([1.0], 2, 10) == 0.5
