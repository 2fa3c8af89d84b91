from __future__ import annotations

import numpy as np

from labkit.annotation.consensus import RELEVANT_LEVEL, decide
from labkit.annotation.events import LABELS, Event
from labkit.evaluation.agreement import levels
from labkit.records import RELEVANT
from tests.annotation.made_up import event


def votes(*said: int | None) -> list[Event]:
    return [
        event(f"e{i}", annotator=f"a{i}", kind="cannot_tell")
        if level is None
        else event(f"e{i}", annotator=f"a{i}", level=level)
        for i, level in enumerate(said)
    ]


def test_each_levels_label_lies_in_that_level() -> None:
    assert levels(LABELS).tolist() == [0, 1, 2, 3, 4]
    assert [label >= RELEVANT for label in LABELS] == [i >= RELEVANT_LEVEL for i in range(5)]


def test_one_decides_alone_and_of_several_more_than_half() -> None:
    expected = {
        (3,): ("single", 3),
        (None,): ("single", None),
        (3, 3): ("majority", 3),
        (3, 4): ("undecided", None),
        (3, None): ("undecided", None),
        (0, 3, 3): ("majority", 3),
        (0, 3, 4): ("undecided", None),
        (3, 3, 0, 0): ("undecided", None),
        (None, None, 2): ("majority", None),
    }
    for said, outcome in expected.items():
        decision = decide(votes(*said))["i1"]
        assert (decision.how, decision.level) == outcome, said
        assert decision.label == (None if outcome[1] is None else LABELS[outcome[1]])


def test_an_adjudication_is_above_all_votes_and_may_say_that_it_cannot_be_told() -> None:
    events = [*votes(0, 0, 4), event("x", annotator="cy", kind="adjudication", level=4)]
    decision = decide(events)["i1"]
    assert (decision.how, decision.level, decision.label) == ("adjudicated", 4, 1.0)
    assert decision.annotators == ("a0", "a1", "a2", "cy")
    assert decision.spread == 4 and decision.divided
    nothing = decide([*votes(0, 4), event("x", annotator="cy", kind="adjudication")])["i1"]
    assert (nothing.how, nothing.label) == ("adjudicated", None)
    alone = decide([event("x", kind="adjudication", level=1)])["i1"]
    assert (alone.how, alone.level, alone.votes) == ("adjudicated", 1, ())


def test_skips_say_nothing() -> None:
    assert decide([event("s", kind="skip")]) == {}
    both = [event("s", kind="skip"), event("e", annotator="bo", level=1)]
    assert decide(both)["i1"].how == "single"


def test_the_kind_is_that_of_those_who_gave_the_level_or_of_the_adjudicator() -> None:
    events = [
        event("a", annotator="a", level=1, negative_kind="hearsay"),
        event("b", annotator="b", level=1, negative_kind="wrong_time"),
        event("c", annotator="c", level=1, negative_kind="wrong_time"),
        event("d", annotator="d", level=0, negative_kind="same_topic"),
    ]
    assert decide(events)["i1"].negative_kind == "wrong_time"
    last = event("x", kind="adjudication", level=0, annotator="cy")
    assert decide([*events, last])["i1"].negative_kind == "same_topic"
    other = event("y", kind="adjudication", level=0, annotator="cy", negative_kind="too_general")
    assert decide([*events, other])["i1"].negative_kind == "too_general"


def test_votes_in_any_order_decide_the_same() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        said = votes(*rng.integers(0, 5, 5).tolist())
        one = decide(said)["i1"]
        other = decide([said[i] for i in rng.permutation(5)])["i1"]
        assert (one.how, one.level) == (other.how, other.level)
