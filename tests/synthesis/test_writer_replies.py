"""Whatever JSON a model sends, it is taken or refused with a reason; it never breaks the run."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.errors import InputError
from labkit.records import Memory, Query
from labkit.synthesis.judge import parse_verdict
from labkit.synthesis.writer_replies import (
    QUERY_KINDS,
    parse_history,
    parse_instruction,
    parse_negatives,
    parse_queries,
)

MEMORIES = [
    Memory(f"m{i:02d}", f"Thing {i} happened.", f"2026-0{i}-05T10:00", "Ana") for i in range(1, 6)
]
IDS = frozenset(memory.id for memory in MEMORIES)
QUERY = Query("What happened?", time="2026-09-01")
KINDS = ["single_hop", "coreference", "abstain"]

GOOD: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "history": (
        {
            "memories": [
                {"text": "A thing.", "time": "2026-01-05", "speaker": "note", "turns": ["m01"]},
                {"text": "Two.", "time": "2026-02-05", "speaker": None, "turns": ["m02", "m01"]},
            ]
        },
        lambda value: parse_history(value, {m.id: m for m in MEMORIES}, 1, 5),
    ),
    "queries": (
        {
            "queries": [
                {
                    "kind": kind,
                    "query": f"What of {kind}?",
                    "context": [{"speaker": "Ana", "text": "That place?"}],
                    "query_time": "2026-09",
                    "labels": [] if kind == "abstain" else [{"id": "m01", "label": 1.0}],
                    "why": "It says so.",
                }
                for kind in KINDS
            ]
        },
        lambda value: parse_queries(value, MEMORIES, KINDS),
    ),
    "negatives": (
        {
            "negatives": [
                {"kind": "hearsay", "text": "Maybe.", "time": "2026-03-01", "speaker": "Bo",
                 "label": 0.3},
            ]
        },
        lambda value: parse_negatives(value, MEMORIES, QUERY, ["hearsay"]),
    ),
    "instruction": (
        {"instruction": "Only costs.", "labels": [{"id": "m02", "label": 0.7}]},
        lambda value: parse_instruction(value, IDS),
    ),
    "verdict": (
        {"answered": "yes", "ids": ["m01"], "answer": "So."},
        lambda value: parse_verdict(value, IDS),
    ),
}  # fmt: skip

WORDS = st.sampled_from(
    [
        "m01",
        "m99",
        "2026-03-01",
        "2026-02-30",
        "20260301T09",
        "9999",
        "yes",
        "hearsay",
        "",
        "\ud800",
    ]
    + list(QUERY_KINDS)
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | WORDS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = [path]
    for key, item in inner if isinstance(value, dict | list) else ():
        found += _places(item, (*path, key)) if isinstance(item, dict | list) else [(*path, key)]
    return found


@pytest.mark.parametrize("step", GOOD)
def test_a_good_reply_is_taken(step: str) -> None:
    value, parse = GOOD[step]
    assert parse(value)


@pytest.mark.parametrize("step", GOOD)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_any_json_in_any_place_is_taken_or_refused_in_one_line(
    step: str, data: st.DataObject
) -> None:
    good, parse = GOOD[step]
    value = {"reply": copy.deepcopy(good)}
    *path, last = data.draw(st.sampled_from(_places(value)[1:]))
    holder: Any = value
    for key in path:
        holder = holder[key]
    holder[last] = data.draw(JSON)
    try:
        result = parse(value["reply"])
    except InputError as error:
        assert "\n" not in str(error)
        str(error).encode()  # it is quoted to the model
    else:
        json.dumps(repr(result)).encode()


def test_a_query_of_a_bare_month_may_rest_on_evidence_inside_it() -> None:
    good = copy.deepcopy(GOOD["queries"][0])
    for query in good["queries"]:
        query["query_time"] = "2026-01"
    assert len(parse_queries(good, MEMORIES, KINDS)) == 3
    good["queries"][0]["query_time"] = "2026-01-04"
    with pytest.raises(InputError, match="before its evidence m01"):
        parse_queries(good, MEMORIES, KINDS)
