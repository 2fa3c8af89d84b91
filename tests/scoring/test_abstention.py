from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from labkit.errors import InputError
from labkit.records import Memory, Query
from labkit.scoring.abstention import (
    ALPHA,
    answerable,
    emptied,
    features,
    fit,
    from_json,
    to_json,
)
from labkit.scoring.reranker import Reranker, Scores
from labkit.scoring.scored import ScoredData, ScoredQuery
from labkit.students.card import Card


def asked(queries: int, share_without: float, seed: int = 0) -> ScoredData:
    """Queries whose one relevant memory scores about 4 above twelve others; some have none."""
    rng = np.random.default_rng(seed)
    made = []
    for q in range(queries):
        none = rng.random() < share_without
        z = rng.normal(-2, 1.5, 13)
        z[0] += 0 if none else 4
        labels = [0.0 if none else 1.0] + [0.0] * 12
        made.append(ScoredQuery(f"q{q}", f"g{q // 4}", None, tuple(z.tolist()), tuple(labels)))
    return ScoredData(made)


def test_it_tells_queries_with_an_answer_and_its_probability_holds() -> None:
    fitted = fit(asked(1500, 0.2))
    world = asked(6000, 0.2, seed=1)
    p = answerable(fitted.abstention, world)
    assert roc_auc_score(world.answerable, p) > 0.8
    assert p.mean() == pytest.approx(world.answerable.mean(), abs=0.04)
    for low, high in ((0.3, 0.6), (0.6, 0.8), (0.8, 0.95)):
        inside = (p >= low) & (p < high)
        assert world.answerable[inside].mean() == pytest.approx(p[inside].mean(), abs=0.08)


def test_a_tenth_of_what_has_an_answer_is_given_up_for_it() -> None:
    model = fit(asked(1500, 0.2)).abstention
    world = asked(6000, 0.2, seed=1)
    below = answerable(model, world) < model.threshold
    assert below[world.answerable].mean() == pytest.approx(ALPHA, abs=0.03)
    assert below[~world.answerable].mean() > 0.4


def test_it_tells_more_than_the_greatest_score_where_queries_are_off_by_their_own_number() -> None:
    plain = asked(800, 0.4)
    rng = np.random.default_rng(3)
    moved = ScoredData(
        ScoredQuery(q.id, q.group, None, tuple(z + off for z in q.log_odds), q.labels)
        for q, off in zip(plain.queries, rng.normal(0, 4, 800).tolist(), strict=True)
    )
    fitted = fit(moved)
    greatest = [moved.log_odds[s].max() for s in moved.slices()]
    hit = moved.answerable
    assert roc_auc_score(hit, fitted.held_out) > roc_auc_score(hit, greatest) + 0.05


def sounding(queries: int, seed: int = 0) -> ScoredData:
    """What is asked in vain sounds more like a memory than what is answered; the logits tell."""
    rng = np.random.default_rng(seed)
    made = []
    for q in range(queries):
        none = rng.random() < 0.3
        logits = rng.normal(-2, 1, 8)
        logits[0] += 0 if none else 3
        similarity = rng.normal(0, 1, 8)
        similarity[rng.integers(1, 8) if none else 0] += 4 if none else 2
        labels = (0.0 if none else 1.0, *([0.0] * 7))
        z = tuple((logits + similarity).tolist())
        made.append(ScoredQuery(f"q{q}", f"g{q}", None, z, labels, logits=tuple(logits.tolist())))
    return ScoredData(made)


def test_of_a_model_that_adds_a_similarity_it_reads_the_trained_part_too() -> None:
    data, world = sounding(800), sounding(800, seed=1)
    without = ScoredData(
        ScoredQuery(q.id, q.group, None, q.log_odds, q.labels) for q in data.queries
    )
    model, plain = fit(data).abstention, fit(without).abstention
    assert len(model.weights) == 10 and len(plain.weights) == 5
    told = roc_auc_score(world.answerable, answerable(model, world))
    assert told > roc_auc_score(world.answerable, answerable(plain, world)) + 0.05
    # A part of the data has the same logits.
    some = world.take(np.arange(0, 800, 7))
    np.testing.assert_array_equal(
        answerable(model, some), answerable(model, world)[np.arange(0, 800, 7)]
    )
    assert from_json(json.loads(json.dumps(to_json(model)))) == model
    with pytest.raises(ValueError, match="expected both"):
        model(np.zeros(3))


def test_a_card_that_knows_fewer_of_the_features_is_read_as_it_was_written() -> None:
    whole = to_json(fit(sounding(400)).abstention)
    item = {key: list(v[:7]) if isinstance(v, tuple) else v for key, v in whole.items()}
    model = from_json(item)
    assert model is not None
    z, logits = np.array([1.0, -2.0, 0.5]), np.array([-1.0, -2.5, -3.0])
    f = np.clip(features(z, logits)[:7], item["low"], item["high"]) - item["mean"]
    log_odds = f / item["deviation"] @ item["weights"] + item["intercept"]
    assert model(z, logits) == pytest.approx(1 / (1 + np.exp(-log_odds)))


def test_it_tells_a_question_that_is_similar_to_everything_from_one_that_is_answered() -> None:
    rng = np.random.default_rng(0)

    def made(queries: int) -> ScoredData:
        found = []
        for q in range(queries):
            none = rng.random() < 0.3
            logits = rng.normal(-2, 1, 8)
            similarity = rng.normal(3 if none else 0, 0.5, 8)
            similarity[0] += 0 if none else 3  # the greatest are alike, the others are not
            z = tuple((logits + similarity).tolist())
            labels = (0.0 if none else 1.0, *([0.0] * 7))
            found.append(
                ScoredQuery(f"q{q}", f"g{q}", None, z, labels, logits=tuple(logits.tolist()))
            )
        return ScoredData(found)

    fitted, world = fit(made(400)).abstention, made(400)
    greatest = [world.log_odds[s].max() for s in world.slices()]
    assert roc_auc_score(world.answerable, answerable(fitted, world)) > 0.95
    assert roc_auc_score(world.answerable, greatest) < 0.8


def test_a_question_that_has_nothing_to_do_with_the_memories_is_learned_from_such() -> None:
    rng = np.random.default_rng(0)

    def off(queries: int) -> ScoredData:
        """Nothing is like it: low scores, all alike."""
        return ScoredData(
            ScoredQuery(
                f"o{q}", f"g{q}", None, tuple(rng.normal(-8, 0.3, 8).tolist()), (0.0,) * 8,
                logits=tuple(rng.normal(-7, 0.3, 8).tolist()),
            )
            for q in range(queries)
        )  # fmt: skip

    data, elsewhere, world = sounding(400), off(400), off(100)
    plain, taught = fit(data), fit(data, elsewhere)
    assert answerable(taught.abstention, world).mean() < 0.05
    assert answerable(taught.abstention, world).max() < answerable(plain.abstention, world).max()
    told = roc_auc_score(data.answerable, taught.held_out)
    assert told > roc_auc_score(data.answerable, plain.held_out) - 0.05
    # What belongs to groups that are not in the data is left out.
    strange = ScoredData(replace(q, group="strange") for q in elsewhere.queries)
    assert fit(data, strange).abstention == plain.abstention


def test_a_query_without_its_answer_keeps_the_rest_and_its_number_of_candidates() -> None:
    data = ScoredData(
        [
            ScoredQuery("a", "a", None, (2.0, 1.0, 0.0), (1.0, 0.3, 0.7)),
            ScoredQuery("b", "b", None, (2.0, 1.0), (0.0, 0.0)),
            ScoredQuery("c", "c", None, (2.0,), (1.0,)),
        ]
    )
    (left,) = emptied(data)
    np.testing.assert_allclose(left, [1, 0, 1, 1, np.log(3)])


def test_too_few_queries_are_refused_and_one_candidate_is_enough_to_ask() -> None:
    with pytest.raises(InputError, match="too few to learn when to abstain"):
        fit(asked(40, 0.05))
    model = fit(asked(200, 0.3)).abstention
    for scores in ([1.0], [-900.0, 900.0], [0.0] * 5000):
        assert 0 <= model(np.array(scores)) <= 1
    assert model(np.zeros(0)) == 0
    assert np.isfinite(features(np.array([2.0]))).all()


def test_a_card_gives_back_the_same_model_and_a_damaged_one_is_refused() -> None:
    model = fit(asked(200, 0.3)).abstention
    item = json.loads(json.dumps({**to_json(model), "auroc_by_cross_validation": [0.8]}))
    assert from_json(item) == model
    assert from_json({}) is None
    short = {key: value[:4] if isinstance(value, list) else value for key, value in item.items()}
    for bad in ({"weights": [1]}, short, {**item, "mean": [1.0]}, {**item, "intercept": "x"}):
        with pytest.raises(InputError, match="abstention cannot be read"):
            from_json(bad)


def test_a_ranking_says_whether_anything_answers_where_the_card_knows() -> None:
    class Student:
        card = Card(family="encoder", abstention=to_json(fit(asked(200, 0.3)).abstention))

    memories = [Memory(f"m{i}", "text") for i in range(3)]

    def ranking(log_odds: list[float]) -> float | None:
        reranker = Reranker(Student(), "made")
        return reranker.ranking(Query("?"), memories, Scores(np.array(log_odds))).answerable

    sure, unsure = ranking([3.0, -1.0, -2.0]), ranking([-4.0, -4.1, -4.2])
    assert sure is not None and unsure is not None and sure > unsure
    Student.card = Card(family="encoder")
    assert ranking([3.0, -1.0, -2.0]) is None
