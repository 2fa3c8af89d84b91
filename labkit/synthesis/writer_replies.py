"""The replies of the writing model: their schemas, and what makes one good or bad.

A reply is checked against the records and against what was ordered; each fault has a reason that
it is counted under and a line that the model can mend it by.
"""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any, TypeVar

from labkit.errors import InputError
from labkit.llm.client import Schema
from labkit.records import (
    NEGATIVE_KINDS,
    RELEVANT,
    Memory,
    Query,
    expect_list,
    expect_object,
    expect_text,
    parse_labels,
    parse_memory,
    parse_query,
    parse_time,
    shown,
)

T = TypeVar("T")

Problems = list[tuple[int, str, str]]
"""Bad items of a list: place, reason, and what is wrong in a line."""

QUERY_KINDS: Mapping[str, str] = {
    "single_hop": "one memory holds the whole answer",
    "multi_hop": "needs two or more memories together; each needed one is 1.0",
    "temporal": "turns on time: as of a date, first or last, before or after, how long",
    "causal": "asks for the cause of something or for what it led to",
    "coreference": "cannot be understood without its context turns",
    "update": "asks for the present state of something that changed; the old state is not relevant",
    "numerical": "asks for an amount, a count, a price, a difference",
    "entity": "is about one of several people, places or things that are easily confused",
    "granularity": "asks at a certain level of detail, and other memories are coarser or finer",
    "preference": "asks what the person likes, avoids or would choose, and follows from memories",
    "abstain": "sounds as if it had an answer here and has none: no label of 0.6 or more",
}
"""The kinds of the lives brief, as the prompt explains them."""


def _object(**properties: object) -> dict[str, Any]:
    # "Strict" structured output takes only objects that require all that they have.
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list_of(item: object) -> dict[str, Any]:
    return {"type": "array", "items": item}


_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_MEMORY = {"text": _TEXT, "time": _TEXT_OR_NULL, "speaker": _TEXT_OR_NULL}
_LABELS = _list_of(_object(id=_TEXT, label=_NUMBER))

HISTORY = Schema("history", _object(memories=_list_of(_object(**_MEMORY, turns=_list_of(_TEXT)))))
PERSONA_HISTORY = Schema("persona_history", _object(memories=_list_of(_object(**_MEMORY))))
QUERIES = Schema(
    "queries",
    _object(
        queries=_list_of(
            _object(
                kind={"type": "string", "enum": list(QUERY_KINDS)},
                query=_TEXT,
                context=_list_of(_object(speaker=_TEXT, text=_TEXT)),
                query_time=_TEXT_OR_NULL,
                labels=_LABELS,
                why=_TEXT,
            )
        )
    ),
)
NEGATIVES = Schema(
    "negatives",
    _object(
        negatives=_list_of(
            _object(kind={"type": "string", "enum": list(NEGATIVE_KINDS)}, **_MEMORY, label=_NUMBER)
        )
    ),
)
INSTRUCTION = Schema("instruction", _object(instruction=_TEXT, labels=_LABELS))


class BadPart(InputError):
    """One thing wrong with a reply, and the reason that it is counted under."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def plain(text: str) -> str:
    """A text as it is compared with others: case, spaces and end marks do not make it new."""
    return " ".join(text.casefold().split()).rstrip(".!")


def _memory(value: object, where: str, id_: str, taken: set[str], timed: bool) -> Memory:
    item = expect_object(value, where)
    memory = parse_memory(
        {"id": id_} | {key: item.get(key) for key in ("text", "time", "speaker")}, where
    )
    if not memory.text.strip():
        raise BadPart("empty_text", f"{where}.text is empty, expected a memory")
    if timed and memory.time is None:
        raise BadPart("no_time", f"{where}.time is null, expected ISO 8601 such as 2026-03-14")
    if plain(memory.text) in taken:
        raise BadPart(
            "duplicate_text", f"{where}.text is {shown(memory.text)}, which is there before"
        )
    return memory


def _labels(value: object, where: str, ids: frozenset[str]) -> dict[str, float]:
    labels: dict[str, float] = {}
    for i, entry in enumerate(expect_list(value, where)):
        item = expect_object(entry, f"{where}[{i}]")
        id_ = expect_text(item.get("id"), f"{where}[{i}].id", least=1)
        if id_ in labels:
            raise BadPart("label_twice", f"{where} names {shown(id_)} twice, expected each id once")
        if id_ not in ids:
            raise BadPart("unknown_id", f"{where} names {shown(id_)}, expected ids of the memories")
        labels |= parse_labels({id_: item.get("label")}, ids, where)
    return {id_: label for id_, label in labels.items() if label > 0}


def _all_or_nothing(
    value: object,
    key: str,
    parse: Callable[[object, str], T],
    problems: Problems | None = None,
) -> list[T]:
    """Parse each item of a list. With ``problems``, bad items go there; without, they raise."""
    found, bad = [], []
    for i, item in enumerate(expect_list(expect_object(value, "the reply").get(key), key)):
        where = f"{key}[{i}]"
        try:
            found.append(parse(item, where))
        except InputError as error:
            bad.append((i, getattr(error, "reason", "wrong_shape"), str(error)))
    if problems is not None:
        problems += bad
    elif bad:
        # A few are enough to mend a reply by, and all could be a long prompt.
        raise InputError("; ".join(text for _, _, text in bad[:5]))
    return found


def _end_of(text: str) -> datetime:
    """The last moment that a time as written can mean: a bare month lasts until it ends."""
    moment = parse_time(text)
    if len(text) == 4:
        moment = moment.replace(month=12)
    if len(text) <= 7:
        moment = moment.replace(day=monthrange(moment.year, moment.month)[1])
    # Whoever writes a time of day of exactly midnight means the day, as dates without one do.
    return datetime.combine(moment, time.max) if moment.time() == time.min else moment


def _start_of(text: str) -> datetime:
    return datetime.combine(parse_time(text), time.min)


@dataclass(frozen=True, slots=True)
class Written:
    """A query with its labels, before negatives join its memories."""

    query: Query
    labels: dict[str, float]
    why: str


def _query(value: object, where: str, memories: Sequence[Memory]) -> Written:
    item = expect_object(value, where)
    kind = item.get("kind")
    if not isinstance(kind, str) or kind not in QUERY_KINDS:
        raise BadPart(
            "unknown_kind", f"{where}.kind is {shown(kind)}, expected one of {list(QUERY_KINDS)}"
        )
    wanted = {key: item.get(key) for key in ("kind", "query", "context", "query_time")}
    query = parse_query(wanted | {"id": "q"}, kind_key="kind")
    by_id = {memory.id: memory for memory in memories}
    labels = _labels(item.get("labels"), f"{where}.labels", frozenset(by_id))
    evidence = [by_id[id_] for id_, label in labels.items() if label >= RELEVANT]
    timed = any(memory.time for memory in memories)
    if kind == "abstain" and evidence:
        raise BadPart(
            "abstain_with_evidence", f"{where} is abstain, expected no label of 0.6 or more"
        )
    if kind != "abstain" and not evidence:
        raise BadPart("no_evidence", f"{where} has no label of 0.6 or more, expected its evidence")
    if kind == "multi_hop" and len(evidence) < 2:
        raise BadPart("one_hop", f"{where} is multi_hop, expected two memories of 0.6 or more")
    if kind == "coreference" and not query.context:
        raise BadPart("no_context", f"{where} is coreference, expected the turns that it needs")
    if timed and query.time is None:
        raise BadPart(
            "no_time", f"{where}.query_time is null, expected ISO 8601 such as 2026-03-14"
        )
    if query.time is not None:
        asked = _end_of(query.time)
        for memory in evidence:
            if memory.time is not None and parse_time(memory.time) > asked:
                raise BadPart(
                    "evidence_after_query",
                    f"{where}.query_time is {query.time}, before its evidence {memory.id} of "
                    f"{memory.time}, expected it after",
                )
    return Written(query, labels, expect_text(item.get("why"), f"{where}.why"))


def parse_history(
    value: object, turns: Mapping[str, Memory] | None, least: int, most: int
) -> list[Memory]:
    """The memories of a distilled history; their ids are the order in which they came.

    ``turns`` are the turns of the dialogue by id: every memory must rest on some of them, and has
    a time where they have one. A persona has none, and all of its memories have times.
    """
    taken: set[str] = set()

    def parse(item: object, where: str) -> Memory:
        timed = turns is None or all(turn.time for turn in turns.values())
        memory = _memory(item, where, f"m{len(taken) + 1:02d}", taken, timed)
        if turns is not None:
            named = expect_list(expect_object(item, where).get("turns"), f"{where}.turns")
            for id_ in named:
                if not isinstance(id_, str) or id_ not in turns:
                    raise BadPart(
                        "unknown_id", f"{where}.turns names {shown(id_)}, expected a turn"
                    )
            if not named:
                raise BadPart("no_turn", f"{where}.turns is empty, expected the turns it rests on")
            times = sorted({turns[id_].time or "" for id_ in named} - {""})
            if timed and _start_of(memory.time or "") not in map(_start_of, times):
                raise BadPart(
                    "time_of_no_turn",
                    f"{where}.time is {memory.time}, expected that of its turns: "
                    + ", ".join(times),
                )
            memory = replace(memory, extra={"turns": named})
        taken.add(plain(memory.text))
        return memory

    memories = _all_or_nothing(value, "memories", parse)
    if not least <= len(memories) <= most:
        raise InputError(f"got {len(memories)} memories, expected {least} to {most}")
    return memories


def parse_queries(
    value: object,
    memories: Sequence[Memory],
    kinds: Sequence[str],
    problems: Problems | None = None,
) -> list[Written]:
    """The queries of a reply, one of each kind that was ordered.

    With ``problems``, bad queries go there and good ones are returned; without, they raise.
    """
    seen: set[str] = set()
    open_kinds = Counter(kinds)

    def parse(item: object, where: str) -> Written:
        written = _query(item, where, memories)
        kind = written.query.kind or ""
        if not open_kinds[kind]:
            raise BadPart(
                "kind_not_ordered", f"{where}.kind is {kind}, expected {', '.join(kinds)}"
            )
        key = plain(" ".join([*(t.text for t in written.query.context), written.query.text]))
        if key in seen:
            raise BadPart("duplicate_text", f"{where}.query is there before, expected another")
        seen.add(key)
        open_kinds[kind] -= 1
        return written

    found = _all_or_nothing(value, "queries", parse, problems)
    if problems is None and open_kinds.total():
        raise InputError(f"there is no query of {', '.join(open_kinds.elements())}, expected one")
    return found


@dataclass(frozen=True, slots=True)
class Negative:
    kind: str
    memory: Memory
    label: float


def parse_negatives(
    value: object,
    memories: Sequence[Memory],
    query: Query,
    kinds: Sequence[str],
    problems: Problems | None = None,
) -> list[Negative]:
    """Hard negatives of the kinds ordered: new texts, and none labelled as relevant.

    Where all memories have times, theirs lie between the first and the last, or before the query
    is asked: a date beyond would give them away.
    """
    taken = {plain(memory.text) for memory in memories}
    open_kinds = Counter(kinds)
    timed = all(memory.time for memory in memories)
    times = [memory.time for memory in memories if memory.time]
    first = min((_start_of(text) for text in times), default=datetime.min)
    last = max((_end_of(text) for text in (*times, query.time) if text), default=datetime.max)

    def parse(item: object, where: str) -> Negative:
        fields = expect_object(item, where)
        kind = fields.get("kind")
        if not isinstance(kind, str) or not open_kinds[kind]:
            raise BadPart(
                "kind_not_ordered", f"{where}.kind is {shown(kind)}, expected {', '.join(kinds)}"
            )
        memory = _memory(item, where, f"n{len(taken):03d}", taken, timed)
        if timed and not first <= parse_time(memory.time or "") <= last:
            raise BadPart(
                "time_outside",
                f"{where}.time is {memory.time}, expected {first.date()} to {last.date()}",
            )
        label = parse_labels({memory.id: fields.get("label")}, [memory.id], where)[memory.id]
        if label >= RELEVANT:
            raise BadPart(
                "relevant_negative", f"{where}.label is {label:g}, expected less than {RELEVANT}"
            )
        taken.add(plain(memory.text))
        open_kinds[kind] -= 1
        return Negative(kind, memory, label)

    found = _all_or_nothing(value, "negatives", parse, problems)
    if problems is None and open_kinds.total():
        raise InputError(f"there is no {', '.join(open_kinds.elements())}, expected one of each")
    return found


def parse_instruction(value: object, ids: frozenset[str]) -> tuple[str, dict[str, float]]:
    item = expect_object(value, "the reply")
    text = expect_text(item.get("instruction"), "instruction", least=1)
    labels = _labels(item.get("labels"), "labels", ids)
    if not any(label >= RELEVANT for label in labels.values()):
        raise InputError("no label is 0.6 or more, expected at least one relevant memory")
    return text, labels
