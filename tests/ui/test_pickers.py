from __future__ import annotations

from dataclasses import replace

from labkit.ui.library import DATA, Library, examples_of
from labkit.ui.pickers import dialogue_choices, first_example, query_choices, stepped
from labkit.ui.selection import OWN


def test_pickers(library: Library) -> None:
    dialogue = library.dialogue(DATA, "life-roof")
    names = list(examples_of(dialogue))
    assert [value for _, value in query_choices(dialogue)] == [*names, OWN]
    assert dialogue_choices(library.collection(DATA)) == [("life-roof · A roof", "life-roof")]
    assert first_example(dialogue) == names[0]
    assert stepped(dialogue, names[0], 1) == names[1]
    assert stepped(dialogue, names[1], 1) == names[0]
    assert stepped(dialogue, names[0], -1) == names[1]
    assert stepped(dialogue, OWN, 1) == names[0]
    assert stepped(dialogue, OWN, -1) == names[1]
    assert stepped(replace(dialogue, examples=()), OWN, 1) == OWN
