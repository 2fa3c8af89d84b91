from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from labkit.records import Example, Memory, Query
from labkit.students.cosine import cosines
from labkit.training.cosine import best_f1_threshold, fit_head


@pytest.mark.parametrize("seed", range(5))
def test_no_other_threshold_has_a_better_f1(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.random(80).round(2)
    relevant = rng.random(80) < p
    best = best_f1_threshold(p, relevant)
    want = max(f1_score(relevant, p >= t) for t in np.unique(p))
    assert f1_score(relevant, p >= best) == pytest.approx(want, abs=0.01)


def test_the_head_gives_back_the_share_of_relevant_memories() -> None:
    memories = tuple(
        Memory(f"m{i}", text)
        for i, text in enumerate(
            [
                "The cat is ill.",
                "A cat saw a vet.",
                "Rain all day.",
                "Paid the rent.",
                "Bread rose.",
            ]
        )
    )
    queries = ["What about the cat?", "Who saw the vet?", "How was the weather?"]
    labels = [{"m0": 1.0, "m1": 0.3}, {"m1": 1.0}, {"m2": 0.7}]
    examples = [
        Example(Query(text, id=str(i)), memories, given)
        for i, (text, given) in enumerate(zip(queries, labels, strict=True))
    ]
    fit = fit_head(examples)
    assert fit.head["slope"] > 0 and fit.pairs == 15
    log_odds = [
        fit.head["slope"] * cosines(e.query, e.memories) + fit.head["intercept"] for e in examples
    ]
    mean = float((1 / (1 + np.exp(-np.concatenate(log_odds)))).mean())
    assert mean == pytest.approx((1.3 + 1 + 0.7) / 15, abs=1e-3), "a logistic fit is unbiased"
