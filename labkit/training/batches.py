"""From tokenised queries to the micro-batches of a stage, all decided by the seed beforehand.

A step draws queries from the mix and a group of memories for each. Its groups are dealt to
``micro_batches`` x ``processes`` parts of about equal size; how many parts there are changes no
gradient, because each loss is divided by what the whole step holds. Inside a part, pairs are put
into chunks of like length, so that hardly anything is padded although a group stays whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from labkit.errors import InputError
from labkit.records import RELEVANT
from labkit.training.groups import TokenisedQuery, draw
from labkit.training.losses import Loss
from labkit.training.recipe import Groups, Stage

TOKENS_PER_CHUNK = 4096
TOKENS_PER_CHUNK_ON_GPU = 16_384
"""At most so many tokens, padding included, go through the model at once. On a GPU a small chunk is
over before the next one's operations are started: with 65,536 instead of 4,096 the first step of a
0.6B decoder and a look at its dev queries took 4 s instead of 18 on an H200 (cuDNN's planning of
attention included, which is off since), and 9.5 GiB instead of 4.1. This is in between."""

_CHUNK_ON_CPU = 96
_CHUNK_ON_GPU = 8192
"""How many tokens a chunk costs beside its own: what it takes to start its operations."""


def like_lengths(lengths: Sequence[int], most: int, overhead: int) -> list[list[int]]:
    """Indices in chunks of like length, longest first, that cost the least together.

    A chunk costs its items times its longest, and ``overhead``.

    Args:
        lengths: tokens of each item.
        most: the most that a chunk's items times its longest may come to; an item that is longer
            on its own makes a chunk of one.
        overhead: what a chunk costs however small it is, in tokens.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    widths = np.asarray(lengths, dtype=float)[order]
    count = len(order)
    least, start_of = np.zeros(count + 1), np.zeros(count + 1, dtype=int)
    for stop in range(1, count + 1):
        padded = widths[:stop] * np.arange(stop, 0, -1)  # of a chunk from each start to here
        cost = least[:stop] + padded + overhead
        cost[:-1][padded[:-1] > most] = np.inf
        start_of[stop] = np.argmin(cost)
        least[stop] = cost[start_of[stop]]
    chunks, stop = [], count
    while stop:
        chunks.append(order[start_of[stop] : stop].tolist())
        stop = start_of[stop]
    return chunks[::-1]


class Chunks:
    """Puts pairs into padded chunks of like length for a student.

    Args:
        tokens: at most so many at once; by the device where None.
        gpu: cut them for a GPU; by the device where None.
    """

    def __init__(self, student: Any, tokens: int | None = None, *, gpu: bool | None = None) -> None:
        self.student = student
        if gpu is None:
            gpu = student.model.device.type != "cpu"
        self.tokens = tokens or (TOKENS_PER_CHUNK_ON_GPU if gpu else TOKENS_PER_CHUNK)
        self._overhead = _CHUNK_ON_GPU if gpu else _CHUNK_ON_CPU

    def __call__(self, groups: Sequence[TokenisedQuery]) -> dict[str, Any]:
        """``chunks`` for the student's forward, and ``order``: where each of their rows belongs."""
        pairs = [(group.prefix, tail) for group in groups for tail in group.tails]
        lengths = [len(prefix) + len(tail) for prefix, tail in pairs]
        chunks, order = [], []
        for batch in like_lengths(lengths, self.tokens, self._overhead):
            chosen = [(pairs[i][0].tolist(), pairs[i][1].tolist()) for i in batch]
            chunks.append(self.student.collate(chosen))
            order += batch
        similarity = [group.similarity for group in groups]
        return {
            "chunks": chunks,
            "order": torch.tensor(order),
            "similarity": None
            if similarity[0] is None
            else torch.from_numpy(np.concatenate([s for s in similarity if s is not None])),
        }


def parts_of(stage: Stage, processes: int) -> int:
    """How many parts a step has.

    Raises:
        InputError: it has fewer queries than parts, so that one would be empty.
    """
    parts = stage.micro_batches * processes
    if stage.queries_per_step < parts:
        raise InputError(
            f"queries_per_step is {stage.queries_per_step} and a step has {parts} parts "
            f"({stage.micro_batches} micro_batches on each of {processes} processes), expected "
            "at least one query for each; lower micro_batches or raise queries_per_step"
        )
    return parts


class StageBatches(Dataset[dict[str, Any]]):
    """The micro-batches of one stage in their order: item i is part ``i % parts`` of a step."""

    def __init__(
        self,
        sets: Mapping[str, Sequence[TokenisedQuery]],
        stage: Stage,
        losses: Mapping[str, Loss],
        groups: Groups,
        chunks: Chunks,
        *,
        processes: int = 1,
        seed: int = 0,
    ) -> None:
        self.stage = stage
        self.losses = losses
        self.groups = groups
        self.chunks = chunks
        self.parts = parts_of(stage, processes)
        self.seed = seed
        self._sets = sets
        self._plan = _plan(sets, stage, seed)
        self._step: tuple[int, list[list[TokenisedQuery]], dict[str, Tensor]] | None = None

    def __len__(self) -> int:
        return self.stage.steps * self.parts

    def __getitem__(self, index: int) -> dict[str, Any]:
        step, part = divmod(index, self.parts)
        parts, totals = self._drawn(step)
        mine = parts[part]
        return {
            **self.chunks(mine),
            **_labels(mine, self.stage.hard_labels),
            "totals": totals,
            "ids": [group.id for group in mine],
        }

    def _drawn(self, step: int) -> tuple[list[list[TokenisedQuery]], dict[str, Tensor]]:
        if self._step is None or self._step[0] != step:
            rng = np.random.default_rng([self.seed, 1, step])
            drawn = [draw(self._sets[name][i], self.groups, rng) for name, i in self._plan[step]]
            whole = _labels(drawn, self.stage.hard_labels)
            zeros = torch.zeros(len(whole["labels"]))
            totals = {
                name: loss(zeros, whole["labels"], whole["groups"], whole["weights"]).weights.sum()
                for name, loss in self.losses.items()
            }
            self._step = step, _dealt(drawn, self.parts), totals
        return self._step[1], self._step[2]


def _labels(groups: Sequence[TokenisedQuery], hard: bool) -> dict[str, Tensor]:
    sizes = [len(group.tails) for group in groups]
    labels = np.concatenate([group.labels for group in groups])
    if hard:
        labels = (labels >= RELEVANT).astype(np.float32)
    return {
        "labels": torch.from_numpy(labels),
        "groups": torch.from_numpy(np.repeat(np.arange(len(groups)), sizes)),
        "weights": torch.from_numpy(np.concatenate([group.weights for group in groups])),
    }


def _plan(
    sets: Mapping[str, Sequence[TokenisedQuery]], stage: Stage, seed: int
) -> list[list[tuple[str, int]]]:
    """Which queries each step reads: sets by their share, each set whole before it comes again."""
    names = [name for name, share in stage.mix.items() if share > 0 and len(sets[name])]
    shares = np.array([stage.mix[name] for name in names])
    rng = np.random.default_rng([seed, 0])
    count = stage.steps * stage.queries_per_step
    which = rng.choice(len(names), size=count, p=shares / shares.sum())
    queue: dict[int, list[int]] = {}
    plan: list[tuple[str, int]] = []
    for each in which.tolist():
        if not queue.get(each):
            queue[each] = rng.permutation(len(sets[names[each]])).tolist()
        plan.append((names[each], queue[each].pop()))
    width = stage.queries_per_step
    return [plan[i : i + width] for i in range(0, count, width)]


def _dealt(groups: list[TokenisedQuery], parts: int) -> list[list[TokenisedQuery]]:
    """Groups in ``parts`` parts of about equal tokens, none of them empty."""

    def tokens(group: TokenisedQuery) -> int:
        return sum(len(group.prefix) + len(tail) for tail in group.tails)

    order = sorted(range(len(groups)), key=lambda i: (-tokens(groups[i]), i))
    dealt: list[list[int]] = [[] for _ in range(parts)]
    for place, index in enumerate(order):
        lap, seat = divmod(place, parts)
        dealt[seat if lap % 2 == 0 else parts - 1 - seat].append(index)
    return [[groups[i] for i in sorted(part)] for part in dealt]
