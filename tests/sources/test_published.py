"""Sentences, texts that a tokenizer took apart, and answers inside texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.errors import InputError
from labkit.sources.published import expect_whole, holds, joined, kind_of, sentence_spans, usable


@pytest.mark.parametrize(
    ("apart", "together"),
    [
        ("You 're gon na kill me !", "You're gonna kill me!"),
        ("I do n't know ( yet ) .", "I don't know (yet)."),
        ("Newton D . Baker , 1916-1920 .", "Newton D. Baker, 1916-1920."),
        ("It cost $ 5 , that 's all", "It cost $5, that's all"),
        ("``  Hi ''", '" Hi "'),
        ("3 .5 stays", "3 .5 stays"),
    ],
)
def test_what_a_tokenizer_took_apart_is_put_together(apart: str, together: str) -> None:
    assert joined(apart) == together
    assert joined(together) == together


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One is here. Two is there.", ["One is here.", "Two is there."]),
        ("Dr. Ivo came in 1.5 hours. He left.", ["Dr. Ivo came in 1.5 hours. He left."]),
        ("J. R. Moss wrote it. Nobody read it.", ["J. R. Moss wrote it.", "Nobody read it."]),
        ('He said "Go now." Then he went away.', ['He said "Go now."', "Then he went away."]),
        ("A title of it\n\nThe text of it", ["A title of it", "The text of it"]),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_would_say_so(text: str, sentences: list[str]) -> None:
    assert [text[a:b] for a, b in sentence_spans(text)] == sentences


@given(st.text(alphabet="Ab. \n!?'", max_size=80))
def test_the_sentences_hold_every_letter_of_a_text_once(text: str) -> None:
    spans = sentence_spans(text)
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())
    assert all(a < b for a, b in spans)
    assert all(x[1] <= y[0] for x, y in zip(spans, spans[1:], strict=False))


def test_an_answer_is_held_as_whole_words_whatever_case_and_marks() -> None:
    assert holds("It was (in) New-York, then.", "new york")
    assert not holds("the art of it", "the ar")
    assert not holds("anything", "...")


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many boats?", "numerical"),
        ("In what year was it?", "temporal"),
        ("Why?", "causal"),
        ("Who?", "single_hop"),
    ],
)
def test_the_kind_follows_from_the_words_that_ask(question: str, kind: str) -> None:
    assert kind_of(question) == kind


@pytest.mark.parametrize("value", [-1, 1.5, True, None, "x", 7, "7"])
def test_a_row_that_is_none_is_quoted(value: object) -> None:
    with pytest.raises(InputError, match="a whole number below 7"):
        expect_whole(value, "row", below=7)


def test_complaints_before_the_first_good_item_are_told_once_there_is_one() -> None:
    def parse(i: int, item: object) -> object:
        if item is None:
            raise InputError(f"[{i}] is null")
        return item

    notes: list[str] = []
    assert list(usable([None, 1, None], parse, notes.append, expected="x")) == [1]
    assert notes == ["[0] is null; left out", "[2] is null; left out"]
    with pytest.raises(InputError, match=r"\[0\] is null; expected x"):
        list(usable([None, None], parse, notes.append, expected="x"))
