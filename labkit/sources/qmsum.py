"""QMSum: questions on meetings (committees, academia, product design), each with its passages.

Zhong et al., "QMSum: A New Benchmark for Query-based Multi-domain Meeting Summarization", NAACL
2021; ``data/*/jsonl/*.jsonl`` of github.com/Yale-LILY/QMSum. MIT.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from labkit.errors import InputError
from labkit.records import (
    Dialogue,
    Example,
    Memory,
    Query,
    expect_list,
    expect_object,
    expect_text,
    shown,
)
from labkit.sources.documents import located, located_notes
from labkit.sources.published import (
    IS_ANSWER,
    SUPPORTS,
    OnNote,
    each,
    expect_whole,
    joined,
    json_lines,
    kind_of,
    set_files,
    usable,
)
from labkit.sources.talk import after_each_other

FILES = ("jsonl/*.jsonl",)

LEAST_WORDS = 4
"""A shorter turn ("Mm-hmm.", "Okay, thank you.") is nothing that anybody would remember."""

FEW = 3
"""In a passage of so few turns each is taken to state the answer."""

_MARK = re.compile(r"\{(?:disfmarker|vocalsound|gap|pause|comment|nonvocalsound)\}|<\w+>")


def read_qmsum(
    path: str | os.PathLike[str],
    *,
    least_words: int = LEAST_WORDS,
    on_note: Callable[[str], None] | None = None,
) -> Iterator[Dialogue]:
    """Stream the meetings: every turn a memory with its speaker, every specific query an Example.

    Turns of fewer than ``least_words`` words are no memories. The turns of ``relevant_text_span``,
    both ends included, are relevant: with label 1.0 in a passage of up to three turns, else 0.7,
    for in a long passage the answer lies in the whole. The general queries ("summarize the
    meeting") are about every turn and are left out. The group is the meeting, which the file does
    not name: it is called after a hash of its first turns. A meeting that stands in two of the
    files is read once.

    Raises:
        InputError: the file is not of this form. A damaged line or query is left out and noted.
    """
    seen: set[str] = set()
    for file in set_files(Path(path), *FILES):
        note = located_notes(file, on_note)
        with located(file):
            for meeting in usable(
                json_lines(file),
                partial(_meeting, least_words=least_words, note=note),
                note,
                expected="meetings of QMSum (meeting_transcripts, specific_query_list)",
            ):
                if meeting.id not in seen:
                    seen.add(meeting.id)
                    yield meeting


def _meeting(index: int, value: object, least_words: int, note: OnNote) -> Dialogue | None:
    where = f"line {index + 1}"
    item = expect_object(value, where)
    turns = expect_list(item.get("meeting_transcripts"), f"{where}.meeting_transcripts")
    said = [_turn(turn, f"{where}.meeting_transcripts[{i}]") for i, turn in enumerate(turns)]
    opening = "\n".join(f"{speaker}: {text}" for speaker, text in said[:40])
    name = hashlib.sha256(opening.encode()).hexdigest()[:10]
    group = f"qmsum-{name}"
    whole = (
        Memory(f"{group}-{i}", text, speaker=speaker or None)
        for i, (speaker, text) in enumerate(said)
    )
    kept = {
        i: memory
        for i, memory in enumerate(after_each_other(whole))
        if len(memory.text.split()) >= least_words
    }
    memories = tuple(kept.values())

    def query(i: int, value: object) -> Example:
        at = f"{where}.specific_query_list[{i}]"
        one = expect_object(value, at)
        text = joined(expect_text(one.get("query"), f"{at}.query", least=1))
        spans = expect_list(one.get("relevant_text_span"), f"{at}.relevant_text_span")
        rows = sorted({row for s in spans for row in _span(s, f"{at}.relevant_text_span", said)})
        found = [kept[row].id for row in rows if row in kept]
        if not found:
            raise InputError(
                f"{at}.relevant_text_span is {shown(spans)}, expected turns with words"
            )
        label = IS_ANSWER if len(found) <= FEW else SUPPORTS
        return Example(
            Query(text, f"{group}-q{i + 1}", kind="meeting" if len(found) > FEW else kind_of(text)),
            memories,
            dict.fromkeys(found, label),
            extra={"source": "qmsum", "group": group},
        )

    queries = expect_list(item.get("specific_query_list"), f"{where}.specific_query_list")
    examples = tuple(each(queries, query, note))
    topics = item.get("topic_list")
    title = _title(topics) or name
    return Dialogue(group, title, memories, examples) if examples else None


def _title(topics: Any) -> str | None:
    first = topics[0] if isinstance(topics, list) and topics else None
    topic = first.get("topic") if isinstance(first, dict) else None
    return topic if isinstance(topic, str) else None


def _turn(value: object, where: str) -> tuple[str, str]:
    item = expect_object(value, where)
    text = expect_text(item.get("content"), f"{where}.content")
    speaker = expect_text(item.get("speaker"), f"{where}.speaker").strip()
    return speaker, joined(_MARK.sub(" ", text))


def _span(value: object, where: str, said: list[tuple[str, str]]) -> range:
    ends = [expect_whole(end, where, below=len(said)) for end in expect_list(value, where)]
    if len(ends) != 2 or ends[0] > ends[1]:
        raise InputError(f"{where} has {shown(value)}, expected first and last turn")
    return range(ends[0], ends[1] + 1)
