from __future__ import annotations

from labkit.students.card import Card
from labkit.ui.points import CUSTOM, NO_POINTS, point_choices, point_note, starting_point

CARD = Card(
    family="cosine",
    calibration={"fitted": {"data": ["a"], "decided_on": {"data": ["lives:dev"]}}},
    thresholds={"balanced": 0.25, "careful": 0.00665},
    operating_points={
        "balanced": {"rule": "best F1", "promise": None, "n": 168, "unit": "query"},
        "careful": {"rule": "conformal", "promise": "few dropped", "n": 9, "unit": "dialogue"},
    },
)


def test_every_named_threshold_can_be_chosen_and_ones_own() -> None:
    assert point_choices(CARD) == [
        ("balanced 0.250", "balanced"),
        ("careful 0.007", "careful"),
        (CUSTOM, CUSTOM),
    ]
    assert point_choices(Card(family="cosine")) == [(CUSTOM, CUSTOM)]


def test_a_point_that_a_model_lacks_becomes_balanced_and_balanced_a_half() -> None:
    assert starting_point(CARD, "careful") == ("careful", 0.00665), "exact, not as it is shown"
    assert starting_point(CARD, "lean") == ("balanced", 0.25)
    assert starting_point(Card(family="cosine"), "careful") == (CUSTOM, 0.5)


def test_a_note_says_the_promise_and_what_it_was_found_on() -> None:
    assert point_note(CARD, "careful") == (
        "conformal; few dropped, found on n = 9 dialogues of lives:dev."
    )
    assert "no promise" in point_note(CARD, "balanced")
    assert "nothing is promised" in point_note(CARD, CUSTOM)
    assert point_note(Card(family="cosine"), CUSTOM) == NO_POINTS
