from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.errors import InputError
from labkit.students.encoder import EncoderStudent
from labkit.training.batches import Chunks, StageBatches, like_lengths
from labkit.training.groups import TokenisedQuery, tokenised
from labkit.training.losses import LOSSES, make_loss
from labkit.training.recipe import Groups, Stage
from tests.training.made_up import make_examples

STAGE = Stage(
    mix={"a": 3.0, "b": 1.0}, losses=dict.fromkeys(LOSSES, 1.0), steps=30, queries_per_step=8
)


@pytest.fixture(scope="module")
def sets(encoder: EncoderStudent) -> dict[str, list[TokenisedQuery]]:
    queries = tokenised(encoder, make_examples(20))
    named = {"a": queries[:12], "b": queries[12:]}
    return {n: [replace(q, id=f"{n}-{q.id}") for q in qs] for n, qs in named.items()}


def batches_of(
    encoder: EncoderStudent,
    sets: dict[str, list[TokenisedQuery]],
    stage: Stage = STAGE,
    *,
    processes: int = 1,
    seed: int = 0,
    tokens: int = 4096,
) -> StageBatches:
    losses = {name: make_loss(name, no_answer=stage.no_answer) for name in stage.losses}
    chunks = Chunks(encoder, tokens)
    return StageBatches(sets, stage, losses, Groups(), chunks, processes=processes, seed=seed)


def rows(item: dict) -> list[tuple[str, float, tuple[int, ...]]]:  # type: ignore[type-arg]
    """Query id, label and token ids of every pair of an item, in the order of its labels."""
    ids = [None] * len(item["labels"])
    at = 0
    for chunk in item["chunks"]:
        for row, mask in zip(chunk["input_ids"], chunk["attention_mask"], strict=True):
            ids[int(item["order"][at])] = tuple(row[mask.bool()].tolist())  # type: ignore[call-overload]
            at += 1
    assert at == len(ids) and None not in ids
    owners = [item["ids"][group] for group in item["groups"].tolist()]
    return list(zip(owners, item["labels"].tolist(), ids, strict=True))  # type: ignore[arg-type]


def test_the_plan_is_decided_by_the_seed(
    encoder: EncoderStudent, sets: dict[str, list[TokenisedQuery]]
) -> None:
    one, same, other = (batches_of(encoder, sets, seed=seed) for seed in (0, 0, 1))
    # An item does not depend on which were read before: that is what a resumed run needs.
    assert rows(one[17]) == rows(same[17])
    assert [rows(one[i]) for i in range(3)] == [rows(same[i]) for i in range(3)]
    assert rows(one[0]) != rows(other[0])


def test_sets_come_by_their_share_and_whole_before_again(
    encoder: EncoderStudent, sets: dict[str, list[TokenisedQuery]]
) -> None:
    stage = replace(STAGE, steps=60)
    batches = batches_of(encoder, sets, stage)
    seen = Counter(name for i in range(len(batches)) for name in batches[i]["ids"])
    from_a = sum(count for name, count in seen.items() if name.startswith("a-"))
    assert from_a / (60 * 8) == pytest.approx(0.75, abs=0.06)
    for name, queries in sets.items():
        counts = [seen[query.id] for query in queries]
        assert max(counts) - min(counts) <= 1, name


def test_a_set_of_share_zero_is_not_read(
    encoder: EncoderStudent, sets: dict[str, list[TokenisedQuery]]
) -> None:
    batches = batches_of(encoder, sets, replace(STAGE, mix={"a": 0.0, "b": 1.0}))
    assert all(name.startswith("b-") for i in range(8) for name in batches[i]["ids"])


def test_chunks_hold_every_pair_once_and_are_hardly_padded(
    encoder: EncoderStudent, sets: dict[str, list[TokenisedQuery]]
) -> None:
    groups = sets["a"]
    batch = Chunks(encoder, 200)(groups)
    assert len(batch["chunks"]) > 2
    wanted = [tuple([*g.prefix.tolist(), *tail.tolist()]) for g in groups for tail in g.tails]
    item = {
        **batch,
        "labels": torch.cat([torch.from_numpy(g.labels) for g in groups]),
        "groups": torch.from_numpy(
            np.repeat(np.arange(len(groups)), [len(g.tails) for g in groups])
        ),
        "ids": [g.id for g in groups],
    }
    assert [ids for _, _, ids in rows(item)] == wanted
    for chunk in batch["chunks"]:
        assert chunk["input_ids"].numel() <= 200
        width = chunk["attention_mask"].sum(1)
        assert int(width.max()) == chunk["input_ids"].shape[1]


def test_a_gpu_gets_the_same_pairs_in_fewer_chunks(
    encoder: EncoderStudent, sets: dict[str, list[TokenisedQuery]]
) -> None:
    on_cpu, on_gpu = Chunks(encoder)(sets["a"]), Chunks(encoder, gpu=True)(sets["a"])
    assert len(on_gpu["chunks"]) < len(on_cpu["chunks"])
    with torch.inference_mode():
        scores = []
        for batch in (on_cpu, on_gpu):
            scored = torch.cat([encoder(**chunk) for chunk in batch["chunks"]])
            scores.append(torch.empty_like(scored).index_put((batch["order"],), scored))
    assert torch.allclose(*scores, atol=1e-5)


def brute_force(lengths: list[int], most: int, overhead: int) -> float:
    """The least cost over all ways to cut the lengths, longest first, into runs."""
    lengths = sorted(lengths, reverse=True)
    best = float("inf")
    for cuts in range(2 ** (len(lengths) - 1)):
        runs, start = [], 0
        for stop in range(1, len(lengths) + 1):
            if stop == len(lengths) or cuts >> (stop - 1) & 1:
                runs.append(lengths[start:stop])
                start = stop
        if all(len(run) == 1 or run[0] * len(run) <= most for run in runs):
            best = min(best, sum(run[0] * len(run) + overhead for run in runs))
    return best


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=8),
    most=st.integers(1, 200),
    overhead=st.integers(0, 80),
)
@settings(max_examples=60, deadline=None)
def test_chunks_of_like_length_are_the_cheapest_there_are(
    lengths: list[int], most: int, overhead: int
) -> None:
    chunks = like_lengths(lengths, most, overhead)
    assert sorted(i for chunk in chunks for i in chunk) == list(range(len(lengths)))
    padded = [max(lengths[i] for i in chunk) * len(chunk) for chunk in chunks]
    assert all(len(c) == 1 or p <= most for c, p in zip(chunks, padded, strict=True))
    assert sum(padded) + overhead * len(chunks) == brute_force(lengths, most, overhead)


@pytest.mark.parametrize("parts,processes", [(1, 1), (8, 1), (3, 2), (1, 4)])
def test_however_a_step_is_divided_it_holds_the_same_and_no_part_is_empty(
    encoder: EncoderStudent,
    sets: dict[str, list[TokenisedQuery]],
    parts: int,
    processes: int,
) -> None:
    whole = batches_of(encoder, sets)
    stage = replace(STAGE, micro_batches=parts)
    divided = batches_of(encoder, sets, stage, processes=processes)
    count = parts * processes
    assert len(divided) == 30 * count
    for step in (0, 7):
        items = [divided[step * count + part] for part in range(count)]
        assert all(len(item["labels"]) for item in items)
        assert sorted(row for item in items for row in rows(item)) == sorted(rows(whole[step]))
        for item in items:
            for name in LOSSES:
                assert torch.equal(item["totals"][name], whole[step]["totals"][name]), name


@pytest.mark.parametrize("no_answer", [False, True])
def test_the_totals_are_the_weights_of_the_terms_of_all_parts(
    encoder: EncoderStudent, sets: dict[str, list[TokenisedQuery]], no_answer: bool
) -> None:
    batches = batches_of(encoder, sets, replace(STAGE, micro_batches=4, no_answer=no_answer))
    items = [batches[i] for i in range(4)]
    for name in LOSSES:
        loss = batches.losses[name]
        weights = [
            loss(torch.randn(len(i["labels"])), i["labels"], i["groups"], i["weights"]).weights
            for i in items
        ]
        total = float(torch.cat(weights).sum())
        assert float(items[0]["totals"][name]) == pytest.approx(total, rel=1e-5), name


def test_parts_are_of_about_equal_tokens(
    encoder: EncoderStudent, sets: dict[str, list[TokenisedQuery]]
) -> None:
    stage = replace(STAGE, micro_batches=2, queries_per_step=12)
    batches = batches_of(encoder, sets, stage)
    tokens = [sum(int(c["attention_mask"].sum()) for c in batches[i]["chunks"]) for i in range(2)]
    assert min(tokens) > 0.8 * max(tokens)


def test_hard_labels_are_zero_or_one(
    encoder: EncoderStudent, sets: dict[str, list[TokenisedQuery]]
) -> None:
    soft = batches_of(encoder, sets)[0]["labels"]
    hard = batches_of(encoder, sets, replace(STAGE, hard_labels=True))[0]["labels"]
    assert hard.tolist() == (soft >= 0.6).float().tolist()
    assert set(soft.tolist()) - {0.0, 1.0}


def test_a_step_with_fewer_queries_than_parts_is_refused(
    encoder: EncoderStudent, sets: dict[str, list[TokenisedQuery]]
) -> None:
    stage = replace(STAGE, queries_per_step=5, micro_batches=3)
    with pytest.raises(InputError, match="queries_per_step is 5 and a step has 6 parts") as caught:
        batches_of(encoder, sets, stage, processes=2)
    assert "\n" not in str(caught.value)
