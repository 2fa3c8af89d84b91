"""LoCoMo: ten long two-person conversations and the questions asked of them.

Maharana et al., "Evaluating Very Long-Term Conversational Memory of LLM Agents", ACL 2024; the file
is ``locomo10.json`` of github.com/snap-research/locomo, CC BY-NC 4.0: to measure with, not to ship.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from labkit.errors import InputError
from labkit.records import (
    Dialogue,
    Example,
    Memory,
    expect_list,
    expect_object,
    expect_text,
    parse_memories,
    parse_query,
    shown,
)
from labkit.sources.documents import located, located_notes, parse_json, read_text
from labkit.sources.talk import after_each_other

CATEGORIES = {1: "multi_hop", 2: "temporal", 3: "commonsense", 4: "single_hop", 5: "adversarial"}
"""The file's category numbers and the kinds that they become."""

NEAR_MISS = 0.3
"""The label of an adversarial question's evidence: related, the key information missing."""

_SESSION = re.compile(r"session_([0-9]+)")
_TURN_ID = re.compile(r"D:?0*([1-9][0-9]*):0*([1-9][0-9]*)")
_PHOTO_OF = re.compile(r"a (?:photo|photograph|photography) of ", re.IGNORECASE)


def read_locomo(
    path: str | os.PathLike[str], *, on_note: Callable[[str], None] | None = None
) -> Iterator[Dialogue]:
    """Stream the conversations: every turn a memory, every question an Example over all of them.

    A memory's id is the turn's ``dia_id``, its time the session's, local and without a zone; a
    photo's caption follows the words as ``[photo: ...]``; ``previous`` is the turn before it in its
    session. Questions carry no time in the file, so
    theirs is None. The turns of the evidence have label 1.0. No question is dropped: where its
    evidence is damaged or absent, what can be read is used and one line goes to ``on_note``. A
    question of kinds 1 to 4 without a readable evidence is not one to abstain from: its answer
    follows from the conversation as a whole.

    An adversarial question swaps the person, or a detail, of something that was said: its evidence
    is the near miss (label 0.3) and nothing is relevant. It is ``wrong_entity`` where the question
    names one of the two speakers and only the other one spoke the evidence, ``wrong_aspect`` where
    the speaker is right, and has no kind where the names do not tell. Where the file gives an
    adversarial question an answer of its own ("No"), its evidence does answer it, so 1.0.

    Raises:
        InputError: the file is not of this form.
    """
    source = Path(path)
    with located(source):
        value = parse_json(read_text(source))
        yield from parse_locomo(value, on_note=located_notes(source, on_note))


def is_locomo(value: object) -> bool:
    """Whether a decoded JSON document has the outline of LoCoMo."""
    return isinstance(value, list) and any(
        isinstance(item, dict) and {"conversation", "qa"} <= item.keys() for item in value
    )


def parse_locomo(value: object, *, on_note: Callable[[str], None]) -> Iterator[Dialogue]:
    """The Dialogues of a decoded document; see :func:`read_locomo`."""
    for index, entry in enumerate(expect_list(value, "the document")):
        where = f"[{index}]"
        item = expect_object(entry, where)
        name = expect_text(item.get("sample_id"), f"{where}.sample_id", least=1)
        where = f"{where} ({name})"
        talk = expect_object(item.get("conversation"), f"{where}.conversation")
        speakers = [
            expect_text(talk.get(key), f"{where}.conversation.{key}", least=1)
            for key in ("speaker_a", "speaker_b")
        ]
        memories = _memories(talk, f"{where}.conversation")
        by_id = {memory.id: memory for memory in memories}
        questions = expect_list(item.get("qa"), f"{where}.qa")
        yield Dialogue(
            id=name,
            title=" and ".join(speakers),
            memories=memories,
            examples=tuple(
                _example(
                    expect_object(question, f"{where}.qa[{i}]"),
                    f"{name}-q{i + 1:03d}",
                    f"{where}.qa[{i}]",
                    memories,
                    by_id,
                    speakers,
                    on_note,
                )
                for i, question in enumerate(questions)
            ),
        )


def _memories(talk: Mapping[str, Any], where: str) -> tuple[Memory, ...]:
    sessions = sorted(int(match[1]) for key in talk if (match := _SESSION.fullmatch(key)))
    turns, ends = [], [0]
    for number in sessions:
        key = f"session_{number}"
        time = _session_time(talk.get(f"{key}_date_time"), f"{where}.{key}_date_time")
        for i, turn in enumerate(expect_list(talk[key], f"{where}.{key}")):
            turns.append(
                _turn(expect_object(turn, f"{where}.{key}[{i}]"), time, f"{where}.{key}[{i}]")
            )
        ends.append(len(turns))
    memories = parse_memories(turns, where)
    sittings = (memories[start:end] for start, end in pairwise(ends))
    return tuple(memory for sitting in sittings for memory in after_each_other(sitting))


def _turn(turn: Mapping[str, Any], time: str | None, where: str) -> dict[str, Any]:
    text = expect_text(turn.get("text"), f"{where}.text").strip()
    if caption := turn.get("blip_caption"):
        caption = _PHOTO_OF.sub("", expect_text(caption, f"{where}.blip_caption").strip(), count=1)
        text = f"{text} [photo: {caption}]".lstrip()
    return {"id": turn.get("dia_id"), "text": text, "time": time, "speaker": turn.get("speaker")}


def _session_time(value: object, where: str) -> str | None:
    if value is None:
        return None
    try:
        moment = datetime.strptime(expect_text(value, where), "%I:%M %p on %d %B, %Y")
    except ValueError:
        raise InputError(f"{where} is {shown(value)}, expected 1:56 pm on 8 May, 2023") from None
    return moment.isoformat(timespec="minutes")


def _example(
    item: Mapping[str, Any],
    id_: str,
    where: str,
    memories: tuple[Memory, ...],
    by_id: Mapping[str, Memory],
    speakers: list[str],
    on_note: Callable[[str], None],
) -> Example:
    category = item.get("category")
    if not isinstance(category, int) or category not in CATEGORIES:
        raise InputError(f"{where}.category is {shown(category)}, expected a number from 1 to 5")
    kind = CATEGORIES[category]
    question = expect_text(item.get("question"), f"{where}.question", least=1).strip()
    evidence, complaints = _evidence(expect_list(item.get("evidence"), f"{where}.evidence"), by_id)
    if complaints:
        on_note(f"{id_}: {'; '.join(complaints)}")
    near_miss = kind == "adversarial" and item.get("answer") is None
    fooled = _negative_kind(question, {by_id[e].speaker for e in evidence}, speakers)
    return Example(
        query=parse_query({"id": id_, "query": question, "kind": kind}, kind_key="kind"),
        memories=memories,
        labels=dict.fromkeys(evidence, NEAR_MISS if near_miss else 1.0),
        negative_kinds=dict.fromkeys(evidence, fooled) if near_miss and fooled else {},
        # Some answers are bare years; one type a key keeps the column of a dataset one type too.
        extra={
            key: str(item[key])
            for key in ("answer", "adversarial_answer")
            if item.get(key) is not None
        },
    )


def _evidence(items: list[Any], known: Mapping[str, Memory]) -> tuple[list[str], list[str]]:
    """The ids that can be read, each once, and what was wrong with the rest."""
    found: list[str] = []
    complaints = [] if items else ["evidence is empty"]
    for item in items:
        parts = re.split(r"[;,\s]+", item.strip()) if isinstance(item, str) else [""]
        matches = [_TURN_ID.fullmatch(part) for part in parts if part] or [None]
        if None in matches:
            complaints.append(f"evidence {shown(item)} cannot be read, expected such as D8:6")
        ids = [f"D{match[1]}:{match[2]}" for match in matches if match]
        if ids and ids != [item]:
            complaints.append(f"evidence {shown(item)} is read as {', '.join(ids)}")
        if absent := [id_ for id_ in ids if id_ not in known]:
            complaints.append(f"evidence {', '.join(absent)} names no turn of the conversation")
        found += [id_ for id_ in ids if id_ in known]
    return list(dict.fromkeys(found)), complaints


def _negative_kind(question: str, spoke: set[str | None], speakers: list[str]) -> str | None:
    named = [name for name in speakers if re.search(rf"\b{re.escape(name)}\b", question)]
    if len(named) != 1 or len(spoke) != 1:
        return None
    return "wrong_aspect" if named[0] in spoke else "wrong_entity"
