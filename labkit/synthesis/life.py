"""From a seed to a world: threads of events, each about one person, laid out over time."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from labkit.synthesis.casting import cast
from labkit.synthesis.frames import belongs, choose
from labkit.synthesis.plots import SHAPES, Beat, Plot, Shape
from labkit.synthesis.splits import Split
from labkit.synthesis.words.names import (
    MEN,
    PET_NAMES,
    PLACES,
    ROAD_KINDS,
    ROADS,
    SURNAMES,
    WOMEN,
)
from labkit.synthesis.words.plots import MOMENTS, STORIES, TASTES
from labkit.synthesis.world import Event, Fact, Person, Thread, World

_POOL = re.compile(r"\{(surname|place|road|street|number|first|pet)\}")
_VALUE_SLOTS = {
    "change": ("v1", "v2", "v3", "vp", "vh"),
    "incident": (),
    "plan": ("v1", "v2"),
    "taste": (),
    "moment": (),
}
_ALWAYS = {
    "change": ("begin", "change"),
    "incident": ("broke", "found"),
    "plan": ("announce", "moved"),
    "taste": ("like",),
    "moment": ("moment",),
}


def draw(pattern: str, rng: random.Random) -> str:
    """One value out of a pattern: choices decided, pools of names filled in."""
    pools = {
        "surname": lambda: rng.choice(SURNAMES),
        "place": lambda: rng.choice(PLACES),
        "road": lambda: rng.choice(ROADS),
        "street": lambda: f"{rng.choice(ROADS)} {rng.choice(ROAD_KINDS)}",
        "number": lambda: str(rng.randint(2, 98)),
        "first": lambda: rng.choice(WOMEN + MEN),
        "pet": lambda: rng.choice(PET_NAMES),
    }
    # Pronouns stay as they are: they are filled when somebody speaks.
    return _POOL.sub(lambda match: pools[match.group(1)](), choose(pattern, rng))


def _draws(
    plot: Plot, people: Sequence[Person], subject: Person, rng: random.Random, split: Split
) -> dict[str, str]:
    details: dict[str, str] = {}

    def fresh(patterns: Sequence[str]) -> str:
        # Of the life's split where the pool has one, and no value twice in a thread.
        value = ""
        for i in range(200):
            drawn = draw(rng.choice(patterns), rng)
            if drawn not in details.values():
                value = drawn
                if i > 40 or belongs(value, split):
                    break
        return value

    for slot in _VALUE_SLOTS[plot.shape]:
        if slot not in plot.draws:
            details[slot] = fresh(plot.draws["v"])
    for key, patterns in plot.draws.items():
        slots = {"p": ("p1", "p2"), "f": ("f1", "f2"), "v": ()}.get(key, (key,))
        for slot in slots:
            details[slot] = fresh(patterns)
    if plot.shape == "incident":
        details["guess"] = fresh(plot.draws["cause"])
    details["who"] = rng.choice([p for p in people[1:] if p.id != subject.id]).id
    low, high, step = plot.money
    if high:
        amounts = rng.sample(range(low, high + 1, step), 3)
        details |= {f"a{i}": str(amount) for i, amount in enumerate(amounts, 1)}
    return details


def _chosen(plot: Plot, count: int, rng: random.Random) -> list[Beat]:
    beats = [beat for beat in SHAPES[plot.shape] if beat.name in plot.beats]
    told = set(_ALWAYS[plot.shape])
    optional = [beat for beat in beats if beat.name not in told]
    rng.shuffle(optional)
    for beat in optional:
        missing = [need for need in beat.needs if need not in told]
        if len(told) + 1 + len(missing) <= count:
            told |= {beat.name, *missing}
    return [beat for beat in beats if beat.name in told]


def _dates(count: int, start: date, end: date, rng: random.Random) -> list[date]:
    # A thread begins in the first and ends in the last third, so that no end of a life is bare.
    span = (end - start).days
    first = rng.uniform(0.0, 0.38) * span
    last = rng.uniform(0.62, 1.0) * span
    inner = sorted(rng.uniform(first, last) for _ in range(max(0, count - 2)))
    days = [first, *inner, last][:count] if count > 1 else [rng.uniform(0, 1) * span]
    return [start + timedelta(days=int(day) + i) for i, day in enumerate(days)]


def _tightened(days: Sequence[date], rng: random.Random) -> list[date]:
    # A plan lives for months, not for years: its days close ranks, somewhere in its span.
    span = (days[-1] - days[0]).days
    share = min(1.0, rng.randint(110, 250) / max(1, span))
    start = rng.uniform(0, 1 - share) * span
    return [
        days[0] + timedelta(days=int(start + (day - days[0]).days * share) + i)
        for i, day in enumerate(days)
    ]


def make_thread(
    id_: str,
    plot: Plot,
    subject: Person,
    people: Sequence[Person],
    count: int,
    span: tuple[date, date],
    rng: random.Random,
    split: Split,
) -> Thread:
    """A thread of about ``count`` events of ``plot`` about ``subject``."""
    details = _draws(plot, people, subject, rng, split)
    beats = _chosen(plot, count, rng)
    days = _dates(len(beats), *span, rng)
    if plot.shape == "plan":
        days = _tightened(days, rng)
        by_beat = dict(zip((beat.name for beat in beats), days, strict=True))
        # A day is put back before it has come, and called off before the new one has.
        base = by_beat["moved"] + timedelta(days=rng.randint(2, 30))
        last = max(
            day for name, day in by_beat.items() if name not in ("instead", "effect", "vague")
        )
        moved = max(base, last) + timedelta(days=rng.randint(10, 60))
        details |= {
            "d1": base.isoformat(),
            "d2": moved.isoformat(),
            "dh": (moved + timedelta(days=rng.randint(10, 40))).isoformat(),
        }
    events: list[Event] = []
    ids: dict[str, str] = {}
    for beat, when in zip(beats, days, strict=True):
        ids[beat.name] = f"{id_}.{beat.name}"
        facts = tuple(
            Fact(
                id=f"{id_}.{beat.name}.{tell.attribute}",
                subject=subject.id,
                topic=plot.name,
                attribute=tell.attribute,
                value=details[tell.slot],
                valid_from=when,
                valid_to=None,
                source=details["who"] if tell.certainty == "hearsay" else subject.id,
                certainty=tell.certainty,
                step=tell.step,
            )
            for tell in beat.tells
            if tell.slot in details
        )
        amount = next((f.value for f in facts if f.attribute == "amount"), None)
        events.append(
            Event(
                id=ids[beat.name],
                beat=beat.name,
                when=when,
                participants=(subject.id,),
                facts=facts,
                amount=amount,
                caused_by=tuple(ids[name] for name in beat.causes if name in ids),
            )
        )
    return Thread(id_, plot.name, subject, details, tuple(_superseded(events)))


def _superseded(events: Sequence[Event]) -> list[Event]:
    # A fact ends where the next actual one of its attribute begins.
    done: list[Event] = []
    for i, event in enumerate(events):
        facts = []
        for fact in event.facts:
            later = (
                other.valid_from
                for follower in events[i + 1 :]
                for other in follower.facts
                if other.attribute == fact.attribute and other.certainty == fact.certainty
            )
            facts.append(replace(fact, valid_to=next(later, None)))
        done.append(replace(event, facts=tuple(facts)))
    return done


def make_world(rng: random.Random, split: Split) -> World:
    """A life of about 40 events: three stories, each lived by two people, tastes and moments."""
    people = cast(rng)
    owner = people[0]
    pair = rng.random() < 0.3
    start = date(2023, 1, 1) + timedelta(days=rng.randint(0, 820))
    span = (start, start + timedelta(days=rng.randint(200, 760)))
    threads: list[Thread] = []

    def add(plot: Plot, subject: Person, count: int) -> None:
        threads.append(
            make_thread(f"t{len(threads)}", plot, subject, people, count, span, rng, split)
        )

    # One story of each shape: nobody has two of a kind, so "it fell through" says which.
    shapes: list[Shape] = ["change", "incident", "plan"]
    rng.shuffle(shapes)
    plots = [rng.choice([plot for plot in STORIES if plot.shape == shape]) for shape in shapes]
    # People 1 to 4 share a pronoun and 1 and 2 a name: the first story is theirs.
    pairs = [(people[1], people[2]), (owner, people[rng.randint(1, 4)])]
    pairs.append((people[3], people[4]) if rng.random() < 0.6 else (owner, people[5]))
    for plot, subjects in zip(plots, pairs, strict=True):
        for subject in subjects:
            add(plot, subject, rng.choice((4, 5, 5, 6)))
    tastes = rng.sample(TASTES, 2)
    for taste, fans in zip(tastes, ((owner, people[rng.randint(1, 3)]), (owner,)), strict=True):
        for subject in fans:
            add(taste, subject, rng.choice((1, 2, 2, 3)))
    # Small things happen to two people alike, or the matter alone would say which memory is meant.
    for moment in rng.sample(MOMENTS, 2):
        for subject in rng.sample([owner, *people[1:5]], 2):
            add(moment, subject, 1)
    return World(
        owner=owner,
        people={person.id: person for person in people},
        threads=tuple(threads),
        start=span[0],
        end=span[1],
        partner=people[rng.randint(1, 3)].id if pair else None,
    )


def plots_by_name() -> Mapping[str, Plot]:
    return {plot.name: plot for plot in (*STORIES, *TASTES, *MOMENTS)}
