"""What a decoder keeps between the queries of one conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Conversation:
    """The tokens of the last query's prefix with their keys and values.

    Instruction and context come first in the prompt, and the context of a conversation only grows,
    so the next query begins with tokens that were computed already. Once its context outgrows its
    budget the oldest turns leave, and only what stands before them is shared. One object belongs to
    one conversation with one student, in one thread.
    """

    ids: list[int] = field(default_factory=list)
    cache: Any = None

    def shared(self, prefix: list[int]) -> int:
        """How many tokens ``prefix`` begins with that are kept."""
        count = 0
        for mine, theirs in zip(self.ids, prefix, strict=False):
            if mine != theirs:
                break
            count += 1
        return count
