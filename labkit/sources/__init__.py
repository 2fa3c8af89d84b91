"""Where real dialogues come from: one file a format, each yielding Dialogues."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

from labkit.errors import InputError
from labkit.records import Dialogue, read_json_lines, shown

FORMS = (
    "LoCoMo's list of conversations; LongMemEval's list of questions; "
    "JSONL of lives (memories, queries); JSONL of Examples (query, memories, labels); "
    "JSON chat messages (role, content, time); "
    "text whose speakers take turns in lines such as 'Ana: hello'"
)

_LOOK_AHEAD = 100
"""Lines looked at for one that tells the form: a bad line at the top must not hide it."""


def read_dialogues(
    path: str | os.PathLike[str],
    *,
    on_bad: Callable[[InputError], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Iterator[Dialogue]:
    """Stream the Dialogues of a file in any form that the lab reads, told apart by its content.

    A folder gives its ``*.jsonl`` files in name order; ``-`` is Example JSONL on stdin. JSONL is
    streamed; a JSON document or a text is read whole. ``on_note`` gets one line for each thing that
    was read in a way its user should know of.

    Raises:
        InputError: the file is missing, empty, binary or of no such form; or a line cannot be used
            and ``on_bad`` is None (else the error goes there and reading goes on).
    """
    # Not at the top: ``python -m labkit.sources.lives`` would find its module loaded already.
    from labkit.sources import chats, examples, lives, locomo, longmemeval
    from labkit.sources.documents import located, parse_json, read_text

    source = Path(path)
    if str(source) == "-":  # a pipe cannot be looked at twice, so its form is given
        yield from examples.read_example_file(source, on_bad)
        return
    if source.is_dir():
        for file in lives.jsonl_files(source):
            yield from read_dialogues(file, on_bad=on_bad, on_note=on_note)
        return
    match _form_of_lines(source):
        case "lives":
            yield from lives.read_lives(source, on_bad)
            return
        case "examples":
            yield from examples.read_example_file(source, on_bad)
            return
    text = read_text(source)
    opening = text.lstrip()[:1]
    if chats.is_chat_text(text):
        yield from chats.read_chat(source, on_bad=on_bad, on_note=on_note)
        return
    if opening not in ("{", "["):
        line = text.strip().splitlines()[0]
        raise InputError(f"{source}: begins with {shown(line)}, expected one of: {FORMS}")
    with located(source):
        value = parse_json(text)
    if locomo.is_locomo(value):
        yield from locomo.read_locomo(source, on_note=on_note)
    elif longmemeval.is_longmemeval(value):
        yield from longmemeval.read_longmemeval(source, on_note=on_note)
    elif chats.is_chat_json(value):
        yield from chats.read_chat(source, on_bad=on_bad, on_note=on_note)
    else:
        raise InputError(f"{source}: is {_outline(value)}, expected one of: {FORMS}")


def _form_of_lines(path: Path) -> Literal["lives", "examples"] | None:
    for _, value in islice(read_json_lines(path), _LOOK_AHEAD):
        if isinstance(value, dict) and "memories" in value:
            if "queries" in value:
                return "lives"
            if "query" in value:
                return "examples"
    return None


def _outline(value: object) -> str:
    """What a JSON document is, with the keys of its (first) object."""
    if isinstance(value, dict):
        return f"an object with {_keys(value)}"
    if isinstance(value, list):
        first = value[0] if value else None
        inner = f"an object with {_keys(first)}" if isinstance(first, dict) else shown(first)
        return f"a list of {len(value)}, its first {inner}" if value else "an empty list"
    return shown(value)


def _keys(value: dict[str, object]) -> str:
    return f"the keys {shown(list(value))}" if value else "no keys"
