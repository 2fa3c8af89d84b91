"""What all annotators together say of an item: adjudicated, else by majority, else by the one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from labkit.annotation.events import LABELS, Event
from labkit.evaluation.agreement import levels
from labkit.records import RELEVANT

How = Literal["adjudicated", "majority", "single", "undecided"]

RELEVANT_LEVEL = int(levels(RELEVANT))
"""From this level on a memory counts as relevant."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Where an item stands.

    Attributes:
        item, query, memory: what it is of.
        how: an adjudication ends it; else more than half of those who judged said the same;
            else only one judged; else it is undecided.
        level: 0 to 4; None where it is undecided, or decided that it cannot be told.
        votes: each annotator's standing judgement: labels and can't tells, in order of time.
        adjudication: the one that stands, if any.
        negative_kind: how the memory fools, as those say who gave this level; most often, then
            first.
    """

    item: str
    query: str
    memory: str
    how: How
    level: int | None
    votes: tuple[Event, ...]
    adjudication: Event | None
    negative_kind: str | None

    @property
    def label(self) -> float | None:
        """The level as a label in [0, 1]."""
        return None if self.level is None else LABELS[self.level]

    @property
    def annotators(self) -> tuple[str, ...]:
        """Who judged it, and who adjudicated."""
        last = () if self.adjudication is None else (self.adjudication,)
        return tuple(dict.fromkeys(event.annotator for event in (*self.votes, *last)))

    @property
    def spread(self) -> int:
        """Levels between the lowest and the highest vote; a can't tell has no place on them."""
        said = [vote.level for vote in self.votes if vote.level is not None]
        return max(said) - min(said) if said else 0

    @property
    def divided(self) -> bool:
        """Whether some call it relevant and others do not."""
        return len({v.level >= RELEVANT_LEVEL for v in self.votes if v.level is not None}) > 1


def decide(standing: Iterable[Event]) -> dict[str, Decision]:
    """The decision of each item that anyone judged, from what stands (:meth:`Store.standing`).

    A skip says nothing. A can't tell is a vote like a level: where it wins, no level is given.
    """
    votes: dict[str, list[Event]] = {}
    adjudications: dict[str, Event] = {}
    for event in standing:
        if event.kind == "adjudication":
            adjudications[event.item] = event
            votes.setdefault(event.item, [])
        elif event.kind in ("label", "cannot_tell"):
            votes.setdefault(event.item, []).append(event)
    return {item: _decide(tuple(cast), adjudications.get(item)) for item, cast in votes.items()}


def _decide(votes: tuple[Event, ...], adjudication: Event | None) -> Decision:
    counts = Counter(vote.level for vote in votes)
    level, most = counts.most_common(1)[0] if votes else (None, 0)
    how: How
    if adjudication is not None:
        how, level = "adjudicated", adjudication.level
    elif len(votes) == 1:
        how = "single"
    elif 2 * most > len(votes):
        how = "majority"
    else:
        how, level = "undecided", None
    said = (*(() if adjudication is None else (adjudication,)), *votes)
    kinds = [e.negative_kind for e in said if e.level == level and e.negative_kind]
    if adjudication is not None and adjudication.negative_kind:
        kinds = [adjudication.negative_kind]
    one = said[0]
    return Decision(
        item=one.item,
        query=one.query,
        memory=one.memory,
        how=how,
        level=level,
        votes=votes,
        adjudication=adjudication,
        negative_kind=Counter(kinds).most_common(1)[0][0] if kinds and level is not None else None,
    )
