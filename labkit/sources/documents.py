"""A file that is read whole: text, or JSON. What can go wrong with it becomes one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from labkit.errors import InputError


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without its byte order mark.

    Raises:
        InputError: the file is missing, cannot be read, holds nothing, or is no text in UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a file that can be read") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: byte {error.start} is not UTF-8, expected a text file in UTF-8"
        ) from None
    if "\0" in text:
        raise InputError(f"{path}: a binary file, expected a text file in UTF-8")
    if not text.strip():
        raise InputError(f"{path}: an empty file, expected dialogues")
    return text


def parse_json(text: str) -> object:
    """The value of a JSON document; the list of the lines' values for JSON Lines.

    Raises:
        InputError: the text is neither; the message names line and column.
    """
    try:
        return _loads(text)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise InputError(f"not JSON ({error}), expected one JSON document") from None
    values = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                values.append(_loads(line))
            except json.JSONDecodeError as error:
                raise InputError(
                    f"line {number}: not JSON ({error.msg} in column {error.colno}), "
                    "expected one JSON document, or one on each line"
                ) from None
    return values


def _loads(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise InputError("nested too deep, expected dialogues as JSON") from None
    except ValueError as error:  # a number of thousands of digits
        raise InputError(f"not JSON ({error}), expected dialogues as JSON") from None


@contextmanager
def located(path: Path) -> Iterator[None]:
    """Put the file's name before the message of an InputError raised inside."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def located_notes(path: Path, on_note: Callable[[str], None] | None) -> Callable[[str], None]:
    """``on_note`` with the file's name before each note; without one, notes go nowhere."""
    return lambda note: on_note(f"{path}: {note}") if on_note else None
