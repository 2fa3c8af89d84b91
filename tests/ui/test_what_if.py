from __future__ import annotations

import json

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.records import Example, Memory, Query, Turn
from labkit.ui.what_if import MOST_TEXT, ROWS, Standing, edited, parts_of, withheld, without
from tests.ui.word_weights import weighing

CANDIDATES = (
    Memory("a", "Bo likes soup."),
    Memory("b", "The barn has a roof."),
    Memory("c", "In May it rained."),
)
QUERY = Query("What is there?", context=(Turn("Ana", "the barn"),), time="2025-05-20")
EXAMPLE = Example(QUERY, CANDIDATES, {"b": 1.0})


def test_standing_is_that_of_the_reranker() -> None:
    reranker = weighing(soup=0.7, rained=0.7)
    ranking = reranker.rerank(QUERY, CANDIDATES)
    standing = Standing.of(reranker, reranker.score(QUERY, CANDIDATES))
    for memory, rank, p in zip(CANDIDATES, standing.ranks, standing.probabilities, strict=True):
        place = ranking.memories.index(memory)
        assert (rank, p) == (place + 1, ranking.probabilities[place])


def test_a_query_without_a_part_has_nothing_to_withhold_there() -> None:
    assert parts_of(QUERY) == ["context", "date"]
    bare = Query("What?")
    assert parts_of(bare) == []
    assert all(without(bare, part) == bare for part in ("context", "date", "instruction"))
    shown = withheld(weighing(), bare, CANDIDATES, None)
    assert shown["columns"] == ["as asked"] and shown["empty"]


def test_what_a_part_did_is_the_difference() -> None:
    reranker = weighing(soup=0.7)
    shown = withheld(reranker, QUERY, CANDIDATES, EXAMPLE)
    assert shown["columns"] == ["as asked", "without context", "without date"]
    rows = {row["id"]: row for row in shown["rows"]}
    # The context's "barn" is all that puts b first; its "the" helps it too.
    assert [cell["rank"] for cell in rows["b"]["cells"]] == [1, 3, 1]
    assert [cell["change"] for cell in rows["b"]["cells"]] == [0, -2, 0]
    assert rows["b"]["cells"][1]["p_change"] < 0 and rows["b"]["cells"][0]["p_change"] == 0
    assert shown["precision"][0] == 1.0 and shown["precision"][1] == pytest.approx(1 / 3)
    # The date's "May" speaks for c alone.
    assert rows["c"]["cells"][2]["p_change"] < 0 == rows["a"]["cells"][2]["p_change"]
    json.dumps(shown, allow_nan=False)


def test_without_gold_no_precision_is_claimed() -> None:
    assert withheld(weighing(), QUERY, CANDIDATES, None)["precision"] == [None] * 3


def test_a_long_list_shows_the_best_and_the_relevant() -> None:
    many = tuple(Memory(f"m{i}", "x") for i in range(40))
    shown = withheld(weighing(), QUERY, many, Example(QUERY, many, {"m39": 1.0}))
    assert [row["id"] for row in shown["rows"]] == [*(f"m{i}" for i in range(ROWS)), "m39"]


def test_another_text_is_scored_and_the_data_stays() -> None:
    reranker = weighing(soup=0.7, gold=5.0)
    found = edited(reranker, QUERY, CANDIDATES, "c", "Gold!")
    changed = [*CANDIDATES[:2], Memory("c", "Gold!")]
    expected = Standing.of(reranker, reranker.score(QUERY, changed))
    assert found["after"]["rank"] == expected.ranks[2] == 1
    assert found["after"]["p"] == pytest.approx(expected.probabilities[2])
    assert found["before"]["rank"] == 3
    assert CANDIDATES[2].text == "In May it rained."
    same = edited(reranker, QUERY, CANDIDATES, "c", CANDIDATES[2].text)
    assert same["before"] == same["after"]
    np.testing.assert_allclose(same["before"]["log_odds"], reranker.score(QUERY, CANDIDATES)[2])


@pytest.mark.parametrize(("id_", "text"), [("gone", "x"), ("a", " "), ("a", "x" * (MOST_TEXT + 1))])
def test_what_cannot_be_rescored_is_refused(id_: str, text: str) -> None:
    with pytest.raises(InputError, match="expected"):
        edited(weighing(), QUERY, CANDIDATES, id_, text)
