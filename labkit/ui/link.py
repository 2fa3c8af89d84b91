"""A selection as the parameters of an address, and back: a link or a reload opens the same page.

Names and numbers only. What was uploaded or typed is nobody else's and stays out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from labkit.errors import InputError
from labkit.retrieval.first_stage import METHODS, Method
from labkit.ui.bench import Bench
from labkit.ui.library import Library, examples_of
from labkit.ui.pickers import first_example
from labkit.ui.selection import DEPTH, MAX_DEPTH, Place, Selection

OPENING = ("life-D11", "life-D11-q01")
"""Dialogue and query of the first screen: the rent that no longer holds comes out on top."""


def opening(library: Library, params: Mapping[str, str]) -> Place:
    """Where the page opens; a link's parameters may name it.

    Raises:
        InputError: the link names a dialogue that this lab does not have.
    """
    name = params.get("dialogue", "")
    if name:
        found = library.find(name)
        if found is None:
            raise InputError(f"the link names dialogue {name[:60]!r}, which this lab does not have")
        dialogue = library.dialogue(*found)
        query = params.get("query", "")
        if query not in examples_of(dialogue):
            return Place(*found, first_example(dialogue))
        memory = params.get("memory", "")
        known = any(memory == each.id for each in dialogue.memories)
        return Place(*found, query, memory if known else "")
    # The person's own file first; of the bundled lives the one that shows what this is about.
    collection = list(library.fixed.values())[-1]
    name, query = OPENING
    if query in examples_of(collection.dialogues[name]) if name in collection.dialogues else False:
        return Place(collection.key, name, query)
    name = next(
        (name for name, dialogue in collection.dialogues.items() if dialogue.examples),
        next(iter(collection.dialogues)),
    )
    return Place(collection.key, name, first_example(collection.dialogues[name]))


class How(NamedTuple):
    """What a link says beside the place: how to rank, and where to cut.

    ``point`` is a named operating point, ``threshold`` a number; at most one of them is given.
    """

    method: Method
    depth: int
    model: str
    point: str | None
    threshold: float | None


def how_of(params: Mapping[str, str], bench: Bench) -> How:
    """Read a link; what it does not say, or says wrong, is as the lab starts."""
    methods: dict[str, Method] = {name: name for name in METHODS}
    model = next(
        (each for each in bench.models if Path(each).name == params.get("model")), bench.models[0]
    )
    depth = params.get("depth", "")
    try:
        threshold: float | None = float(params.get("threshold", ""))
    except ValueError:
        threshold = None
    if threshold is not None and not 0 <= threshold <= 1:
        threshold = None
    return How(
        methods.get(params.get("first", ""), "fused"),
        min(max(int(depth), 1), MAX_DEPTH) if depth.isdecimal() else DEPTH,
        model,
        params.get("point") if threshold is None else None,
        threshold,
    )


def link_of(selection: Selection, library: Library, bench: Bench) -> dict[str, str | None]:
    """Parameters of the address for a selection; None where one is as the lab starts, or where no
    link can lead: to an upload, or to a question of one's own."""
    linked = selection.collection in library.fixed
    named = linked and bool(selection.example)
    return {
        "dialogue": selection.dialogue if linked else None,
        "query": selection.example if named else None,
        "memory": (selection.memory or None) if named else None,
        "first": selection.method if selection.method != "fused" else None,
        "depth": str(selection.depth) if selection.depth != DEPTH else None,
        "model": Path(selection.model).name if selection.model != bench.models[0] else None,
    }
