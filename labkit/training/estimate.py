"""What a run will take, said before it starts: steps, tokens, memory, time.

Steps and tokens are counted on a sample of the data. Memory is computed: weights, what AdamW holds
for each trained weight, and activations by the rule of Korthikanti et al. (2022), or, where layers
are computed again in the backward pass, by what an H200 held: 4.1 GiB for qwen3-0.6b and 10.8 GiB
for qwen3-4b, at the chunks of 4,096 tokens of then. Time is measured with two micro-batches where
the base is at hand, and left out where it is not; looks at the dev queries come on top.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from labkit.students.decoder import DecoderStudent
from labkit.students.load import load_base
from labkit.students.placement import choose_placement
from labkit.students.tiny import SPECIAL, tiny_qwen3
from labkit.training.batches import Chunks, StageBatches
from labkit.training.groups import TokenisedQuery, of_name, read_split, tokenised
from labkit.training.recipe import Recipe, Stage
from labkit.training.run import losses_of, uses_bfloat16
from labkit.training.trainee import Trainee

SAMPLE = 48
"""Queries of each data set that are tokenised to count tokens."""

_COMPUTED_AGAIN = 150
"""Bytes a value of the residual stream while a layer is computed again and goes backward."""

KNOWN = {
    "Qwen/Qwen3-Reranker-0.6B": {
        "vocab_size": 151_669,
        "hidden_size": 1024,
        "intermediate_size": 3072,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
    },
    "Qwen/Qwen3-Reranker-4B": {
        "vocab_size": 151_665,
        "hidden_size": 2560,
        "intermediate_size": 9728,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
    },
}
"""Shapes of the bases that need not be here for an estimate."""


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
            took = "time not measured (the base is not read for an estimate)"
            if s.seconds is not None:
                minutes = s.seconds / 60
                time_ = f"{minutes:.0f} min" if minutes >= 2 else f"{s.seconds:.0f} s"
                took = f"about {time_} (two micro-batches measured)"
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
    data = recipe.places(data)
    placement = choose_placement(device, recipe.base.weights)
    shape = KNOWN.get(recipe.base.model)
    student = (
        load_base(
            recipe.base.model, placement=placement, similarity=recipe.base.similarity,
            ages=recipe.base.ages, seed=recipe.seed,
        )
        if shape is None
        else _stand_in()
    )  # fmt: skip
    sets = {}
    for name in recipe.mixed:
        each, _, kind = name.partition(":")
        queries = read_split(data[each], "train")
        chosen = (example for example in queries if not kind or example.query.kind == kind)
        sample = {each: tokenised(student, islice(chosen, SAMPLE))}
        sets[name] = of_name(sample, name, str(data[each]))
    trainee = Trainee(student, recipe.adapter, checkpointing=recipe.gradient_checkpointing)
    if shape is None:
        size = _Size(
            weights=sum(p.numel() for p in trainee.parameters()),
            trained=sum(p.numel() for p in trainee.trainable().values()),
            layers=student.model.config.num_hidden_layers,
            hidden=student.model.config.hidden_size,
        )
    else:
        size = _size(shape, recipe.adapter.rank)
    bfloat16 = uses_bfloat16(recipe, placement) if shape is None else None
    return Estimate(
        recipe.name,
        size.weights,
        size.trained,
        tuple(
            _stage(name, stage, recipe, sets, trainee, size, bfloat16)
            for name, stage in recipe.stages.items()
        ),
    )


@dataclass(frozen=True, slots=True)
class _Size:
    weights: int
    trained: int
    layers: int
    hidden: int


def _size(shape: Mapping[str, int], rank: int) -> _Size:
    """Of a decoder that is laid out without being filled."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    with torch.device("meta"):
        model = Qwen3ForCausalLM(Qwen3Config(**shape, tie_word_embeddings=True))
    linear = [module for module in model.model.modules() if isinstance(module, torch.nn.Linear)]
    whole = [p.numel() for name, p in model.named_parameters() if "embed" not in name]
    low_rank = [rank * (module.in_features + module.out_features) for module in linear]
    weights = sum(p.numel() for p in model.parameters())
    return _Size(
        weights=weights + sum(low_rank),
        trained=sum(low_rank if rank else whole),
        layers=shape["num_hidden_layers"],
        hidden=shape["hidden_size"],
    )


def _stand_in() -> DecoderStudent:
    """A decoder with Qwen's template that counts tokens with the packaged MiniLM's tokenizer.

    On English text the two give about as many.
    """
    from transformers import AutoTokenizer

    from labkit.retrieval.minilm import minilm_path

    tokenizer = AutoTokenizer.from_pretrained(minilm_path())
    tokenizer.add_tokens(list(SPECIAL), special_tokens=True)
    return DecoderStudent(tiny_qwen3(tokenizer), tokenizer)


def _stage(
    name: str,
    stage: Stage,
    recipe: Recipe,
    sets: Mapping[str, Sequence[TokenisedQuery]],
    trainee: Trainee,
    size: _Size,
    bfloat16: bool | None,
) -> StageEstimate:
    losses = losses_of(stage)
    # A base of which only the shape is known is one for a GPU.
    chunks = Chunks(trainee.student, gpu=True if bfloat16 is None else None)
    batches = StageBatches(sets, stage, losses, recipe.groups, chunks)
    sample = [batches[i] for i in range(min(len(batches), 4 * batches.parts))]
    tokens = [sum(int(c["attention_mask"].sum()) for c in item["chunks"]) for item in sample]
    padded = [sum(c["attention_mask"].numel() for c in item["chunks"]) for item in sample]
    pairs = [len(item["labels"]) for item in sample]
    half = recipe.base.weights == "bfloat16"
    # Bytes for each value of the residual stream: all that the backward pass reads in every layer,
    # or, with checkpointing, the stream alone and, for a chunk at a time, what the one layer that
    # is computed again takes with its adapters and their gradients.
    if recipe.gradient_checkpointing:
        chunk = max(c["attention_mask"].numel() for item in sample for c in item["chunks"])
        values = max(padded) * size.layers * 2 + chunk * _COMPUTED_AGAIN
    else:
        values = max(padded) * size.layers * 34
    activations = values * size.hidden * (1 if half else 1.5)
    return StageEstimate(
        name=name,
        steps=stage.steps,
        queries=stage.steps * stage.queries_per_step,
        pairs=round(sum(pairs) / len(sample) * len(batches)),
        tokens=round(sum(tokens) / len(sample) * len(batches)),
        memory=round(size.weights * (2 if half else 4) + size.trained * 16 + activations),
        seconds=None if bfloat16 is None else _seconds(trainee, sample, bfloat16) * len(batches),
    )


def _seconds(trainee: Trainee, sample: Sequence[dict[str, Any]], bfloat16: bool) -> float:
    """Mean seconds of two micro-batches, forward and backward, after one that warms up."""
    device = trainee.student.model.device
    timed = sample[:2]
    began = 0.0
    for number, item in enumerate([timed[0], *timed]):
        if number == 1:
            _wait(device)
            began = time.perf_counter()
        similarity = item["similarity"]
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            log_odds = trainee(
                item["chunks"],
                item["order"].to(device),
                None if similarity is None else similarity.to(device),
            )
        log_odds.sum().backward()
    _wait(device)
    took = time.perf_counter() - began
    trainee.zero_grad()
    return took / len(timed)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)  # what was asked of it is done later than asked
