"""What a run will take, said before it starts: steps, tokens, memory, time.

Steps and tokens are counted on a sample of the data. Memory is computed: weights, what AdamW holds
for each trained weight, and activations by the rule of Korthikanti et al. (2022). Time is measured
with two steps where the base is at hand, and left out where it is not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from labkit.errors import InputError
from labkit.students.load import BASES, load_base
from labkit.students.placement import choose_placement, fast_bfloat16
from labkit.training.batches import Chunks, StageBatches
from labkit.training.groups import TokenisedQuery, read_split, tokenised
from labkit.training.losses import make_loss
from labkit.training.recipe import Recipe, Stage
from labkit.training.trainee import Trainee

SAMPLE = 48
"""Queries of each data set that are tokenised to count tokens."""

KNOWN = {
    "Qwen/Qwen3-Reranker-0.6B": (595_776_512, 28, 1024),
    "Qwen/Qwen3-Reranker-4B": (4_021_774_336, 36, 2560),
}
"""Weights, layers and hidden size of the bases that need not be here for an estimate."""


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """Of one stage; ``seconds`` is None where it could not be measured."""

    name: str
    steps: int
    queries: int
    pairs: int
    tokens: int
    memory: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of a run: ``weights`` of the base, ``trained`` of them, and its stages."""

    recipe: str
    weights: int
    trained: int
    stages: tuple[StageEstimate, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe,
            "weights": self.weights,
            "trained": self.trained,
            "stages": [
                {
                    "name": s.name,
                    "steps": s.steps,
                    "queries": s.queries,
                    "pairs": s.pairs,
                    "tokens": s.tokens,
                    "memory_bytes": s.memory,
                    "seconds": s.seconds,
                }
                for s in self.stages
            ],
        }

    def __str__(self) -> str:
        lines = [f"{self.recipe}: {self.trained:,} of {self.weights:,} weights are trained"]
        for s in self.stages:
            took = "not measured (the base is not here)"
            if s.seconds is not None:
                took = f"about {s.seconds / 60:.0f} min (two steps measured)"
            lines.append(
                f"{s.name}: {s.steps:,} steps, {s.queries:,} queries, {s.pairs:,} pairs, "
                f"{s.tokens / 1e6:.1f} M tokens, {s.memory / 2**30:.1f} GiB (computed), {took}"
            )
        return "\n".join(lines)


def estimate(recipe: Recipe, data: Mapping[str, str], *, device: str | None = None) -> Estimate:
    """Estimate a run; only a sample of the data is read.

    Raises:
        InputError: the data of a stage is missing, or the base is unknown and cannot be loaded.
    """
    placement = choose_placement(device, recipe.base.weights)
    known = KNOWN.get(recipe.base.model)
    name = recipe.base.model
    here = known is None or name in BASES
    student = load_base(
        name if here else "tiny-qwen3",
        placement=placement,
        similarity=recipe.base.similarity,
    )
    sets = {}
    for each in {n for stage in recipe.stages.values() for n, share in stage.mix.items() if share}:
        if each not in data:
            raise InputError(f"recipe {recipe.name} reads {each!r}, expected --data {each}=PATH")
        sets[each] = tokenised(student, islice(read_split(data[each], "train"), SAMPLE))
    config = student.model.config
    weights = sum(p.numel() for p in student.model.parameters())
    layers, hidden = config.num_hidden_layers, config.hidden_size
    trainee = Trainee(student, recipe.adapter)
    trained = sum(p.numel() for p in trainee.trainable().values())
    if known is not None and not here:
        share = layers * hidden
        weights, layers, hidden = known
        trained = round(trained * layers * hidden / share)  # low-rank weights grow with both
    stages = tuple(
        _stage(stage_name, stage, recipe, sets, trainee, weights, trained, layers, hidden, here)
        for stage_name, stage in recipe.stages.items()
    )
    return Estimate(recipe.name, weights, trained, stages)


def _stage(
    name: str,
    stage: Stage,
    recipe: Recipe,
    sets: Mapping[str, Sequence[TokenisedQuery]],
    trainee: Trainee,
    weights: int,
    trained: int,
    layers: int,
    hidden: int,
    here: bool,
) -> StageEstimate:
    losses = {loss: make_loss(loss) for loss, weight in stage.losses.items() if weight > 0}
    batches = StageBatches(sets, stage, losses, recipe.groups, Chunks(trainee.student))
    sample = [batches[i] for i in range(min(len(batches), 4 * batches.parts))]
    tokens = [sum(int(c["attention_mask"].sum()) for c in item["chunks"]) for item in sample]
    padded = [sum(c["attention_mask"].numel() for c in item["chunks"]) for item in sample]
    pairs = [len(item["labels"]) for item in sample]
    bytes_each = 2 if recipe.base.weights == "bfloat16" else 4
    per_token = 2 if recipe.gradient_checkpointing else 34
    activations = max(padded) * hidden * layers * per_token * (1 if bytes_each == 2 else 1.5)
    return StageEstimate(
        name=name,
        steps=stage.steps,
        queries=stage.steps * stage.queries_per_step,
        pairs=round(sum(pairs) / len(sample) * len(batches)),
        tokens=round(sum(tokens) / len(sample) * len(batches)),
        memory=round(weights * bytes_each + trained * 16 + activations),
        seconds=_seconds(trainee, sample[:2]) * len(batches) if here else None,
    )


def _seconds(trainee: Trainee, sample: Sequence[dict[str, Any]]) -> float:
    """Seconds of a micro-batch, forward and backward; the first one warms up."""
    device = trainee.student.model.device
    taken = 0.0
    for item in [sample[0], *sample]:
        began = time.perf_counter()
        similarity = item["similarity"]
        with torch.autocast(device.type, torch.bfloat16, enabled=fast_bfloat16(device)):
            log_odds = trainee(
                item["chunks"],
                item["order"].to(device),
                None if similarity is None else similarity.to(device),
            )
        log_odds.sum().backward()
        taken = time.perf_counter() - began
    trainee.zero_grad()
    return taken
