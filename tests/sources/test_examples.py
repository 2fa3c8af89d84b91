"""Example files read back as Dialogues."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.errors import InputError
from labkit.records import Example, Memory, Query, write_examples
from labkit.sources.examples import read_example_file


def example(number: int, memories: str) -> Example:
    kept = tuple(Memory(letter, f"about {letter}") for letter in memories)
    return Example(Query(f"question {number}?", f"x-{number}"), kept, {memories[0]: 1.0})


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["a", "ab", "b"]), max_size=8))
def test_a_run_of_equal_memories_is_one_dialogue_and_no_example_is_lost(sets: list[str]) -> None:
    written = [example(number, letters) for number, letters in enumerate(sets)]
    with TemporaryDirectory() as folder:
        write_examples(Path(folder) / "x.jsonl", written)
        dialogues = list(read_example_file(Path(folder) / "x.jsonl"))
    assert [e for dialogue in dialogues for e in dialogue.examples] == written
    assert len(dialogues) == len(list(groupby(sets)))
    for dialogue in dialogues:
        assert all(e.memories is dialogue.memories for e in dialogue.examples)
        assert (dialogue.id, dialogue.title) == (
            dialogue.examples[0].id,
            dialogue.examples[0].query.text,
        )


def test_a_bad_line_is_told_and_does_not_divide_a_run(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    write_examples(path, [example(1, "ab"), example(2, "ab")])
    first, second = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([first, '{"id": "broken"}', second]), "utf-8")
    with pytest.raises(InputError, match=r"x\.jsonl:2: "):
        list(read_example_file(path))
    bad: list[InputError] = []
    [dialogue] = read_example_file(path, bad.append)
    assert [e.id for e in dialogue.examples] == ["x-1", "x-2"]
    assert len(bad) == 1 and "memories is null" in str(bad[0])
