"""Mined negatives: never an answer, never too near, the same each time."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from labkit.errors import InputError
from labkit.records import Example, Memory, Query, Turn
from labkit.sources.published import holds
from labkit.synthesis import mining
from labkit.synthesis.mining import Pool, mine_negatives


def bag_of_words(texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors of hashed words: what the rules decide does not depend on the model."""
    vectors = np.zeros((len(texts), 64), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in text.lower().split():
            vectors[row, zlib.crc32(word.strip(".,?!").encode()) % 64] += 1
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(norms, 1e-9)  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(mining, "embed", bag_of_words)
    yield


COLOURS = ("red", "green", "blue", "grey", "brown")
ROOMS = ("hall", "attic", "cellar", "kitchen", "stable", "porch", "pantry", "loft")


def memory(colour: str, room: str) -> Memory:
    return Memory(f"{colour}-{room}", f"The door of the {room} was painted {colour} in spring.")


POOL = [memory(colour, room) for colour in COLOURS for room in ROOMS]
EVIDENCE = Memory("gold", "We gave the attic door a coat of yellow paint.")


def example(
    text: str = "What colour was the door of the attic painted?",
    answers: Sequence[str] = ("yellow",),
    own: Sequence[Memory] = (EVIDENCE,),
    labels: dict[str, float] | None = None,
    id_: str = "x-1",
    context: tuple[Turn, ...] = (),
    kinds: dict[str, str] | None = None,
) -> Example:
    return Example(
        Query(text, id_, context=context),
        tuple(own),
        {"gold": 1.0} if labels is None else labels,
        kinds or {},
        extra={"group": "x", "answers": list(answers)},
    )


def mine(*examples: Example, pool: Sequence[Memory] = POOL, **options: object) -> list[Example]:
    options = {"margin": 0.0, **options}
    return list(mine_negatives(examples, pool, **options))  # type: ignore[arg-type]


def near() -> Example:
    """An Example whose evidence is nearest of all, so that the margin lets the pool pass."""
    gold = Memory("gold", "What colour was the door of the attic painted? Yellow.")
    return example(own=[gold])


def test_the_list_is_the_evidence_with_hard_and_random_negatives() -> None:
    [mined] = mine(near(), per_query=6, random_negatives=3)
    assert len(mined.memories) == 10
    assert mined.labels == {"gold": 1.0}
    assert list(mined.negative_kinds.values()) == ["same_topic"] * 6
    assert len({m.id for m in mined.memories}) == 10
    hard = {id_.split("-")[1] for id_ in mined.negative_kinds}
    assert "attic" in hard, "the nearest of the pool come first"


@given(
    answer=st.sampled_from([*COLOURS, *ROOMS, "door of the attic", "in spring", "Red!"]),
    seed=st.integers(0, 9),
)
@settings(max_examples=40, deadline=None)
def test_no_text_that_holds_an_answer_is_ever_added(answer: str, seed: int) -> None:
    gold = Memory("gold", f"What colour was the door of the attic painted? {answer}.")
    [mined] = mine(example(answers=[answer], own=[gold]), per_query=30, seed=seed)
    assert not any(holds(m.text, answer) for m in mined.memories if m.id != "gold")


def test_nothing_nearer_than_the_evidence_less_the_margin_is_added() -> None:
    for margin in (0.0, 0.1, 0.3):
        counts: Counter[str] = Counter()
        asked = near()
        [mined] = mine(asked, margin=margin, per_query=40, random_negatives=0, left_out=counts)
        question, *others = bag_of_words(
            [asked.query.text, *(m.text for m in mined.memories if m.id != "gold")]
        )
        gold = float(question @ bag_of_words([asked.memories[0].text])[0])
        assert all(float(question @ other) <= gold - margin + 1e-5 for other in others)
        assert (counts["as near as the evidence"] > 0) == (margin > 0)


def test_a_near_miss_is_the_measure_where_nothing_is_relevant() -> None:
    far = Memory("gold", "Nothing about it.")
    counts: Counter[str] = Counter()
    [mined] = mine(
        example(answers=(), own=[far], labels={"gold": 0.3}), per_query=40, left_out=counts
    )
    assert [m.id for m in mined.memories] == ["gold"]
    assert counts["as near as the evidence"] == len(POOL)


def test_what_the_context_says_already_is_not_added() -> None:
    said = POOL[1]
    asked = near()
    spoken = example(own=asked.memories, context=(Turn("assistant", said.text),))
    counts: Counter[str] = Counter()
    [mined] = mine(spoken, per_query=40, left_out=counts)
    assert said.id not in {m.id for m in mined.memories}
    assert counts["said in the context"] == 1


def test_a_text_that_the_pool_has_twice_or_that_is_the_evidence_is_not_added() -> None:
    asked = near()
    copies = [Memory(f"copy{i}", m.text) for i, m in enumerate((*POOL, asked.memories[0]))]
    [mined] = mine(asked, pool=[*POOL, *copies], per_query=100, max_memories=200)
    texts = [m.text for m in mined.memories]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("most", [2, 5, 32])
def test_no_list_is_longer_than_asked_for_and_evidence_fills_half_at_most(most: int) -> None:
    own = [Memory(f"g{i}", f"The attic door number {i} was painted yellow.") for i in range(40)]
    asked = example(own=own, labels={m.id: 1.0 for m in own})
    counts: Counter[str] = Counter()
    [mined] = mine(asked, max_memories=most, left_out=counts)
    assert len(mined.relevant) == most // 2 and len(mined.memories) <= most
    assert set(mined.labels) <= {m.id for m in mined.memories}
    assert counts["relevant beyond half the list"] == 40 - most // 2


def test_own_memories_stay_where_all_are_labelled_and_the_hardest_of_too_many() -> None:
    asked = example(own=[EVIDENCE, *POOL])
    options = {"per_query": 0, "random_negatives": 0, "labelled_in_full": True}
    [whole] = mine(asked, max_memories=60, **options)
    assert {m.id for m in whole.memories} == {"gold", *(m.id for m in POOL)}
    counts: Counter[str] = Counter()
    [cut] = mine(asked, max_memories=9, left_out=counts, **options)
    assert len(cut.memories) == 9 and counts["own beyond the list"] == len(POOL) - 8
    assert {f"{colour}-attic" for colour in COLOURS} <= {m.id for m in cut.memories}


def test_own_memories_that_nobody_judged_count_as_the_pool_where_not_all_are_labelled() -> None:
    answering = Memory("second", "Yellow is the door of the attic.")
    kinds = {"red-hall": "wrong_time"}
    asked = example(own=[EVIDENCE, answering, POOL[0]], kinds=kinds)
    [mined] = mine(asked, pool=[EVIDENCE, answering, POOL[0]], margin=0.0)
    assert {m.id for m in mined.memories} == {"gold", "red-hall"}
    assert mined.negative_kinds == kinds


def test_a_list_depends_on_seed_and_id_only_and_its_order_gives_nothing_away() -> None:
    asked = [example(own=near().memories, id_=f"x-{i}") for i in range(300)]
    whole = mine(*asked, seed=3)
    assert mine(*asked, seed=3) == whole
    assert mine(asked[7], seed=3) == [whole[7]]
    assert mine(*asked, seed=4) != whole
    places = Counter([m.id for m in e.memories].index("gold") for e in whole)
    assert len(places) == len(whole[0].memories) and max(places.values()) < 60


def test_a_set_whose_lists_are_short_is_not_embedded_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mining, "embed", lambda texts: pytest.fail("embedded"))
    [kept] = mine(
        example(own=[EVIDENCE, *POOL[:5]]),
        per_query=0,
        random_negatives=0,
        labelled_in_full=True,
    )
    assert len(kept.memories) == 6


def test_a_pool_of_nothing_and_no_examples_are_fine() -> None:
    assert mine() == []
    [mined] = mine(example(), pool=[])  # of others: its own memories are always there
    assert mined.memories == (EVIDENCE,)
    assert len(Pool([])) == 0


def test_a_memory_that_a_given_pool_lacks_is_named() -> None:
    with pytest.raises(InputError, match="memory gold is not in the pool"):
        list(mine_negatives([example()], Pool(POOL)))


@pytest.mark.parametrize(
    "option", [{"per_query": -1}, {"random_negatives": -1}, {"margin": -0.1}, {"max_memories": 1}]
)
def test_numbers_out_of_range_are_told(option: dict[str, float]) -> None:
    with pytest.raises(InputError, match="expected none below 0"):
        mine(example(), **option)
