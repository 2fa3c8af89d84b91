"""CANARD: questions that need their dialogue to be understood, with a rewrite that does not.

Elgohary, Peskov and Boyd-Graber, "Can You Unpack That? Learning to Rewrite Questions-in-Context",
EMNLP 2019; ``data/release/{train,dev,test}.json`` of github.com/aagohary/canard. CC BY-SA 4.0.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from labkit.errors import InputError
from labkit.records import (
    Dialogue,
    Example,
    Memory,
    Query,
    Turn,
    expect_list,
    expect_object,
    expect_text,
)
from labkit.sources.documents import located, located_notes
from labkit.sources.published import (
    IS_ANSWER,
    OnNote,
    expect_whole,
    load_json,
    set_files,
    usable,
)

FILES = ("release/train.json", "release/dev.json", "release/test.json")

LEAST_WORDS = 4
"""An answer of fewer words ("1959", "Yes, it did") says nothing without its question."""

_UNKNOWN = re.compile(r"i (?:do not|don't|dont) know\W*", re.I)


@dataclass(frozen=True, slots=True)
class _Record:
    dialog: str
    number: int
    history: tuple[str, ...]
    question: str
    rewrite: str | None


def read_canard(
    path: str | os.PathLike[str], *, on_note: Callable[[str], None] | None = None
) -> Iterator[Dialogue]:
    """Stream the dialogues: one Dialogue each, its memories the answers that were given in it.

    A question's answer is the last line of the history of the record after it, so the last question
    of a dialogue, whose answer the file does not have, is left out, and so is one whose answer has
    fewer than four words; one note counts them. "I don't know" becomes a question of kind
    ``abstain`` without a relevant memory, all others are of kind ``coreference``.

    The context is the whole history: title and section as one turn, then question and answer in
    turn. Answers that stand in the context already are not memories of the question; the later ones
    are. ``rewrite`` in the Example's extra is the question that needs no context. The group is the
    page.

    Raises:
        InputError: the file is not of this form. A damaged record is left out and noted.
    """
    for file in set_files(Path(path), *FILES):
        note = located_notes(file, on_note)
        value = load_json(file)
        with located(file):
            records = usable(
                expect_list(value, "the document"),
                _record,
                note,
                expected="records of CANARD (History, QuAC_dialog_id, Question, Rewrite)",
            )
            yield from _dialogues(records, note)


def _record(index: int, value: object) -> _Record:
    where = f"[{index}]"
    item = expect_object(value, where)
    history = tuple(
        expect_text(line, f"{where}.History[{i}]").strip()
        for i, line in enumerate(expect_list(item.get("History"), f"{where}.History"))
    )
    if len(history) < 2 or len(history) % 2:
        raise InputError(
            f"{where}.History has {len(history)} lines, expected title, section and pairs"
        )
    rewrite = item.get("Rewrite")
    return _Record(
        expect_text(item.get("QuAC_dialog_id"), f"{where}.QuAC_dialog_id", least=1),
        expect_whole(item.get("Question_no"), f"{where}.Question_no"),
        history,
        expect_text(item.get("Question"), f"{where}.Question", least=1).strip(),
        rewrite.strip() if isinstance(rewrite, str) and rewrite.strip() else None,
    )


def _dialogues(records: Iterator[_Record], note: OnNote) -> Iterator[Dialogue]:
    last = short = 0
    for dialog, rows in groupby(records, key=lambda record: record.dialog):
        turns = sorted(rows, key=lambda record: record.number)
        answers: dict[int, str] = {}
        for one, after in zip(turns, turns[1:], strict=False):
            # Only where nothing lies between them, else it is another question's answer.
            if len(after.history) == len(one.history) + 2 and after.history[-2] == one.question:
                answers[one.number] = after.history[-1]
        last += len(turns) - len(answers)
        short += sum(not _worth(a) and not _UNKNOWN.fullmatch(a) for a in answers.values())
        memories = {
            number: Memory(f"canard-{dialog}-{number}", answer)
            for number, answer in answers.items()
            if _worth(answer)
        }
        examples = tuple(
            example
            for turn in turns
            if turn.number in answers
            if (example := _example(turn, answers[turn.number], memories)) is not None
        )
        if examples:
            title, section = turns[0].history[:2]
            yield Dialogue(
                f"canard-{dialog}", f"{title}: {section}", tuple(memories.values()), examples
            )
    if last or short:
        note(
            f"{last} questions without an answer in the file and {short} whose answer has fewer "
            f"than {LEAST_WORDS} words are left out"
        )


def _worth(answer: str) -> bool:
    return len(answer.split()) >= LEAST_WORDS and not _UNKNOWN.fullmatch(answer)


def _example(turn: _Record, answer: str, memories: dict[int, Memory]) -> Example | None:
    unknown = _UNKNOWN.fullmatch(answer) is not None
    if not unknown and turn.number not in memories:
        return None
    said = set(turn.history)
    title, section, *lines = turn.history
    context = [Turn("topic", f"{title}, {section}")]
    context += (Turn("assistant" if i % 2 else "user", line) for i, line in enumerate(lines))
    own = tuple(
        memory
        for number, memory in memories.items()
        if memory.text not in said or number == turn.number
    )
    return Example(
        Query(
            turn.question,
            f"canard-{turn.dialog}-q{turn.number}",
            context=tuple(context),
            kind="abstain" if unknown else "coreference",
        ),
        own,
        {} if unknown else {memories[turn.number].id: IS_ANSWER},
        extra={
            "source": "canard",
            "group": f"canard-{title}",
            "answers": [] if unknown else [answer],
            **({"rewrite": turn.rewrite} if turn.rewrite else {}),
        },
    )
