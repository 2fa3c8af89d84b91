"""e-CARE: made-up rows in the file's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labkit.sources.ecare import read_ecare
from tests.sources.corpora_fixtures import ecare, ecare_row, put_lines


def test_the_premise_asks_for_its_cause_or_effect_and_the_labelled_hypothesis_is_it(
    tmp_path: Path,
) -> None:
    rows = [
        ecare_row(1, "The mill fell.", "cause", "Water rose.", "Somebody juggled."),
        ecare_row(2, "The mill fell.", "effect", "Bread was dear.", "Somebody juggled."),
    ]
    one, two = read_ecare(put_lines(tmp_path / "x.jsonl", rows))
    assert one.examples[0].query.text == "The mill fell. What was the cause of this?"
    assert two.examples[0].query.text == "The mill fell. What did this lead to?"
    assert [m.text for m in one.memories] == ["Somebody juggled.", "Water rose."]
    assert one.examples[0].labels == {"ecare-train-1-2": 1.0}
    assert one.examples[0].extra["group"] == two.examples[0].extra["group"]


def test_asked_the_other_way_round_the_same_hypothesis_is_a_reversed_cause(tmp_path: Path) -> None:
    dialogues = list(read_ecare(put_lines(tmp_path / "x.jsonl", ecare())))
    turned = [d for d in dialogues if len(d.examples) == 2]
    assert 0 < len(turned) < len(dialogues) / 2
    for dialogue in turned:
        straight, other = dialogue.examples
        [right] = straight.relevant
        assert other.query.text != straight.query.text
        assert other.query.kind == "abstain" and not other.relevant
        assert other.labels == {right: 0.3} and other.negative_kinds == {right: "reversed_cause"}


@pytest.mark.parametrize(
    ("key", "value"), [("ask-for", "why"), ("label", 2), ("label", True), ("premise", " ")]
)
def test_a_damaged_row_is_noted_and_left_out(tmp_path: Path, key: str, value: Any) -> None:
    good = ecare_row(1, "The mill fell.", "cause", "Water rose.", "Somebody juggled.")
    notes: list[str] = []
    path = put_lines(tmp_path / "x.jsonl", [{**good, key: value}, good])
    assert len(list(read_ecare(path, on_note=notes.append))) == 1
    [note] = notes
    assert f"line 1.{key}" in note
