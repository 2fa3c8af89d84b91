from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from labkit.evaluation.agreement import agreement, levels, weighted_kappa


@pytest.mark.parametrize("seed", range(10))
def test_kappa_agrees_with_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.choice([0, 0, 0, 0.3, 0.5, 0.7, 1.0], 200)
    second = np.where(rng.random(200) < 0.6, first, rng.choice([0, 0.3, 1.0], 200))
    want = cohen_kappa_score(levels(first), levels(second), weights="quadratic")
    assert weighted_kappa(first, second) == pytest.approx(want, abs=1e-12)


def test_levels_follow_the_five_of_the_records() -> None:
    assert levels([0, 0.19, 0.2, 0.4, 0.6, 0.8, 1.0]).tolist() == [0, 0, 1, 2, 3, 4, 4]


def test_readers_who_agree_have_kappa_one_and_strangers_about_zero() -> None:
    rng = np.random.default_rng(0)
    labels = [rng.choice([0, 0.3, 1.0], 40) for _ in range(50)]
    same = agreement([(a, a) for a in labels], draws=50)
    assert same.kappa == 1 and same.same_relevant_set == 1
    strangers = agreement([(a, rng.permutation(a)) for a in labels], draws=200)
    assert abs(strangers.kappa) < 0.1
    assert strangers.interval[0] < strangers.kappa < strangers.interval[1]
    assert (strangers.pairs, strangers.queries) == (2000, 50)
