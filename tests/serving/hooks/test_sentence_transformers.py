from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sentence_transformers")
from sentence_transformers import CrossEncoder

from labkit.records import Memory, Query
from labkit.rendering import render_memory
from labkit.scoring.calibration import probability
from labkit.scoring.reranker import Reranker
from labkit.serving.hooks.sentence_transformers import StudentModule
from labkit.students.encoder import EncoderStudent
from labkit.students.tiny import tiny_encoder
from tests.serving.hooks.conftest import TEXTS

QUERY = "Who mended it?"


@pytest.fixture(scope="module")
def with_similarity() -> Reranker:
    """A calibrated student that adds a similarity, as the embedded one does."""
    card = replace(
        EncoderStudent(*tiny_encoder()).card,
        head={"similarity": 5.0},
        calibration={"method": "platt", "slope": 2.0, "shift": -0.5},
    )
    return Reranker(EncoderStudent(*tiny_encoder(), card).eval(), "tiny")


def wanted(reranker: Reranker, texts: list[str]) -> np.ndarray:
    memories = [Memory(str(i), text) for i, text in enumerate(texts)]
    log_odds = reranker.score(Query(QUERY), memories)
    return probability(reranker.calibration(log_odds))


def test_predict_gives_calibrated_probabilities_with_the_similarity(
    with_similarity: Reranker,
) -> None:
    model = CrossEncoder(modules=[StudentModule(with_similarity)], device="cpu")
    got = model.predict([(QUERY, text) for text in TEXTS], batch_size=3)
    np.testing.assert_allclose(got, wanted(with_similarity, TEXTS), atol=1e-5)
    mixed = model.predict([("Where?", TEXTS[0]), (QUERY, TEXTS[1]), ("Where?", TEXTS[2])])
    assert mixed[1] == pytest.approx(got[1], abs=1e-5)
    one = model.predict((QUERY, TEXTS[0]))
    assert float(one) == pytest.approx(got[0], abs=1e-5)


def test_rank_orders_as_the_reranker(with_similarity: Reranker) -> None:
    model = CrossEncoder(modules=[StudentModule(with_similarity)], device="cpu")
    ranked = model.rank(QUERY, TEXTS)
    memories = [Memory(str(i), text) for i, text in enumerate(TEXTS)]
    ranking = with_similarity.rerank(Query(QUERY), memories)
    assert [r["corpus_id"] for r in ranked] == [int(m.id) for m in ranking.memories]


def test_a_rendered_memory_keeps_date_and_speaker(with_similarity: Reranker) -> None:
    memory = Memory("0", "mended the roof", "2025-03-02", "Ana")
    model = CrossEncoder(modules=[StudentModule(with_similarity)], device="cpu")
    got = model.predict([(QUERY, render_memory(memory))])
    want = probability(with_similarity.calibration(with_similarity.score(Query(QUERY), [memory])))
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_it_is_saved_and_loaded_by_its_path(with_similarity: Reranker, tmp_path: Path) -> None:
    model = CrossEncoder(modules=[StudentModule(with_similarity)], device="cpu")
    model.save_pretrained(str(tmp_path / "saved"))
    with pytest.raises(ValueError, match="trust_remote_code"):
        CrossEncoder(str(tmp_path / "saved"), device="cpu")
    loaded = CrossEncoder(str(tmp_path / "saved"), device="cpu", trust_remote_code=True)
    got = loaded.predict([(QUERY, text) for text in TEXTS])
    np.testing.assert_allclose(got, wanted(with_similarity, TEXTS), atol=1e-5)


def test_the_stock_cross_encoder_lacks_the_similarity_and_the_calibration(
    with_similarity: Reranker, tmp_path: Path
) -> None:
    """What is lost without the module, exactly."""
    with_similarity.student.save(tmp_path)
    stock = CrossEncoder(str(tmp_path), device="cpu")
    bare = stock.predict([(QUERY, t) for t in TEXTS], activation_fn=_identity())
    memories = [Memory(str(i), text) for i, text in enumerate(TEXTS)]
    full = with_similarity.score(Query(QUERY), memories)
    similarity = with_similarity.student.tokenize(Query(QUERY), memories).similarity
    lost = 5.0 * similarity
    np.testing.assert_allclose(bare + lost, full, atol=1e-4)
    assert np.abs(lost).max() > 0.5


def _identity() -> object:
    from torch import nn

    return nn.Identity()
