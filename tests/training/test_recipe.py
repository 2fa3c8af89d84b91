from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml

from labkit.assets import assets_path
from labkit.errors import InputError
from labkit.training.groups import read_split
from labkit.training.recipe import load_recipe, recipe_names, recipe_to_json

WHOLE = {"name": "own", "stages": {"bce": {"mix": {"a": 1}, "losses": {"bce": 1}, "steps": 5}}}


def write(path: Path, value: object) -> str:
    file = path / "own.yaml"
    file.write_text(value if isinstance(value, str) else yaml.safe_dump(value), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("name", recipe_names())
def test_a_packaged_recipe_loads_and_bears_its_name(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert set(recipe.development.sets) <= set(recipe.data)


def test_the_recipes_of_the_plan_are_here() -> None:
    assert {"mini", "tiny", "qwen3-0.6b", "qwen3-4b"} <= set(recipe_names())


@pytest.mark.parametrize("name", ["qwen3-0.6b", "qwen3-4b"])
def test_a_decoders_recipe_holds_the_frozen_weights_in_bfloat16(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.base.weights == "bfloat16" and recipe.gradient_checkpointing
    assert recipe.adapter.rank > 0
    assert list(recipe.stages) == ["general", "bce", "infonce"]
    assert recipe.stages["infonce"].losses["bce"] > 0, "it keeps scores calibrated"


def test_what_a_resolved_recipe_says_is_the_recipe(tmp_path: Path) -> None:
    recipe = load_recipe("tiny", ["seed=7"])
    values = recipe_to_json(recipe, {"lives": "somewhere"})
    assert values.pop("data") == {"lives": "somewhere"}
    values["development"]["sets"] = list(values["development"]["sets"])
    assert load_recipe(write(tmp_path, values)) == recipe


def test_overrides_reach_every_level_and_are_read_as_yaml() -> None:
    recipe = load_recipe(
        "tiny",
        [
            "seed=3",
            "adapter.rank=0",
            "stages.bce.learning_rate=3e-4",  # YAML 1.1 reads this as a text
            "stages.bce.losses={kl: 1, bce: 0.5}",
            "stages.infonce.mix.more=2",
            "base.dropout=null",
            "stages.bce.hard_labels=true",
        ],
    )
    assert recipe.seed == 3 and recipe.adapter.rank == 0 and recipe.base.dropout is None
    bce = recipe.stages["bce"]
    assert bce.learning_rate == 3e-4 and bce.losses == {"kl": 1.0, "bce": 0.5} and bce.hard_labels
    assert recipe.data == ("lives", "more")


def test_a_set_that_comes_with_labkit_need_not_be_given_and_may_be_replaced(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, {**WHOLE, "assets": {"a": "lives", "unread": "labels"}}))
    assert recipe.places({}) == {"a": str(assets_path() / "lives")}
    assert recipe.places({"a": "mine"}) == {"a": "mine"}


@pytest.mark.parametrize("name", recipe_names())
def test_what_a_packaged_recipe_takes_from_the_assets_is_there_and_read(name: str) -> None:
    recipe = load_recipe(name)
    assert set(recipe.assets) <= set(recipe.data)
    places = recipe.places({name: "given" for name in recipe.data if name not in recipe.assets})
    for place in (places[name] for name in recipe.assets):
        assert next(iter(read_split(place, "train")), None) is not None, place


def test_a_wheel_brings_what_the_recipes_name() -> None:
    project = tomllib.loads((assets_path().parent / "pyproject.toml").read_text(encoding="utf-8"))
    brought = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for name in recipe_names():
        for place in load_recipe(name).assets.values():
            folder = f"assets/{Path(place).parts[0]}"
            assert brought[folder] == f"labkit/{folder}"


def test_a_set_of_share_zero_need_not_be_there() -> None:
    recipe = load_recipe("tiny", ["stages.bce.mix.more=0"])
    assert recipe.data == ("lives",)


def test_numbers_in_either_form_are_numbers(tmp_path: Path) -> None:
    text = "name: own\nstages: {s: {mix: {a: 1}, losses: {bce: 1}, steps: 5, learning_rate: 5e-4}}"
    assert load_recipe(write(tmp_path, text)).stages["s"].learning_rate == 5e-4


@pytest.mark.parametrize(
    "override,expected",
    [
        ("sead=3", "unknown key sead, expected one of name, stages"),
        ("stages.bce.stepz=3", "unknown key stages.bce.stepz, expected one of mix, losses"),
        ("stages.bce.losses.hinge=1", "unknown key stages.bce.losses.hinge, expected one of bce"),
        ("stages.bce.steps=many", 'stages.bce.steps is "many", expected a whole number'),
        ("stages.bce.steps=2.5", "stages.bce.steps is 2.5, expected a whole number"),
        ("stages.bce.steps=true", "stages.bce.steps is true, expected a whole number"),
        ("stages.bce.learning_rate=fast", 'learning_rate is "fast", expected a number'),
        ("stages.bce.learning_rate=.nan", "learning_rate is nan, expected more than 0"),
        ("stages.bce.steps=0", "stages.bce.steps is 0, expected more than 0"),
        ("stages.bce.temperature=-1", "temperature is -1, expected more than 0"),
        (
            "stages.bce.no_answer=true",
            "stages.bce.no_answer is true and its losses have no infonce",
        ),
        ("stages.bce.warmup=2", "stages.bce.warmup is 2, expected 0 to 1"),
        ("stages.bce.average=1.5", "stages.bce.average is 1.5, expected 0 to 1"),
        ("stages.bce.average=0", "stages.bce.average is 0, expected more than 0"),
        ("stages.bce.mix.lives=-1", "stages.bce.mix.lives is -1, expected 0 or more"),
        ("stages.bce.mix.lives=0", "stages.bce.mix has no set of share above 0"),
        ("stages.bce.losses={}", "stages.bce.losses has no loss of weight above 0"),
        ("stages.bce.losses=bce", 'stages.bce.losses is "bce", expected keys and values'),
        ("stages={}", "stages has no stage"),
        ("stages.start={mix: {a: 1}, losses: {bce: 1}, steps: 1}", "a stage is named 'start'"),
        ("stages.a/b={mix: {a: 1}, losses: {bce: 1}, steps: 1}", "a stage is named 'a/b'"),
        ("stages.new={mix: {a: 1}, losses: {bce: 1}}", "stages.new.steps is missing"),
        ("precision=half", 'precision is "half", expected one of auto, float32, bfloat16'),
        ("development.sets=lives", 'development.sets is "lives", expected a list'),
        ("gradient_checkpointing=3", "gradient_checkpointing is 3, expected true or false"),
        ("name=3", "name is 3, expected a text"),
        ("adapter.rank=-1", "adapter.rank is -1, expected 0 or more"),
        ("groups.hard=1.5", "groups.hard is 1.5, expected 0 to 1"),
        ("development.every=0", "development.every is 0, expected more than 0"),
        ("seed=-1", "seed is -1, expected 0 to 4294967295"),
        ("seed.more=1", "--set seed.more: seed has no keys of its own"),
        ("seed", "--set is 'seed', expected KEY=VALUE"),
        ("=3", "--set is '=3', expected KEY=VALUE"),
        ("seed=[1", "--set seed is '[1', expected a value in YAML"),
    ],
)
def test_a_bad_override_is_one_line_that_names_the_key(override: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        load_recipe("tiny", ["seed=0", override])
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_bfloat16_weights_are_not_for_tuning() -> None:
    with pytest.raises(InputError, match="expected float32, or a rank above 0"):
        load_recipe("qwen3-4b", ["adapter.rank=0"])


@pytest.mark.parametrize(
    "value,expected",
    [
        ("[1, 2", "cannot be read"),
        ("- 1", "expected keys and values"),
        ("", "expected keys and values"),
        ({"stages": WHOLE["stages"]}, "name is missing from the recipe"),
        ({"name": "own"}, "stages is missing from the recipe"),
        ({**WHOLE, "data": {}}, "unknown key data"),
        ({**WHOLE, "base": "minilm"}, 'base is "minilm", expected keys and values'),
    ],
)
def test_a_file_that_is_no_recipe_is_one_line(tmp_path: Path, value: object, expected: str) -> None:
    with pytest.raises(InputError, match=expected) as caught:
        load_recipe(write(tmp_path, value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["maxi", "./nowhere.yaml", ""])
def test_a_recipe_that_is_not_there_names_those_that_are(source: str) -> None:
    with pytest.raises(InputError, match="expected one of mini, qwen3-0.6b, .*, or a YAML file"):
        load_recipe(source)


def test_a_mix_may_name_the_queries_of_one_kind_of_a_set() -> None:
    recipe = load_recipe("tiny", ["stages.bce.mix={sim: 2, 'sim:update': 1}"])
    assert recipe.mixed[:2] == ("sim", "sim:update")
    assert "sim" in recipe.data and "sim:update" not in recipe.data
