from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from labkit.records import RELEVANT
from labkit.synthesis.simulate import Life
from labkit.synthesis.solver import Need, Question, answer, used
from labkit.synthesis.world import Fact


def fact(id_: str, value: str, day: int, attribute: str = "state", **more: object) -> Fact:
    return Fact(id_, "ana", "job", attribute, value, date(2025, 1, day), None, "ana", **more)  # type: ignore[arg-type]


BAKER, SMITH, RUMOUR = (
    fact("b", "baker", 2),
    fact("s", "smith", 9),
    fact("r", "spy", 5, certainty="hearsay"),
)


def ask(**more: object) -> Question:
    return Question((Need("ana", "job", "state", **more),))  # type: ignore[arg-type]


def test_latest_first_and_before_look_at_dates_and_ignore_hearsay() -> None:
    facts = [SMITH, RUMOUR, BAKER]
    assert answer(ask(pick="latest"), facts) == "smith"
    assert answer(ask(pick="first"), facts) == "baker"
    assert answer(ask(pick="before", value="smith"), facts) == "baker"
    assert answer(ask(pick="latest", certainty="hearsay"), facts) == "spy"


def test_asof_takes_what_held_on_the_day_and_nothing_before_the_first() -> None:
    assert answer(ask(pick="asof", at=date(2025, 1, 8)), [BAKER, SMITH]) == "baker"
    assert answer(ask(pick="asof", at=date(2025, 1, 1)), [BAKER, SMITH]) is None


def test_a_difference_needs_both_numbers() -> None:
    one, two = fact("x", "100", 1, "amount"), fact("y", "140", 7, "amount")
    needs = tuple(Need("ana", "job", "amount", pick) for pick in ("first", "latest"))
    question = Question(needs, "difference")
    assert answer(question, [one, two]) == "40"
    assert answer(question, [one]) is None


def test_an_anchor_must_be_known_and_is_not_the_answer() -> None:
    link = Fact("l", "ana", "people", "relation", "sister", date(2025, 1, 1), None, "me")
    question = Question(
        (Need("ana", "job", "state", "latest"), Need("ana", "people", "relation", anchor=True))
    )
    assert answer(question, [SMITH]) is None
    assert answer(question, [SMITH, link]) == "smith"
    assert used(question, [SMITH, link]) == (frozenset({"s"}), frozenset({"l"}))


def test_relevant_memories_are_those_whose_facts_the_solver_used(lives: Sequence[Life]) -> None:
    # By the ids of the memories and the world alone: no text is read.
    for life in lives[:10]:
        behind = {told.id: told for told in life.told}
        for example in life.dialogue.examples:
            for id_, label in example.labels.items():
                if label >= RELEVANT:
                    assert behind[id_].event.facts
