"""Recipes: what a training run does, as commented YAML that is checked before anything is loaded.

A recipe names its data sets. Some come with labkit, and the recipe says where in ``assets/`` they
lie; for the others, and instead of these, it is said at the command line (``--data NAME=PATH``).
Unknown keys are errors, and so are sets that a stage mixes and nobody gave.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from labkit.assets import assets_path
from labkit.errors import InputError
from labkit.records import shown
from labkit.training.losses import LOSSES

FOLDER = Path(__file__).parent / "recipes"


@dataclass(frozen=True, slots=True)
class Base:
    """What training starts from.

    Attributes:
        model: ``minilm`` (packaged), ``tiny-encoder`` or ``tiny-qwen3`` (random, made on the spot),
            a checkpoint folder, or a hub id.
        similarity: add late interaction by the frozen MiniLM to the score of ``minilm``, with a
            weight that is trained; the student then begins as the embedded late student.
        ages: an encoder reads, before each memory, how long before the question it was.
        dropout: of the base while it trains; None keeps what its configuration says.
        weights: precision in which the frozen weights are held; what is trained is float32.
    """

    model: str = "minilm"
    similarity: bool = False
    ages: bool = False
    dropout: float | None = 0.0
    weights: Literal["float32", "bfloat16"] = "float32"


@dataclass(frozen=True, slots=True)
class Adapter:
    """Low-rank adapters on every linear layer (Hu et al. 2021); ``rank`` 0 tunes the layers."""

    rank: int = 32
    alpha: float = 64.0
    dropout: float = 0.0


@dataclass(frozen=True, slots=True)
class Groups:
    """How many memories of a query are read together.

    Attributes:
        positives: at most this many relevant ones.
        negatives: others; a query may have fewer.
        hard: share of the negatives that are hard: labelled above 0, typed, or among the
            ``hard_pool`` most similar to the query; the rest are drawn from all.
        hard_pool: see ``hard``.
    """

    positives: int = 2
    negatives: int = 6
    hard: float = 0.7
    hard_pool: int = 12


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of training.

    Attributes:
        mix: data set -> its share of the queries. ``NAME:KIND`` is the queries of one kind of a
            set, beside those that the whole set brings.
        losses: loss -> its weight in the sum (``bce``, ``infonce``, ``ranknet``, ``margin_mse``,
            ``kl``).
        temperature: of InfoNCE and KL.
        no_answer: InfoNCE has one more candidate a query, "nothing answers", at log-odds 0.
        steps: optimiser steps.
        queries_per_step: queries in one optimiser step, over all processes and micro-batches.
        micro_batches: parts that a process computes one after another for one step: more of them
            need less memory and change nothing else.
        learning_rate, warmup, weight_decay: AdamW with linear warm-up (share of the steps) and
            cosine decay to zero.
        hard_labels: replace each label by 1 (relevant) or 0.
        average: share of the stage's weights in what it ends with; the rest is what it began with
            (0.5: the mean of both). Less far from what the stages before learned (WiSE-FT, Wortsman
            et al. 2022, arXiv 2109.01903).
    """

    mix: dict[str, float]
    losses: dict[str, float]
    steps: int
    temperature: float = 1.0
    no_answer: bool = False
    queries_per_step: int = 32
    micro_batches: int = 1
    learning_rate: float = 3e-4
    warmup: float = 0.1
    weight_decay: float = 0.01
    hard_labels: bool = False
    average: float = 1.0


@dataclass(frozen=True, slots=True)
class Development:
    """How dev queries are used while training.

    Attributes:
        sets: data sets whose dev split is ranked; the mean over sets of MAP is the yardstick.
        queries: at most this many of each, drawn with the seed.
        candidates: at most this many memories a query, the relevant ones first.
        every: steps between two evaluations; a checkpoint is written with each.
        patience: evaluations without a better one after which a stage stops.
    """

    sets: tuple[str, ...] = ()
    queries: int = 100
    candidates: int = 30
    every: int = 200
    patience: int = 4


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole run; see the YAML files in ``labkit/training/recipes``.

    Attributes:
        assets: data set -> its folder in ``assets/``, for those that come with labkit.
    """

    name: str
    stages: dict[str, Stage]
    base: Base = field(default_factory=Base)
    adapter: Adapter = field(default_factory=Adapter)
    groups: Groups = field(default_factory=Groups)
    development: Development = field(default_factory=Development)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    gradient_checkpointing: bool = False
    seed: int = 0
    description: str = ""
    assets: dict[str, str] = field(default_factory=dict)

    def places(self, given: Mapping[str, str]) -> dict[str, str]:
        """Where each data set lies: as given, else in ``assets/`` where the recipe names it so.

        Raises:
            InputError: one that the recipe reads lies nowhere, or it does not read one given.
        """
        for name in given:
            if name not in self.data:
                known = ", ".join(self.data)
                raise InputError(f"--data {name}: recipe {self.name} reads {known} only")
        ours = {name: str(assets_path() / path) for name, path in self.assets.items()}
        found = {**ours, **given}
        for name in self.data:
            if name not in found:
                raise InputError(
                    f"recipe {self.name} reads {name!r} and it was not given, expected "
                    f"--data {name}=PATH (or leave it out of development.sets, and of the stages "
                    f"with --set stages.STAGE.mix.{name}=0)"
                )
        return {name: found[name] for name in self.data}

    @property
    def data(self) -> tuple[str, ...]:
        """Names of the sets that the stages mix and the dev splits that are ranked, in order."""
        return tuple(dict.fromkeys([*map(set_of, self.mixed), *self.development.sets]))

    @property
    def mixed(self) -> tuple[str, ...]:
        """What the stages mix, as they name it, in order."""
        mixes = (stage.mix.items() for stage in self.stages.values())
        return tuple(dict.fromkeys(name for mix in mixes for name, share in mix if share > 0))


def set_of(name: str) -> str:
    """The data set of a name in a mix: ``sim`` of ``sim`` and of ``sim:coreference``."""
    return name.partition(":")[0]


def recipe_names() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_recipe(source: str, overrides: Sequence[str] = ()) -> Recipe:
    """A packaged recipe by name, or a YAML file, with ``key=value`` overrides.

    A key is dotted (``stages.bce.steps=50``, ``adapter.rank=8``); a value is read as YAML.

    Raises:
        InputError: no such recipe, an unknown key, a value of the wrong kind; the message names
            the key and what was expected.
    """
    path = FOLDER / f"{source}.yaml" if "/" not in source else Path(source)
    if not path.is_file():
        path = Path(source)
    if not path.is_file():
        known = ", ".join(recipe_names())
        raise InputError(f"no recipe {source!r}, expected one of {known}, or a YAML file")
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} cannot be read ({reason}), expected a recipe in YAML") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} is {shown(value)}, expected keys and values")
    for override in overrides:
        _override(value, override)
    recipe: Recipe = _build(Recipe, value, "")
    _check(recipe)
    return recipe


def _override(value: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise InputError(f"--set is {override!r}, expected KEY=VALUE such as stages.bce.steps=50")
    *parents, last = key.split(".")
    at: Any = value
    for parent in parents:
        at = at.setdefault(parent, {})
        if not isinstance(at, dict):
            raise InputError(f"--set {key}: {parent} has no keys of its own")
    try:
        at[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError(f"--set {key} is {text!r}, expected a value in YAML") from None


def _build(of: Any, value: Any, where: str) -> Any:
    """``value`` as the annotated type ``of``; every error names the dotted key."""
    origin, arguments = typing.get_origin(of), typing.get_args(of)
    if dataclasses.is_dataclass(of):
        assert isinstance(of, type)
        if not isinstance(value, dict):
            raise InputError(f"{where or 'the recipe'} is {shown(value)}, expected keys and values")
        hints = typing.get_type_hints(of)
        known = [each.name for each in dataclasses.fields(of)]
        for key in value:
            if key not in known:
                raise InputError(
                    f"unknown key {_dotted(where, key)}, expected one of {', '.join(known)}"
                )
        for each in dataclasses.fields(of):
            required = each.default is each.default_factory is dataclasses.MISSING
            if required and each.name not in value:
                raise InputError(f"{_dotted(where, each.name)} is missing from the recipe")
        return of(**{key: _build(hints[key], v, _dotted(where, key)) for key, v in value.items()})
    if origin is dict:
        if not isinstance(value, dict):
            raise InputError(f"{where} is {shown(value)}, expected keys and values")
        return {str(k): _build(arguments[1], v, _dotted(where, str(k))) for k, v in value.items()}
    if origin is tuple:
        if not isinstance(value, list):
            raise InputError(f"{where} is {shown(value)}, expected a list")
        return tuple(_build(arguments[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if origin is Literal:
        if value not in arguments:
            raise InputError(f"{where} is {shown(value)}, expected one of {', '.join(arguments)}")
        return value
    if origin is types.UnionType:
        if value is None:
            return None
        return _build(next(a for a in arguments if a is not type(None)), value, where)
    return _plain(of, value, where)


def _plain(of: type, value: Any, where: str) -> Any:
    if of is float and isinstance(value, str):  # YAML 1.1 reads 3e-4 as a text
        with contextlib.suppress(ValueError):
            value = float(value)
    good = isinstance(value, int | float) if of is float else isinstance(value, of)
    if not good or (isinstance(value, bool) and of is not bool):
        names = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}
        raise InputError(f"{where} is {shown(value)}, expected {names[of]}")
    return float(value) if of is float else value


def _dotted(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)


def _check(recipe: Recipe) -> None:
    def positive(name: str, value: float) -> None:
        if not 0 < value < math.inf:
            raise InputError(f"{name} is {value:g}, expected more than 0")

    def share(name: str, value: float) -> None:
        if not 0 <= value <= 1:
            raise InputError(f"{name} is {value:g}, expected 0 to 1")

    def no_less(name: str, value: float) -> None:
        if not 0 <= value < math.inf:
            raise InputError(f"{name} is {value:g}, expected 0 or more")

    if not 0 <= recipe.seed < 2**32:
        raise InputError(f"seed is {recipe.seed}, expected 0 to {2**32 - 1}")
    if not recipe.stages:
        raise InputError("stages has no stage, expected at least one")
    for name, stage in recipe.stages.items():
        where = f"stages.{name}"
        if not re.fullmatch(r"[\w-]+", name) or name == "start":
            raise InputError(
                f"a stage is named {name!r}, expected letters, digits, - and _, and not 'start'"
            )
        for loss in stage.losses:
            if loss not in LOSSES:
                known = ", ".join(LOSSES)
                raise InputError(f"unknown key {where}.losses.{loss}, expected one of {known}")
        if not any(stage.losses.values()):
            raise InputError(f"{where}.losses has no loss of weight above 0, expected one")
        if stage.no_answer and not stage.losses.get("infonce"):
            raise InputError(
                f"{where}.no_answer is true and its losses have no infonce, expected false, or "
                "infonce of weight above 0"
            )
        if not any(stage.mix.values()):
            raise InputError(f"{where}.mix has no set of share above 0, expected one")
        for kind, weights in (("mix", stage.mix), ("losses", stage.losses)):
            for key, weight in weights.items():
                no_less(f"{where}.{kind}.{key}", weight)
        positive(f"{where}.temperature", stage.temperature)
        positive(f"{where}.steps", stage.steps)
        positive(f"{where}.queries_per_step", stage.queries_per_step)
        positive(f"{where}.micro_batches", stage.micro_batches)
        positive(f"{where}.learning_rate", stage.learning_rate)
        share(f"{where}.warmup", stage.warmup)
        no_less(f"{where}.weight_decay", stage.weight_decay)
        positive(f"{where}.average", stage.average)
        share(f"{where}.average", stage.average)
    no_less("adapter.rank", recipe.adapter.rank)
    share("adapter.dropout", recipe.adapter.dropout)
    share("base.dropout", recipe.base.dropout or 0.0)
    if recipe.adapter.rank == 0 and recipe.base.weights != "float32":
        raise InputError(
            f"base.weights is {recipe.base.weights} and adapter.rank 0 trains these weights "
            "themselves, expected float32, or a rank above 0"
        )
    positive("groups.positives", recipe.groups.positives)
    positive("groups.negatives", recipe.groups.negatives)
    positive("groups.hard_pool", recipe.groups.hard_pool)
    share("groups.hard", recipe.groups.hard)
    positive("development.queries", recipe.development.queries)
    positive("development.candidates", recipe.development.candidates)
    positive("development.every", recipe.development.every)
    positive("development.patience", recipe.development.patience)


def recipe_to_json(recipe: Recipe, data: Mapping[str, str]) -> dict[str, Any]:
    """The resolved recipe, with where its data was."""
    return {**dataclasses.asdict(recipe), "data": dict(data)}
