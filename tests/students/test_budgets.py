from __future__ import annotations

from dataclasses import replace

import pytest

from labkit.records import Memory, Query, Turn
from labkit.students import template
from labkit.students.decoder import DecoderStudent
from labkit.students.encoder import EncoderStudent

Student = DecoderStudent | EncoderStudent


@pytest.fixture(params=["decoder", "encoder"])
def student(request: pytest.FixtureRequest) -> Student:
    made: Student = request.getfixturevalue(request.param)
    return made


def text_of(student: Student, ids: list[int]) -> str:
    return str(student.tokenizer.decode(ids))


def test_a_long_context_crowds_out_neither_query_nor_memory(
    student: Student, query: Query, memories: list[Memory]
) -> None:
    turns = tuple(Turn("Ana", f"turn number {i} and more words than needed") for i in range(500))
    tokens = student.tokenize(replace(query, context=turns), memories)
    plain = student.tokenize(query, memories)
    assert tokens.query_truncated and not plain.query_truncated
    assert tokens.tails == plain.tails
    text = text_of(student, tokens.prefix).lower()
    assert "who mended it" in text and "find the person" in text
    assert "turn number 499" in text, "the most recent turns are the ones to keep"
    assert "turn number 3 " not in text


def test_a_long_memory_keeps_the_templates_end(student: Student, query: Query) -> None:
    tokens = student.tokenize(query, [Memory("a", "word " * 9000), Memory("b", "word")])
    assert tokens.truncated == [True, False]
    long, short = tokens.tails
    last = template.SUFFIX if isinstance(student, DecoderStudent) else "[SEP]"
    assert text_of(student, long).endswith(last) and text_of(student, short).endswith(last)
    assert len(long) < 2100


def test_an_encoder_pair_never_outgrows_its_positions(encoder: EncoderStudent) -> None:
    turns = tuple(Turn("Ana", "many words here " * 9) for _ in range(90))
    query = Query("why " * 999, context=turns, instruction="find " * 999)
    tokens = encoder.tokenize(query, [Memory("a", "word " * 9000)])
    assert len(tokens.prefix) + len(tokens.tails[0]) <= 512


def test_no_memory_at_all_gives_no_pair(student: Student, query: Query) -> None:
    assert student.tokenize(query, []).tails == []


def test_an_encoder_pair_has_the_ids_that_its_tokenizer_gives(
    encoder: EncoderStudent, memories: list[Memory]
) -> None:
    from labkit.rendering import render_memory

    tokens = encoder.tokenize(Query("Who mended it?"), memories)
    batch = encoder.collate([(tokens.prefix, tail) for tail in tokens.tails])
    want = encoder.tokenizer(
        ["Who mended it?"] * len(memories),
        [render_memory(memory) for memory in memories],
        padding=True,
        return_tensors="pt",
    )
    for key in ("input_ids", "attention_mask", "token_type_ids"):
        assert batch[key].tolist() == want[key].tolist(), key
