from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.records import Example, Memory, Query, write_examples
from labkit.sources.lives import read_lives, split_of
from labkit.students.encoder import EncoderStudent
from labkit.training.groups import TokenisedQuery, draw, label_weights, read_split, tokenised
from labkit.training.recipe import Groups
from tests.training.made_up import make_examples, write_set

ASSETS = Path(__file__).parents[2] / "assets"


def made(labels: list[float], *, hard: list[float] | None = None) -> TokenisedQuery:
    """A query whose memories are told apart by the one token of each."""
    values = np.array(labels, dtype=np.float32)
    return TokenisedQuery(
        id="q",
        prefix=np.array([1, 2], dtype=np.int32),
        tails=tuple(np.array([10 + i], dtype=np.int32) for i in range(len(labels))),
        labels=values,
        weights=np.ones_like(values),
        similarity=None,
        hard=np.array(hard if hard is not None else np.zeros(len(labels)), dtype=np.float32),
    )


def drawn(query: TokenisedQuery, shape: Groups, seed: int = 0) -> list[int]:
    group = draw(query, shape, np.random.default_rng(seed))
    assert len(group.tails) == len(group.labels) == len(group.weights)
    return [int(tail[0]) - 10 for tail in group.tails]


def test_tokenised_queries_hold_the_students_ids_and_the_examples_labels(
    encoder: EncoderStudent,
) -> None:
    examples = make_examples(9)
    for example, query in zip(examples, tokenised(encoder, examples), strict=True):
        want = encoder.tokenize(example.query, example.memories)
        assert query.id == example.query.id
        assert query.prefix.tolist() == want.prefix
        assert [tail.tolist() for tail in query.tails] == want.tails
        assert query.labels.tolist() == pytest.approx(
            [example.label(memory.id) for memory in example.memories]
        )


def test_of_many_memories_the_relevant_the_hard_and_some_easy_ones_are_kept(
    encoder: EncoderStudent,
) -> None:
    memories = tuple(Memory(f"m{i}", f"Note {i} about the rent.") for i in range(60))
    labels = {"m7": 1.0, "m33": 0.8, "m41": 0.3}
    example = Example(Query("What about the rent?"), memories, labels, negative_kinds={"m50": "x"})
    [query] = tokenised(encoder, [example], keep=12)
    assert len(query.tails) == 12
    assert sorted(query.labels)[-3:] == pytest.approx([0.3, 0.8, 1.0])
    assert np.isinf(query.hard).sum() == 2
    assert (query.hard == 1.0).sum() == 2, "the typed negative and the one labelled above 0"


def test_relevant_memories_are_kept_however_many(encoder: EncoderStudent) -> None:
    memories = tuple(Memory(f"m{i}", f"Note {i}.") for i in range(20))
    example = Example(Query("Notes?"), memories, {f"m{i}": 1.0 for i in range(15)})
    [query] = tokenised(encoder, [example], keep=6)
    assert (query.labels == 1).sum() == 15


def test_an_example_without_memories_is_left_out(encoder: EncoderStudent) -> None:
    assert tokenised(encoder, [Example(Query("Anything?"), (), {})]) == []


def test_a_label_that_is_unsure_weighs_less() -> None:
    memories = (Memory("a", "x"), Memory("b", "y"), Memory("c", "z"))
    extra = {"label_errors": {"a": 0.2, "b": 0.0}}
    weights = label_weights(Example(Query("q"), memories, {"a": 1.0}, extra=extra))
    assert weights.tolist() == [0.5, 1.0, 1.0]


@pytest.mark.parametrize("error", [None, "0.2", -0.1, float("nan"), True])
def test_a_standard_error_that_is_no_number_is_one_line(error: object) -> None:
    example = Example(
        Query("q", id="q7"), (Memory("a", "x"),), extra={"label_errors": {"a": error}}
    )
    with pytest.raises(InputError, match="label_errors of 'a' in Example 'q7' is .*, expected"):
        label_weights(example)


@pytest.mark.parametrize("seed", range(5))
def test_a_group_has_its_positives_and_no_more_than_asked(seed: int) -> None:
    query = made([1.0, 0.9, 0.7] + [0.0] * 9)
    places = drawn(query, Groups(positives=2, negatives=4), seed)
    assert len(places) == len(set(places)) == 6
    assert sum(place < 3 for place in places) == 2


def test_a_query_with_fewer_memories_gives_what_it_has() -> None:
    assert sorted(drawn(made([1.0, 0.0]), Groups(positives=2, negatives=6))) == [0, 1]
    assert sorted(drawn(made([0.0, 0.3]), Groups())) == [0, 1], "nothing is relevant: all the same"
    assert drawn(made([1.0]), Groups()) == [0]


@pytest.mark.parametrize("share,hardest", [(0.0, 0), (0.5, 2), (1.0, 4)])
def test_the_share_of_hard_negatives_is_that_of_the_recipe(share: float, hardest: int) -> None:
    # Four are hard; of eight easy ones none is among the four hardest.
    query = made([1.0] + [0.0] * 12, hard=[np.inf] + [1.0] * 4 + [0.1] * 8)
    counts = [
        sum(1 <= place <= 4 for place in drawn(query, Groups(1, 4, share, hard_pool=4), seed))
        for seed in range(20)
    ]
    assert min(counts) == hardest, "easy ones are drawn from all, so more may be hard"
    if share < 1:
        assert max(counts) > hardest


def test_every_negative_comes_up_in_time() -> None:
    query = made([1.0] + [0.0] * 12, hard=[np.inf] + [1.0] * 4 + [0.1] * 8)
    seen = {place for seed in range(60) for place in drawn(query, Groups(1, 4, hard_pool=4), seed)}
    assert seen == set(range(13))


def test_a_folder_of_splits_gives_each_its_own(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", train=5, dev=3)
    assert len(list(read_split(folder, "train"))) == 5
    assert len(list(read_split(folder, "dev"))) == 3
    assert list(read_split(folder, "test")) == []


def test_a_file_is_train_alone(tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    write_examples(file, make_examples(4))
    assert len(list(read_split(file, "train"))) == 4
    assert list(read_split(file, "dev")) == []


def test_a_folder_of_lives_is_split_by_their_ids() -> None:
    lives = list(read_lives(ASSETS / "lives"))
    for split in ("train", "dev", "test"):
        want = [e.query.id for life in lives if split_of(life.id) == split for e in life.examples]
        assert [e.query.id for e in read_split(ASSETS / "lives", split)] == want


def test_a_place_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder, expected train.jsonl or lives"):
        list(read_split(tmp_path / "nowhere", "train"))
