"""Losses as pure functions of log-odds, labels and groups.

Each takes ``log_odds`` [n], ``labels`` [n] in [0, 1], ``groups`` [n] (pairs of one query share a
number) and ``weights`` [n] (how sure a label is; 1 where nothing is known), and gives
:class:`Terms`: one value a term and its weight. A loss is ``sum(value * weight) / sum(weight)``
over a whole optimiser step, however many micro-batches and processes share it; which terms there
are depends on the labels alone, so their weights can be summed before the first forward pass.

No loss sees a sigmoid's output: everything is computed on log-odds, in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from labkit.records import RELEVANT

LABEL_MARGIN = 0.25
"""InfoNCE's guard: a negative whose label is closer than this to the positive's may be one."""

_CLIP = 0.02
"""Labels are kept this far from 0 and 1 where a loss needs a teacher's log-odds."""


class Terms(NamedTuple):
    """Values [m] and weights [m] of a loss's terms."""

    values: Tensor
    weights: Tensor

    def mean(self) -> Tensor:
        """The weighted mean; 0 where there is no term."""
        return (self.values * self.weights).sum() / self.weights.sum().clamp(min=1e-12)


Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Terms]


def bce(log_odds: Tensor, labels: Tensor, groups: Tensor, weights: Tensor) -> Terms:
    """Binary cross-entropy against the soft label: one term a pair (stage 2 of MemReranker)."""
    values = binary_cross_entropy_with_logits(log_odds.float(), labels, reduction="none")
    return Terms(values, weights)


def teacher_log_odds(labels: Tensor) -> Tensor:
    """Log-odds of soft labels, which are first kept away from 0 and 1."""
    return torch.logit(labels, eps=_CLIP)


def _same_group(groups: Tensor) -> Tensor:
    return groups[:, None] == groups[None, :]


@dataclass(frozen=True, slots=True)
class InfoNCE:
    """Each relevant memory against the irrelevant ones of its query: one term a positive.

    ``-log(exp(s_p / t) / (exp(s_p / t) + sum_n exp(s_n / t)))`` (van den Oord et al. 2018). Several
    positives of a query do not compete with each other, and a memory whose label comes within
    ``margin`` of the positive's is masked: it may be a false negative. The positives of a query
    share one unit of weight, so that a query with many does not drown the others.

    With ``no_answer``, each query has one more candidate, "nothing answers", with log-odds of 0
    and a label of 1 - its memories' best: the answer has to beat it, and where nothing answers it
    has to beat every memory (as the no-answer span of Devlin et al. 2019 on SQuAD 2.0).
    """

    temperature: float = 1.0
    margin: float = LABEL_MARGIN
    no_answer: bool = False

    def __call__(self, log_odds: Tensor, labels: Tensor, groups: Tensor, weights: Tensor) -> Terms:
        if self.no_answer:
            log_odds, labels, groups, weights = _with_no_answer(log_odds, labels, groups, weights)
        scores = log_odds.float() / self.temperature
        same = _same_group(groups)
        rivals = same & (labels[None, :] < RELEVANT)
        rivals &= labels[None, :] <= labels[:, None] - self.margin
        positive = (labels >= RELEVANT) & rivals.any(1)
        shared = (same & positive[None, :]).sum(1).clamp(min=1)
        rows = rivals[positive]
        own = scores[positive]
        others = scores[None, :].expand(len(rows), -1).masked_fill(~rows, float("-inf"))
        values = torch.logsumexp(torch.cat([own[:, None], others], 1), 1) - own
        return Terms(values, (weights / shared)[positive])


def _with_no_answer(
    log_odds: Tensor, labels: Tensor, groups: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One candidate more a query, as sure as the least sure of the query's labels."""
    queries, place = torch.unique(groups, return_inverse=True)
    best = labels.new_zeros(len(queries)).scatter_reduce(0, place, labels, "amax")
    sure = weights.new_zeros(len(queries))
    sure = sure.scatter_reduce(0, place, weights, "amin", include_self=False)
    return (
        torch.cat([log_odds, log_odds.new_zeros(len(queries))]),
        torch.cat([labels, 1 - best]),
        torch.cat([groups, queries]),
        torch.cat([weights, sure]),
    )


@dataclass(frozen=True, slots=True)
class RankNet:
    """Every ordered pair of memories of a query: ``log(1 + exp(s_low - s_high))`` (Burges 2005).

    Pairs count by the difference of their labels; differences below ``margin`` do not count.
    """

    margin: float = 0.1

    def __call__(self, log_odds: Tensor, labels: Tensor, groups: Tensor, weights: Tensor) -> Terms:
        better, worse = _ordered(labels, groups, self.margin)
        values = softplus(log_odds.float()[worse] - log_odds.float()[better])
        gap = labels[better] - labels[worse]
        return Terms(values, gap * torch.minimum(weights[better], weights[worse]))


@dataclass(frozen=True, slots=True)
class MarginMSE:
    """Squared error between student's and teacher's difference of log-odds (Hofstätter 2020).

    One term for every ordered pair whose labels differ by ``margin`` or more.
    """

    margin: float = 0.1

    def __call__(self, log_odds: Tensor, labels: Tensor, groups: Tensor, weights: Tensor) -> Terms:
        better, worse = _ordered(labels, groups, self.margin)
        teacher = teacher_log_odds(labels)
        wanted = teacher[better] - teacher[worse]
        values = (log_odds.float()[better] - log_odds.float()[worse] - wanted) ** 2
        return Terms(values, torch.minimum(weights[better], weights[worse]))


def _ordered(labels: Tensor, groups: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    gap = labels[:, None] - labels[None, :]
    better, worse = (_same_group(groups) & (gap >= margin)).nonzero(as_tuple=True)
    return better, worse


@dataclass(frozen=True, slots=True)
class ListKL:
    """Kullback-Leibler divergence from the teacher's to the student's softmax over a query.

    Both at ``temperature``; one term a query, weighted by the mean weight of its pairs. A query
    whose labels are all alike says nothing about order and is left out.
    """

    temperature: float = 2.0

    def __call__(self, log_odds: Tensor, labels: Tensor, groups: Tensor, weights: Tensor) -> Terms:
        teacher = teacher_log_odds(labels) / self.temperature
        student = log_odds.float() / self.temperature
        values, of = [student[:0]], [weights[:0]]  # no term at all still has a gradient: zero
        for group in torch.unique(groups):
            members = groups == group
            if labels[members].max() - labels[members].min() < 1e-6:
                continue
            wanted = teacher[members].log_softmax(0)
            divergence = (wanted.exp() * (wanted - student[members].log_softmax(0))).sum()
            values.append(divergence[None])
            of.append(weights[members].mean()[None])
        return Terms(torch.cat(values), torch.cat(of))


LOSSES = ("bce", "infonce", "ranknet", "margin_mse", "kl")
"""Names of the losses in a recipe."""


def make_loss(name: str, temperature: float = 1.0, *, no_answer: bool = False) -> Loss:
    """The loss of a recipe's name, one of :data:`LOSSES`; two have a temperature."""
    if name == "infonce":
        return InfoNCE(temperature, no_answer=no_answer)
    if name == "kl":
        return ListKL(temperature)
    plain: dict[str, Loss] = {"bce": bce, "ranknet": RankNet(), "margin_mse": MarginMSE()}
    return plain[name]
