"""The lab's own interchange file, read back as Dialogues."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby

from labkit.errors import InputError
from labkit.records import Dialogue, read_examples


def read_example_file(
    path: str | os.PathLike[str], on_bad: Callable[[InputError], None] | None = None
) -> Iterator[Dialogue]:
    """Stream an Example JSONL, one Dialogue for each run of Examples with equal memories.

    The Dialogue takes id and title from its first Example; its Examples share one tuple of
    memories. ``on_bad`` gets the error of each line that cannot be used; such a line does not end
    a run.

    Raises:
        InputError: a line cannot be used and ``on_bad`` is None, or the file cannot be read.
    """
    examples = read_examples(path, on_bad=on_bad)
    for memories, group in groupby(examples, key=lambda example: example.memories):
        run = tuple(replace(example, memories=memories) for example in group)
        yield Dialogue(run[0].id, run[0].query.text, memories, run)
