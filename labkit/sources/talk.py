"""Turns of one conversation as memories that know what they follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from labkit.records import Memory, Turn


def after_each_other(memories: Iterable[Memory]) -> Iterator[Memory]:
    """The same memories, each with the one before as its ``previous``; the first has none."""
    last: Memory | None = None
    for memory in memories:
        previous = Turn(last.speaker or "", last.text, last.time) if last else None
        yield replace(memory, previous=previous)
        last = memory
