"""Answers questions from facts alone: what checks that a life's labels are right.

The solver never sees a sentence. It gets the facts behind some memories and a formal question, and
finds the answer that a careful reader of exactly those memories would find, or none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from labkit.synthesis.world import Certainty, Fact

Pick = Literal["latest", "first", "asof", "before", "all", "only"]
Combine = Literal["value", "difference", "days", "list", "greater", "count"]


@dataclass(frozen=True, slots=True)
class Need:
    """One fact (``all``: several) that a question asks for.

    ``asof`` takes what held on the day ``at``, or on the day of the fact that ``landmark`` picks;
    ``before`` what came just before the fact with ``value``. An ``anchor`` has to be known to
    understand the question (who "my sister" is) and is not itself the answer.
    """

    subject: str
    topic: str
    attribute: str
    pick: Pick = "only"
    certainty: Certainty = "actual"
    at: date | None = None
    value: str | None = None
    landmark: Need | None = None
    anchor: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, formally: facts to find, and what to make of them."""

    needs: tuple[Need, ...]
    combine: Combine = "value"


def _found(need: Need, facts: Sequence[Fact]) -> list[Fact] | None:
    fitting = sorted(
        (
            fact
            for fact in facts
            if fact.subject == need.subject
            and fact.topic == need.topic
            and fact.attribute == need.attribute
            and fact.certainty == need.certainty
        ),
        key=lambda fact: fact.valid_from,
    )
    if not fitting:
        return None
    if need.pick == "all":
        return fitting
    if need.pick == "first":
        return fitting[:1]
    if need.pick in ("latest", "only"):
        return fitting[-1:]
    if need.pick == "before":
        marked = [i for i, fact in enumerate(fitting) if fact.value == need.value]
        return [fitting[marked[0] - 1]] if marked and marked[0] > 0 else None
    at = need.at
    if need.landmark is not None:
        mark = _found(need.landmark, facts)
        at = mark[0].valid_from if mark else None
    if at is None:
        return None
    held = [fact for fact in fitting if fact.valid_from <= at]
    return held[-1:] or None


def answer(question: Question, facts: Sequence[Fact]) -> str | None:
    """The answer that ``facts`` give, or None where they do not suffice."""
    groups: list[list[Fact]] = []
    for need in question.needs:
        found = _found(need, facts)
        if found is None:
            return None
        if not need.anchor:
            groups.append(found)
    flat = [fact for group in groups for fact in group]
    if question.combine == "list":
        return " > ".join(fact.value for fact in flat)
    if question.combine == "count":
        return str(len(flat))
    if question.combine == "value":
        return " + ".join(fact.value for fact in flat)
    if len(groups) != 2:
        return None
    one, two = groups[0][0], groups[1][0]
    if one is two:
        return None
    if question.combine == "difference":
        return str(abs(int(two.value) - int(one.value)))
    if question.combine == "greater":
        return one.subject if int(one.value) > int(two.value) else two.subject
    return str((two.valid_from - one.valid_from).days)


def same(one: Fact, other: Fact) -> bool:
    """Whether two facts say the same thing: one memory may repeat another."""
    return (one.subject, one.topic, one.attribute, one.value, one.certainty) == (
        other.subject, other.topic, other.attribute, other.value, other.certainty,
    )  # fmt: skip


def used(question: Question, facts: Sequence[Fact]) -> tuple[frozenset[str], frozenset[str]]:
    """Ids of the facts that the answer is made of, and of those that only anchor it."""
    needed: set[str] = set()
    anchors: set[str] = set()
    for need in question.needs:
        found = _found(need, facts) or []
        told = [one for fact in found for one in facts if same(one, fact)]
        (anchors if need.anchor else needed).update(fact.id for fact in told)
        if need.landmark is not None:
            anchors.update(fact.id for fact in _found(need.landmark, facts) or [])
        if need.pick == "before":
            anchors.update(
                fact.id
                for fact in facts
                if (fact.subject, fact.topic, fact.attribute, fact.value, fact.certainty)
                == (need.subject, need.topic, need.attribute, need.value, need.certainty)
            )
    return frozenset(needed), frozenset(anchors - needed)
