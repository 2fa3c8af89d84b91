from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from labkit.errors import InputError
from labkit.scoring.engine import score_pairs
from labkit.students.load import load_base
from labkit.students.placement import choose_placement
from labkit.training.batches import Chunks
from labkit.training.development import Reading, balance, compare, read
from labkit.training.groups import TokenisedQuery, tokenised
from labkit.training.recipe import Adapter
from labkit.training.trainee import Trainee
from tests.training.made_up import make_examples

EXAMPLES = make_examples(20)


@pytest.fixture(scope="module")
def trainee() -> Trainee:
    student = load_base("tiny-encoder", placement=choose_placement("cpu", "float32"))
    return Trainee(student, Adapter(rank=2)).eval()


@pytest.fixture(scope="module")
def queries(trainee: Trainee) -> list[TokenisedQuery]:
    return tokenised(trainee.student, EXAMPLES)


def reading_of(trainee: Trainee, **sets: list[TokenisedQuery]) -> Reading:
    return read(trainee, sets, Chunks(trainee.student, 300), contextlib.nullcontext())


def test_a_reading_is_that_of_the_engine_and_of_scikit_learn(
    trainee: Trainee, queries: list[TokenisedQuery]
) -> None:
    reading = reading_of(trainee, first=queries[:9], second=queries[9:])
    precision: dict[str, list[float]] = {"first": [], "second": []}
    losses = []
    for i, example in enumerate(EXAMPLES):
        student = trainee.student
        scores = score_pairs(student, student.tokenize(example.query, example.memories))
        labels = np.array([example.label(memory.id) for memory in example.memories])
        losses.append(
            torch.nn.functional.binary_cross_entropy_with_logits(
                torch.tensor(scores), torch.tensor(labels), reduction="none"
            ).numpy()
        )
        if (labels >= 0.6).any():
            value = average_precision_score(labels >= 0.6, scores)
            precision["first" if i < 9 else "second"].append(value)
    for name, values in precision.items():
        np.testing.assert_allclose(reading.precision[name], values, atol=1e-9)
    assert reading.map == pytest.approx(np.mean([np.mean(v) for v in precision.values()]))
    assert reading.log_loss == pytest.approx(np.concatenate(losses).mean(), abs=1e-5)


def test_looking_leaves_the_trainee_as_it_was(
    trainee: Trainee, queries: list[TokenisedQuery]
) -> None:
    for training in (True, False):
        trainee.train(training)
        reading_of(trainee, made_up=queries)
        assert trainee.training == training


def test_a_student_that_tells_nothing_apart_gets_no_credit_for_the_order_of_the_file(
    trainee: Trainee, queries: list[TokenisedQuery], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        trainee, "forward", lambda chunks, order, similarity: torch.zeros(len(order))
    )
    one = replace(queries[0], labels=np.array([1, 0, 0, 0], dtype=np.float32))
    one = replace(one, tails=one.tails[:4], weights=one.weights[:4])
    other = replace(one, labels=one.labels[::-1].copy())
    for query in (one, other):
        assert reading_of(trainee, made_up=[query]).map == pytest.approx(1 / 4)


def test_a_score_that_is_no_number_is_one_line(
    trainee: Trainee, queries: list[TokenisedQuery], monkeypatch: pytest.MonkeyPatch
) -> None:
    nan = float("nan")
    monkeypatch.setattr(
        trainee, "forward", lambda chunks, order, similarity: torch.full((len(order),), nan)
    )
    with pytest.raises(InputError, match="dev query .q0. of made_up has a score that is no finite"):
        reading_of(trainee, made_up=queries)


def made(*values: float) -> Reading:
    return Reading({"a": np.array(values)}, 0.5)


RNG = np.random.default_rng(0)
NOISE = RNG.normal(0, 0.2, 60)


def test_a_clear_gain_is_a_win_and_a_loss_a_regression() -> None:
    low, high = made(*(0.4 + NOISE)), made(*(0.5 + NOISE + RNG.normal(0, 0.05, 60)))
    win = compare(low, high)
    assert win.outcome == "WIN" and 0 < win.interval[0] < win.difference < win.interval[1]
    assert str(win).startswith("WIN: dev MAP ")
    assert compare(high, low).outcome == "REGRESSION"


def test_a_gain_within_the_noise_is_marginal() -> None:
    before = made(*(0.4 + NOISE))
    after = made(*(0.4 + NOISE + RNG.normal(0, 0.3, 60)))
    verdict = compare(before, after)
    if verdict.difference < 0:
        verdict = compare(after, before)
    assert verdict.outcome == "MARGINAL" and verdict.interval[0] <= 0
    assert compare(before, before).outcome == "MARGINAL"


def test_the_interval_is_the_t_interval_on_many_queries() -> None:
    gains = RNG.normal(0.03, 0.2, 400)
    verdict = compare(made(*np.zeros(400)), made(*gains))
    half = 1.96 * gains.std() / 20
    assert verdict.interval[0] == pytest.approx(gains.mean() - half, abs=0.004)
    assert verdict.interval[1] == pytest.approx(gains.mean() + half, abs=0.004)


def test_every_set_weighs_the_same_however_many_queries_it_has() -> None:
    before = Reading({"a": np.zeros(100), "b": np.zeros(4)}, 0)
    after = Reading({"a": np.zeros(100), "b": np.ones(4)}, 0)
    assert after.map == 0.5 and compare(before, after).difference == 0.5


@pytest.fixture(scope="module")
def unbalanced() -> Trainee:
    """A student whose logit is far too sure of itself."""
    student = load_base("minilm", placement=choose_placement("cpu", "float32"), similarity=True)
    trainee = Trainee(student, Adapter(rank=2)).eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for name, weight in trainee.trainable().items():
            if ".classifier.weight" in name:
                weight.normal_(0, 3)
    return trainee


def test_rebalanced_scores_are_unbiased_likelier_and_what_was_promised(unbalanced: Trainee) -> None:
    sets = {"only": tokenised(unbalanced.student, EXAMPLES[:10])}
    chunks, trainee = Chunks(unbalanced.student), unbalanced

    def log_odds() -> np.ndarray:
        rows = []
        with torch.inference_mode():
            for query in sets["only"]:
                batch = chunks([query])
                rows.append(trainee(batch["chunks"], batch["order"], batch["similarity"]).numpy())
        return np.concatenate(rows).astype(float)

    before, old = read(trainee, sets, chunks, contextlib.nullcontext()), log_odds()
    similarity = np.concatenate([q.similarity for q in sets["only"] if q.similarity is not None])
    weight = trainee.student.similarity  # type: ignore[union-attr]
    found = balance(trainee, sets, chunks, contextlib.nullcontext())
    assert found is not None
    trainee.rebalance(found.scale, found.weight, found.shift)
    after, new = read(trainee, sets, chunks, contextlib.nullcontext()), log_odds()
    want = found.scale * (old - weight * similarity) + found.weight * similarity + found.shift
    np.testing.assert_allclose(new, want, atol=1e-4)
    labels = np.concatenate([query.labels for query in sets["only"]])
    assert (1 / (1 + np.exp(-new))).mean() == pytest.approx(labels.mean(), abs=1e-3)
    assert after.log_loss < before.log_loss
