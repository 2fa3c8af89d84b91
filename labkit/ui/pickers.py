"""What the pickers of dialogues and queries offer."""

from __future__ import annotations

from labkit.records import Dialogue
from labkit.ui.library import Collection, examples_of
from labkit.ui.selection import OWN

QUESTION_SHOWN = 110
"""Characters of a question in a picker."""


def dialogue_choices(collection: Collection) -> list[tuple[str, str]]:
    """Label and value of each dialogue."""
    return [
        (_cut(f"{name} · {_one_line(dialogue.title)}", 80), name)
        for name, dialogue in collection.dialogues.items()
    ]


def query_choices(dialogue: Dialogue) -> list[tuple[str, str]]:
    """Label and value of each query, and of a question of one's own."""
    choices = [
        (_cut(f"{example.query.kind or 'query'} · {_one_line(example.query.text)}"), name)
        for name, example in examples_of(dialogue).items()
    ]
    return [*choices, ("a question of your own", OWN)]


def first_example(dialogue: Dialogue) -> str:
    """The query that a dialogue opens with; :data:`OWN` where it has none."""
    return next(iter(examples_of(dialogue)), OWN)


def stepped(dialogue: Dialogue, current: str, step: int) -> str:
    """The query ``step`` places on, round the ends."""
    names = list(examples_of(dialogue))
    if not names:
        return OWN
    place = names.index(current) if current in names else (-1 if step > 0 else 0)
    return names[(place + step) % len(names)]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cut(text: str, most: int = QUESTION_SHOWN) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
