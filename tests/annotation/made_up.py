"""Events and items for the tests of annotation, and the process that writes many."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from labkit.annotation.events import Event
from labkit.annotation.store import Store


def event(id_: str, item: str = "i1", annotator: str = "ana", **other: Any) -> Event:
    """An event of one item of query q and memory m; a label of level 2 where nothing is said."""
    kind = other.pop("kind", "label")
    if kind == "label":
        other.setdefault("level", 2)
    if kind == "cannot_tell":
        other.setdefault("note", "two readings")
    query = other.pop("query", "q")
    return Event(
        id=id_, item=item, query=query, memory=f"m-{item}", content_sha256=f"c-{item}",
        annotator=annotator, kind=kind, **other,
    )  # fmt: skip


def undo(id_: str, of: str, annotator: str = "ana", item: str = "i1") -> Event:
    return event(id_, item, annotator, kind="undo", undo_of=of)


def write_many(arguments: Sequence[str]) -> None:
    """STORE NAME COUNT: appends events and prints each id when it was accepted."""
    where, name, count = arguments
    with Store(where) as store:
        for i in range(int(count)):
            store.append(event(f"{name}-{i}", f"i{i % 50}", name, level=i % 5))
            print(f"{name}-{i}", flush=True)


if __name__ == "__main__":
    write_many(sys.argv[1:])
