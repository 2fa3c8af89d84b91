"""LongMemEval: 500 questions, each with a history of its own between a user and an assistant.

Wu et al., "LongMemEval: Benchmarking Chat Assistants on Long-Term Interactive Memory", ICLR 2025;
``longmemeval_s_cleaned.json`` and its siblings of huggingface.co/datasets/xiaowu0162/
longmemeval-cleaned. MIT.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
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
    shown,
)
from labkit.sources.documents import located, located_notes, parse_json, read_text
from labkit.sources.published import IS_ANSWER, NEAR_MISS, OnNote, each
from labkit.sources.talk import after_each_other

Granularity = Literal["turns", "sessions"]

ABSTAIN = "_abs"
"""How the id of a question ends that the history does not answer."""

_TIME = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})\b(?:[^\d]*(\d{1,2}):(\d{2}))?")
_KEYS = frozenset(("question_id", "haystack_sessions"))


def is_longmemeval(value: object) -> bool:
    """Whether a decoded JSON document has the outline of LongMemEval."""
    return isinstance(value, list) and any(
        isinstance(item, dict) and item.keys() >= _KEYS for item in value
    )


def read_longmemeval(
    path: str | os.PathLike[str],
    *,
    granularity: Granularity = "turns",
    on_note: Callable[[str], None] | None = None,
) -> Iterator[Dialogue]:
    """Stream the questions: one Dialogue each, its memories the turns (or sessions) of its history.

    A turn's id is ``SESSION-tN``, N counted from 1; its speaker is user or assistant, its time that
    of the session. With ``granularity="sessions"`` a memory is a whole session, both speakers in
    it. The turns with ``has_answer``, or the sessions in ``answer_session_ids``, have label 1.0;
    where a fact was updated that is the old and the new one, as in the file. The kind is the
    question's type.

    A question whose id ends in ``_abs`` asks for what was never said: its evidence is the near miss
    (label 0.3), nothing is relevant, and its kind is ``abstain``.

    Raises:
        InputError: the file is not of this form. A damaged question, or one that names no evidence
            at this granularity (which does not make it one to abstain from), is left out and noted.
    """
    source = Path(path)
    if granularity not in ("turns", "sessions"):
        raise InputError(f"granularity is {granularity!r}, expected turns or sessions")
    with located(source):
        value = parse_json(read_text(source))
        yield from parse_longmemeval(
            value, granularity=granularity, on_note=located_notes(source, on_note)
        )


def parse_longmemeval(
    value: object, *, granularity: Granularity, on_note: OnNote
) -> Iterator[Dialogue]:
    """The Dialogues of a decoded document; see :func:`read_longmemeval`."""
    items = expect_list(value, "the document")
    if not is_longmemeval(items):
        raise InputError(
            f"the document is {shown(items[:1])}, expected a list of questions with the keys "
            "question_id, question_type, question, haystack_sessions and haystack_dates"
        )
    yield from each(items, lambda i, item: _question(i, item, granularity), on_note)


def _question(index: int, value: object, granularity: Granularity) -> Dialogue:
    item = expect_object(value, f"[{index}]")
    id_ = expect_text(item.get("question_id"), f"[{index}].question_id", least=1)
    where = f"[{index}] ({id_})"
    sessions = expect_list(item.get("haystack_sessions"), f"{where}.haystack_sessions")
    names = _as_many(item.get("haystack_session_ids"), sessions, f"{where}.haystack_session_ids")
    dates = _as_many(item.get("haystack_dates"), sessions, f"{where}.haystack_dates")
    wanted = expect_list(item.get("answer_session_ids") or [], f"{where}.answer_session_ids")
    memories: list[Memory] = []
    evidence: list[str] = []
    times: Counter[str] = Counter()
    for i, (session, name, date) in enumerate(zip(sessions, names, dates, strict=True)):
        at = f"{where}.haystack_sessions[{i}]"
        given = str(name) if name is not None else f"s{i + 1}"
        times[given] += 1
        # A filler session may stand in a history twice; ids may not.
        base = given if times[given] == 1 else f"{given}#{times[given]}"
        time = _time(date, f"{where}.haystack_dates[{i}]")
        said = [_turn(turn, f"{at}[{j}]") for j, turn in enumerate(expect_list(session, at))]
        if granularity == "sessions":
            text = "\n".join(f"{speaker}: {text}" for speaker, text, _ in said if text)
            memories.append(Memory(base, text, time))
            if given in wanted:
                evidence.append(base)
            continue
        turns = (
            Memory(f"{base}-t{j}", text, time, speaker)
            for j, (speaker, text, _) in enumerate(said, 1)
            if text
        )
        memories += after_each_other(turns)
        evidence += (
            f"{base}-t{j}" for j, (_, text, answers) in enumerate(said, 1) if text and answers
        )
    abstain = id_.endswith(ABSTAIN)
    if not evidence and not abstain:
        key = "has_answer" if granularity == "turns" else "answer_session_ids"
        raise InputError(f"{where} names no evidence, expected {key}")
    question = expect_text(item.get("question"), f"{where}.question", least=1).strip()
    kind = str(item.get("question_type") or "unnamed").replace("-", "_")
    query = Query(
        question,
        id_,
        time=_time(item.get("question_date"), f"{where}.question_date"),
        kind="abstain" if abstain else kind,
    )
    answer = item.get("answer")
    example = Example(
        query,
        tuple(memories),
        dict.fromkeys(evidence, NEAR_MISS if abstain else IS_ANSWER),
        extra={"question_type": kind, **({} if answer is None else {"answer": str(answer)})},
    )
    return Dialogue(id_, question, example.memories, (example,))


def _as_many(value: object, sessions: Sequence[Any], where: str) -> list[Any]:
    if value is None:
        return [None] * len(sessions)
    items = expect_list(value, where)
    if len(items) != len(sessions):
        raise InputError(f"{where} has {len(items)}, expected one for each of {len(sessions)}")
    return items


def _turn(value: object, where: str) -> tuple[str, str, bool]:
    turn = expect_object(value, where)
    speaker = expect_text(turn.get("role"), f"{where}.role", least=1)
    text = expect_text(turn.get("content"), f"{where}.content").strip()
    return speaker, text, turn.get("has_answer") is True


def _time(value: object, where: str) -> str | None:
    """``2023/05/20 (Sat) 02:21`` as ISO 8601."""
    if value is None:
        return None
    text = expect_text(value, where)
    match = _TIME.match(text)
    if not match:
        raise InputError(f"{where} is {shown(text)}, expected such as 2023/05/20 (Sat) 02:21")
    year, month, day, hour, minute = match.groups()
    date = f"{year}-{int(month):02d}-{int(day):02d}"
    time = date if hour is None else f"{date}T{int(hour):02d}:{minute}"
    return expect_time(time, where)
