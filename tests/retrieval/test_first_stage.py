from __future__ import annotations

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.records import Memory, Query, Turn
from labkit.retrieval import minilm
from labkit.retrieval.bm25 import BM25
from labkit.retrieval.first_stage import METHODS, FirstStage, Method, reciprocal_rank_fusion

MEMORIES = [
    Memory("m1", "The vet said Biscuit must lose two kilos.", "2025-03-02", "Ana"),
    Memory("m2", "Bought paint for the hallway, the dull green one.", "2025-04-11", "Ana"),
    Memory("m3", "Our dog hurt his paw on the beach.", "2025-05-20", "Bo"),
    Memory("m4", "Tickets to Lisbon are booked for the autumn.", "2025-06-01", "Bo"),
]


def test_bm25_finds_the_shared_word_and_the_date() -> None:
    stage = FirstStage(MEMORIES, "bm25")
    assert stage.candidates(Query("Which paint did we buy?"))[0].id == "m2"
    assert stage.candidates(Query("What was in June?"))[0].id == "m4"


def test_dense_finds_the_meaning_without_a_shared_word() -> None:
    stage = FirstStage(MEMORIES, "dense")
    assert stage.candidates(Query("Did our pet have an injury at the seaside?"))[0].id == "m3"


def test_the_context_is_searched_with_the_query() -> None:
    stage = FirstStage(MEMORIES, "bm25")
    context = (Turn("Bo", "I was looking at the green hallway."),)
    assert stage.candidates(Query("Which one was it?", context=context))[0].id == "m2"


@pytest.mark.parametrize("method", METHODS)
def test_every_method_orders_all_memories_and_cuts_at_top_k(method: Method) -> None:
    stage = FirstStage(MEMORIES, method)
    query = Query("paint")
    assert sorted(stage.order(query)) == [0, 1, 2, 3]
    assert stage.candidates(query, 2) == stage.candidates(query)[:2]


@pytest.mark.parametrize("method", METHODS)
def test_odd_inputs_are_ranked_all_the_same(method: Method) -> None:
    assert FirstStage([], method).candidates(Query("anything")) == ()
    wordless = [Memory("a", ""), Memory("b", "?!"), Memory("c", "日本語 🙂")]
    assert len(FirstStage(wordless, method).candidates(Query("?"))) == 3


def test_equal_scores_keep_the_order_of_the_memories() -> None:
    same = [Memory(f"m{i}", "the same words") for i in range(30)]
    for method in METHODS:
        assert FirstStage(same, method).order(Query("other")).tolist() == list(range(30))


def test_an_unknown_method_names_the_known() -> None:
    with pytest.raises(InputError, match="expected one of fused, bm25, dense, none"):
        FirstStage(MEMORIES, "splade")  # type: ignore[arg-type]


def test_fusion_is_the_sum_of_reciprocal_ranks() -> None:
    fused = reciprocal_rank_fusion([np.array([0, 1, 2]), np.array([2, 0, 1])])
    np.testing.assert_allclose(fused, [1 / 61 + 1 / 62, 1 / 62 + 1 / 63, 1 / 63 + 1 / 61])


def test_bm25_of_a_text_without_words_is_zero() -> None:
    assert BM25(["", "?"]).search("word").tolist() == [0, 0]
    assert BM25(["word"]).search("...").tolist() == [0]


def test_the_packaged_weights_are_the_published_ones() -> None:
    assert minilm.weights_sha256(minilm.minilm_path()) == minilm.SHA256


def test_vectors_do_not_depend_on_batch_or_cache() -> None:
    texts = [m.text * (1 + i) for i, m in enumerate(MEMORIES)]
    together = minilm.embed(texts)
    minilm._cache.clear()
    apart = np.concatenate([minilm.embed([text]) for text in texts])
    np.testing.assert_allclose(together, apart, atol=1e-5)
    np.testing.assert_allclose(minilm.embed(texts[::-1])[::-1], together, atol=1e-5)


@pytest.mark.slow
def test_vectors_equal_those_of_sentence_transformers() -> None:
    from sentence_transformers import SentenceTransformer

    peer = SentenceTransformer(str(minilm.minilm_path()), device="cpu")
    texts = [*(m.text for m in MEMORIES), "long " * 400]
    np.testing.assert_allclose(minilm.embed(texts), peer.encode(texts), atol=1e-5)
