"""Questions that a world can be asked: what each needs, and its answer, known by construction."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from labkit.synthesis.plots import Plot, Shape
from labkit.synthesis.solver import Combine, Need, Pick, Question
from labkit.synthesis.world import Certainty, Fact, Person, Thread, Told, World


@dataclass(frozen=True, slots=True)
class Rule:
    """How a question of one name is built in a shape: kind, attribute, which fact, what of it."""

    kind: str
    attribute: str
    pick: Pick = "only"
    certainty: Certainty = "actual"
    combine: Combine = "value"
    least: int = 1


RULES: Mapping[Shape, Mapping[str, Rule]] = {
    "change": {
        "now": Rule("update", "state", "latest", least=2),
        "first": Rule("temporal", "state", "first", least=2),
        "asof": Rule("temporal", "state", "asof", least=2),
        "before": Rule("temporal", "state", "before", least=2),
        "amount_now": Rule("numerical", "amount", "latest"),
        "amount_first": Rule("numerical", "amount", "first", least=2),
        "amount_diff": Rule("numerical", "amount", combine="difference", least=2),
        "why": Rule("causal", "cause"),
        "effect": Rule("causal", "effect"),
        "plan": Rule("single_hop", "state", certainty="planned"),
        "drop": Rule("causal", "drop"),
        "claim": Rule("single_hop", "state", certainty="hearsay"),
        "claimant": Rule("entity", "claimant"),
        "denied": Rule("update", "denial", "first"),
        "howlong": Rule("temporal", "state", combine="days", least=2),
        "overview": Rule("granularity", "state", "all", combine="list", least=2),
        "detail": Rule("granularity", "detail"),
        "gist": Rule("granularity", "gist"),
    },
    "incident": {
        "what": Rule("single_hop", "problem", "first"),
        "last": Rule("temporal", "problem", "latest", least=2),
        "why": Rule("causal", "cause"),
        "effect": Rule("causal", "effect"),
        "claim": Rule("single_hop", "cause", certainty="hearsay"),
        "claimant": Rule("entity", "claimant"),
        "amount_plan": Rule("numerical", "amount", certainty="planned"),
        "amount_now": Rule("numerical", "amount", "latest"),
        "fixer": Rule("entity", "fixer"),
        "quoter": Rule("entity", "quoter"),
        "overview": Rule("granularity", "problem", "all", combine="list", least=2),
        "count": Rule("numerical", "problem", "all", combine="count", least=2),
        "detail": Rule("granularity", "detail"),
        "gist": Rule("granularity", "gist"),
    },
    "plan": {
        "where": Rule("single_hop", "state", certainty="planned"),
        "now": Rule("update", "date", "latest", least=2),
        "first": Rule("temporal", "date", "first", least=2),
        "delay": Rule("temporal", "date", "all", combine="list", least=2),
        "why": Rule("causal", "cause"),
        "drop": Rule("causal", "drop"),
        "effect": Rule("causal", "effect"),
        "instead": Rule("update", "state"),
        "amount_now": Rule("numerical", "amount"),
        "claim": Rule("single_hop", "date", certainty="hearsay"),
        "claimant": Rule("entity", "claimant"),
        "denied": Rule("update", "denial", "first"),
        "detail": Rule("granularity", "detail"),
        "gist": Rule("granularity", "gist"),
    },
    "taste": {
        "now": Rule("preference", "stance", "latest"),
        "first": Rule("temporal", "stance", "first", least=2),
        "why": Rule("causal", "cause"),
        "claim": Rule("single_hop", "stance", certainty="hearsay"),
        "claimant": Rule("entity", "claimant"),
    },
    "moment": {
        "what": Rule("single_hop", "state"),
        "with": Rule("entity", "with"),
    },
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A question before its words: what is asked of which thread, when, and the true answer."""

    ask: str
    kind: str
    thread: Thread
    question: Question
    gold: str | None
    now: date
    slots: Mapping[str, str] = field(default_factory=dict)
    other: Thread | None = None
    attribute: str = ""


def known(
    thread: Thread, told: Sequence[Told], now: date, attribute: str, certainty: str
) -> list[Fact]:
    """Facts of a thread that had been told by ``now``, in the order of the story."""
    facts = [
        fact
        for memory in told
        if memory.thread.id == thread.id and memory.when <= now
        for fact in memory.event.facts
        if fact.attribute == attribute and fact.certainty == certainty
    ]
    return sorted(facts, key=lambda fact: fact.step)


def _moot(ask: str, thread: Thread, plot: Plot, told: Sequence[Told], now: date) -> bool:
    # The date of what was called off; a favourite that may still come about.
    beats = {m.event.beat for m in told if m.thread.id == thread.id and m.when <= now}
    if plot.shape == "plan":
        return ask == "now" and "off" in beats
    return plot.shape == "change" and ask == "plan" and not beats & {"drop", "change"}


def drafts(
    thread: Thread, plot: Plot, told: Sequence[Told], now: date, rng: random.Random
) -> Iterator[Draft]:
    """Every question about one thread that can be answered at ``now``; and those that cannot.

    A question whose facts were never told has ``gold`` None and is of the kind abstain.
    """

    def need(rule: Rule, **more: object) -> Need:
        base = Need(thread.subject.id, plot.name, rule.attribute, rule.pick, rule.certainty)
        return replace(base, **more)  # type: ignore[arg-type]

    for ask, rule in RULES[plot.shape].items():
        if ask not in plot.asks:
            continue
        facts = known(thread, told, now, rule.attribute, rule.certainty)
        if not facts:
            if rule.pick in ("only", "latest") and rule.least == 1:
                yield Draft(ask, "abstain", thread, Question((need(rule),)), None, now,
                            attribute=rule.attribute)  # fmt: skip
            continue
        if len(facts) < rule.least or _moot(ask, thread, plot, told, now):
            continue
        kind = rule.kind
        if ask == "asof":
            i = rng.randrange(len(facts))
            until = facts[i + 1].valid_from if i + 1 < len(facts) else now
            room = (until - facts[i].valid_from).days
            if room < 45:
                continue
            at = facts[i].valid_from + timedelta(days=rng.randint(32, room - 10))
            # The month as a whole must lie inside: "in March" may not have two answers.
            if (
                at.replace(day=1) <= facts[i].valid_from
                or (at.replace(day=28) + timedelta(4)) > until
            ):
                continue
            yield Draft(ask, kind, thread, Question((need(rule, at=at),)), facts[i].value, now,
                        {"at_day": at.isoformat()}, attribute=rule.attribute)  # fmt: skip
        elif ask == "before":
            i = rng.randrange(1, len(facts))
            question = Question((need(rule, value=facts[i].value),))
            yield Draft(ask, kind, thread, question, facts[i - 1].value, now,
                        {"v": facts[i].value}, attribute=rule.attribute)  # fmt: skip
        elif rule.combine in ("difference", "days"):
            one, two = need(rule, pick="first"), need(rule, pick="latest")
            first, last = facts[0], facts[-1]
            if rule.combine == "days":
                if len(facts) != 2:
                    continue
                gold = str((last.valid_from - first.valid_from).days)
            else:
                gold = str(abs(int(last.value) - int(first.value)))
            yield Draft(ask, kind, thread, Question((one, two), rule.combine), gold, now,
                        attribute=rule.attribute)  # fmt: skip
        elif rule.pick == "all":
            gold = (
                str(len(facts)) if rule.combine == "count" else " > ".join(f.value for f in facts)
            )
            yield Draft(ask, kind, thread, Question((need(rule),), rule.combine), gold, now,
                        attribute=rule.attribute)  # fmt: skip
        elif ask == "denied":
            # What was said is part of the question: it asks what became of it.
            said = facts[0].value
            slot = "v_day" if plot.shape == "plan" else "v"
            yield Draft(ask, kind, thread, Question((need(rule),)), said, now, {slot: said},
                        attribute=rule.attribute)  # fmt: skip
        else:
            fact = facts[0] if rule.pick == "first" else facts[-1]
            yield Draft(ask, kind, thread, Question((need(rule),)), fact.value, now,
                        attribute=rule.attribute)  # fmt: skip


def landmark(draft: Draft, mark: Thread, told: Sequence[Told]) -> Draft | None:
    """An as-of question whose day is that of another thread's event ("when the boiler went")."""
    fact = next(
        (f for m in told if m.thread.id == mark.id and m.when <= draft.now for f in m.event.facts
         if f.attribute == "problem" and f.step == 1),
        None,
    )  # fmt: skip
    if fact is None:
        return None
    states = known(draft.thread, told, draft.now, "state", "actual")
    held = [state for state in states if state.valid_from <= fact.valid_from]
    # Days apart, or "when" would be a matter of opinion.
    if not held or any(abs((s.valid_from - fact.valid_from).days) < 6 for s in states):
        return None
    mark_need = Need(mark.subject.id, mark.plot, "problem", "first")
    asked = Need(draft.thread.subject.id, draft.thread.plot, "state", "asof", landmark=mark_need)
    return replace(
        draft, ask="asof", kind="multi_hop", question=Question((asked,)), gold=held[-1].value,
        slots={}, other=mark, attribute="state",
    )  # fmt: skip


def compare(one: Thread, two: Thread, told: Sequence[Told], now: date) -> Draft | None:
    """Which of two persons has the greater amount now."""
    latest = []
    for thread in (one, two):
        amounts = known(thread, told, now, "amount", "actual")
        if not amounts:
            return None
        latest.append(amounts[-1])
    if latest[0].value == latest[1].value:
        return None
    needs = tuple(Need(f.subject, f.topic, "amount", "latest") for f in latest)
    greater = max(latest, key=lambda fact: int(fact.value)).subject
    return Draft("compare", "multi_hop", one, Question(needs, "greater"), greater, now,
                 other=two, attribute="amount")  # fmt: skip


def described(draft: Draft, person: Person) -> Draft:
    """The same question with the person named by relation: who that is has to be known too."""
    link = Need(person.id, "people", "relation", "only", anchor=True)
    kind = "multi_hop" if draft.kind in ("single_hop", "entity") else draft.kind
    return replace(
        draft, kind=kind, question=replace(draft.question, needs=(*draft.question.needs, link))
    )


def end_of(world: World, told: Sequence[Told], rng: random.Random) -> date:
    """A day after the last memory."""
    return max(memory.when for memory in told) + timedelta(days=rng.randint(2, 35))
