"""What a person has at hand: a chat as JSON, or pasted with "Ana: hello" lines.

Every turn that has words becomes a memory, ``m1``, ``m2``, ... in the order of the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labkit.errors import InputError
from labkit.records import (
    Dialogue,
    Memory,
    expect_list,
    expect_object,
    expect_text,
    parse_time,
    shown,
)
from labkit.sources.documents import located, located_notes, parse_json, read_text
from labkit.sources.talk import after_each_other

OnBad = Callable[[InputError], None]
OnNote = Callable[[str], None]


def read_chat(
    path: str | os.PathLike[str],
    *,
    on_bad: OnBad | None = None,
    on_note: OnNote | None = None,
) -> Iterator[Dialogue]:
    """Stream the chats of a file: JSON as :func:`parse_chat_json`, else :func:`parse_chat_text`.

    Raises:
        InputError: the file cannot be read or holds no chat; or a message cannot be used and
            ``on_bad`` is None (else the error goes there and the message is left out).
    """
    source = Path(path)
    text = read_text(source)
    note = located_notes(source, on_note)

    def bad(error: InputError) -> None:
        if on_bad is None:
            raise error
        on_bad(InputError(f"{source}: {error}"))

    with located(source):
        if text.lstrip().startswith(("{", "[")) and not is_chat_text(text):
            yield from parse_chat_json(parse_json(text), name=source.stem, on_bad=bad, on_note=note)
        else:
            yield parse_chat_text(text, name=source.stem, on_note=note)


# --- JSON ----------------------------------------------------------------------------------------

_LISTS = ("messages", "chat_messages", "conversations", "mapping")
_SPEAKERS = ("speaker", "name", "author", "sender", "from", "user", "role")
_TEXTS = ("text", "content", "message", "body", "value")
_TIMES = ("time", "timestamp", "date", "datetime", "created_at", "create_time", "ts")
_CALLS = ("tool_calls", "function_call")

_EXPECTED = 'messages such as {"role": "user", "content": "hello", "time": "2026-03-14T09:30"}'


def is_chat_json(value: object) -> bool:
    """Whether a decoded JSON document has the outline of a chat, or of a list of chats."""
    items = value if isinstance(value, list) else [value]
    return any(_has(item, _LISTS) for item in items) or (
        isinstance(value, list)
        and any(_has(item, _SPEAKERS) and _has(item, (*_TEXTS, *_CALLS)) for item in items)
    )


def _has(item: object, keys: Sequence[str]) -> bool:
    return isinstance(item, dict) and any(key in item for key in keys)


def parse_chat_json(
    value: object, *, name: str, on_bad: OnBad, on_note: OnNote
) -> Iterator[Dialogue]:
    """The chats of a decoded document; one without any words is left out and noted.

    The document is a list of messages, an object with such a list under "messages", or a list of
    such objects; also the exports of ChatGPT (the branch that was shown last), Claude, Telegram,
    Slack, Discord and ShareGPT. Who spoke stands under speaker, name, author, sender, from, user or
    role, the words under text, content, message, body or value (a text, null, or a list of parts,
    of which only texts are read), the time under time, timestamp, date, datetime, created_at,
    create_time or ts.

    A time is ISO 8601, or seconds, milliseconds, microseconds or nanoseconds since 1970 (then given
    in UTC). A turn whose time is neither is kept without one, and noted: a turn without its time
    can still be found, a lost turn cannot.

    Args:
        name: id and title of a chat that brings none of its own.

    Raises:
        InputError: the document is of no such form, or has no words at all.
    """
    if not is_chat_json(value):
        raise InputError(f"{shown(value)} is no chat, expected {_EXPECTED}")
    chats = value if isinstance(value, list) else [value]
    several = any(_has(item, _LISTS) for item in chats)
    any_words = False
    for number, chat in enumerate(chats if several else [chats], 1):
        label = f"{name}-{number}" if len(chats) > 1 and several else name
        where = f"chat {number}, " if len(chats) > 1 and several else ""
        try:
            dialogue = _chat(chat, label, where, on_bad, on_note)
        except InputError as error:
            on_bad(error)
            continue
        if dialogue.memories:
            any_words = True
            yield dialogue
        else:
            on_note(f"{where or 'the chat '}has no message with words and is left out")
    if not any_words:
        raise InputError(f"no message has words, expected {_EXPECTED}")


def _chat(chat: object, label: str, where: str, on_bad: OnBad, on_note: OnNote) -> Dialogue:
    about: Mapping[str, Any] = {}
    messages = chat
    if not isinstance(chat, list):
        about = expect_object(chat, f"{where}item")
        key = next((key for key in _LISTS if key in about), None)
        if key is None:
            raise InputError(f"{where}item is {shown(about)}, expected an object with messages")
        messages = _shown_branch(about, where) if key == "mapping" else about[key]
    turns: list[tuple[str, str, str | None]] = []
    unreadable: list[str] = []
    for number, message in enumerate(expect_list(messages, f"{where}messages"), 1):
        item = f"{where}message {number}"
        try:
            turn = expect_object(message, item)
            words = _words(turn, item).strip()
            if not words:
                continue
            speaker = _speaker(turn)
            if speaker is None:
                raise InputError(f"{item} is {shown(turn)}, expected a speaker, name or role")
        except InputError as error:
            on_bad(error)
            continue
        stamp = next((turn[key] for key in _TIMES if turn.get(key) not in (None, "")), None)
        time = None if stamp is None else _time(stamp)
        if stamp is not None and time is None:
            unreadable.append(f"{item}: {shown(stamp)}")
        turns.append((speaker, words, time))
    if unreadable:
        on_note(
            f"{len(unreadable)} of {len(turns)} turns are kept without their time, which is "
            f"neither ISO 8601 nor an epoch (first: {unreadable[0]})"
        )
    ids = (about.get(key) for key in ("conversation_id", "id", "uuid"))
    titles = (about.get(key) for key in ("title", "name"))
    return Dialogue(
        id=next((expect_text(str(i), "id") for i in ids if isinstance(i, str | int) and i), label),
        title=next(
            (expect_text(t, "title") for t in titles if isinstance(t, str) and t.strip()), label
        ),
        memories=_memories(turns),
    )


def _memories(turns: Sequence[tuple[str, str, str | None]]) -> tuple[Memory, ...]:
    return tuple(
        after_each_other(
            Memory(f"m{number}", words, time, speaker)
            for number, (speaker, words, time) in enumerate(turns, 1)
        )
    )


def _shown_branch(chat: Mapping[str, Any], where: str) -> list[object]:
    """ChatGPT keeps a tree of edited messages; ``current_node`` ends the branch last shown."""
    tree = expect_object(chat["mapping"], f"{where}mapping")
    node = chat.get("current_node") or next(reversed(tree), None)
    branch: list[object] = []
    seen: set[object] = set()
    while isinstance(node, str) and node in tree and node not in seen:
        seen.add(node)
        entry = expect_object(tree[node], f"{where}mapping[{shown(node)}]")
        if entry.get("message") is not None:
            branch.append(entry["message"])
        node = entry.get("parent")
    return branch[::-1]


def _words(turn: Mapping[str, Any], where: str) -> str:
    keys = [key for key in _TEXTS if key in turn]
    if not keys and not _has(turn, _CALLS):
        raise InputError(f"{where} is {shown(turn)}, expected a text, content or message")
    found = (_joined(turn[key], f"{where}.{key}") for key in keys)
    return next((words for words in found if words.strip()), "")


def _joined(value: object, where: str) -> str:
    """The texts of a content: a string, null, a list of parts, or ChatGPT's object with parts."""
    if value is None:
        return ""
    if isinstance(value, str):
        return expect_text(value, where)
    if isinstance(value, dict):
        return _joined(value.get("parts", value.get("text")), where)
    if not isinstance(value, list):
        raise InputError(f"{where} is {shown(value)}, expected a text, a list of parts or null")
    parts = [part.get("text") if isinstance(part, dict) else part for part in value]
    texts = [expect_text(part, where) for part in parts if isinstance(part, str)]
    # Telegram puts links and bold words as objects between strings of one and the same sentence.
    inline = any(isinstance(part, str) for part in value) and _has_object(value)
    return ("" if inline else "\n").join(texts)


def _has_object(values: Sequence[object]) -> bool:
    return any(isinstance(value, dict) for value in values)


def _speaker(turn: Mapping[str, Any]) -> str | None:
    for key in _SPEAKERS:
        value = turn.get(key)
        if isinstance(value, dict):
            value = next((v for k in ("name", "nickname", "role") if (v := value.get(k))), None)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value.strip():
            return expect_text(value, key).strip()
    return None


_EPOCH = re.compile(r"[0-9]{9,19}(?:\.[0-9]+)?")


def _time(value: object) -> str | None:
    """ISO 8601 of a time stamp, or None for one that cannot be read."""
    if isinstance(value, str):
        text = value.strip()
        if not _EPOCH.fullmatch(text):
            try:
                parse_time(text)
            except ValueError:
                return None
            return text
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # 1e8 s is March 1973 and 1e11 s the year 5138, so the ranges of the four units are apart.
    for unit, least in ((1, 1e8), (1e3, 1e11), (1e6, 1e14), (1e9, 1e17)):
        if least <= value < least * 1e3:
            return datetime.fromtimestamp(value / unit, UTC).isoformat(timespec="seconds")
    return None


# --- text ----------------------------------------------------------------------------------------

_LINE_END = re.compile(r"\r\n|\r|\n")
_MARKS = "\u200e\u200f\ufeff"
"""Invisible marks that exports put before a stamp."""

_STAMP = re.compile(
    r"(?P<open>\[)?(?P<a>[0-9]{4}|[0-9]{1,2})(?P<sep>[-/.])(?P<b>[0-9]{1,2})(?P=sep)"
    r"(?P<c>[0-9]{4}|[0-9]{1,2})"
    r"(?:(?:,?\s|T)(?P<hour>[0-9]{1,2})[:.](?P<minute>[0-9]{2})(?:[:.](?P<second>[0-9]{2}))?"
    r"(?:\.[0-9]+)?(?:\s?(?P<half>[AaPp])\.?\s?[Mm]\.?)?(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?)?"
    r"(?(open)\]\s?|\s[-–]\s)(?P<rest>.*)"
)
_NAMED = re.compile(r"(?P<speaker>[^:：]{1,80})(?::(?:\s|$)|：)(?P<words>.*)")
# Without a stamp a name has to look like one: prose, code and addresses have colons too.
_BARE = re.compile(
    r"(?P<speaker>(?:[^\W\d_]|\+)[\w .'’()@&+-]{0,39}?)\s?(?::(?:\s|$)|：)(?P<words>.*)"
)
_MOST_WORDS_OF_A_NAME = 4

NOTE = "note"
"""The speaker of lines that nobody spoke: those before the first turn, and notices of the app."""


@dataclass(frozen=True, slots=True)
class _Stamped:
    """A line with a stamp: its ISO time read day first and month first, None where that fails.

    ``exported`` is whether an app wrote it: then every turn of the text has one.
    """

    day_first: str | None
    month_first: str | None
    exported: bool
    rest: str


def is_chat_text(text: str) -> bool:
    """Whether a text is a chat: a line with stamp and speaker, or speakers who take turns.

    Without stamps the first line has to be spoken, and some speaker to speak twice where they are
    more than two: the keys of a settings file and the head of a letter come once each.
    """
    lines = [line for line in _LINE_END.split(text) if line.strip()]
    stamps = (_stamped(line) for line in lines)
    if any(_NAMED.match(stamp.rest) for stamp in stamps if stamp):
        return True
    if not lines or not _spoken(lines[0]):
        return False
    spoken = [match["speaker"] for line in lines if (match := _spoken(line))]
    return len(set(spoken)) < max(3, len(spoken))


def parse_chat_text(
    text: str, *, name: str = "Pasted chat", on_note: OnNote | None = None
) -> Dialogue:
    """Read a pasted chat: "Ana: hello", with or without the time before it.

    A stamp is "[2026-03-14 09:30] Ana: hello", or one of WhatsApp's: "14/03/2026, 09:30 - Ana:
    hello" and "[14/03/2026, 09:30:12] Ana: hello", also with 12 hours, two-digit years, dots.
    Whether the day or the month comes first is decided for the whole text: the order under which
    every date exists; if both do, the one under which time runs back less often from line to line;
    if that is equal, day first, and ``on_note`` is told. Times are the local ones that are written:
    a zone is left out.

    Other lines belong to the turn before them. In a text with WhatsApp's stamps every line without
    one does, in other texts a line that begins with a name and a colon is a turn. Lines before the
    first turn, and stamped ones that nobody spoke, are kept with the speaker "note".

    Args:
        name: id and title of the Dialogue.

    Raises:
        InputError: no line is spoken by anyone, or no order of day and month fits all dates.
    """
    text = expect_text(text, "the chat")
    lines = [line.strip(_MARKS) for line in _LINE_END.split(text)]
    stamps = [_stamped(line) for line in lines]
    day_first = _is_day_first(stamps, on_note)
    exported = any(stamp and stamp.exported for stamp in stamps)
    turns: list[tuple[str, str | None, list[str]]] = []
    spoken = False
    for line, stamp in zip(lines, stamps, strict=True):
        named = _NAMED.match(stamp.rest) if stamp else None if exported else _spoken(line)
        if named or stamp:
            speaker = named["speaker"].strip() if named else ""
            words = named["words"] if named else stamp.rest if stamp else ""
            time = (stamp.day_first if day_first else stamp.month_first) if stamp else None
            turns.append((speaker or NOTE, time, [words]))
            spoken = spoken or bool(speaker)
        elif turns:
            turns[-1][2].append(line)
        else:
            turns.append((NOTE, None, [line]))
    said = ((speaker, "\n".join(words).strip(), time) for speaker, time, words in turns)
    memories = _memories([turn for turn in said if turn[1]])
    if not spoken or not memories:
        first = next((line for line in lines if line.strip()), "")
        raise InputError(f"nobody speaks in {shown(first)}, expected lines such as 'Ana: hello'")
    return Dialogue(name, name, memories)


def _spoken(line: str) -> re.Match[str] | None:
    match = _BARE.fullmatch(line.strip())
    if match and len(match["speaker"].split()) <= _MOST_WORDS_OF_A_NAME:
        return match
    return None


def _stamped(line: str) -> _Stamped | None:
    match = _STAMP.fullmatch(line.strip(_MARKS).strip())
    if not match:
        return None
    rest = match["rest"].strip(_MARKS)
    if len(match["a"]) == 4:
        time = _moment(match, match["a"], match["b"], match["c"])
        return _Stamped(time, time, not match["open"], rest) if time else None
    if len(match["c"]) == 1:
        return None
    year = match["c"] if len(match["c"]) == 4 else f"20{match['c']}"
    day_first = _moment(match, year, match["b"], match["a"])
    month_first = _moment(match, year, match["a"], match["b"])
    return _Stamped(day_first, month_first, True, rest) if day_first or month_first else None


def _moment(match: re.Match[str], year: str, month: str, day: str) -> str | None:
    hour = int(match["hour"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (match["half"] in "Pp")
    try:
        moment = datetime(
            *(int(year), int(month), int(day)),
            *(hour, int(match["minute"] or 0), int(match["second"] or 0)),
        )
    except ValueError:
        return None
    if not match["hour"]:
        return moment.date().isoformat()
    return moment.isoformat(timespec="seconds" if match["second"] else "minutes")


def _is_day_first(stamps: Sequence[_Stamped | None], on_note: OnNote | None) -> bool:
    dated = [(n, stamp) for n, stamp in enumerate(stamps, 1) if stamp]
    no_day = next((n for n, stamp in dated if stamp.day_first is None), None)
    no_month = next((n for n, stamp in dated if stamp.month_first is None), None)
    if no_day and no_month:
        raise InputError(
            f"line {no_day} has a date with the month first and line {no_month} one with the day "
            "first, expected one order"
        )
    if no_day or no_month:
        return not no_day
    by_day = [stamp.day_first or "" for _, stamp in dated]
    by_month = [stamp.month_first or "" for _, stamp in dated]
    back_by_day, back_by_month = _steps_back(by_day), _steps_back(by_month)
    if back_by_day == back_by_month and by_day != by_month and on_note:
        shown = next(day for day, month in zip(by_day, by_month, strict=True) if day != month)
        on_note(f"its dates do not tell day from month, so the day is read first: {shown[:10]}")
    return back_by_day <= back_by_month


def _steps_back(times: Sequence[str]) -> int:
    # ISO 8601 without a zone sorts as text.
    return sum(later < earlier for earlier, later in zip(times, times[1:], strict=False))
