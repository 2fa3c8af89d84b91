"""What teachers say: verdicts on two memories, grades of one, and the arrays that the fit reads.

A verdict names the two memories in the order in which the teacher saw them, so that both orders of
a pair are two verdicts. It is kept as it was given; nothing downstream overwrites it.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from labkit.errors import InputError
from labkit.files import write_whole
from labkit.records import expect_object, expect_text, parse_lines, shown

Kind = Literal["ok", "tied", "malformed", "refused"]
"""How a call ended: a preference; neither is better; a reply that cannot be read; no answer."""

KINDS: tuple[Kind, ...] = get_args(Kind)
USABLE: frozenset[Kind] = frozenset(("ok", "tied"))

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


def summed(index: Indices, values: Floats, size: int) -> Floats:
    """Sum of the values at each index, [size]."""
    return np.bincount(index, values, minlength=size).astype(np.float64, copy=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one teacher said of two memories, shown in the order ``first``, ``second``.

    ``preference`` lies in [-1, 1]: +1 = the first shown is better, by all means; 0 where ``kind``
    is not "ok". ``second_query`` is None where both memories answer ``query``; otherwise the
    second memory is judged as an answer to that other query (a cross-query anchor).
    ``extra`` keeps what the teacher's reply held besides (its reason, its probabilities).
    """

    query: str
    first: str
    second: str
    teacher: str
    preference: float
    kind: Kind = "ok"
    second_query: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"kind is {shown(self.kind)}, expected one of {', '.join(KINDS)}")
        if not -1 <= self.preference <= 1:  # NaN fails this too
            raise InputError(f"preference is {self.preference!r}, expected a number from -1 to 1")
        if self.kind != "ok" and self.preference != 0:
            raise InputError(
                f"preference of a {self.kind} verdict is {self.preference}, expected 0"
            )
        if self.second_query == self.query:
            object.__setattr__(self, "second_query", None)
        if self.first == self.second and self.second_query is None:
            raise InputError(
                f"first and second are both {shown(self.first)}, expected two memories"
            )


@dataclass(frozen=True, slots=True)
class Grade:
    """A teacher's grade of one memory by the rubric, in [0, 1]; the five levels of records.LEVELS.

    ``grade`` is 0, and not used, where ``kind`` is not "ok".
    """

    query: str
    memory: str
    teacher: str
    grade: float
    kind: Kind = "ok"
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.kind == "tied":
            raise InputError(f"kind is {shown(self.kind)}, expected ok, malformed or refused")
        if not 0 <= self.grade <= 1:
            raise InputError(f"grade is {self.grade!r}, expected a number from 0 to 1")


# --- JSONL ---------------------------------------------------------------------------------------


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """The JSON object of a verdict; :func:`parse_verdict` is its inverse."""
    item: dict[str, Any] = {
        "query": verdict.query,
        "first": verdict.first,
        "second": verdict.second,
        "teacher": verdict.teacher,
        "preference": verdict.preference,
        "kind": verdict.kind,
    }
    if verdict.second_query is not None:
        item["second_query"] = verdict.second_query
    return {**item, **verdict.extra}


def grade_to_json(grade: Grade) -> dict[str, Any]:
    """The JSON object of a grade; :func:`parse_grade` is its inverse."""
    return {
        "query": grade.query,
        "memory": grade.memory,
        "teacher": grade.teacher,
        "grade": grade.grade,
        "kind": grade.kind,
        **grade.extra,
    }


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{where} is {shown(value)}, expected a number")
    return float(value)


def _extra(item: Mapping[str, Any], of: type) -> dict[str, Any]:
    known = {each.name for each in fields(of)} - {"extra"}
    return {key: value for key, value in item.items() if key not in known}


def parse_verdict(value: object) -> Verdict:
    """Build a verdict from a decoded JSON object.

    Raises:
        InputError: a value is missing or of the wrong kind; the message names it.
    """
    item = expect_object(value, "the line")
    other = item.get("second_query")
    return Verdict(
        query=expect_text(item.get("query"), "query", least=1),
        first=expect_text(item.get("first"), "first", least=1),
        second=expect_text(item.get("second"), "second", least=1),
        teacher=expect_text(item.get("teacher"), "teacher", least=1),
        preference=_number(item.get("preference"), "preference"),
        kind=cast(Kind, item.get("kind", "ok")),
        second_query=None if other is None else expect_text(other, "second_query", least=1),
        extra=_extra(item, Verdict),
    )


def parse_grade(value: object) -> Grade:
    """Build a grade from a decoded JSON object.

    Raises:
        InputError: a value is missing or of the wrong kind; the message names it.
    """
    item = expect_object(value, "the line")
    return Grade(
        query=expect_text(item.get("query"), "query", least=1),
        memory=expect_text(item.get("memory"), "memory", least=1),
        teacher=expect_text(item.get("teacher"), "teacher", least=1),
        grade=_number(item.get("grade"), "grade"),
        kind=cast(Kind, item.get("kind", "ok")),
        extra=_extra(item, Grade),
    )


def read_verdicts(path: str | os.PathLike[str]) -> Iterator[Verdict]:
    """Stream the verdicts of a JSONL file."""
    return parse_lines(Path(path), parse_verdict)


def read_grades(path: str | os.PathLike[str]) -> Iterator[Grade]:
    """Stream the grades of a JSONL file."""
    return parse_lines(Path(path), parse_grade)


def write_verdicts(path: str | os.PathLike[str], verdicts: Iterable[Verdict]) -> int:
    """Write verdicts as JSONL and return how many; the file appears whole or not at all."""
    return _write(Path(path), map(verdict_to_json, verdicts))


def write_grades(path: str | os.PathLike[str], grades: Iterable[Grade]) -> int:
    """Write grades as JSONL and return how many; the file appears whole or not at all."""
    return _write(Path(path), map(grade_to_json, grades))


def _write(target: Path, items: Iterable[dict[str, Any]]) -> int:
    count = 0

    def lines() -> Iterator[str]:
        nonlocal count
        for item in items:
            yield json.dumps(item, ensure_ascii=False, allow_nan=False) + "\n"
            count += 1

    write_whole(target, lines())
    return count


# --- arrays --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Items:
    """The memories that are judged, each as an answer to one query; a query's are neighbours.

    Attributes:
        queries: ids of the Q queries.
        memories: ids of the n items; ``memories[start[q]:start[q + 1]]`` are those of query q.
        start: [Q + 1], where each query's items begin.
    """

    queries: tuple[str, ...]
    memories: tuple[str, ...]
    start: Indices

    @staticmethod
    def of(memories: Mapping[str, Sequence[str]]) -> Items:
        """From query id to the ids of its memories."""
        sizes = [len(ids) for ids in memories.values()]
        return Items(
            queries=tuple(memories),
            memories=tuple(id_ for ids in memories.values() for id_ in ids),
            start=np.concatenate([[0], np.cumsum(sizes, dtype=np.intp)]).astype(np.intp),
        )

    @property
    def sizes(self) -> Indices:
        """Memories of each query, [Q]."""
        return np.diff(self.start)

    @property
    def query(self) -> Indices:
        """Index of each item's query, [n]."""
        return np.repeat(np.arange(len(self.queries)), self.sizes)

    def index(self) -> dict[tuple[str, str], int]:
        """From (query id, memory id) to the item's index."""
        named = (self.queries[q] for q in self.query)
        return {pair: i for i, pair in enumerate(zip(named, self.memories, strict=True))}


def items_of(verdicts: Iterable[Verdict], grades: Iterable[Grade] = ()) -> Items:
    """The items that verdicts and grades name, sorted, so that their order does not matter."""
    found: dict[str, set[str]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.query, set()).add(verdict.first)
        found.setdefault(verdict.second_query or verdict.query, set()).add(verdict.second)
    for grade in grades:
        found.setdefault(grade.query, set()).add(grade.memory)
    return Items.of({query: sorted(found[query]) for query in sorted(found)})


@dataclass(frozen=True, slots=True)
class Verdicts:
    """m usable verdicts as arrays.

    Attributes:
        items: the n items that ``first`` and ``second`` [m] index.
        teachers: names of the T teachers that ``teacher`` [m] indexes.
        outcome: [m], (preference + 1) / 2: 1 = the first shown won, 0.5 = tied.
        weight: [m], how many verdicts each stands for.
        unusable: how many were left out, by (teacher, kind).
    """

    items: Items
    teachers: tuple[str, ...]
    first: Indices
    second: Indices
    teacher: Indices
    outcome: Floats
    weight: Floats
    unusable: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.first)

    @staticmethod
    def of(verdicts: Iterable[Verdict], items: Items | None = None) -> Verdicts:
        """Gather verdicts; malformed and refused ones are counted, not used.

        Args:
            items: the items to fit, with or without a verdict; default, those that are named.

        Raises:
            InputError: a verdict names a memory that ``items`` does not have.
        """
        given = list(verdicts)
        items = items_of(given) if items is None else items
        index = items.index()
        used = [verdict for verdict in given if verdict.kind in USABLE]
        teachers = sorted({verdict.teacher for verdict in given})
        number = {name: t for t, name in enumerate(teachers)}
        try:
            first = [index[v.query, v.first] for v in used]
            second = [index[v.second_query or v.query, v.second] for v in used]
        except KeyError as error:
            query, memory = error.args[0]
            raise InputError(
                f"a verdict names memory {shown(memory)} of query {shown(query)}, "
                "expected a memory of the data that is labelled"
            ) from None
        return Verdicts(
            items=items,
            teachers=tuple(teachers),
            first=np.array(first, dtype=np.intp),
            second=np.array(second, dtype=np.intp),
            teacher=np.array([number[v.teacher] for v in used], dtype=np.intp),
            outcome=np.array([(v.preference + 1) / 2 for v in used], dtype=np.float64),
            weight=np.ones(len(used)),
            unusable=Counter((v.teacher, v.kind) for v in given if v.kind not in USABLE),
        )

    def chosen(self, keep: NDArray[Any]) -> Verdicts:
        """The verdicts that a mask or an index array selects, over the same items."""
        return Verdicts(
            self.items,
            self.teachers,
            self.first[keep],
            self.second[keep],
            self.teacher[keep],
            self.outcome[keep],
            self.weight[keep],
            self.unusable,
        )


@dataclass(frozen=True, slots=True)
class Grades:
    """g usable grades as arrays: ``item``, ``teacher`` and ``grade`` [g]; see Verdicts."""

    items: Items
    teachers: tuple[str, ...]
    item: Indices
    teacher: Indices
    grade: Floats

    def __len__(self) -> int:
        return len(self.item)

    @staticmethod
    def of(grades: Iterable[Grade], items: Items) -> Grades:
        """Gather grades; malformed and refused ones are left out.

        Raises:
            InputError: a grade names a memory that ``items`` does not have.
        """
        index = items.index()
        used = [grade for grade in grades if grade.kind == "ok"]
        teachers = sorted({grade.teacher for grade in used})
        number = {name: t for t, name in enumerate(teachers)}
        for grade in used:
            if (grade.query, grade.memory) not in index:
                raise InputError(
                    f"a grade names memory {shown(grade.memory)} of query {shown(grade.query)}, "
                    "expected a memory of the data that is labelled"
                )
        return Grades(
            items=items,
            teachers=tuple(teachers),
            item=np.array([index[g.query, g.memory] for g in used], dtype=np.intp),
            teacher=np.array([number[g.teacher] for g in used], dtype=np.intp),
            grade=np.array([g.grade for g in used], dtype=np.float64),
        )
