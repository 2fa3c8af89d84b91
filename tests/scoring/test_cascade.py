from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.records import Example, Memory, Query
from labkit.scoring.cascade import fit_cascade, measure_loss
from labkit.scoring.reranker import Reranker
from labkit.students.cosine import cosines
from labkit.students.load import load_student

_LINE = "roof rain bread music garden river letter winter doctor holiday"
WORDS = _LINE.split(" ")


def made_up(count: int, seed: int) -> list[Example]:
    rng = np.random.default_rng(seed)
    examples = []
    for number in range(count):
        topic = str(rng.choice(WORDS))
        memories = tuple(
            Memory(str(i), " ".join([*rng.choice(WORDS, 4), topic if i < 3 else "nothing"]))
            for i in range(12)
        )
        examples.append(Example(Query(f"What about the {topic}?", id=str(number)), memories))
    return examples


class Noisy(Reranker):
    """The cosine and something that a cosine does not know: a model with a mind of its own."""

    def __init__(self) -> None:
        super().__init__(load_student("minilm-cosine"), "noisy")
        self.asked = 0
        self.calibration = lambda log_odds: log_odds  # type: ignore[assignment]

    def score_groups(self, groups: Sequence[tuple[Query, Sequence[Memory]]], **_: object):  # type: ignore[no-untyped-def,override]
        found = super().score_groups(groups)
        for (query, memories), scores in zip(groups, found, strict=True):
            self.asked += len(memories)
            noise = [hash_of(query.text + memory.text) for memory in memories]
            scores.log_odds[:] = 12 * (cosines(query, memories) - 0.35) + 2 * np.array(noise)
        return found


def hash_of(text: str) -> float:
    import zlib

    return zlib.crc32(text.encode()) / 2**31 - 1


def test_what_is_lost_stays_within_the_promise_on_other_queries() -> None:
    reranker = Noisy()
    cascade = fit_cascade(reranker, made_up(60, 0), 0.5, alpha=0.1)
    reranker.asked = 0
    fresh = made_up(60, 1)
    loss = measure_loss(cascade, reranker, fresh)
    assert 0.05 < loss.skipped < 0.95
    assert loss.dropped < 0.1 + 3 * (0.1 / loss.n) ** 0.5
    assert loss.added == 0, "a calibration of each score alone is told nothing else"
    assert reranker.asked < 2 * 60 * 12, "what is skipped is not scored"


def test_a_smaller_loss_allows_a_smaller_cut() -> None:
    reranker, examples = Noisy(), made_up(60, 0)
    cuts = [fit_cascade(reranker, examples, 0.5, alpha=a).cut for a in (0.02, 0.1, 0.3)]
    assert cuts == sorted(cuts) and cuts[0] < cuts[-1]


def test_the_scored_keep_their_scores_their_order_and_their_places() -> None:
    reranker, (example,) = Noisy(), made_up(1, 2)
    cascade = fit_cascade(reranker, made_up(60, 0), 0.5, alpha=0.2)
    whole = reranker.rerank(example.query, example.memories)
    part = cascade.rerank(reranker, example.query, example.memories)
    ids = {memory.id for memory in part.memories}
    rows = [i for i, memory in enumerate(whole.memories) if memory.id in ids]
    assert 0 < len(rows) < 12
    assert [whole.memories[i] for i in rows] == list(part.memories)
    assert [whole.log_odds[i] for i in rows] == pytest.approx(part.log_odds)
    assert [whole.first_stage_ranks[i] for i in rows] == list(part.first_stage_ranks)


def test_too_few_queries_promise_nothing() -> None:
    with pytest.raises(InputError, match="expected at least 19"):
        fit_cascade(Noisy(), made_up(5, 0), 0.5, alpha=0.05)
