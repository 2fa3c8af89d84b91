"""What the readers of published sets share: their files, damaged records, sentences, answers."""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from labkit.errors import InputError
from labkit.records import Dialogue, shown
from labkit.sources.documents import located, located_notes, parse_json, read_text

T = TypeVar("T")
OnNote = Callable[[str], None]

NEAR_MISS = 0.3
"""The label of what looks like the answer to a question without one: key information missing."""

SUPPORTS = 0.7
"""The label of evidence that is needed and does not state the answer by itself."""

IS_ANSWER = 1.0


# --- files ---------------------------------------------------------------------------------------


def set_files(path: Path, *patterns: str) -> list[Path]:
    """The file itself, or the files of a folder whose path ends as a pattern says, in name order.

    Raises:
        InputError: nothing is there, or no file of the folder has such a name.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"{path}: no such file or folder, expected {' or '.join(patterns)}")
    found = {file for pattern in patterns for file in path.rglob(pattern) if file.is_file()}
    if not found:
        raise InputError(f"{path}: a folder without {' or '.join(patterns)}, expected such a file")
    return sorted(found)


def load_json(path: Path) -> object:
    """The value of a JSON file.

    Raises:
        InputError: it cannot be read, or is no JSON; the message begins with its name.
    """
    with located(path):
        text = read_text_or_plain(path)
        return parse_json(text)


def read_text_or_plain(path: Path) -> str:
    """:func:`read_text` without the file's name, which the caller puts before the message."""
    try:
        return read_text(path)
    except InputError as error:
        raise InputError(str(error).removeprefix(f"{path}: ")) from None


def json_lines(path: Path) -> Iterator[object]:
    """The values of a JSONL file, gzipped or not; an :class:`InputError` for a line that is none.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with path.open("rb") as probe:
            packed = probe.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as handle:
            for number, raw in enumerate(handle, 1):
                if not raw.strip():
                    continue
                try:
                    yield json.loads(raw.decode("utf-8-sig"))
                except (ValueError, RecursionError):
                    yield InputError(
                        f"line {number} is {shown(raw[:60].decode('utf-8', 'replace'))}, "
                        "expected one JSON object on each line"
                    )
    except (OSError, EOFError, zlib.error) as error:
        said = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: {said}; expected a file that can be read") from None


# --- records -------------------------------------------------------------------------------------


def each(
    items: Iterable[object], parse: Callable[[int, object], T | None], note: OnNote
) -> Iterator[T]:
    """``parse(index, item)`` of every item; what cannot be used is noted and left out."""
    for index, item in enumerate(items):
        try:
            if isinstance(item, InputError):
                raise item
            parsed = parse(index, item)
        except InputError as error:
            note(f"{error}; left out")
            continue
        if parsed is not None:
            yield parsed


def usable(
    items: Iterable[object],
    parse: Callable[[int, object], T | None],
    note: OnNote,
    *,
    expected: str,
) -> Iterator[T]:
    """As :func:`each`, but a file of which nothing can be used is the wrong file.

    Complaints wait for the first item that can be used, so that a wrong file of a thousand items
    is one line.

    Raises:
        InputError: no item could be used; it quotes the first complaint.
    """
    waiting: list[str] = []
    any_used = False

    def hold(complaint: str) -> None:
        if any_used:
            note(complaint)
        else:
            waiting.append(complaint)

    for parsed in each(items, parse, hold):
        if not any_used:
            any_used = True
            for complaint in waiting:
                note(complaint)
        yield parsed
    if not any_used:
        first = waiting[0].removesuffix("; left out") if waiting else "nothing in it can be used"
        raise InputError(f"{first}; expected {expected}")


def read_records(
    path: str | os.PathLike[str],
    patterns: tuple[str, ...],
    items: Callable[[object], list[Any]],
    parse: Callable[..., Dialogue | None],
    *,
    on_note: OnNote | None,
    expected: str,
) -> Iterator[Dialogue]:
    """Stream a set of JSON files: ``parse(index, item, note=...)`` of each file's ``items(value)``.

    Raises:
        InputError: a file is not of this form; it says which. A damaged item is left out and noted.
    """
    for file in set_files(Path(path), *patterns):
        note = located_notes(file, on_note)
        value = load_json(file)
        with located(file):
            yield from usable(items(value), partial(parse, note=note), note, expected=expected)


def expect_whole(value: object, where: str, *, below: int | None = None) -> int:
    """A whole number from 0 on, also one that is written in quotes."""
    number = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
    good = isinstance(number, int) and not isinstance(number, bool) and number >= 0
    if not good or (below is not None and number >= below):  # type: ignore[operator]
        limit = "" if below is None else f" below {below}"
        raise InputError(f"{where} is {shown(value)}, expected a whole number{limit}")
    assert isinstance(number, int)
    return number


# --- texts ---------------------------------------------------------------------------------------

_BEFORE = re.compile(r"\s+(?=(?:[,;:!?%)\]}…]|\.(?!\d)|n't\b|['’](?:s|re|ve|ll|d|m)\b))", re.I)
_AFTER = re.compile(r"(?<=[(\[{])\s+|(?<=[$£€])\s+(?=\d)")
_SPLIT_WORDS = re.compile(r"\b(gon|wan|got|gim|lem|can|whad) (na|ta|me|not|ya)\b", re.I)
_WHOLE = {"gonna", "wanna", "gotta", "gimme", "lemme", "cannot", "whadya"}


def joined(text: str) -> str:
    """A text that a tokenizer took apart, put together: ``You 're here .`` -> ``You're here.``"""
    text = text.replace("``", '"').replace("''", '"')
    text = _SPLIT_WORDS.sub(
        lambda m: m[1] + m[2] if (m[1] + m[2]).lower() in _WHOLE else m[0], text
    )
    return " ".join(_AFTER.sub("", _BEFORE.sub("", text)).split())


_BOUNDARY = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-Z0-9])|\s*\n\s*")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'“])(?:[A-Z]|(?:[A-Za-z]\.)+[A-Za-z]|Mr|Mrs|Ms|Dr|St|Sr|Jr|Prof|Gen|Col|Capt|Lt|Sgt"
    r"|Rev|Hon|Gov|Sen|Rep|Mt|No|Vol|Fig|Figs|vs|cf|ca|al|e\.g|i\.e|etc|approx|Inc|Ltd|Co|Corp|c)\.$"
)


def sentence_spans(text: str, *, least_words: int = 3) -> list[tuple[int, int]]:
    """(start, end) of the sentences, blanks outside; one of fewer words joins the one before it."""
    cuts = [0]
    for match in _BOUNDARY.finditer(text):
        before = text[max(0, match.start() - 16) : match.start()]
        if "\n" in match[0] or not _ABBREVIATION.search(before):
            cuts.append(match.end())
    spans: list[tuple[int, int]] = []
    for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True):
        piece = text[start:end]
        end = start + len(piece.rstrip())
        if end == start:
            continue
        if spans and len(piece.split()) < least_words:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


_WORD = re.compile(r"[^\W_]+")


def normal(text: str) -> str:
    """The words of a text in lower case, with a blank on either side of each."""
    return f" {' '.join(_WORD.findall(text.lower()))} "


def holds(text: str, answer: str) -> bool:
    """Whether a text has the words of an answer, in a row; an answer without words is nowhere."""
    wanted = normal(answer)
    return bool(wanted.strip()) and wanted in normal(text)


_KINDS = (
    ("numerical", re.compile(r"\bhow (?:much|many|far|large|tall|big|high|long|old)\b", re.I)),
    ("temporal", re.compile(r"\b(?:when|what (?:year|date|month|century|day|time))\b", re.I)),
    ("causal", re.compile(r"\b(?:why|what (?:caused|causes|led)|how come)\b", re.I)),
)


def kind_of(question: str) -> str:
    """numerical, temporal, causal, or else single_hop, by the words that ask."""
    return next((kind for kind, words in _KINDS if words.search(question)), "single_hop")
