from __future__ import annotations

import pytest

from labkit.assets import assets_path
from labkit.records import Example, read_examples
from labkit.sources.lives import read_lives, split_of
from labkit.synthesis.splits import SPLITS, Split, find_leaks

FOLDERS = ("lives", "talks", "knots", "crossings", "contrasts")
TRAINING = tuple(f"training/{name}" for name in FOLDERS)


@pytest.mark.parametrize("folder", TRAINING)
def test_what_was_written_for_training_is_of_the_train_split_and_in_order(folder: str) -> None:
    lives = list(read_lives(assets_path() / folder))
    assert lives and {split_of(life.id) for life in lives} == {"train"}
    for life in lives:
        times = [memory.time or "" for memory in life.memories]
        assert times == sorted(times)
        for example in life.examples:
            assert bool(example.relevant) == (example.query.kind != "abstain"), example.id
        if "talks" in folder:
            assert sum(memory.previous is not None for memory in life.memories) > len(times) / 2


def test_no_text_of_what_is_measured_on_occurs_in_train_or_nearly_so() -> None:
    splits: dict[Split, list[Example]] = {split: [] for split in SPLITS}
    for folder in ("lives", *TRAINING, "calibration/lives", "calibration/talks"):
        for life in read_lives(assets_path() / folder):
            splits[split_of(life.id)].extend(life.examples)
    for life in read_lives(assets_path() / "benchmarks" / "later_lives.jsonl"):
        assert split_of(life.id) == "test"
        splits["test"].extend(life.examples)
    splits["test"].extend(read_examples(assets_path() / "benchmarks" / "hardcases.jsonl"))
    assert all(splits.values())
    assert [leak.text for leak in find_leaks(splits)] == []
