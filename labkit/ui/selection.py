"""What all tabs look at: one dialogue, one query, one memory, and how memories are ranked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from labkit.retrieval.first_stage import Method

DEPTH = 50
MAX_DEPTH = 1_000

OWN = ""
"""Stands for the query where somebody types a question of one's own."""


class Place(NamedTuple):
    """Where to look: a collection's key, a dialogue in it, a query of that, a memory or none.

    ``query`` is a name of :func:`labkit.ui.library.examples_of`, or :data:`OWN`.
    """

    collection: str
    dialogue: str
    query: str = OWN
    memory: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """A :class:`Place`, and the first stage and the model that rank there.

    ``example`` names one of the dialogue's own queries; None where somebody types a new one.
    """

    collection: str
    dialogue: str
    example: str | None
    method: Method
    depth: int
    model: str
    memory: str = ""


def selection_of(
    collection: Any, dialogue: Any, query: Any, memory: Any, method: Any, depth: Any, model: Any
) -> Selection:
    """The selection of the components' values, as a page sends them: an emptied box is null."""
    depth = min(max(int(depth or DEPTH), 1), MAX_DEPTH)
    return Selection(collection, dialogue or "", query or OWN, method, depth, model, memory or "")
