from __future__ import annotations

import numpy as np
import pytest

from labkit.records import Memory, Query
from labkit.scoring.reranker import Reranker
from labkit.students.load import COSINE
from tests.conftest import make_memories

GROUPS = [
    (Query("Who mended it?", time="2026-03-14"), make_memories(9)),
    (Query("What did it cost, all in all, and who paid for it?"), make_memories(1)),
    (Query("And Bo?"), []),
    (Query("Who mended it?"), make_memories(30)),
]


@pytest.mark.parametrize("family", ["encoder", "decoder", COSINE, "mini"])
def test_groups_score_as_each_alone(family: str, request: pytest.FixtureRequest) -> None:
    made = family in ("encoder", "decoder")
    reranker = Reranker(request.getfixturevalue(family), family) if made else Reranker.load(family)
    together = reranker.score_groups(GROUPS)
    assert [len(each.log_odds) for each in together] == [9, 1, 0, 30]
    for (query, memories), scores in zip(GROUPS, together, strict=True):
        alone = reranker.score_groups([(query, memories)])[0]
        np.testing.assert_allclose(scores.log_odds, alone.log_odds, atol=1e-4)
        assert (scores.tokens, scores.truncated) == (alone.tokens, alone.truncated)
        assert (scores.tokens > 0) == (bool(memories) and family != COSINE)
        np.testing.assert_allclose(reranker.score(query, memories), alone.log_odds, atol=1e-4)


def test_what_a_student_adds_a_similarity_to_is_kept_by_itself() -> None:
    mini, late = Reranker.load("mini"), Reranker.load("minilm-late")
    scores = mini.score_groups(GROUPS)
    for (query, memories), each in zip(GROUPS, scores, strict=True):
        assert each.logits is not None
        likeness = mini.student.late(query, memories)
        np.testing.assert_allclose(
            each.logits + mini.student.similarity * likeness, each.log_odds, atol=1e-6
        )
    assert all(each.logits is None for each in late.score_groups(GROUPS))


def test_a_long_memory_is_truncated_in_its_group_alone(encoder: object) -> None:
    reranker = Reranker(encoder, "tiny")
    groups = [
        (Query("Who?"), [Memory("a", "short"), Memory("b", "roof " * 400)]),
        (Query("Who?"), [Memory("a", "short"), Memory("b", "short too")]),
    ]
    assert [each.truncated for each in reranker.score_groups(groups)] == [{"b"}, set()]
