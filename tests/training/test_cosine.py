from __future__ import annotations

import numpy as np
import pytest

from labkit.records import Example, Memory, Query
from labkit.students.cosine import cosines
from labkit.training.cosine import fit_head


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
