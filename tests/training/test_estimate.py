from __future__ import annotations

import json

import pytest

from labkit.assets import assets_path
from labkit.errors import InputError
from labkit.training.estimate import KNOWN, _size, estimate
from labkit.training.recipe import Adapter, load_recipe
from labkit.training.run import train
from labkit.training.trainee import Trainee
from tests.training.made_up import FAMILIES, quick_recipe


@pytest.mark.parametrize(
    "name,weights", [("0.6B", 595_776_512), ("4B", 4_021_774_336)], ids=["0.6B", "4B"]
)
def test_the_shape_of_a_released_base_gives_its_number_of_weights(name: str, weights: int) -> None:
    # The numbers are those that the released files hold.
    size = _size(KNOWN[f"Qwen/Qwen3-Reranker-{name}"], 0)
    assert size.weights == weights


def test_the_adapter_of_a_shape_is_as_large_as_one_that_is_made() -> None:
    from labkit.students.decoder import DecoderStudent
    from labkit.students.tiny import tiny_qwen3, tiny_qwen_tokenizer

    tokenizer = tiny_qwen_tokenizer()
    model = tiny_qwen3(tokenizer, key_heads=1, layers=3)
    names = (*KNOWN["Qwen/Qwen3-Reranker-4B"],)
    size = _size({name: getattr(model.config, name) for name in names}, 5)
    trainee = Trainee(DecoderStudent(model, tokenizer), Adapter(rank=5))
    assert size.trained == sum(p.numel() for p in trainee.trainable().values())
    assert size.weights == sum(p.numel() for p in trainee.parameters())


@pytest.mark.parametrize("base", FAMILIES)
def test_an_estimate_counts_what_a_run_then_reads(base: str, data: dict[str, str]) -> None:
    recipe = quick_recipe(base)
    found = estimate(recipe, data, device="cpu")
    assert [stage.name for stage in found.stages] == ["bce", "infonce"]
    bce = found.stages[0]
    assert bce.steps == 10 and bce.queries == 80
    assert 3 * 80 < bce.pairs < 6 * 80
    assert 10 < bce.tokens / bce.pairs < (250 if base == "tiny-qwen3" else 60)
    assert bce.seconds is not None and 0 < bce.seconds < 120
    assert json.loads(json.dumps(found.to_json()))["trained"] == found.trained
    assert "10 steps, 80 queries" in str(found)


@pytest.mark.parametrize("name", ["qwen3-0.6b", "qwen3-4b"])
def test_a_base_of_the_hub_is_estimated_without_it(name: str, data: dict[str, str]) -> None:
    places = {"general": data["lives"], "memories": data["lives"]}
    found = estimate(load_recipe(name), places, device="cpu")
    assert all(stage.seconds is None for stage in found.stages)
    half = 2 * found.weights
    assert all(half < stage.memory < 2 * half + 2**32 for stage in found.stages)
    more = estimate(load_recipe(name, ["gradient_checkpointing=false"]), places, device="cpu")
    assert more.stages[0].memory > found.stages[0].memory
    assert "time not measured" in str(found)


@pytest.mark.parametrize("name,held", [("qwen3-0.6b", 4.1), ("qwen3-4b", 10.8)])
def test_the_memory_of_a_decoder_is_what_an_h200_held(
    name: str, held: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Bases of these shapes, with random weights, trained on the authored lives; see docs/scale.md.
    monkeypatch.setattr("labkit.training.batches.TOKENS_PER_CHUNK_ON_GPU", 4096)
    monkeypatch.setattr("labkit.training.batches._CHUNK_ON_GPU", 2048)
    lives = str(assets_path() / "lives")
    found = estimate(load_recipe(name), {"general": lives, "memories": lives}, device="cpu")
    assert max(stage.memory for stage in found.stages) / 2**30 == pytest.approx(held, rel=0.15)


def test_a_base_that_cannot_be_reached_is_one_line(data: dict[str, str]) -> None:
    with pytest.raises(InputError, match="nobody/nothing cannot be loaded") as caught:
        estimate(quick_recipe("nobody/nothing"), data)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="expected --data lives=PATH"):
        estimate(quick_recipe(), {})


def test_the_released_base_that_cannot_be_reached_is_one_line(
    data: dict[str, str], tmp_path: pytest.TempPathFactory
) -> None:
    recipe = load_recipe("qwen3-0.6b")
    places = {"general": data["lives"], "memories": data["lives"]}
    with pytest.raises(InputError, match="cannot be loaded .* on a hub that can be reached"):
        train(recipe, places, tmp_path / "run")  # type: ignore[operator]
