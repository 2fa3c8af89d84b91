from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labkit.assets import assets_path
from labkit.errors import InputError
from labkit.records import Memory, Query, Turn
from labkit.retrieval.minilm import minilm_path
from labkit.retrieval.token_vectors import forget, token_ids, token_vectors
from labkit.students.card import Card
from labkit.students.late import (
    CONTEXT_WEIGHT,
    PREVIOUS_WEIGHT,
    LateInteraction,
    LateStudent,
    inverse_document_frequency,
    packaged,
)
from labkit.students.load import LATE, load_student

MEMORIES = [
    Memory("m1", "Biscuit weighs nine kilos now.", time="2025-03-02", speaker="Ana"),
    Memory("m2", "The vet was kind to the dog.", time="2025-03-02", speaker="Ana"),
    Memory("m3", ""),
    Memory("m4", "We talked about the weather, and then about the rent for half an hour."),
]
QUERY = Query("What does Biscuit weigh?")


@pytest.fixture(scope="module")
def late() -> LateInteraction:
    return packaged(assets_path() / "models" / LATE)


def by_hand(late: LateInteraction, asked: str, told: str, weights: list[float]) -> float:
    """MaxSim as it is written in a paper, over sentence-transformers' token embeddings."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(minilm_path()), device="cpu")
    vectors = []
    for text in (asked, told):
        states = model.encode([text], output_value="token_embeddings", show_progress_bar=False)[0]
        states = np.asarray(states.cpu())[1:-1]
        vectors.append(states / np.linalg.norm(states, axis=1, keepdims=True))
    best = [max(float(q @ m) for m in vectors[1]) for q in vectors[0]]
    total = [w * float(late.idf[i]) for w, i in zip(weights, token_ids([asked])[0], strict=True)]
    return sum(w * b for w, b in zip(total, best, strict=True)) / sum(total)


@pytest.mark.slow
def test_it_is_the_rarity_weighted_maxsim_of_sentence_transformers_token_vectors(
    late: LateInteraction,
) -> None:
    got = late(QUERY, MEMORIES[:1])[0]
    told = "[2 March, 2025] Ana: Biscuit weighs nine kilos now."
    want = by_hand(late, QUERY.text, told, [1.0] * len(token_ids([QUERY.text])[0]))
    assert got == pytest.approx(want, abs=1e-3)


@pytest.mark.slow
def test_a_token_of_the_context_counts_a_quarter(late: LateInteraction) -> None:
    query = Query("What does he weigh?", context=(Turn("Ana", "I saw Biscuit today."),))
    said, asked = token_ids(["Ana: I saw Biscuit today.", query.text])
    weights = [CONTEXT_WEIGHT] * len(said) + [1.0] * len(asked)
    want = by_hand(late, f"Ana: I saw Biscuit today.\n{query.text}", "Biscuit is fat.", weights)
    assert late(query, [Memory("m", "Biscuit is fat.")])[0] == pytest.approx(want, abs=1e-3)


def test_the_turn_before_helps_where_it_says_what_the_memory_does_not(
    late: LateInteraction,
) -> None:
    asked = Turn("Tom", "What does Biscuit weigh these days?")
    plain = [Memory("yes", "Nine kilos.", speaker="Ana"), Memory("no", "By bus.", speaker="Ana")]
    told = [replace(plain[0], previous=asked), replace(plain[1], previous=Turn("Tom", "And Rome?"))]
    without, with_it = late(QUERY, plain), late(QUERY, told)
    assert (with_it >= without).all()
    assert with_it[0] - without[0] > 0.1 > with_it[1] - without[1]
    # What was said before counts for less than what a memory says itself.
    alone = late(QUERY, [Memory("it", asked.text, speaker="Tom")])[0]
    assert PREVIOUS_WEIGHT * alone - 2e-6 <= with_it[0] < alone


def test_a_date_that_is_withheld_does_not_come_in_with_the_turn_before(
    late: LateInteraction,
) -> None:
    asked = Query("What happened in March 2025?")
    memory = Memory("m", "Nine kilos.", previous=Turn("Tom", "And now?", "2025-03-02"))
    bare = replace(memory, previous=Turn("Tom", "And now?"))
    assert late(asked, [memory]) == late(asked, [bare])
    dated = replace(memory, time="2025-03-02")
    assert late(asked, [dated]) > late(asked, [memory])


def test_only_those_that_follow_a_turn_are_changed_by_it(late: LateInteraction) -> None:
    mixed = [replace(MEMORIES[0], previous=Turn("Tom", "So?")), *MEMORIES[1:]]
    assert (late(QUERY, mixed)[1:] == late(QUERY, MEMORIES)[1:]).all()


def test_the_memory_that_names_what_is_asked_for_is_the_likest(late: LateInteraction) -> None:
    assert late(QUERY, MEMORIES).argmax() == 0


def test_one_memory_scores_as_it_does_among_others_and_in_any_order(late: LateInteraction) -> None:
    together = late(QUERY, MEMORIES)
    for i, memory in enumerate(MEMORIES):
        forget()
        assert late(QUERY, [memory])[0] == pytest.approx(together[i], abs=2e-5)
    forget()
    np.testing.assert_allclose(late(QUERY, MEMORIES[::-1])[::-1], together, atol=2e-5)


def test_equal_texts_score_the_same_to_the_last_digit(late: LateInteraction) -> None:
    twins = [Memory(f"m{i}", MEMORIES[0].text) for i in range(5)]
    assert len(set(late(QUERY, twins).tolist())) == 1


def test_a_text_without_a_token_is_like_nothing(late: LateInteraction) -> None:
    assert late(QUERY, MEMORIES)[2] == 0
    assert late(Query("  "), MEMORIES).tolist() == [0, 0, 0, 0]
    assert late(QUERY, [MEMORIES[2]]).tolist() == [0]
    assert late(QUERY, []).shape == (0,)


def test_likeness_lies_between_minus_one_and_one_and_a_text_is_its_own_like(
    late: LateInteraction,
) -> None:
    values = late(QUERY, [*MEMORIES, Memory("m5", QUERY.text)])
    assert (np.abs(values) <= 1 + 1e-6).all()
    assert values[-1] == pytest.approx(1, abs=1e-3)


def test_what_stands_in_every_text_counts_less_than_what_stands_in_one() -> None:
    texts = ["the cat", "the dog", "the dog", "the rain"]
    size = 30_522
    idf = inverse_document_frequency(texts, size)
    (the, cat), dog = token_ids(["the cat"])[0], token_ids(["dog"])[0][0]
    assert idf.shape == (size,) and idf.min() >= 0
    assert idf[the] < idf[cat] == idf[dog], "equal texts are one"
    assert idf[cat] == pytest.approx(np.log((3 + 1) / 1.5))


def test_special_tokens_are_left_out_and_long_texts_cut() -> None:
    (ids, vectors), (long, _) = token_vectors(["a cat", "cat " * 400])
    assert len(ids) == len(vectors) == 2 and len(long) == 254
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=2e-3)


def test_the_student_is_the_same_after_a_save(tmp_path: Path) -> None:
    student = load_student(LATE)
    assert isinstance(student, LateStudent)
    student.save(tmp_path)
    again = load_student(tmp_path)
    np.testing.assert_array_equal(again.score(QUERY, MEMORIES), student.score(QUERY, MEMORIES))


def test_a_card_without_a_head_and_a_folder_without_a_table_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no 'slope'"):
        LateStudent(Card(family="late"), assets_path() / "models" / LATE)
    Card(family="late", head={"slope": 1.0, "intercept": 0.0}).save(tmp_path)
    with pytest.raises(InputError, match="idf.safetensors cannot be read"):
        load_student(tmp_path)
