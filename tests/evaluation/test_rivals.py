from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from labkit.evaluation.rivals import Outcome, Student
from labkit.records import Memory, Query
from labkit.scoring.reranker import Reranker
from labkit.students.decoder import DecoderStudent
from labkit.students.encoder import EncoderStudent


@pytest.mark.parametrize("family", ["encoder", "decoder"])
def test_a_student_in_a_table_ranks_as_its_reranker_does(
    family: str,
    encoder: EncoderStudent,
    decoder: DecoderStudent,
    query: Query,
    memories: list[Memory],
) -> None:
    reranker = Reranker(encoder if family == "encoder" else decoder, "tiny")
    found: dict[int, Outcome] = {}
    Student(reranker, "tiny").rank([(query, memories)], found.__setitem__)
    ranking = reranker.rerank(query, memories)
    assert [memories[i] for i in found[0].order] == list(ranking.memories)
    assert found[0].probabilities == pytest.approx(ranking.probabilities, abs=1e-6)
    assert found[0].seconds is not None and found[0].seconds > 0


def test_a_student_is_another_one_when_its_card_or_its_weights_change(
    tmp_path: Path, encoder: EncoderStudent
) -> None:
    encoder.save(tmp_path)
    first = Student(Reranker.load(tmp_path, device="cpu"), str(tmp_path)).identity()
    again = Student(Reranker.load(tmp_path, device="cpu"), str(tmp_path)).identity()
    assert first == again and first["weights_sha256"] is not None
    replace(encoder.card, description="another").save(tmp_path)
    described = Student(Reranker.load(tmp_path, device="cpu"), str(tmp_path)).identity()
    assert described["card_sha256"] != first["card_sha256"]
    assert described["weights_sha256"] == first["weights_sha256"]
    weights = tmp_path / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    changed = Student(Reranker.load(tmp_path, device="cpu"), str(tmp_path)).identity()
    assert changed["weights_sha256"] != first["weights_sha256"]
