"""The shapes that a story can take, and what a plot must bring to be told in one.

A shape is a list of beats in order of time, each with the facts that it tells. A plot dresses a
shape: the pools its details are drawn from, and the words of every beat and every question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from labkit.synthesis.world import Certainty

Shape = Literal["change", "incident", "plan", "taste", "moment"]


@dataclass(frozen=True, slots=True)
class Tell:
    """A fact that a beat tells: its attribute, the slot that holds the value, and how sure."""

    attribute: str
    slot: str
    certainty: Certainty = "actual"
    step: int = 0


@dataclass(frozen=True, slots=True)
class Beat:
    """One step of a shape. ``needs`` are beats that must be told for this one to make sense."""

    name: str
    tells: tuple[Tell, ...]
    needs: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


SHAPES: Mapping[Shape, tuple[Beat, ...]] = {
    "change": (
        Beat("begin", (Tell("state", "v1", step=1), Tell("amount", "a1", step=1))),
        Beat("rumour", (Tell("state", "vh", "hearsay", 2), Tell("claimant", "who", step=2))),
        Beat(
            "denied",
            (Tell("denial", "vh", step=2), Tell("state", "vh", "hearsay", 2)),
            ("rumour",),
            ("rumour",),
        ),
        Beat("intend", (Tell("state", "vp", "planned", 2),)),
        Beat(
            "drop",
            (Tell("drop", "drop", step=2), Tell("state", "vp", "planned", 2)),
            ("intend",),
            ("intend",),
        ),
        Beat("change", (Tell("state", "v2", step=2),), (), ("begin",)),
        Beat("why", (Tell("cause", "cause", step=2),), ("change",)),
        Beat("price", (Tell("amount", "a2", step=2),), ("change",), ("change",)),
        Beat("effect", (Tell("effect", "effect", step=2),), ("change",), ("change",)),
        Beat("detail", (Tell("detail", "detail", step=2),), ("change",)),
        Beat("again", (Tell("state", "v3", step=3), Tell("amount", "a3", step=3)), ("change",)),
        Beat("vague", (Tell("gist", "gist", step=3),), ("change",)),
    ),
    "incident": (
        Beat("broke", (Tell("problem", "p1", step=1),)),
        Beat("guess", (Tell("cause", "guess", "hearsay", 1), Tell("claimant", "who", step=1))),
        Beat("quote", (Tell("amount", "a1", "planned", 1), Tell("quoter", "f1", step=1))),
        Beat("found", (Tell("cause", "cause", step=1),), (), ("broke",)),
        Beat("fix", (Tell("fixer", "f2", step=1),), (), ("found",)),
        Beat("bill", (Tell("amount", "a2", step=1),), (), ("fix",)),
        Beat("effect", (Tell("effect", "effect", step=1),), (), ("broke",)),
        Beat("detail", (Tell("detail", "detail", step=1),)),
        Beat("relapse", (Tell("problem", "p2", step=2),), (), ("fix",)),
        Beat("vague", (Tell("gist", "gist", step=2),)),
    ),
    "plan": (
        Beat("announce", (Tell("state", "v1", "planned", 1), Tell("date", "d1", step=1))),
        Beat("rumour", (Tell("date", "dh", "hearsay", 1), Tell("claimant", "who", step=1))),
        Beat(
            "denied",
            (Tell("denial", "dh", step=1), Tell("date", "dh", "hearsay", 1)),
            ("rumour",),
            ("rumour",),
        ),
        Beat("moved", (Tell("date", "d2", step=2),), (), ("announce",)),
        Beat("why", (Tell("cause", "cause", step=2),), ("moved",)),
        Beat("price", (Tell("amount", "a1", step=1),)),
        Beat("detail", (Tell("detail", "detail", step=2),)),
        Beat("off", (Tell("drop", "drop", step=3),), (), ("announce",)),
        Beat("instead", (Tell("state", "v2", step=3),), ("off",), ("off",)),
        Beat("effect", (Tell("effect", "effect", step=3),), ("off",), ("off",)),
        Beat("vague", (Tell("gist", "gist", step=3),)),
    ),
    "taste": (
        Beat("like", (Tell("stance", "v1", step=1),)),
        Beat("turn", (Tell("stance", "v2", step=2),)),
        Beat("why", (Tell("cause", "cause", step=2),), ("turn",)),
        Beat("rumour", (Tell("stance", "vh", "hearsay", 2), Tell("claimant", "who", step=2))),
    ),
    "moment": (Beat("moment", (Tell("state", "v1", step=1), Tell("with", "v2", step=1))),),
}
"""Beats in order of time. ``causes`` link events: what a beat came out of."""


@dataclass(frozen=True, slots=True)
class Words:
    """Frames of one beat in the three forms. ``say`` is spoken by the subject or about them."""

    say: tuple[str, ...]
    sum: tuple[str, ...]
    note: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """A shape in its clothes.

    ``draws`` maps a slot to patterns that its value is drawn from; slots that end in a digit share
    the pool of their letter ("v") and differ. ``money`` is the range and step of amounts.
    ``topics`` name the matter in contexts and echoes. ``asks`` maps a question to its wordings.
    """

    name: str
    shape: Shape
    theme: str
    topics: tuple[str, ...]
    draws: Mapping[str, tuple[str, ...]]
    beats: Mapping[str, Words]
    asks: Mapping[str, tuple[str, ...]]
    money: tuple[int, int, int] = (0, 0, 1)
    suffix: str = ""
    pets: bool = field(default=False)
