"""Why a memory scored as it did: take a piece of it away, and see what the score does.

The change in log-odds is what the model made of that piece in this place, no more: pieces that say
the same cover for each other, and a text with a hole is one that no model was trained on
(occlusion, Zeiler and Fergus 2014; leave-one-out, Li, Monroe and Jurafsky 2016).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from labkit.records import Memory, Query
from labkit.scoring.reranker import Reranker

Unit = Literal["word", "sentence"]
MOST = 48
"""Pieces of a memory: each is one more text to score. More words than that go together."""

_FORMS = {
    "word": re.compile(r"\s*\S+\s*"),
    "sentence": re.compile(r"\s*.+?(?:[.!?]+(?=\s|\Z)|\Z)\s*", re.DOTALL),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a memory, and how far the log-odds fall without it: above 0, it raises them."""

    text: str
    effect: float


@dataclass(frozen=True, slots=True)
class Occlusion:
    """``pieces`` make up the text in order; ``beside`` are the parts that stand beside it."""

    log_odds: float
    pieces: tuple[Piece, ...]
    beside: tuple[Piece, ...]


def pieces_of(text: str, unit: Unit, most: int = MOST) -> list[str]:
    """The words or sentences of a text, with the space around them; together they are the text."""
    found = _FORMS[unit].findall(text) if text.strip() else []
    size = -(-len(found) // most)
    return ["".join(found[i : i + size]) for i in range(0, len(found), size)] if found else []


def occlusion(
    reranker: Reranker, query: Query, memory: Memory, unit: Unit, most: int = MOST
) -> Occlusion:
    """Score the memory as it is and without each of its pieces, all in one run."""
    pieces = pieces_of(memory.text, unit, most)
    cut = [replace(memory, text=_without(pieces, i)) for i in range(len(pieces))]
    without = {
        "its date": replace(memory, time=None),
        "its speaker": replace(memory, speaker=None),
        "the turn before it": replace(memory, previous=None),
    }
    parts = {name: changed for name, changed in without.items() if changed != memory}
    scores = reranker.score(query, [memory, *cut, *parts.values()]).tolist()
    whole = scores[0]
    found = [
        Piece(name, whole - score)
        for name, score in zip([*pieces, *parts], scores[1:], strict=True)
    ]
    return Occlusion(whole, tuple(found[: len(pieces)]), tuple(found[len(pieces) :]))


def _without(pieces: Sequence[str], place: int) -> str:
    return "".join((*pieces[:place], *pieces[place + 1 :])).strip()


def why_of(found: Occlusion, unit: Unit, model: str) -> dict[str, Any]:
    """For row_detail.js."""
    return {
        "pieces": [{"text": piece.text, "effect": piece.effect} for piece in found.pieces],
        "beside": [{"text": part.text, "effect": part.effect} for part in found.beside],
        "caption": (
            f"By how much the log-odds ({found.log_odds:+.2f}) fall without each {unit}: + raises "
            f"the score, underlined; − lowers it, dotted. n = {len(found.pieces)} pieces, model "
            f"{model}."
        ),
    }
