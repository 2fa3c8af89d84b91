"""Frames: sentences with choices ``[a|b]`` and slots ``{name}``, and how they are filled."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Mapping

from labkit.synthesis.splits import Split

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{([a-z_]+\d?)\}", re.IGNORECASE)
_WORDS = re.compile(r"[^\W_]+")
_SHARE: Mapping[Split, range] = {"test": range(0, 4), "dev": range(4, 8), "train": range(8, 20)}


def choose(frame: str, rng: random.Random) -> str:
    """``frame`` with every ``[a|b]`` decided, innermost first."""
    while match := _CHOICE.search(frame):
        picked = rng.choice(match.group(1).split("|"))
        frame = frame[: match.start()] + picked + frame[match.end() :]
    return frame


def count_choices(frame: str) -> int:
    """How many different skeletons :func:`choose` can make of ``frame`` (an upper bound)."""
    total = 1
    while match := _CHOICE.search(frame):
        total *= len(match.group(1).split("|"))
        frame = frame[: match.start()] + frame[match.end() :]
    return total


def belongs(text: str, split: Split) -> bool:
    """Whether a sentence may occur in ``split``: each belongs to one split, by its hash.

    So a student is never tested on a sentence that it was trained on, however many lives there
    are. People are to be left out of ``text``: "Ana left" and "Ben left" are one sentence.
    """
    core = " ".join(_WORDS.findall(text.lower()))
    return zlib.crc32(core.encode()) % 20 in _SHARE[split]


def fill(text: str, slots: Mapping[str, str]) -> str:
    """``text`` with its slots filled, slots inside slots included.

    Raises:
        KeyError: a slot has no value.
    """
    while _SLOT.search(text):
        text = _SLOT.sub(lambda match: slots[match.group(1)], text)
    return text


_AN = re.compile(
    r"\b([Aa]) (?=[aeiou](?!ne\b|uro|ni[tvqo]|se[drf]?\b|nce\b)|[AEIO][a-z]|8\b|11\b|18\b)"
)
_START = re.compile(r"((?:^|[.!?]\s+|\n)[\"'(]?)([a-z])")


def tidy(text: str) -> str:
    """Spaces, "an", and capitals at the start of sentences, as a careful typist has them."""
    text = " ".join(text.split())
    text = re.sub(r"\s+([,.;:!?])", r"\1", text)
    text = re.sub(r"([,;:])(?:\s*[,;:])+", r"\1", text)
    text = re.sub(r",\s*([.!?])", r"\1", text)
    text = re.sub(r"([.!?])\s*\.(?!\.)", r"\1", text)
    text = re.sub(r"^[,;:.\s]+", "", text)
    text = _AN.sub(lambda m: m.group(1) + "n ", text)
    return _START.sub(lambda m: m.group(1) + m.group(2).upper(), text)
