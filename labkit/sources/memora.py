"""Memora: a week, month or quarter of sessions between a persona and its assistant.

``data/{weekly,monthly,quarterly}/PERSONA`` of github.com/geniesinc/Memora, with
``conversations/session_NNNN.json`` and ``evaluation_questions_PERSONA.json``. Apache-2.0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from labkit.errors import InputError
from labkit.records import (
    Dialogue,
    Example,
    Memory,
    Query,
    expect_list,
    expect_object,
    expect_text,
    expect_time,
    parse_time,
    shown,
)
from labkit.sources.documents import located, located_notes
from labkit.sources.published import (
    IS_ANSWER,
    NEAR_MISS,
    SUPPORTS,
    OnNote,
    each,
    expect_whole,
    holds,
    load_json,
    set_files,
)
from labkit.sources.talk import after_each_other

FILES = ("evaluation_questions_*.json",)

KINDS = {"remembering": "update", "reasoning": "numerical", "recommending": "preference"}
"""The file's three tasks, and the kinds that they become."""


def read_memora(
    path: str | os.PathLike[str],
    *,
    granularity: Literal["turns", "sessions"] = "turns",
    on_note: Callable[[str], None] | None = None,
) -> Iterator[Dialogue]:
    """Stream the personas: one Dialogue each, its questions asked at ``question_date``.

    A memory is a turn with ``share_memory`` (what a memory system would have kept), or with
    ``granularity="sessions"`` a whole session; its time is the date. The sessions named
    in ``memory_evidence`` are relevant, and so is one that later changes the liking of a thing
    named there, because the file has only the session that brought it up. Where a session has
    several such turns, the ones that name the thing have label 1.0 and the others 0.7.

    ``forgetting_evidence`` names sessions in which something was deleted or replaced. They, and the
    earlier sessions that had brought up the thing which was then dropped, are ``superseded`` with
    label 0.3, whichever of the two happened to it: to who asks, both no longer hold. A session that
    is evidence as well (it replaces one thing by another) stays evidence.

    The ``content_*`` questions ("write a meeting note about ...") name no session by thing and are
    left out with one note a persona. All personas are asked the same questions in the same words,
    so no split of them keeps the queries apart: the group is the whole set.

    Raises:
        InputError: a file is not of this form. A damaged session or question is left out and noted.
    """
    for file in set_files(Path(path), *FILES):
        with located(file):
            yield _persona(file, granularity, located_notes(file, on_note))


@dataclass(frozen=True, slots=True)
class _Session:
    number: int
    memories: tuple[Memory, ...]
    operation: str | None
    details: Mapping[str, Any]

    @property
    def things(self) -> frozenset[str]:
        return frozenset(_texts(self.details))


def _persona(file: Path, granularity: str, note: OnNote) -> Dialogue:
    item = expect_object(_plain_json(file), "the document")
    persona = expect_text(item.get("persona"), "persona", least=1)
    tasks = expect_object(item.get("questions"), "questions")
    # The three periods have the same personas and question ids, so the folder's name tells.
    period = file.parent.parent.name
    id_ = f"memora-{period}-{persona}"
    folder = file.parent / "conversations"
    files = sorted(folder.glob("session_*.json"))
    if not files:
        raise InputError(f"{folder} has no session_NNNN.json, expected the persona's sessions")
    loaded = each(files, lambda _, path: _session(path, id_, granularity), note)
    sessions = {session.number: session for session in loaded}
    memories = tuple(memory for _, s in sorted(sessions.items()) for memory in s.memories)
    examples: list[Example] = []
    unnamed = 0
    for task, questions in tasks.items():
        kind = KINDS.get(task, task)

        def question(i: int, value: object, task: str = task, kind: str = kind) -> Example | None:
            at = f"questions.{task}[{i}]"
            return _question(value, at, id_, task, kind, memories, sessions)

        rows = expect_list(questions, f"questions.{task}")
        unnamed += sum(
            isinstance(row, dict) and str(row.get("question_id")).startswith("content_")
            for row in rows
        )
        examples += each(rows, question, note)
    if unnamed:
        note(f"{unnamed} content_ questions name no session and are left out")
    if not examples:
        raise InputError("questions holds none that names a session, expected at least one")
    return Dialogue(id_, f"{persona} ({period})", memories, tuple(examples))


def _plain_json(file: Path) -> object:
    try:
        return load_json(file)
    except InputError as error:  # the caller puts the name before the message
        raise InputError(str(error).removeprefix(f"{file}: ")) from None


def _session(path: object, id_: str, granularity: str) -> _Session:
    assert isinstance(path, Path)
    item = expect_object(load_json(path), path.name)
    where = path.name
    number = expect_whole(item.get("session_id"), f"{where}: session_id")
    date = expect_text(item.get("date"), f"{where}: date", least=1)
    try:
        parse_time(date)
    except ValueError:
        raise InputError(f"{where}: date is {shown(date)}, expected such as 2025-06-01") from None
    said: list[tuple[str, str, bool]] = []
    for i, turn in enumerate(expect_list(item.get("conversation"), f"{where}: conversation")):
        at = f"{where}: conversation[{i}]"
        one = expect_object(turn, at)
        speaker = expect_text(one.get("speaker"), f"{at}.speaker").removesuffix("_agent")
        text = " ".join(expect_text(one.get("message"), f"{at}.message").split())
        said.append((speaker, text, one.get("share_memory") is True))
    base = f"{id_}-s{number}"
    memories: tuple[Memory, ...]
    if granularity == "sessions":
        memories = (Memory(base, "\n".join(f"{who}: {text}" for who, text, _ in said), date),)
    else:
        whole = (
            Memory(f"{base}-t{i}", text, date, who) for i, (who, text, _) in enumerate(said, 1)
        )
        memories = tuple(
            memory
            for memory, (_, _, shared) in zip(after_each_other(whole), said, strict=True)
            if shared and memory.text
        )
    details = item.get("operation_details")
    operation = item.get("operation")
    return _Session(
        number,
        memories,
        operation if isinstance(operation, str) else None,
        details if isinstance(details, dict) else {},
    )


def _question(
    value: object,
    where: str,
    id_: str,
    task: str,
    kind: str,
    memories: tuple[Memory, ...],
    sessions: Mapping[int, _Session],
) -> Example | None:
    item = expect_object(value, where)
    name = expect_text(item.get("question_id"), f"{where}.question_id", least=1)
    if name.startswith("content_"):
        return None
    evidence = item.get("memory_evidence")
    found: dict[int, set[str]] = {}
    for number, thing in _named(evidence):
        if number not in sessions:
            raise InputError(f"{where}.memory_evidence names session {number}, expected one read")
        later = [s.number for s in sessions.values() if _changes(s, sessions[number], thing)]
        for n in (number, *later):
            found.setdefault(n, set()).add(thing)
    gone: dict[int, set[str]] = {}
    for number, thing in _named(item.get("forgetting_evidence")):
        # Past calendar events name no thing, and the session of the question itself.
        if not thing:
            continue
        before = [s.number for s in sessions.values() if s.number < number and thing in s.things]
        for n in (number, *before):
            if n in sessions and n not in found:
                gone.setdefault(n, set()).add(thing)
    if not found and not gone:
        raise InputError(f"{where}.memory_evidence is {shown(evidence)}, expected session_id in it")
    labels = {
        m.id: IS_ANSWER if states else SUPPORTS
        for n, things in sorted(found.items())
        for m, states in _stating(sessions[n].memories, things)
    }
    stale = [
        m.id
        for n, things in sorted(gone.items())
        for m, states in _stating(sessions[n].memories, things)
        if states
    ]
    asked = expect_text(item.get("question_date"), f"{where}.question_date", least=1)
    return Example(
        Query(
            expect_text(item.get("question"), f"{where}.question", least=1).strip(),
            f"{id_}-{name}",
            time=expect_time(asked, f"{where}.question_date"),
            kind=kind if found else "abstain",
        ),
        memories,
        {**labels, **dict.fromkeys(stale, NEAR_MISS)},
        dict.fromkeys(stale, "superseded"),
        extra={"source": "memora", "group": "memora", "task": task, "persona": id_},
    )


def _changes(later: _Session, first: _Session, thing: str) -> bool:
    return (
        later.number > first.number
        and later.operation == "update"
        and later.details.get("update_type") == "preference_update"
        and later.details.get("item") == thing
        and later.details.get("subcategory") == first.details.get("subcategory")
    )


def _stating(memories: tuple[Memory, ...], things: set[str]) -> Iterator[tuple[Memory, bool]]:
    """Each memory of a session, and whether it is the one that states a thing; all if none does."""
    states = [any(holds(memory.text, thing) for thing in things) for memory in memories]
    yield from zip(memories, states if any(states) else [True] * len(states), strict=True)


def _named(value: object) -> Iterator[tuple[int, str]]:
    """(session, what it says) of every object inside that names a session."""
    if isinstance(value, dict):
        number = value.get("session_id")
        if isinstance(number, int) and not isinstance(number, bool):
            thing = value.get("item", value.get("value"))
            yield number, thing if isinstance(thing, str) else ""
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _named(inner)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value
