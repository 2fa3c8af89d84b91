from __future__ import annotations

import numpy as np
import pytest

from labkit.records import Memory, Query
from labkit.scoring.reranker import Reranker, probability
from labkit.students.decoder import DecoderStudent


@pytest.fixture(scope="module")
def embedded() -> Reranker:
    return Reranker.load()


def test_scores_come_in_the_order_given_and_rankings_best_first(
    embedded: Reranker, query: Query, memories: list[Memory]
) -> None:
    scores = embedded.score(query, memories)
    ranking = embedded.rerank(query, memories)
    assert list(ranking.log_odds) == sorted(scores, reverse=True)
    assert sorted(m.id for m in ranking.memories) == sorted(m.id for m in memories)
    by_id = dict(zip((m.id for m in memories), scores, strict=True))
    assert [by_id[m.id] for m in ranking.memories] == pytest.approx(list(ranking.log_odds))
    first = [memories[rank - 1].id for rank in ranking.first_stage_ranks]
    assert first == [m.id for m in ranking.memories]


def test_probabilities_keep_the_order_of_the_log_odds(
    embedded: Reranker, query: Query, memories: list[Memory]
) -> None:
    ranking = embedded.rerank(query, memories)
    assert list(ranking.probabilities) == sorted(ranking.probabilities, reverse=True)
    assert all(0 <= p <= 1 for p in ranking.probabilities)


def test_a_threshold_keeps_what_reaches_it_and_may_keep_nothing(
    embedded: Reranker, query: Query, memories: list[Memory]
) -> None:
    ranking = embedded.rerank(query, memories)
    middle = ranking.probabilities[4]
    kept = [p >= middle for p in ranking.probabilities]
    assert len(ranking.kept(middle)) == sum(kept) < len(memories)
    assert ranking.kept(0) == ranking.memories
    assert ranking.kept(1.0) == ()


def test_no_candidates_give_an_empty_ranking(embedded: Reranker, query: Query) -> None:
    assert embedded.rerank(query, []).memories == ()


def test_equal_scores_keep_the_first_stage_order(embedded: Reranker, query: Query) -> None:
    same = [Memory(f"m{i}", "the same words") for i in range(40)]
    assert embedded.rerank(query, same).first_stage_ranks == tuple(range(1, 41))


def test_a_memory_that_was_cut_is_named(decoder: DecoderStudent, query: Query) -> None:
    reranker = Reranker(decoder, "tiny")
    ranking = reranker.rerank(query, [Memory("long", "word " * 9000), Memory("short", "word")])
    assert ranking.truncated == {"long"}


def test_the_logistic_function_holds_at_both_ends() -> None:
    got = probability(np.array([-800.0, -1.0, 0.0, 1.0, 800.0]))
    want = [0.0, 1 / (1 + np.e), 0.5, np.e / (1 + np.e), 1.0]
    np.testing.assert_allclose(got, want, atol=1e-12)
