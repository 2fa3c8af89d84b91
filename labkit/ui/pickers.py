"""What the pickers of dialogues and queries offer."""

from __future__ import annotations

from labkit.records import Dialogue
from labkit.ui.library import Collection, examples_of
from labkit.ui.one_line import one_line
from labkit.ui.selection import OWN

DIALOGUE_SHOWN, QUESTION_SHOWN = 80, 110
"""Characters of a dialogue and of a question in a picker."""


def dialogue_choices(collection: Collection) -> list[tuple[str, str]]:
    """Label and value of each dialogue."""
    return [
        (one_line(f"{name} · {dialogue.title}", DIALOGUE_SHOWN), name)
        for name, dialogue in collection.dialogues.items()
    ]


def query_choices(dialogue: Dialogue) -> list[tuple[str, str]]:
    """Label and value of each query, and of a question of one's own."""
    choices = [
        (one_line(f"{example.query.kind or 'query'} · {example.query.text}", QUESTION_SHOWN), name)
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
