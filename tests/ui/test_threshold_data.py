from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.evaluation.measures import f1_at
from labkit.records import Dialogue, Example, Memory, Query
from labkit.scoring.calibration import Platt, probability, to_json
from labkit.scoring.thresholds import held
from labkit.students.card import Card
from labkit.ui.library import BUNDLED, Collection
from labkit.ui.scores import QueryScores
from labkit.ui.threshold_data import (
    Measured,
    chart_of,
    curve,
    doubt,
    histogram,
    measured,
    numbers,
    promise,
    sample_of,
    splits_in,
    thresholds_to_draw,
    token_counts,
)

MEMORIES = tuple(
    Memory(f"m{i}", text)
    for i, text in enumerate(
        ("Bo mended it.", "It leaks again, and again.", "Soup.", "A blue car.")
    )
)


def dialogue(name: str) -> Dialogue:
    asked = (
        Example(Query("Who?", f"{name}-q1"), MEMORIES, {"m0": 1.0}),
        Example(Query("What?", f"{name}-q2"), MEMORIES, {"m1": 0.7, "m2": 0.7}),
        Example(Query("When?", f"{name}-q3"), MEMORIES, {}),
        Example(Query("Why?", f"{name}-q4"), MEMORIES, {}, extra={"answer": "because"}),
    )
    return Dialogue(name, name, MEMORIES, asked)


COLLECTION = Collection.of(
    BUNDLED, "made up", [dialogue(f"d{i}") for i in range(30)], ["test"] * 20 + ["dev"] * 10
)
CARD = Card(
    family="cosine",
    calibration={**to_json(Platt(2.0, -1.0)), "fitted": {"data": ["lives:dev"]}},
    thresholds={"lean": 0.8, "balanced": 0.4},
)


def scored(depth: int = 4, size: int = 0) -> Measured:
    sample = sample_of(COLLECTION, "test", size, "none", depth)
    rng = np.random.default_rng(1)
    found = []
    for example in sample.batch.examples:
        memories = example.memories[:depth]
        z = np.array([rng.normal(1.5 if m.id in example.relevant else -1) for m in memories])
        found.append(QueryScores(example, memories, z, probability(Platt(2.0, -1.0)(z))))
    return measured("some/folder/model", CARD, found, sample)


SAMPLE = sample_of(COLLECTION, "test", 0, "none", 4)
ONE = scored()


def test_splits_are_counted_and_test_comes_first() -> None:
    assert [name for _, name in splits_in(COLLECTION)] == ["test", "dev"]
    assert splits_in(COLLECTION)[0][0] == "test (80 queries)"


def test_a_sample_divides_nothing_twice_and_leaves_out_answers_without_evidence() -> None:
    small = sample_of(COLLECTION, "test", 7, "fused", 5)
    ids = [example.id for example in small.batch.examples]
    every = [example.id for example in SAMPLE.batch.examples]
    assert len(set(ids)) == 7 and ids == [id_ for id_ in every if id_ in ids], "in file order"
    assert len(every) == 60 == small.total and not any(id_.endswith("q4") for id_ in every)
    assert small.groups[ids[0]] == ids[0].split("-")[0]
    assert "7 of 60 queries" in small.title and "all 60" in SAMPLE.title
    assert small.batch.key != SAMPLE.batch.key
    with pytest.raises(InputError, match="no labelled queries in train"):
        sample_of(COLLECTION, "train", 0, "none", 4)


def test_what_the_first_stage_lost_is_counted() -> None:
    assert scored(depth=4).data.lost.sum() == 0
    short = scored(depth=2)
    assert short.data.lost.sum() == 20, "m2 of every second query"
    (row, _) = numbers([short], 0.3, "w")["rows"]
    assert row["lost"] == 20


def test_curves_are_those_of_the_measures() -> None:
    found = curve(ONE.calibrated, ONE.data)
    assert found["t"] == sorted(set(found["t"])) and found["t"][0] == 0 and found["t"][-1] == 1
    for i in range(0, len(found["t"]), 17):
        expected = f1_at(ONE.calibrated, ONE.data.relevant, found["t"][i])
        assert found["f1"][i] == pytest.approx(expected, abs=1e-6)
    assert found["recall"][0] == 1.0
    assert found["precision"][-1] is None, "nothing is kept: no precision, and no NaN in JSON"
    json.dumps(chart_of(ONE, "w"), allow_nan=False)


def test_a_curve_has_points_where_probabilities_crowd() -> None:
    crowd = np.linspace(0.0001, 0.0002, 1000)
    assert ((thresholds_to_draw(crowd) > 0.0001) & (thresholds_to_draw(crowd) < 0.0002)).sum() > 50


def test_a_histogram_holds_every_pair_once() -> None:
    bars = histogram(np.array([0.0, 1.0, 0.5, *ONE.calibrated[3:]]), ONE.data)
    assert sum(bars["relevant"]) == ONE.data.relevant.sum()
    assert sum(bars["other"]) == (~ONE.data.relevant).sum()


@pytest.mark.parametrize("threshold", [0.0, 0.31, 1.0])
def test_the_table_counts_what_the_threshold_does(threshold: float) -> None:
    shown = numbers([ONE], threshold, "w")
    calibrated, bare = shown["rows"]
    assert (calibrated["kind"], bare["kind"]) == ("calibrated", "bare sigmoid")
    for row, p in ((calibrated, ONE.calibrated), (bare, ONE.bare)):
        kept = p >= threshold
        assert row["kept"] == row["true"] + row["false"] == kept.sum()
        assert row["true"] + row["missed"] == ONE.data.relevant.sum()
        assert row["tokens"] == ONE.tokens[kept].sum()
        assert row["empty"] == sum(not kept[s].any() for s in ONE.data.slices())
        did = held(p, ONE.data, threshold)
        assert row["f1"] == pytest.approx(did.f1, abs=1e-6)
        if row["precision"] is not None:
            low, high = row["precision_span"]
            assert low <= row["precision"] <= high
    json.dumps(shown, allow_nan=False)


def test_tokens_are_of_what_a_model_reads() -> None:
    one, two = token_counts([Memory("a", "soup"), Memory("b", "soup", "2025-03-02", "Ana")])
    assert (one, two) == (1, 10), "[ 2 march , 202 5 ] ana : soup"


def test_a_promise_is_reported_on_dialogues_that_it_was_not_found_on() -> None:
    found = promise(ONE, 0.2, SAMPLE)
    first, second = ONE.data.folds(2)
    assert not (set(ONE.data.groups[first]) & set(ONE.data.groups[second]))
    assert str(int(first.sum())) in found["fitted"] and str(int(second.sum())) in found["reported"]
    mine = second[ONE.data.query]
    did = held(ONE.calibrated[mine], ONE.data.take(second), found["threshold"])
    assert found["dropped"] == pytest.approx(did.dropped, abs=1e-6)
    assert promise(ONE, 0.4, SAMPLE)["threshold"] >= found["threshold"], "more may be dropped"
    with pytest.raises(InputError, match="too few to promise"):
        promise(ONE, 0.01, SAMPLE)
    json.dumps(found, allow_nan=False)


def test_a_map_that_has_read_these_queries_is_owned_up_to() -> None:
    dev = sample_of(COLLECTION, "dev", 0, "none", 4)
    assert doubt(CARD, dev) == "", "a map that only rises breaks no promise"
    four = {name: [0.0] * 4 for name in ("scale", "offset", "mean", "low", "high")}
    query = {"method": "query", "slope": 1.0, "shift": 0.0, "deviation": [1.0] * 4, **four}
    reads = replace(CARD, calibration={**query, "fitted": {"data": ["lives:dev"]}})
    assert "no longer exact" in doubt(reads, dev)
    assert doubt(reads, SAMPLE) == ""
