from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import losses as peers
from torch import Tensor

from labkit.training.losses import (
    LOSSES,
    InfoNCE,
    Loss,
    MarginMSE,
    RankNet,
    bce,
    make_loss,
    teacher_log_odds,
)

SIZES = (3, 5, 2)
GROUPS = torch.repeat_interleave(torch.arange(3), torch.tensor(SIZES))
LOG_ODDS = torch.tensor([1.2, -0.3, 0.4, 2.0, 0.1, -1.0, 0.6, -2.2, 0.3, -0.4])
LABELS = torch.tensor([0.95, 0.3, 0.0, 0.8, 0.65, 0.05, 0.3, 0.0, 0.9, 0.1])
ONES = torch.ones(len(LABELS))


class Scripted(CrossEncoder):
    """A cross-encoder of the peer's whose score of (query, i) is the i-th of given numbers."""

    num_labels = 1
    device = torch.device("cpu")

    def __init__(self, scores: Tensor) -> None:
        torch.nn.Module.__init__(self)
        self.scores = scores

    def preprocess(self, pairs: list[tuple[str, str]], **_: Any) -> dict[str, Tensor]:
        return {"places": torch.tensor([int(document) for _, document in pairs])}

    def forward(self, inputs: dict[str, Tensor], **_: Any) -> dict[str, Tensor]:
        return {"scores": self.scores[inputs["places"]][:, None]}


def places(group: int) -> list[int]:
    return torch.nonzero(group == GROUPS).flatten().tolist()


def by_query() -> tuple[list[list[str]], list[Tensor]]:
    """The peer's listwise form: documents of each query, and their labels."""
    documents = [[str(i) for i in places(group)] for group in range(3)]
    return documents, [LABELS[places(group)] for group in range(3)]


def mean(loss: Loss, **changed: Tensor) -> float:
    whole = {"log_odds": LOG_ODDS, "labels": LABELS, "groups": GROUPS, "weights": ONES, **changed}
    return float(loss(*whole.values()).mean())


# --- the peer's losses as oracle -----------------------------------------------------------------


def test_bce_is_the_peers() -> None:
    peer = peers.BinaryCrossEntropyLoss(Scripted(LOG_ODDS))
    pairs = [["q"] * 10, [str(i) for i in range(10)]]
    assert mean(bce) == pytest.approx(float(peer(pairs, LABELS)), rel=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 0.5, 4.0])
def test_infonce_is_the_peers_on_one_positive_and_its_negatives(temperature: float) -> None:
    # Two queries with one positive and two negatives each: the peer's scale is 1 / temperature.
    scores = torch.tensor([1.2, -0.3, 0.4, 0.1, 0.2, -1.5])
    labels = torch.tensor([0.9, 0.1, 0.0, 0.0, 1.0, 0.2])
    groups = torch.tensor([0, 0, 0, 1, 1, 1])
    peer = peers.MultipleNegativesRankingLoss(
        Scripted(scores), num_negatives=0, scale=1 / temperature, activation_fn=torch.nn.Identity()
    )
    columns = [["q0", "q1"], ["0", "4"], ["1", "3"], ["2", "5"]]
    # The peer adds the other queries' memories, which are no negatives of ours.
    peer.get_in_batch_negatives = lambda *_: iter(())
    want = float(peer(columns, torch.tensor([])))
    got = InfoNCE(temperature)(scores, labels, groups, torch.ones(6)).mean()
    assert float(got) == pytest.approx(want, rel=1e-6)


def test_ranknet_is_the_peers_where_all_pairs_count_alike() -> None:
    documents, _ = by_query()
    hard = [(labels >= 0.6).float() for labels in by_query()[1]]  # differences are 0 or 1
    peer = peers.RankNetLoss(Scripted(LOG_ODDS), reduction_log="natural")
    want = float(peer([["q"] * 3, documents], hard))
    assert mean(RankNet(), labels=torch.cat(hard)) == pytest.approx(want, rel=1e-5)


def test_margin_mse_is_the_peers_on_the_teachers_margins() -> None:
    scores, labels = LOG_ODDS[:4], torch.tensor([0.9, 0.2, 0.7, 0.1])
    groups = torch.tensor([0, 0, 1, 1])
    teacher = teacher_log_odds(labels)
    peer = peers.MarginMSELoss(Scripted(scores))
    columns = [["q0", "q1"], ["0", "2"], ["1", "3"]]
    want = float(peer(columns, teacher[[0, 2]] - teacher[[1, 3]]))
    got = MarginMSE()(scores, labels, groups, torch.ones(4)).mean()
    assert float(got) == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_kl_is_the_peers_listnet_less_the_teachers_entropy(temperature: float) -> None:
    documents, labels = by_query()
    teacher = [teacher_log_odds(each) / temperature for each in labels]
    peer = peers.ListNetLoss(Scripted(LOG_ODDS / temperature))
    entropies = [-(t.softmax(0) * t.log_softmax(0)).sum() for t in teacher]
    want = float(peer([["q"] * 3, documents], teacher)) - float(sum(entropies)) / 3
    assert mean(make_loss("kl", temperature)) == pytest.approx(want, rel=1e-5)


# --- properties of all losses --------------------------------------------------------------------


@st.composite
def batches(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Ragged groups with labels of the five levels, log-odds and weights."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    count = sum(sizes)
    each = {"min_size": count, "max_size": count}
    labels = draw(st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.95]), **each))
    scores = draw(st.lists(st.floats(-4, 4, width=32), **each))
    weights = draw(st.lists(st.floats(0.125, 1, width=32), **each))
    groups = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    return torch.tensor(scores), torch.tensor(labels), groups, torch.tensor(weights)


@pytest.mark.parametrize("name", LOSSES)
@given(batch=batches(), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_the_order_of_pairs_changes_no_value(
    name: str, batch: tuple[Tensor, ...], seed: int
) -> None:
    loss = make_loss(name)
    order = torch.randperm(len(batch[0]), generator=torch.Generator().manual_seed(seed))
    want = float(loss(*batch).mean())  # type: ignore[call-arg]
    got = float(loss(*(each[order] for each in batch)).mean())  # type: ignore[call-arg]
    assert got == pytest.approx(want, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("name", LOSSES)
@given(batch=batches())
@settings(max_examples=20, deadline=None)
def test_groups_alone_give_the_terms_that_they_give_together(
    name: str, batch: tuple[Tensor, ...]
) -> None:
    loss = make_loss(name)
    together = loss(*batch)  # type: ignore[call-arg]
    total, weight = 0.0, 0.0
    for group in torch.unique(batch[2]):
        alone = loss(*(each[batch[2] == group] for each in batch))  # type: ignore[call-arg]
        total += float((alone.values * alone.weights).sum())
        weight += float(alone.weights.sum())
    assert float((together.values * together.weights).sum()) == pytest.approx(total, abs=1e-3)
    assert float(together.weights.sum()) == pytest.approx(weight, abs=1e-4)


@pytest.mark.parametrize("name", LOSSES)
@given(batch=batches())
@settings(max_examples=20, deadline=None)
def test_the_terms_and_their_weights_depend_on_no_score(
    name: str, batch: tuple[Tensor, ...]
) -> None:
    # What a step is divided by is summed before the first forward pass.
    loss = make_loss(name)
    scores, *rest = batch
    one, other = loss(scores, *rest), loss(torch.zeros_like(scores), *rest)  # type: ignore[call-arg]
    assert torch.equal(one.weights, other.weights)


@pytest.mark.parametrize("name", LOSSES)
def test_a_weight_scales_its_pairs_terms(name: str) -> None:
    loss = make_loss(name)
    half = torch.where(GROUPS == 1, 0.5, 1.0)
    alone = [loss(LOG_ODDS[g], LABELS[g], GROUPS[g], ONES[g]) for g in map(places, range(3))]
    sums = [float((terms.values * terms.weights).sum()) for terms in alone]
    got = loss(LOG_ODDS, LABELS, GROUPS, half)
    want = sums[0] + 0.5 * sums[1] + sums[2]
    assert float((got.values * got.weights).sum()) == pytest.approx(want, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    loss = make_loss(name, 0.7)

    def value(scores: Tensor) -> Tensor:
        return loss(scores, LABELS, GROUPS, ONES).mean()

    at = LOG_ODDS.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(value(at), at)
    step = 1e-2
    for i in range(len(LOG_ODDS)):
        ahead, behind = LOG_ODDS.clone(), LOG_ODDS.clone()
        ahead[i] += step
        behind[i] -= step
        slope = float(value(ahead) - value(behind)) / (2 * step)
        assert float(gradient[i]) == pytest.approx(slope, abs=2e-3), i


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_without_a_term_gives_zero_and_a_zero_gradient(name: str) -> None:
    # One memory a query orders nothing; of cross-entropy, one without weight says nothing.
    scores = torch.tensor([1.0, -1.0], requires_grad=True)
    weights = torch.zeros(2) if name == "bce" else torch.ones(2)
    terms = make_loss(name)(scores, torch.tensor([0.9, 0.1]), torch.tensor([0, 1]), weights)
    value = terms.mean()
    assert float(value.detach()) == 0
    assert not torch.autograd.grad(value, scores)[0].any()


@pytest.mark.parametrize("name", LOSSES)
def test_log_odds_that_are_far_out_stay_finite(name: str) -> None:
    scores = torch.tensor([80.0, -80.0, 0.0], requires_grad=True)
    labels, groups = torch.tensor([0.0, 1.0, 0.3]), torch.zeros(3, dtype=torch.long)
    value = make_loss(name)(scores, labels, groups, torch.ones(3)).mean()
    assert math.isfinite(float(value.detach()))
    assert torch.isfinite(torch.autograd.grad(value, scores)[0]).all()


@pytest.mark.parametrize("name", LOSSES)
def test_scores_that_are_the_teachers_are_a_minimum(name: str) -> None:
    loss = make_loss(name)
    teacher = teacher_log_odds(torch.tensor([0.9, 0.4, 0.1, 0.7]))
    labels, groups = torch.sigmoid(teacher), torch.tensor([0, 0, 0, 0])
    best = float(loss(teacher, labels, groups, torch.ones(4)).mean())
    reversed_ = float(loss(-teacher, labels, groups, torch.ones(4)).mean())
    assert best < reversed_
    if name in ("margin_mse", "kl"):
        assert best == pytest.approx(0, abs=1e-6)


# --- InfoNCE -------------------------------------------------------------------------------------

NCE = InfoNCE()


def nce(scores: list[float], labels: list[float], loss: InfoNCE = NCE) -> Tensor:
    groups = torch.zeros(len(scores), dtype=torch.long)
    return loss(torch.tensor(scores), torch.tensor(labels), groups, torch.ones(len(scores))).mean()


def test_several_positives_of_a_query_do_not_compete() -> None:
    apart = (float(nce([2.0, 0.0], [1.0, 0.0])) + float(nce([0.5, 0.0], [0.9, 0.0]))) / 2
    assert float(nce([2.0, 0.5, 0.0], [1.0, 0.9, 0.0])) == pytest.approx(apart, rel=1e-6)


def test_a_query_with_many_positives_weighs_as_much_as_one_with_few() -> None:
    scores = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.3, 0.0])
    labels = torch.tensor([1.0, 1.0, 1.0, 0.0, 1.0, 0.0])
    terms = NCE(scores, labels, torch.tensor([0, 0, 0, 0, 1, 1]), torch.ones(6))
    assert float(terms.weights[:3].sum()) == pytest.approx(1)
    assert float(terms.weights[3:].sum()) == pytest.approx(1)


def test_a_negative_that_may_be_a_false_one_is_masked() -> None:
    # .59 is within .25 of .8 and not of .95: the first positive has one rival, the second two.
    scores = torch.tensor([0.5, 1.0, 3.0, -1.0], requires_grad=True)
    labels = torch.tensor([0.8, 0.95, 0.59, 0.0])
    groups = torch.zeros(4, dtype=torch.long)
    first, second = NCE(scores, labels, groups, torch.ones(4)).values
    rivals = [math.exp(v) for v in (0.5, -1.0)]
    assert float(first.detach()) == pytest.approx(-math.log(rivals[0] / sum(rivals)), rel=1e-5)
    rivals = [math.exp(v) for v in (1.0, 3.0, -1.0)]
    assert float(second.detach()) == pytest.approx(-math.log(rivals[0] / sum(rivals)), rel=1e-5)
    (gradient,) = torch.autograd.grad(first, scores)
    assert gradient[2] == 0 and gradient[1] == 0 and gradient[0] < 0 < gradient[3]


def test_a_positive_whose_rivals_are_all_masked_gives_no_term() -> None:
    assert float(nce([0.1, 5.0], [0.62, 0.55])) == 0


def test_a_relevant_memory_is_nobodys_rival_however_far_below() -> None:
    assert float(nce([0.1, 5.0], [1.0, 0.6])) == 0


def test_the_answer_has_to_beat_the_candidate_that_nothing_answers() -> None:
    asked = InfoNCE(no_answer=True)
    value = float(nce([2.0, 0.5], [1.0, 0.3], asked))
    assert value == pytest.approx(float(nce([2.0, 0.5, 0.0], [1.0, 0.3, 0.0])), rel=1e-6)


def test_where_nothing_answers_every_memory_has_to_fall_below_log_odds_of_0() -> None:
    asked = InfoNCE(no_answer=True)
    assert float(nce([2.0, -1.0], [0.0, 0.3])) == 0  # nothing to learn from without it
    value = float(nce([2.0, -1.0], [0.0, 0.3], asked))
    assert value == pytest.approx(math.log(1 + math.exp(2.0) + math.exp(-1.0)), rel=1e-6)
    assert float(nce([-20.0, -30.0], [0.0, 0.3], asked)) == pytest.approx(0, abs=1e-6)


def test_a_memory_that_may_answer_is_not_pushed_below_no_answer() -> None:
    # Of .4 nobody knows: the label of no answer is .6 then, and .4 is within .25 of it.
    asked = InfoNCE(no_answer=True)
    value = float(nce([3.0, 1.0], [0.4, 0.0], asked))
    assert value == pytest.approx(math.log(1 + math.exp(1.0)), rel=1e-6)
    assert float(nce([3.0, 1.0], [0.5, 0.0], asked)) == 0


def test_no_answer_is_a_candidate_of_its_own_query_alone() -> None:
    scores, labels = torch.tensor([2.0, 0.5, 1.0]), torch.tensor([1.0, 0.0, 0.0])
    groups, weights = torch.tensor([4, 4, 9]), torch.tensor([1.0, 0.5, 0.25])
    terms = InfoNCE(no_answer=True)(scores, labels, groups, weights)
    alone = [
        float(nce(s, y, InfoNCE(no_answer=True)))
        for s, y in (([2.0, 0.5], [1.0, 0.0]), ([1.0], [0.0]))
    ]
    assert terms.values.tolist() == pytest.approx(alone, rel=1e-6)
    assert terms.weights.tolist() == [1.0, 0.25]


def test_a_lower_temperature_tells_the_hardest_negative_apart() -> None:
    scores = torch.tensor([0.0, 1.0, -1.0], requires_grad=True)
    labels, groups = torch.tensor([1.0, 0.0, 0.0]), torch.zeros(3, dtype=torch.long)
    shares = []
    for temperature in (2.0, 0.3):
        value = InfoNCE(temperature)(scores, labels, groups, torch.ones(3)).mean()
        (gradient,) = torch.autograd.grad(value, scores)
        shares.append(float(gradient[1] / (gradient[1] + gradient[2])))
    assert shares[0] < shares[1]
