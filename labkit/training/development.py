"""Dev queries while training: how good a trainee ranks them, and whether it has become better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from labkit.errors import InputError
from labkit.evaluation.measures import average_precision
from labkit.records import RELEVANT
from labkit.students.encoder import EncoderStudent
from labkit.training.batches import Chunks
from labkit.training.groups import TokenisedQuery
from labkit.training.trainee import Trainee

Floats = NDArray[np.float64]
Outcome = Literal["WIN", "MARGINAL", "REGRESSION"]

_QUERIES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Reading:
    """What a trainee makes of the dev queries.

    Attributes:
        precision: data set -> average precision of each query with a relevant memory, in order.
        log_loss: mean over all pairs of all sets of the cross-entropy with their soft labels.
    """

    precision: Mapping[str, Floats]
    log_loss: float

    @property
    def map(self) -> float:
        """Mean over sets of MAP: the yardstick of a run."""
        return float(np.mean([values.mean() for values in self.precision.values()]))

    def of(self, names: Sequence[str]) -> Reading:
        """The same of some of the sets; the log loss stays that of all."""
        return Reading({name: self.precision[name] for name in names}, self.log_loss)

    def to_json(self) -> dict[str, Any]:
        """The numbers of a line of the log."""
        sets = {name: round(float(values.mean()), 5) for name, values in self.precision.items()}
        return {"map": round(self.map, 5), "sets": sets, "log_loss": round(self.log_loss, 5)}


def read(
    trainee: Trainee,
    sets: Mapping[str, Sequence[TokenisedQuery]],
    chunks: Chunks,
    precision: AbstractContextManager[Any],
) -> Reading:
    """Rank every dev query. Once ``torch.distributed`` has begun, each process ranks its share."""
    flat = _flat(sets)
    return _reading(flat, _scored(trainee, flat, chunks, precision))


@dataclass(frozen=True, slots=True)
class Balance:
    """``scale`` x logit + ``weight`` x similarity + ``shift`` as the score of a pair."""

    scale: float
    weight: float
    shift: float


def balance(
    trainee: Trainee,
    sets: Mapping[str, Sequence[TokenisedQuery]],
    chunks: Chunks,
    precision: AbstractContextManager[Any],
) -> Balance | None:
    """The logistic regression of dev labels on a trainee's logit and its similarity.

    On what it was trained on a logit is surer of itself than it should be, and a step of AdamW
    moves a weight by about its learning rate, so in a thousand steps the one in front of the
    similarity hardly leaves its start, while the logit grows. Three numbers, from queries that
    trained neither, set the two right. Every set counts alike.

    Returns:
        None where the two do not both speak for a memory: then nothing should be changed.
    """
    flat = _flat(sets)
    scored = _scored(trainee, flat, chunks, precision)
    assert isinstance(trainee.student, EncoderStudent)
    weight = trainee.student.similarity
    parts, labels, shares = [], [], []
    pairs = {name: sum(len(query.labels) for query in queries) for name, queries in sets.items()}
    for i, (name, query) in enumerate(flat):
        assert query.similarity is not None
        parts.append(np.stack([scored[i] - weight * query.similarity, query.similarity], 1))
        labels.append(query.labels.astype(np.float64))
        shares.append(np.full(len(query.labels), 1 / pairs[name]))
    x, y, share = np.concatenate(parts), np.concatenate(labels), np.concatenate(shares)
    fitted = LogisticRegression(C=np.inf, tol=1e-8).fit(
        np.concatenate([x, x]),
        np.repeat([1, 0], len(y)),
        sample_weight=np.concatenate([y * share, (1 - y) * share]) * len(y) / len(sets),
    )
    scale, of_similarity = map(float, fitted.coef_[0])
    if not (scale > 0 and of_similarity > 0):
        return None
    return Balance(scale, of_similarity, float(fitted.intercept_[0]))


def _flat(sets: Mapping[str, Sequence[TokenisedQuery]]) -> list[tuple[str, TokenisedQuery]]:
    return [(name, query) for name, queries in sets.items() for query in queries]


def _scored(
    trainee: Trainee,
    flat: Sequence[tuple[str, TokenisedQuery]],
    chunks: Chunks,
    precision: AbstractContextManager[Any],
) -> dict[int, Floats]:
    """Log-odds of every query's memories, by its place."""
    world, rank = _processes()
    mine = list(range(rank, len(flat), world))
    scored: dict[int, Floats] = {}
    was_training = trainee.training
    trainee.eval()
    device = trainee.student.model.device
    with torch.inference_mode(), precision:
        for start in range(0, len(mine), _QUERIES_AT_ONCE):
            part = mine[start : start + _QUERIES_AT_ONCE]
            queries = [flat[i][1] for i in part]
            batch = chunks(queries)
            similarity = batch["similarity"]
            log_odds = trainee(
                batch["chunks"],
                batch["order"].to(device),
                None if similarity is None else similarity.to(device),
            )
            ends = np.cumsum([len(query.tails) for query in queries])[:-1]
            values = log_odds.float().cpu().numpy().astype(np.float64)
            scored.update(zip(part, np.split(values, ends), strict=True))
    trainee.train(was_training)
    if world > 1:
        gathered: list[dict[int, Floats]] = [{} for _ in range(world)]
        torch.distributed.all_gather_object(gathered, scored)
        scored = {index: values for each in gathered for index, values in each.items()}
    return scored


def _processes() -> tuple[int, int]:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_world_size(), torch.distributed.get_rank()
    return 1, 0


def _reading(flat: Sequence[tuple[str, TokenisedQuery]], scored: Mapping[int, Floats]) -> Reading:
    precision: dict[str, list[float]] = {}
    losses = []
    for i, (name, query) in enumerate(flat):
        log_odds, labels = scored[i], query.labels.astype(np.float64)
        if not np.isfinite(log_odds).all():
            raise InputError(
                f"dev query {query.id!r} of {name} has a score that is no finite number, expected "
                "finite ones; a lower learning_rate often mends it"
            )
        losses.append(np.logaddexp(0, log_odds) - labels * log_odds)
        relevant = int((labels >= RELEVANT).sum())
        if relevant:
            # Of equal scores the least relevant comes first: a student that tells nothing apart
            # must not profit from the order of the file.
            ranked = labels[np.lexsort((labels, -log_odds))]
            precision.setdefault(name, []).append(average_precision(ranked.tolist(), relevant))
    return Reading(
        {name: np.array(values) for name, values in precision.items()},
        float(np.concatenate(losses).mean()),
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one reading is better than another, with a 95 % interval of the difference in MAP."""

    outcome: Outcome
    before: float
    after: float
    interval: tuple[float, float]

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Verdict:
        """What ``dataclasses.asdict`` made of one, back from JSON."""
        return Verdict(**{**values, "interval": tuple(values["interval"])})

    @property
    def difference(self) -> float:
        return self.after - self.before

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.outcome}: dev MAP {self.after:.4f} against {self.before:.4f}, "
            f"difference {self.difference:+.4f} (95 % {low:+.4f} to {high:+.4f})"
        )


def compare(before: Reading, after: Reading, *, draws: int = 2000, seed: int = 0) -> Verdict:
    """Paired bootstrap over the queries of each set (Efron, Tibshirani 1993).

    WIN where the whole interval lies above 0, REGRESSION where the difference is below 0, else
    MARGINAL.
    """
    rng = np.random.default_rng(seed)
    drawn = np.zeros(draws)
    for name, values in after.precision.items():
        gain = values - before.precision[name]
        drawn += gain[rng.integers(0, len(gain), (draws, len(gain)))].mean(1)
    drawn /= len(after.precision)
    low, high = np.quantile(drawn, [0.025, 0.975])
    difference = after.map - before.map
    outcome: Outcome = "WIN" if low > 0 else "REGRESSION" if difference < 0 else "MARGINAL"
    return Verdict(outcome, before.map, after.map, (float(low), float(high)))
