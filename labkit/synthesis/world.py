"""The world behind a life: people, what happened to them, and what each memory tells of it.

Nothing in here knows a sentence. Words are put on top (``telling.py``), questions are put to it
(``asking.py``), and the solver answers from it alone (``solver.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Gender = Literal["f", "m"]
Voice = Literal["plain", "terse", "chatty", "formal", "slang"]
Certainty = Literal["actual", "planned", "hearsay"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a life. ``relation`` is to the owner ("sister"); the owner's own is "self".

    ``shown`` is how memories name the person: the first name, or the full one for namesakes.
    """

    id: str
    name: str
    surname: str
    gender: Gender
    relation: str
    voice: Voice
    namesake: bool = False

    @property
    def shown(self) -> str:
        return f"{self.name} {self.surname}" if self.namesake else self.name


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that holds in the world, or that somebody plans or claims.

    ``topic`` is the thread's plot ("job"), ``attribute`` what about it ("state", "amount",
    "cause"), ``step`` which turn of the thread it belongs to: the first employer and its pay are
    step 1. ``valid_to`` is None for what still holds at the end of the life.
    """

    id: str
    subject: str
    topic: str
    attribute: str
    value: str
    valid_from: date
    valid_to: date | None
    source: str
    certainty: Certainty = "actual"
    step: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """Something dated that happened in a thread, and the events that brought it about."""

    id: str
    beat: str
    when: date
    participants: tuple[str, ...]
    facts: tuple[Fact, ...]
    amount: str | None = None
    caused_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Thread:
    """One story about one person: a plot, its details, and its events in order of time."""

    id: str
    plot: str
    subject: Person
    details: Mapping[str, str]
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is so in one life, and when the life starts and ends."""

    owner: Person
    people: Mapping[str, Person]
    threads: tuple[Thread, ...]
    start: date
    end: date
    partner: str | None = None
    """In a dialogue of two persons the other speaker; None where the other is the assistant."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one memory says: the event behind it, who speaks, when, and in which words.

    ``family`` names the table that the words came from, ``skeleton`` the frame before its slots
    were filled; both serve only the measures of ``surface.py``.
    """

    id: str
    event: Event
    thread: Thread
    when: date
    speaker: str
    form: str
    text: str
    family: str
    skeleton: str = field(compare=False, default="")
