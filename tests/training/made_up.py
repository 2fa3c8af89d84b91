"""A small made-up data set, and recipes that take seconds, for the tests of training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labkit.records import Example, Memory, Query, write_examples
from labkit.training.recipe import Recipe, load_recipe

THINGS = ("key", "lamp", "book", "coat", "bike", "cup")
GOOD = ("is kept in the blue box", "was put into the blue drawer by Ana")
BAD = ("is red", "was sold in May", "cost nine pounds and was paid for in cash at the market")
FAMILIES = ("tiny-encoder", "tiny-qwen3")


def make_examples(count: int, *, seed: int = 0) -> list[Example]:
    """Queries whose relevant memories hold "blue", which a tiny model learns in a few steps.

    One in eight has no relevant memory; some negatives are typed, some labelled above 0.
    """
    rng = np.random.default_rng(seed)
    examples = []
    for i in range(count):
        thing = THINGS[i % len(THINGS)]
        tails = [(tail, 0.95) for tail in GOOD[: 0 if i % 8 == 7 else 1 + i % 2]]
        tails += [(tail, label) for tail, label in zip(BAD, (0.3, 0.0, 0.05), strict=True)]
        tails += [(tail, 0.0) for tail in BAD[: i % 3]]
        memories, labels = [], {}
        for place, j in enumerate(rng.permutation(len(tails))):
            memories.append(Memory(f"m{place}", f"The {thing} {tails[j][0]}.", time="2025-03-02"))
            labels[f"m{place}"] = tails[j][1]
        typed = {memory.id: "same_topic" for memory in memories[:2] if labels[memory.id] < 0.6}
        query = Query(f"Where is the {thing}?", id=f"q{i}", time="2026-03-14")
        examples.append(Example(query, tuple(memories), labels, negative_kinds=typed))
    return examples


def write_set(folder: Path, *, train: int = 24, dev: int = 12) -> Path:
    """A data set as ``labkit import`` leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_examples(folder / "train.jsonl", make_examples(train))
    write_examples(folder / "dev.jsonl", make_examples(dev, seed=1))
    return folder


QUICK = (
    "stages.bce.steps=10",
    "stages.infonce.steps=4",
    "stages.bce.queries_per_step=8",
    "development.every=5",
    "precision=float32",  # bfloat16 rounds by how pairs are put together
)


def quick_recipe(base: str = "tiny-encoder", *overrides: str, stages: Sequence[str] = ()) -> Recipe:
    """The recipe ``tiny``, shorter still; with ``stages``, of these only."""
    recipe = load_recipe("tiny", [f"base.model={base}", *QUICK, *overrides])
    if not stages:
        return recipe
    from dataclasses import replace

    return replace(recipe, stages={name: recipe.stages[name] for name in stages})
