"""Dialogues for the tests of the page; the hostile texts try every way into it that we know of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from labkit.records import Dialogue
from labkit.sources.lives import Split
from labkit.ui.library import DATA, Collection, Library
from tests.training.made_up import make_examples

HOSTILE = (
    '<img src=x onerror="window.pwned=1">',
    "</script><script>window.pwned=2</script>",
    "{{constructor}} {{value}}",
    '"><svg onload="window.pwned=3">',
    "${Object.assign(window,{pwned:4})}",
    "`+(window.pwned=5)+`",
    r"C:\new\users \u00zz",
    '<a href="javascript:window.pwned=6">x</a> <b>bold</b>',
    "@children $& $1",
)


def hostile_life() -> dict[str, Any]:
    """Every text of a life is hostile: memories, speakers, ids, query, context, title, kinds."""
    return {
        "id": f"life-{HOSTILE[0]}{HOSTILE[4]}",
        "title": HOSTILE[1] + HOSTILE[4],
        "owner": HOSTILE[3],
        "memories": [
            {
                "id": f"m{i}{text}",
                "time": "2025-01-02",
                "speaker": text,
                "text": f"n. {i} {text}",
            }
            for i, text in enumerate(HOSTILE)
        ],
        "queries": [
            {
                "id": f"q1{HOSTILE[0]}",
                "kind": HOSTILE[0],
                "context": [{"speaker": text, "text": text} for text in HOSTILE],
                "query": " ".join(HOSTILE),
                "query_time": "2026-01-01",
                "instruction": HOSTILE[4] + HOSTILE[3],
                "labels": {f"m0{HOSTILE[0]}": 1.0},
                "negative_kinds": {f"m1{HOSTILE[1]}": HOSTILE[4]},
                "why": HOSTILE[1] + HOSTILE[4],
            }
        ],
    }


def roof_life() -> dict[str, Any]:
    """Eight memories that are easy to reason about, a query that they answer and one not."""
    texts = (
        "Bo mended the roof of the barn in March 2025.",
        "The roof of the barn leaked again in May.",
        "Ana mended the roof of the barn in June, with slate.",
        "We had soup on Sunday.",
        "The dog was sick after eating a shoe.",
        "Bo bought a blue car.",
        "The school play was on Friday.",
        "Ana's cousin came from Porto.",
    )
    return {
        "id": "life-roof",
        "title": "A roof",
        "owner": "Cy",
        "memories": [
            {"id": f"m{i}", "time": f"2025-0{i + 1}-05", "speaker": "owner", "text": text}
            for i, text in enumerate(texts)
        ],
        "queries": [
            {
                "id": "q1",
                "kind": "update",
                "context": [{"speaker": "owner", "text": "The barn is dry now."}],
                "query": "Who mended the roof of the barn last?",
                "query_time": "2026-01-01",
                "labels": {"m2": 1.0, "m0": 0.3},
                "negative_kinds": {"m0": "superseded"},
                "why": "Ana, in June.",
            },
            {
                "id": "q2",
                "kind": "abstain",
                "query": "What did the dentist say?",
                "labels": {},
                "negative_kinds": {"m4": "same_topic"},
            },
        ],
    }


def write_lives(path: Path, *lives: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(life) + "\n" for life in lives), encoding="utf-8")
    return path


def desk_library(queries: int = 30, *, split: Split = "train") -> Library:
    """Dialogues of one query each, whose memories people can disagree about."""
    examples = make_examples(queries)
    dialogues = [Dialogue(e.id, e.query.text, e.memories, (e,)) for e in examples]
    return Library([Collection.of(DATA, "things", dialogues, [split] * queries)])
