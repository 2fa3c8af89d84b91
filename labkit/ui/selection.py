"""What all tabs look at: one dialogue, one query, and how its memories are ranked."""

from __future__ import annotations

from dataclasses import dataclass

from labkit.retrieval.first_stage import Method

DEPTH = 50
MAX_DEPTH = 1_000


@dataclass(frozen=True, slots=True)
class Selection:
    """``example`` names one of the dialogue's own queries; None where somebody types a new one."""

    collection: str
    dialogue: str
    example: str | None
    method: Method
    depth: int
    model: str
