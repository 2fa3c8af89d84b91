from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from labkit.linear import Linear, has_int8
from labkit.packed_bert import PackedBert
from labkit.records import Memory, Query
from labkit.scoring.engine import score_pairs
from labkit.scoring.reranker import Reranker
from labkit.students.bert import packed
from labkit.students.encoder import EncoderStudent
from labkit.students.load import load_student
from labkit.students.placement import choose_placement


@pytest.fixture(scope="module")
def stock() -> EncoderStudent:
    """The shipped student as transformers runs it."""
    student: EncoderStudent = load_student("mini", placement=choose_placement("cpu", "float32"))
    return student


def scores(student: EncoderStudent, query: Query, memories: list[Memory]) -> np.ndarray:
    return score_pairs(student, student.tokenize(query, memories))


def test_packed_rows_score_as_padded_ones(
    stock: EncoderStudent, query: Query, memories: list[Memory]
) -> None:
    fast = load_student("mini", placement=choose_placement("cpu"), for_scoring=True)
    assert isinstance(fast.model, PackedBert)
    want = scores(stock, query, memories)
    np.testing.assert_allclose(scores(fast, query, memories), want, atol=1e-4)
    assert np.ptp(want) > 0.1, "a model that tells nothing apart proves nothing here"


def test_rows_of_several_queries_score_as_alone(
    encoder: EncoderStudent, query: Query, memories: list[Memory]
) -> None:
    fast = packed(encoder, "float32")
    both = [encoder.tokenize(asked, memories) for asked in (query, Query("Who?"))]
    rows = [(tokens.prefix, tail) for tokens in both for tail in tokens.tails]
    alone = torch.cat([fast.model.logits([row]) for row in rows])
    for budget in (1, 100, None):
        got = fast.model.logits(rows, tokens_per_batch=budget)
        torch.testing.assert_close(got, alone, atol=1e-4, rtol=0)


def test_equal_memories_score_equal_to_the_last_bit(encoder: EncoderStudent) -> None:
    memories = [Memory(f"m{i}", "the same words") for i in range(40)]
    got = scores(packed(encoder, "float32"), Query("Which?"), memories)
    assert len(set(got.tolist())) == 1


def test_the_ids_of_memories_are_kept_and_change_nothing(
    encoder: EncoderStudent, query: Query, memories: list[Memory]
) -> None:
    fast = packed(encoder, "float32")
    first = fast.tokenize(query, memories)
    calls: list[list[str]] = []
    tokenizer = fast.tokenizer

    class Counting:
        def __call__(self, text: object, *args: object, **how: object) -> object:
            if isinstance(text, list):
                calls.append(text)
            return tokenizer(text, *args, **how)

    fast.tokenizer = Counting()
    assert fast.tokenize(query, memories) == first
    assert calls == []
    fast.tokenize(query, [*memories, Memory("new", "a new one")])
    assert calls == [["a new one"]]


def test_a_packed_student_is_saved_as_a_stock_checkpoint(
    stock: EncoderStudent, query: Query, memories: list[Memory], tmp_path: Path
) -> None:
    Reranker.load("mini", device="cpu").student.save(tmp_path)
    again = load_student(tmp_path, placement=choose_placement("cpu", "float32"))
    assert not isinstance(again.model, PackedBert)
    np.testing.assert_allclose(
        scores(again, query, memories), scores(stock, query, memories), atol=1e-4
    )
    assert again.card == stock.card


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize(
    "activation,after_gelu", [("none", False), ("gelu", False), ("none", True)]
)
def test_a_layer_is_the_product_within_its_precision(
    precision: str, activation: str, after_gelu: bool
) -> None:
    if precision == "int8" and not has_int8():
        pytest.skip("no VNNI here")
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(37, 96, generator=generator) * torch.rand(37, 1, generator=generator) * 9
    weight, bias, residual = (
        torch.randn(shape, generator=generator) for shape in ((64, 96), (64,), (37, 64))
    )
    if after_gelu:
        x = torch.nn.functional.gelu(x)
    want = torch.nn.functional.linear(x, weight, bias)
    if activation == "gelu":
        want = torch.nn.functional.gelu(want)
    want = want + residual
    layer = Linear(
        weight,
        bias,
        precision,  # type: ignore[arg-type]
        activation=activation,  # type: ignore[arg-type]
        after_gelu=after_gelu,
    )
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    with torch.inference_mode():
        got = layer(x.to(dtype), residual.to(dtype)).float()
    most = {"float32": 1e-5, "bfloat16": 2e-2, "int8": 2e-2}[precision]
    assert (got - want).norm() / want.norm() < most


@pytest.mark.skipif(not has_int8(), reason="no VNNI here")
def test_a_few_large_inputs_leave_the_others_their_steps() -> None:
    generator = torch.Generator().manual_seed(0)
    magnitude = torch.ones(96)
    magnitude[:3] = 50
    x = torch.randn(40, 96, generator=generator) * magnitude
    weight = torch.randn(64, 96, generator=generator) / magnitude
    bias = torch.zeros(64)
    want = torch.nn.functional.linear(x, weight, bias)
    errors = []
    for told in (None, magnitude):
        with torch.inference_mode():
            got = Linear(weight, bias, "int8", magnitude=told)(x)
        errors.append(float((got - want).norm() / want.norm()))
    assert errors[1] < errors[0] / 4


@pytest.mark.skipif(not has_int8(), reason="no VNNI here")
def test_in_bytes_a_score_does_not_depend_on_the_other_memories(
    encoder: EncoderStudent, query: Query, memories: list[Memory]
) -> None:
    fast = packed(encoder, "int8")
    tokens = fast.tokenize(query, memories)
    rows = [(tokens.prefix, tail) for tail in tokens.tails]
    alone = torch.cat([fast.model.logits([row]) for row in rows])
    torch.testing.assert_close(fast.model.logits(rows), alone, atol=1e-3, rtol=0)


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_fewer_bits_keep_the_order_closely(
    stock: EncoderStudent, query: Query, memories: list[Memory], dtype: str
) -> None:
    from scipy.stats import spearmanr

    if dtype == "int8" and not has_int8():
        pytest.skip("no VNNI here")
    fast = Reranker.load("mini", device="cpu", dtype=dtype)
    assert fast.placement is not None and dtype in str(fast.placement)
    got, want = fast.score(query, memories), scores(stock, query, memories)
    assert spearmanr(got, want).statistic > 0.95
    assert 0 < np.abs(got - want).max() < 1.5
