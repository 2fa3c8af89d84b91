from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.records import Memory, Query, Turn
from labkit.scoring.reranker import Reranker
from labkit.ui.occlusion import MOST, Unit, occlusion, pieces_of, why_of
from tests.ui.word_weights import weighing

QUERY = Query("Who mended the roof?")
MEMORY = Memory("m", "Bo mended a roof. It rained! Soup", "2025-03-04", "Ana")


@given(st.text(max_size=200), st.sampled_from(["word", "sentence"]), st.integers(1, 9))
def test_pieces_make_up_the_text_and_are_bounded(text: str, unit: Unit, most: int) -> None:
    pieces = pieces_of(text, unit, most)
    assert len(pieces) <= most
    assert "".join(pieces) == (text if text.strip() else "")
    assert all(piece.strip() for piece in pieces)


def test_words_and_sentences() -> None:
    assert pieces_of("Bo's  roof, 3.5 m. It leaked!", "word") == [
        "Bo's  ",
        "roof, ",
        "3.5 ",
        "m. ",
        "It ",
        "leaked!",
    ]
    assert pieces_of("It is 3.5 m. It leaked! Yes", "sentence") == [
        "It is 3.5 m. ",
        "It leaked! ",
        "Yes",
    ]
    assert pieces_of(" ", "word") == []


def test_the_effect_of_a_word_is_what_it_adds() -> None:
    reranker = weighing(bo=2.0, rained=-1.0, ana=0.25, march=0.125)
    found = occlusion(reranker, QUERY, MEMORY, "word")
    effects = {piece.text.strip(" .!"): piece.effect for piece in found.pieces}
    assert effects == {
        "Bo": 2.0,
        "mended": 0.5,
        "a": 0.0,
        "roof": 0.5,
        "It": 0.0,
        "rained": -1.0,
        "Soup": 0.0,
    }
    beside = [(part.text, part.effect) for part in found.beside]
    assert beside == [("its date", 0.125), ("its speaker", 0.25)]
    assert found.log_odds == reranker.score(QUERY, [MEMORY])[0]
    assert reranker.student.runs[0] == 1 + 7 + 2, "one run for all"


def test_the_turn_before_has_an_effect_where_the_student_reads_it() -> None:
    answer = Memory("m", "In May.", previous=Turn("Ana", "When did Bo mend the roof?"))
    found = occlusion(Reranker.load("minilm-late"), QUERY, answer, "word")
    (part,) = found.beside
    assert part.text == "the turn before it" and part.effect > 0.5


def test_a_sentence_takes_its_words_with_it() -> None:
    found = occlusion(weighing(bo=2.0, rained=-1.0), QUERY, MEMORY, "sentence")
    assert [piece.effect for piece in found.pieces] == [3.0, -1.0, 0.0]


def test_taking_nothing_away_changes_nothing() -> None:
    reranker = weighing(bo=2.0)
    found = occlusion(reranker, QUERY, Memory("m", ""), "word")
    assert found.pieces == () and found.beside == ()
    assert found.log_odds == reranker.score(QUERY, [Memory("m", "")])[0]


@pytest.mark.parametrize("words", [MOST, MOST + 1, 1000])
def test_a_long_memory_costs_a_bounded_number_of_scores(words: int) -> None:
    reranker = weighing()
    occlusion(reranker, QUERY, Memory("m", "word " * words), "word")
    assert reranker.student.runs == [1 + len(pieces_of("word " * words, "word"))]
    assert reranker.student.runs[0] <= 1 + MOST


def test_what_the_page_gets_names_model_and_n() -> None:
    shown = why_of(occlusion(weighing(bo=1.0), QUERY, MEMORY, "word"), "word", "some model")
    assert "n = 7 pieces, model some model" in shown["caption"]
    assert [piece["text"] for piece in shown["pieces"]] == pieces_of(MEMORY.text, "word")
