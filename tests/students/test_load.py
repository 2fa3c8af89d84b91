from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from labkit.assets import assets_path
from labkit.errors import InputError
from labkit.records import Memory, Query
from labkit.rendering import RENDERING_VERSION
from labkit.retrieval.minilm import minilm_path
from labkit.scoring.reranker import Reranker
from labkit.students.card import FILE_NAME, Card, read_card
from labkit.students.cosine import CosineStudent
from labkit.students.decoder import DecoderStudent
from labkit.students.encoder import EncoderStudent
from labkit.students.load import load_student
from labkit.students.placement import choose_placement
from labkit.students.tiny import tiny_qwen3


def test_the_trained_student_is_the_default_and_prefers_the_answer_to_an_echo() -> None:
    reranker = Reranker.load()
    assert isinstance(reranker.student, EncoderStudent)
    assert reranker.student.similarity > 0, "a nearer memory must not score lower"
    answer = Memory("a", "Dr. Osei said the plaster comes off on the 14th.", speaker="Ana")
    echo = Memory("b", "When does the plaster come off? I keep asking myself.", speaker="Ana")
    other = Memory("c", "The bus to work was late again.", speaker="Ana")
    ranking = reranker.rerank(Query("When does Ana's plaster come off?"), [other, echo, answer])
    assert [memory.id for memory in ranking.memories][-1] == "c"
    assert ranking.memories[0].id == "a"
    assert {"balanced", "careful", "lean"} <= reranker.card.thresholds.keys()


def test_the_baseline_is_the_cosine() -> None:
    student = load_student("minilm-cosine")
    assert isinstance(student, CosineStudent)
    assert student.slope > 0, "a nearer memory must not score lower"


def test_a_card_survives_the_file(tmp_path: Path) -> None:
    card = Card(family="cosine", head={"slope": 1.0, "intercept": 0.0}, training={"seed": 7})
    card.save(tmp_path)
    assert read_card(tmp_path) == card


@pytest.mark.parametrize(
    "change,expected",
    [
        ({"format": 99}, "format 99, expected 1"),
        ({"family": "oracle"}, "expected one of cosine, late, encoder, decoder"),
        ({"rendering": RENDERING_VERSION + 1}, "was trained with rendering"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_card_of_another_make_is_refused(
    tmp_path: Path, change: dict[str, object], expected: str
) -> None:
    Card(family="cosine").save(tmp_path)
    values = json.loads((tmp_path / FILE_NAME).read_text())
    (tmp_path / FILE_NAME).write_text(json.dumps({**values, **change}))
    with pytest.raises(InputError, match=expected):
        read_card(tmp_path)


def test_a_damaged_card_is_one_line(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        load_student(tmp_path)


@pytest.mark.parametrize("for_scoring", [True, False])
@pytest.mark.parametrize("damage", ["a pointer", "missing"])
def test_damaged_weights_of_an_adapter_are_one_line(
    tmp_path: Path, damage: str, for_scoring: bool
) -> None:
    shutil.copytree(assets_path() / "models" / "mini", tmp_path / "mine")
    weights = tmp_path / "mine" / "adapter_model.safetensors"
    weights.unlink()
    if damage == "a pointer":
        weights.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(InputError, match="adapter_model.safetensors cannot be read") as caught:
        load_student(tmp_path / "mine", for_scoring=for_scoring)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nothing-here", "./no/folder", "/no/folder", "a/b/c"])
def test_a_name_that_is_nothing_says_what_would_be_something(name: str) -> None:
    with pytest.raises(InputError, match="expected mini, minilm-late, minilm-cosine, a folder"):
        load_student(name)


def test_a_hub_that_cannot_be_reached_is_one_line() -> None:
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        load_student("nobody/nothing")
    assert "\n" not in str(caught.value)


def test_a_bi_encoder_without_head_is_refused() -> None:
    with pytest.raises(InputError, match="is a BertModel, expected"):
        load_student(minilm_path())


def test_a_classifier_with_two_outputs_is_refused(encoder: EncoderStudent, tmp_path: Path) -> None:
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=50, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, num_labels=2
    )
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    encoder.tokenizer.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="has 2 outputs, expected"):
        load_student(tmp_path)


def test_a_tokenizer_that_splits_yes_is_refused(encoder: EncoderStudent) -> None:
    class Splitting:
        def __call__(self, text: str, **_: object) -> dict[str, list[int]]:
            return {"input_ids": list(text.encode())}

    model = tiny_qwen3(encoder.tokenizer, layers=1)
    with pytest.raises(InputError, match="'yes' in 3 tokens, expected one"):
        DecoderStudent(model, Splitting())


def test_card_and_weights_of_different_families_are_refused(
    encoder: EncoderStudent, tmp_path: Path
) -> None:
    encoder.save(tmp_path)
    Card(family="decoder").save(tmp_path)
    with pytest.raises(InputError, match="card of family 'decoder'"):
        load_student(tmp_path)


def test_placement_is_chosen_with_a_reason_and_can_be_set() -> None:
    chosen = choose_placement("cpu")
    assert str(chosen) == "cpu, float32 (device as asked)"
    assert "bfloat16" in str(choose_placement("cpu", "bfloat16"))


@pytest.mark.parametrize("device,dtype", [("toaster", None), ("cuda:99", None), ("cpu", "int3")])
def test_a_placement_that_is_not_here_is_one_line(device: str, dtype: str | None) -> None:
    with pytest.raises(InputError, match="expected") as caught:
        choose_placement(device, dtype)
    assert "\n" not in str(caught.value)
