"""Unmerged, merged, saved, reloaded, exported: one student, one score."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from labkit.errors import InputError
from labkit.records import Memory, Query
from labkit.scoring.engine import score_pairs
from labkit.scoring.reranker import Reranker
from labkit.students.adapter import fingerprint, put_on, save_adapter
from labkit.students.card import Card, read_card
from labkit.students.encoder import EncoderStudent
from labkit.students.load import load_base, load_student
from labkit.students.placement import choose_placement
from labkit.students.tiny import tiny_encoder
from labkit.training.export import export
from labkit.training.recipe import Adapter
from labkit.training.run import train
from labkit.training.trainee import Trainee
from tests.training.made_up import FAMILIES, quick_recipe

CPU = choose_placement("cpu", "float32")


def made_trainee(
    base: str, *, similarity: bool = False, ages: bool = False, rank: int = 4
) -> Trainee:
    """A trainee whose trained weights are far from where they start."""
    student = load_base(base, placement=CPU, similarity=similarity, ages=ages)
    torch.manual_seed(0)
    trainee = Trainee(student, Adapter(rank=rank, alpha=8))
    with torch.no_grad():
        for weight in trainee.trainable().values():
            weight.add_(0.05 * torch.randn_like(weight))
    return trainee.eval()


def saved(trainee: Trainee, folder: Path) -> Path:
    student = trainee.student
    card = student.current_card() if isinstance(student, EncoderStudent) else student.card
    save_adapter(trainee.adapted[0], card, folder)
    return folder


def scores(student: Any, query: Query, memories: list[Memory]) -> NDArray[np.float64]:
    return score_pairs(student, student.tokenize(query, memories))


@pytest.mark.parametrize("base", FAMILIES)
def test_adapter_unmerged_merged_reloaded_and_exported_give_the_same_scores(
    base: str, query: Query, memories: list[Memory], tmp_path: Path
) -> None:
    start = scores(load_base(base, placement=CPU), query, memories)
    trainee = made_trainee(base)
    want = scores(trainee.student, query, memories)
    assert np.abs(want - start).max() > 0.1, "an adapter that does nothing proves nothing"
    folder = saved(trainee, tmp_path / "adapter")
    card = read_card(folder)
    assert card is not None

    unmerged = put_on(load_base(base, placement=CPU), folder, card, merge=False)
    np.testing.assert_allclose(scores(unmerged, query, memories), want, atol=1e-5)
    merged = load_student(folder, placement=CPU)
    np.testing.assert_allclose(scores(merged, query, memories), want, atol=1e-5)
    assert not any("lora" in name for name, _ in merged.named_modules())
    export(folder, tmp_path / "stock")
    stock = load_student(tmp_path / "stock", placement=CPU)
    np.testing.assert_allclose(scores(stock, query, memories), want, atol=1e-5)
    np.testing.assert_allclose(
        Reranker.load(folder, device="cpu", dtype="float32").score(query, memories),
        want,
        atol=1e-5,
    )
    assert stock.card == merged.card == card


@pytest.mark.slow
@pytest.mark.parametrize("base", FAMILIES)
def test_an_exported_adapter_scores_the_same_in_sentence_transformers(
    base: str, query: Query, memories: list[Memory], tmp_path: Path
) -> None:
    from sentence_transformers import CrossEncoder

    from labkit.rendering import render_memory, render_query

    trainee = made_trainee(base)
    if base == "tiny-encoder":
        query = replace(query, instruction=None)  # the peer joins two texts, not three
    export(saved(trainee, tmp_path / "adapter"), tmp_path / "stock")
    peer = CrossEncoder(str(tmp_path / "stock"), device="cpu")
    pairs = [(render_query(query).text, render_memory(memory)) for memory in memories]
    got = peer.predict(pairs, prompt=query.instruction, activation_fn=torch.nn.Identity())
    np.testing.assert_allclose(got, scores(trainee.student, query, memories), atol=1e-4)


def test_the_weight_of_the_similarity_survives(
    query: Query, memories: list[Memory], tmp_path: Path
) -> None:
    trainee = made_trainee("minilm", similarity=True)
    student = trainee.student
    assert isinstance(student, EncoderStudent) and student.similarity_weight is not None
    with torch.no_grad():
        student.similarity_weight.fill_(3.21)
    want = scores(student, query, memories)
    folder = saved(trainee, tmp_path / "adapter")
    export(folder, tmp_path / "stock")
    for place in (folder, tmp_path / "stock"):
        again = load_student(place, placement=CPU)
        assert again.similarity == pytest.approx(3.21)
        np.testing.assert_allclose(scores(again, query, memories), want, atol=1e-5)


def test_a_student_that_reads_ages_does_so_wherever_it_is_loaded(
    query: Query, memories: list[Memory], tmp_path: Path
) -> None:
    trainee = made_trainee("tiny-encoder", ages=True)
    want = scores(trainee.student, query, memories)
    folder = saved(trainee, tmp_path / "adapter")
    export(folder, tmp_path / "stock")
    for place in (folder, tmp_path / "stock"):
        again = load_student(place, placement=CPU)
        np.testing.assert_allclose(scores(again, query, memories), want, atol=1e-5)
    later = replace(query, time="2031-05-05")
    plain = made_trainee("tiny-encoder").student.tokenize(later, memories)
    dated = trainee.student.tokenize(later, memories)
    assert dated.prefix == plain.prefix
    for memory, without, with_age in zip(memories, plain.tails, dated.tails, strict=True):
        assert (with_age == without) == (memory.time is None)
        assert with_age[len(with_age) - len(without) :] == without
    undated = replace(query, time=None)
    tails = [trainee.student.tokenize(undated, memories).tails, plain.tails]
    assert tails[0] == tails[1], "nothing is before a question of no day"


@pytest.mark.parametrize("similarity", [False, True])
def test_an_untrained_similarity_student_is_the_late_student(
    query: Query, memories: list[Memory], similarity: bool
) -> None:
    student = load_base("minilm", placement=CPU, similarity=similarity)
    got = scores(student, query, memories)
    want = load_student("minilm-late").score(query, memories)
    assert np.allclose(got, want, atol=1e-5) == similarity


def test_an_adapter_on_another_base_is_refused(tmp_path: Path) -> None:
    folder = saved(made_trainee("tiny-encoder"), tmp_path / "adapter")
    card = read_card(folder)
    assert card is not None
    other = EncoderStudent(*tiny_encoder(seed=1))
    with pytest.raises(InputError, match="was trained on tiny-encoder with fingerprint") as caught:
        put_on(other, folder, card)
    assert "\n" not in str(caught.value)
    replace(card, base={**card.base, "id": "minilm"}).save(folder)
    with pytest.raises(InputError, match="load it on that base"):
        load_student(folder, placement=CPU)


def test_a_fingerprint_is_of_every_weight_and_of_no_precision() -> None:
    model = tiny_encoder()[0]
    want = fingerprint(model)
    assert fingerprint(tiny_encoder()[0]) == want
    assert fingerprint(tiny_encoder()[0].to(torch.bfloat16)) == want
    with torch.no_grad():
        model.classifier.weight.add_(1)
    assert fingerprint(model) == want, "the head is drawn anew for every student"
    for name, weight in model.named_parameters():
        if name.startswith("classifier"):
            continue
        with torch.no_grad():
            weight.view(-1)[0] += 1
        assert fingerprint(model) != want, name
        with torch.no_grad():
            weight.view(-1)[0] -= 1


def texts_of(folder: Path) -> dict[str, str]:
    names = [p for p in folder.rglob("*") if p.suffix in (".json", ".md", ".jinja", ".txt")]
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in names
        if path.name not in ("tokenizer.json", "vocab.txt")
    }


@pytest.mark.parametrize("base", [*FAMILIES, "minilm"])
def test_nothing_that_is_saved_names_a_place_on_this_machine(base: str, tmp_path: Path) -> None:
    from labkit.retrieval.minilm import minilm_path

    folder = saved(made_trainee(base), tmp_path / "adapter")
    export(folder, tmp_path / "stock")
    places = (str(tmp_path), str(minilm_path().parent), str(Path.home()), str(Path.cwd()))
    for place in (folder, tmp_path / "stock"):
        texts = texts_of(place)
        assert "labkit.json" in texts
        for name, text in texts.items():
            assert not [each for each in places if each in text], name
    config = json.loads((folder / "adapter_config.json").read_text())
    want = "sentence-transformers/all-MiniLM-L6-v2" if base == "minilm" else base
    assert config["base_model_name_or_path"] == want
    assert not (folder / "README.md").exists()


def test_an_adapter_is_small_and_its_file_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        saved(made_trainee("tiny-encoder"), tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name
    size = sum(path.stat().st_size for path in (tmp_path / "one").iterdir())
    assert size < 100_000, "the base is named, not written"


def test_weights_of_another_adapter_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "trainable.safetensors"
    made_trainee("tiny-encoder", rank=4).save_trainable(file)
    made_trainee("tiny-encoder", rank=4).load_trainable(file)
    for other in (made_trainee("tiny-encoder", rank=8), made_trainee("tiny-qwen3")):
        with pytest.raises(InputError, match="holds other weights than this recipe trains"):
            other.load_trainable(file)


def test_a_student_may_be_the_base_of_the_next(
    data: dict[str, str], query: Query, memories: list[Memory], tmp_path: Path
) -> None:
    first = saved(made_trainee("tiny-encoder"), tmp_path / "first")
    recipe = quick_recipe(str(first), "stages.bce.steps=5", stages=["bce"])
    result = train(recipe, data, tmp_path / "run")
    second = tmp_path / "run/stages/bce/student"
    assert result.stages["bce"].after != result.stages["bce"].before
    start = scores(load_student(first, placement=CPU), query, memories)
    now = scores(load_student(second, placement=CPU), query, memories)
    assert np.abs(now - start).max() > 1e-3


def test_a_student_with_a_similarity_may_be_the_base_of_the_next(tmp_path: Path) -> None:
    trainee = made_trainee("minilm", similarity=True)
    first = saved(trainee, tmp_path / "first")
    second = Trainee(load_base(str(first), placement=CPU), Adapter(rank=2))
    folder = saved(second, tmp_path / "second")
    assert load_student(folder, placement=CPU).similarity == trainee.student.similarity  # type: ignore[union-attr]


def test_a_card_of_an_adapter_that_lost_its_base_is_one_line(tmp_path: Path) -> None:
    folder = saved(made_trainee("tiny-encoder"), tmp_path / "adapter")
    card = read_card(folder)
    assert isinstance(card, Card)
    replace(card, base={**card.base, "id": "nobody/nothing"}).save(folder)
    with pytest.raises(InputError, match="nobody/nothing cannot be loaded") as caught:
        load_student(folder, placement=CPU)
    assert "\n" not in str(caught.value)
