from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from labkit.records import Memory, Query, Turn
from labkit.rendering import render_memory, render_query
from labkit.scoring.engine import score_pairs
from labkit.scoring.reranker import Reranker
from labkit.students.conversation import Conversation
from labkit.students.decoder import DecoderStudent, LaidOutLinear, last_token
from labkit.students.encoder import EncoderStudent
from labkit.students.tiny import tiny_qwen3, tiny_qwen_tokenizer

Student = DecoderStudent | EncoderStudent


@pytest.fixture(params=["decoder", "encoder"])
def student(request: pytest.FixtureRequest) -> Student:
    made: Student = request.getfixturevalue(request.param)
    return made


def scores(student: Student, query: Query, memories: list[Memory], **how: object) -> np.ndarray:
    return score_pairs(student, student.tokenize(query, memories), **how)  # type: ignore[arg-type]


def test_one_by_one_equals_batched(student: Student, query: Query, memories: list[Memory]) -> None:
    batched = scores(student, query, memories)
    single = np.concatenate([scores(student, query, [memory]) for memory in memories])
    np.testing.assert_allclose(batched, single, atol=1e-4)
    assert np.ptp(batched) > 0.1, "a model that tells nothing apart proves nothing here"


@pytest.mark.parametrize("budget", [1, 64, 300, 10_000])
def test_batch_size_changes_no_score(
    student: Student, query: Query, memories: list[Memory], budget: int
) -> None:
    want = scores(student, query, memories)
    got = scores(student, query, memories, tokens_per_batch=budget)
    np.testing.assert_allclose(got, want, atol=1e-4)


def test_order_of_memories_changes_no_score(
    student: Student, query: Query, memories: list[Memory]
) -> None:
    order = np.random.default_rng(0).permutation(len(memories))
    got = scores(student, query, [memories[i] for i in order])
    np.testing.assert_allclose(got, scores(student, query, memories)[order], atol=1e-4)


def test_shared_prefix_equals_plain(
    decoder: DecoderStudent, query: Query, memories: list[Memory]
) -> None:
    shared = scores(decoder, query, memories)
    plain = scores(decoder, query, memories, share_prefix=False)
    np.testing.assert_allclose(shared, plain, atol=1e-4)


@pytest.mark.parametrize("heads,key_heads", [(4, 4), (4, 1), (6, 3)])
def test_shared_prefix_holds_for_every_grouping_of_heads(
    query: Query, memories: list[Memory], heads: int, key_heads: int
) -> None:
    tokenizer = tiny_qwen_tokenizer()
    model = tiny_qwen3(tokenizer, heads=heads, key_heads=key_heads, layers=3)
    student = DecoderStudent(model, tokenizer).eval()
    shared = scores(student, query, memories)
    plain = scores(student, query, memories, share_prefix=False)
    np.testing.assert_allclose(shared, plain, atol=1e-4)


def test_the_whole_output_matrix_gives_the_same_log_odds(
    decoder: DecoderStudent, query: Query, memories: list[Memory]
) -> None:
    tokens = decoder.tokenize(query, memories[:1])
    ids = torch.tensor([tokens.prefix + tokens.tails[0]])
    with torch.inference_mode():
        logits = decoder.model(input_ids=ids).logits[0, -1]
    want = float(logits[decoder.yes_id] - logits[decoder.no_id])
    assert scores(decoder, query, memories[:1])[0] == pytest.approx(want, abs=1e-4)


def test_padding_on_either_side_gives_the_same_score(decoder: DecoderStudent) -> None:
    rows = [[5, 6, 7, 8, 9], [5, 6, 7]]
    pad = decoder.tokenizer.pad_token_id
    left = torch.tensor([rows[0], [pad, pad, *rows[1]]])
    right = torch.tensor([rows[0], [*rows[1], pad, pad]])
    left_mask = torch.tensor([[1] * 5, [0, 0, 1, 1, 1]])
    right_mask = torch.tensor([[1] * 5, [1, 1, 1, 0, 0]])
    assert last_token(left_mask).tolist() == [4, 4]
    assert last_token(right_mask).tolist() == [4, 2]
    with torch.inference_mode():
        alone = torch.cat([decoder(torch.tensor([row]), torch.ones(1, len(row))) for row in rows])
        torch.testing.assert_close(decoder(left, left_mask), alone, atol=1e-4, rtol=0)
        torch.testing.assert_close(decoder(right, right_mask), alone, atol=1e-4, rtol=0)


def test_a_saved_student_scores_the_same_after_reload(
    student: Student, query: Query, memories: list[Memory], tmp_path: Path
) -> None:
    student.save(tmp_path / "student")
    reloaded = Reranker.load(tmp_path / "student", device="cpu", dtype="float32")
    assert type(reloaded.student) is type(student)
    assert reloaded.card == student.card
    want = scores(student, query, memories)
    np.testing.assert_allclose(reloaded.score(query, memories), want, atol=1e-6)


@pytest.mark.slow
def test_a_saved_decoder_scores_the_same_in_sentence_transformers(
    decoder: DecoderStudent, query: Query, memories: list[Memory], tmp_path: Path
) -> None:
    from sentence_transformers import CrossEncoder

    decoder.save(tmp_path)
    peer = CrossEncoder(str(tmp_path), device="cpu")
    text = render_query(query).text
    pairs = [(text, render_memory(memory)) for memory in memories]
    got = peer.predict(pairs, prompt=query.instruction, activation_fn=torch.nn.Identity())
    np.testing.assert_allclose(got, scores(decoder, query, memories), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("start", ["tiny", "minilm"])
def test_a_saved_encoder_scores_the_same_in_sentence_transformers(
    encoder: EncoderStudent, memories: list[Memory], tmp_path: Path, start: str
) -> None:
    from sentence_transformers import CrossEncoder

    student = encoder if start == "tiny" else EncoderStudent.from_minilm(seed=3)
    student.save(tmp_path)
    query = Query("Who mended it?", context=(Turn("Bo", "It leaked."),), time="2026-03-14")
    peer = CrossEncoder(str(tmp_path), device="cpu")
    pairs = [(render_query(query).text, render_memory(memory)) for memory in memories]
    got = peer.predict(pairs, activation_fn=torch.nn.Identity())
    np.testing.assert_allclose(got, scores(student, query, memories), atol=1e-4)


def test_the_minilm_student_starts_from_the_packaged_weights_and_a_seeded_head() -> None:
    from labkit.retrieval.minilm import load_minilm

    one, same, other = (EncoderStudent.from_minilm(seed=seed) for seed in (1, 1, 2))
    packaged = load_minilm()[1].weights
    got = one.model.bert.state_dict()
    assert all(torch.equal(got[name], packaged[f"bert.{name}"]) for name in got)
    assert torch.equal(one.model.classifier.weight, same.model.classifier.weight)
    assert not torch.equal(one.model.classifier.weight, other.model.classifier.weight)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_decoder_laid_out_for_the_processor_scores_and_saves_the_same(
    decoder: DecoderStudent, query: Query, memories: list[Memory], tmp_path: Path, dtype: str
) -> None:
    decoder.save(tmp_path / "stock")
    fast = Reranker.load(tmp_path / "stock", device="cpu", dtype=dtype).student
    assert any(isinstance(module, LaidOutLinear) for module in fast.modules())
    want = scores(decoder, query, memories)
    most = {"float32": 1e-4, "bfloat16": 0.3}[dtype]
    np.testing.assert_allclose(scores(fast, query, memories), want, atol=most)
    fast.save(tmp_path / "again")
    again = Reranker.load(tmp_path / "again", device="cpu", dtype="float32")
    np.testing.assert_allclose(again.score(query, memories), want, atol=most)


def test_a_conversation_that_goes_on_scores_as_one_read_afresh(
    decoder: DecoderStudent, query: Query, memories: list[Memory]
) -> None:
    talk, kept = Conversation(), []
    reranker = Reranker(decoder, "tiny")
    for count in (0, 1, 2, 2):
        asked = replace(query, context=query.context[:count])
        tokens = decoder.tokenize(asked, memories)
        kept.append(talk.shared(tokens.prefix))
        got = reranker.rerank(asked, memories, conversation=talk)
        assert talk.ids == tokens.prefix
        want = reranker.rerank(asked, memories)
        assert [m.id for m in got.memories] == [m.id for m in want.memories]
        np.testing.assert_allclose(got.log_odds, want.log_odds, atol=1e-4)
    assert kept[0] == 0 and kept[1] > 10 and kept[2] > kept[1] and kept[3] == len(talk.ids)
    other = replace(query, instruction="Something else", context=())
    np.testing.assert_allclose(
        reranker.rerank(other, memories, conversation=talk).log_odds,
        reranker.rerank(other, memories).log_odds,
        atol=1e-4,
    )
