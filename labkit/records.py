"""The nouns of the lab, and the one file format that every command reads and writes.

An :class:`Example` is one query with its memories and a graded label for each. The interchange file
is JSONL, one Example a line; :func:`read_examples` and :func:`write_examples` stream it, and
:func:`to_dataset` / :func:`from_dataset` carry it into a ``datasets.Dataset`` and back.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from labkit.errors import InputError
from labkit.files import write_whole

if TYPE_CHECKING:
    from datasets import Dataset

T = TypeVar("T")

RELEVANT = 0.6
"""A memory counts as relevant, for binary measures, from this label on."""

LEVELS: tuple[tuple[float, str], ...] = (
    (0.8, "contains the answer"),
    (0.6, "strongly supports"),
    (0.4, "partly"),
    (0.2, "related, key information missing"),
    (0.0, "irrelevant"),
)
"""The five levels of a label: the least value of each, best first, and its name."""

NEGATIVE_KINDS: tuple[str, ...] = (
    "wrong_time",
    "superseded",
    "wrong_entity",
    "reversed_cause",
    "same_topic",
    "question_echo",
    "planned_not_done",
    "too_general",
    "too_detailed",
    "wrong_quantity",
    "hearsay",
    "wrong_aspect",
)
"""How a hard negative fools: the kinds that this project writes. A file may use others."""


def level_of(label: float) -> str:
    """Name of the level that a label (or a probability) in [0, 1] falls into."""
    return next(name for least, name in LEVELS if label >= least)


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance of a dialogue. ``time`` is ISO 8601, as written by the source."""

    speaker: str
    text: str
    time: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Memory:
    """One thing remembered: a chat line, an assistant's summary, a note. ``time`` is ISO 8601.

    ``previous`` is the turn that a chat line followed: what "Yes, last May" says yes to.
    """

    id: str
    text: str
    time: str | None = None
    speaker: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    previous: Turn | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, and all that is needed to understand it.

    ``context`` holds the recent turns, oldest first ("he", "that place", "and in March?"), ``time``
    when it is asked, ``instruction`` what the reader should look for, ``kind`` the category.
    """

    text: str
    id: str = ""
    context: tuple[Turn, ...] = ()
    time: str | None = None
    instruction: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One query, its memories, and a graded label for each.

    ``labels`` maps memory ids to [0, 1]; a memory without one counts as 0. No relevant memory at
    all is legal: the right answer is then to abstain. ``negative_kinds`` says how a hard negative
    fools. ``extra`` keeps the keys of the file that are not ours.
    """

    query: Query
    memories: tuple[Memory, ...]
    labels: Mapping[str, float] = field(default_factory=dict)
    negative_kinds: Mapping[str, str] = field(default_factory=dict)
    why: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.query.id

    def label(self, memory_id: str) -> float:
        """The label of a memory; 0 where none is given."""
        return self.labels.get(memory_id, 0.0)

    @property
    def relevant(self) -> frozenset[str]:
        """Ids of the memories whose label is at least :data:`RELEVANT`."""
        return frozenset(id_ for id_, label in self.labels.items() if label >= RELEVANT)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation or a life: memories in the order they were made, and what is asked of them."""

    id: str
    title: str
    memories: tuple[Memory, ...]
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """Memories of one query, best first.

    ``log_odds[i]`` and ``probabilities[i]`` belong to ``memories[i]``; ``first_stage_ranks[i]`` is
    the 1-based place that it had among the candidates before reranking. ``log_odds`` are the
    model's own, ``probabilities`` what its calibration makes of them. ``truncated`` holds the ids
    of the memories that the model could not read to their end. ``answerable`` is the probability
    that any of the memories is relevant; None where the model has not learnt to say so.
    """

    query: Query
    memories: tuple[Memory, ...]
    log_odds: tuple[float, ...]
    probabilities: tuple[float, ...]
    first_stage_ranks: tuple[int, ...]
    model: str
    truncated: frozenset[str] = frozenset()
    answerable: float | None = None

    def kept(self, threshold: float) -> tuple[Memory, ...]:
        """The memories whose probability is at least ``threshold``, best first; it may be none."""
        pairs = zip(self.memories, self.probabilities, strict=True)
        return tuple(memory for memory, p in pairs if p >= threshold)


# --- time ----------------------------------------------------------------------------------------

_PARTIAL_DATE = re.compile(r"(\d{4})(?:-(\d{2}))?")


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 date or date-time; a bare year or month means its first day.

    The wall-clock time as written, without a zone: it is what people mean by "that evening", and
    two times can be compared whether or not one of them names a zone.

    Raises:
        ValueError: the text is none of these.
    """
    partial = _PARTIAL_DATE.fullmatch(text)
    if partial:
        return datetime(int(partial[1]), int(partial[2] or 1), 1)
    return datetime.fromisoformat(text).replace(tzinfo=None)


# --- one Example <-> one JSON object -------------------------------------------------------------

_EXAMPLE_KEYS = frozenset(
    ("id", "category", "instruction", "context", "query", "query_time")
    + ("memories", "labels", "negative_kinds", "why")
)
_MEMORY_KEYS = frozenset(("id", "time", "speaker", "text", "previous"))
_TURN_KEYS = frozenset(("speaker", "text", "time"))


def shown(value: object) -> str:
    """A value as a message quotes it: as JSON, cut to 60 characters, always printable."""
    text = json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace").decode()
    return text if len(text) <= 60 else text[:57] + "..."


def expect_object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where} is {shown(value)}, expected an object in braces")
    return value


def expect_list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{where} is {shown(value)}, expected a list in brackets")
    return value


def expect_text(value: object, where: str, *, least: int = 0) -> str:
    if not isinstance(value, str) or len(value.strip()) < least:
        kind = "a text that is not empty" if least else "a text"
        raise InputError(f"{where} is {shown(value)}, expected {kind} in quotes")
    # A lone surrogate is legal in JSON and cannot be written as UTF-8 again, nor tokenized.
    return value.encode("utf-8", "replace").decode("utf-8") if not value.isascii() else value


def _optional_text(value: object, where: str) -> str | None:
    return None if value is None else expect_text(value, where) or None


def _id(value: object, where: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return expect_text(value, where, least=1)


def expect_time(value: object, where: str) -> str | None:
    text = _optional_text(value, where)
    if text is None:
        return None
    try:
        parse_time(text)
    except ValueError:
        raise InputError(
            f"{where} is {shown(text)}, expected ISO 8601 such as 2026-03-14 or 2026-03-14T09:30"
        ) from None
    return text


def _label(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError(f"{where} is {shown(value)}, expected a number from 0 to 1")
    return float(value)


def _extra(value: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {_writable(key): _writable(value[key]) for key in value if key not in known}


def _writable(value: Any) -> Any:
    """A value of JSON without lone surrogates, see :func:`expect_text`."""
    match value:
        case str():
            return expect_text(value, "a text")
        case list():
            return [_writable(each) for each in value]
        case dict():
            return {_writable(key): _writable(each) for key, each in value.items()}
    return value


def parse_turn(value: object, where: str) -> Turn:
    item = expect_object(value, where)
    return Turn(
        speaker=expect_text(item.get("speaker"), f"{where}.speaker"),
        text=expect_text(item.get("text"), f"{where}.text"),
        time=expect_time(item.get("time"), f"{where}.time"),
        extra=_extra(item, _TURN_KEYS),
    )


def parse_memory(value: object, where: str) -> Memory:
    item = expect_object(value, where)
    previous = item.get("previous")
    return Memory(
        id=_id(item.get("id"), f"{where}.id"),
        text=expect_text(item.get("text"), f"{where}.text"),
        time=expect_time(item.get("time"), f"{where}.time"),
        speaker=_optional_text(item.get("speaker"), f"{where}.speaker"),
        extra=_extra(item, _MEMORY_KEYS),
        previous=None if previous is None else parse_turn(previous, f"{where}.previous"),
    )


def parse_memories(value: object, where: str) -> tuple[Memory, ...]:
    items = enumerate(expect_list(value, where))
    memories = tuple(parse_memory(item, f"{where}[{i}]") for i, item in items)
    seen: set[str] = set()
    for memory in memories:
        if memory.id in seen:
            raise InputError(f"{where} has id {shown(memory.id)} twice, expected each id once")
        seen.add(memory.id)
    return memories


def parse_labels(value: object, ids: Iterable[str], where: str) -> dict[str, float]:
    known = frozenset(ids)
    labels = {
        key: _label(v, f"{where}[{shown(key)}]") for key, v in expect_object(value, where).items()
    }
    for key in labels.keys() - known:
        raise InputError(f"{where} names {shown(key)}, expected ids of the memories only")
    return labels


def parse_negative_kinds(value: object, ids: Iterable[str], where: str) -> dict[str, str]:
    known = frozenset(ids)
    items = expect_object(value, where).items()
    kinds = {key: expect_text(v, f"{where}[{shown(key)}]", least=1) for key, v in items}
    for key in kinds.keys() - known:
        raise InputError(f"{where} names {shown(key)}, expected ids of the memories only")
    return kinds


def parse_context(value: object, where: str) -> tuple[Turn, ...]:
    items = enumerate(expect_list(value, where))
    return tuple(parse_turn(item, f"{where}[{i}]") for i, item in items)


def parse_query(item: Mapping[str, Any], *, kind_key: str) -> Query:
    """The query of an object with the keys id, query, context, query_time, instruction."""
    return Query(
        text=expect_text(item.get("query"), "query", least=1),
        id=_id(item.get("id"), "id"),
        context=parse_context(item.get("context") or [], "context"),
        time=expect_time(item.get("query_time"), "query_time"),
        instruction=_optional_text(item.get("instruction"), "instruction"),
        kind=_optional_text(item.get(kind_key), kind_key),
    )


def parse_example(value: object) -> Example:
    """Build an Example from a decoded JSON object.

    Raises:
        InputError: a value is missing or of the wrong kind; the message names it and what was
            expected.
    """
    item = expect_object(value, "the line")
    memories = parse_memories(item.get("memories"), "memories")
    ids = [memory.id for memory in memories]
    return Example(
        query=parse_query(item, kind_key="category"),
        memories=memories,
        labels=parse_labels(item.get("labels") or {}, ids, "labels"),
        negative_kinds=parse_negative_kinds(
            item.get("negative_kinds") or {}, ids, "negative_kinds"
        ),
        why=_optional_text(item.get("why"), "why"),
        extra=_extra(item, _EXAMPLE_KEYS),
    )


def turn_to_json(turn: Turn) -> dict[str, Any]:
    return {"speaker": turn.speaker, "text": turn.text, "time": turn.time, **turn.extra}


def memory_to_json(memory: Memory) -> dict[str, Any]:
    return {
        "id": memory.id,
        "time": memory.time,
        "speaker": memory.speaker,
        "text": memory.text,
        **({"previous": turn_to_json(memory.previous)} if memory.previous else {}),
        **memory.extra,
    }


def example_to_json(example: Example) -> dict[str, Any]:
    """The JSON object of an Example; :func:`parse_example` is its inverse."""
    query = example.query
    return {
        "id": query.id,
        "category": query.kind,
        "instruction": query.instruction,
        "context": [turn_to_json(turn) for turn in query.context],
        "query": query.text,
        "query_time": query.time,
        "memories": [memory_to_json(memory) for memory in example.memories],
        "labels": dict(example.labels),
        "negative_kinds": dict(example.negative_kinds),
        "why": example.why,
        **example.extra,
    }


# --- files ---------------------------------------------------------------------------------------


def _not_a_number(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def read_json_lines(path: Path) -> Iterator[tuple[int, object]]:
    """Yield (1-based line number, value) for every line that is not blank; ``-`` is stdin.

    A line that is not JSON yields the :class:`InputError` that says so, so that the caller can
    choose to skip it.
    """
    try:
        handle = sys.stdin.buffer if str(path) == "-" else path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a file that can be read") from None
    with handle:
        for number, raw in enumerate(handle, 1):
            if not raw.strip():
                continue
            value: object
            try:
                value = json_of_line(raw)
            except InputError as error:
                value = error
            yield number, value


def json_sha256(value: object) -> str:
    """sha256 of a value's JSON with sorted keys: equal for equal values, in any order of keys."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def json_of_line(raw: bytes) -> object:
    """The value of a line of JSONL.

    Raises:
        InputError: it is not JSON in UTF-8.
    """
    try:
        value: object = json.loads(raw.decode("utf-8-sig"), parse_constant=_not_a_number)
    except UnicodeDecodeError:
        raise InputError("not UTF-8, expected a JSON object in UTF-8") from None
    except RecursionError:
        raise InputError("nested too deep, expected one JSON object") from None
    except ValueError as error:
        raise InputError(f"not JSON ({error}), expected one JSON object on each line") from None
    return value


def parse_lines(
    path: Path,
    parse: Callable[[object], T],
    *,
    on_bad: Callable[[InputError], None] | None = None,
) -> Iterator[T]:
    """Stream ``parse(value)`` over the lines of a JSONL file.

    Raises:
        InputError: a line cannot be used and ``on_bad`` is None. With ``on_bad``, each such error
            (it names file and line) goes there and reading goes on.
    """
    for number, value in read_json_lines(path):
        try:
            if isinstance(value, InputError):
                raise value
            yield parse(value)
        except InputError as error:
            located = InputError(f"{path}:{number}: {error}")
            if on_bad is None:
                raise located from None
            on_bad(located)


def read_examples(
    path: str | os.PathLike[str], *, on_bad: Callable[[InputError], None] | None = None
) -> Iterator[Example]:
    """Stream the Examples of a JSONL file; see :func:`parse_lines` for ``on_bad``."""
    return parse_lines(Path(path), parse_example, on_bad=on_bad)


def write_examples(path: str | os.PathLike[str], examples: Iterable[Example]) -> int:
    """Write Examples as JSONL and return how many; the file appears whole or not at all."""
    count = 0

    def lines() -> Iterator[str]:
        nonlocal count
        for example in examples:
            yield json.dumps(example_to_json(example), ensure_ascii=False, allow_nan=False) + "\n"
            count += 1

    write_whole(Path(path), lines())
    return count


# --- datasets ------------------------------------------------------------------------------------


def _row(example: Example) -> dict[str, Any]:
    # A mapping with one key a memory would become one Arrow column for every id of the whole set;
    # so label and kind move to the memory, and keys that are not ours travel as JSON text.
    def packed(extra: Mapping[str, Any]) -> str | None:
        return json.dumps(extra, ensure_ascii=False) if extra else None

    def turn(t: Turn) -> dict[str, Any]:
        return {"speaker": t.speaker, "text": t.text, "time": t.time, "extra": packed(t.extra)}

    query = example.query
    return {
        "id": query.id,
        "category": query.kind,
        "instruction": query.instruction,
        "context": [turn(t) for t in query.context],
        "query": query.text,
        "query_time": query.time,
        "memories": [
            {
                "id": m.id,
                "time": m.time,
                "speaker": m.speaker,
                "text": m.text,
                "previous": turn(m.previous) if m.previous else None,
                "label": example.labels.get(m.id),
                "negative_kind": example.negative_kinds.get(m.id),
                "extra": packed(m.extra),
            }
            for m in example.memories
        ],
        "why": example.why,
        "extra": packed(example.extra),
    }


def to_dataset(examples: Iterable[Example]) -> Dataset:
    """A ``datasets.Dataset``, one row an Example; each memory carries its label and kind."""
    import datasets

    text = datasets.Value("string")
    turn = {"speaker": text, "text": text, "time": text, "extra": text}
    memory = {
        "id": text,
        "time": text,
        "speaker": text,
        "text": text,
        "previous": turn,
        "label": datasets.Value("float64"),
        "negative_kind": text,
        "extra": text,
    }
    features = datasets.Features(
        {
            "id": text,
            "category": text,
            "instruction": text,
            "context": datasets.List(turn),
            "query": text,
            "query_time": text,
            "memories": datasets.List(memory),
            "why": text,
            "extra": text,
        }
    )
    return datasets.Dataset.from_list([_row(example) for example in examples], features=features)


def from_dataset(dataset: Iterable[Mapping[str, Any]]) -> Iterator[Example]:
    """The inverse of :func:`to_dataset`."""

    def unpacked(item: Mapping[str, Any], known: Sequence[str]) -> dict[str, Any]:
        return {**{key: item[key] for key in known}, **json.loads(item["extra"] or "{}")}

    def memory(item: Mapping[str, Any]) -> dict[str, Any]:
        previous = item.get("previous")
        if previous is not None:
            previous = unpacked(previous, ("speaker", "text", "time"))
        return {**unpacked(item, ("id", "time", "speaker", "text")), "previous": previous}

    for row in dataset:
        memories = row["memories"]
        yield parse_example(
            {
                **unpacked(row, ("id", "category", "instruction", "query", "query_time", "why")),
                "context": [unpacked(t, ("speaker", "text", "time")) for t in row["context"]],
                "memories": [memory(m) for m in memories],
                "labels": {m["id"]: m["label"] for m in memories if m["label"] is not None},
                "negative_kinds": {
                    m["id"]: m["negative_kind"] for m in memories if m["negative_kind"] is not None
                },
            }
        )
