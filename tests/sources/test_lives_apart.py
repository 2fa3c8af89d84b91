from __future__ import annotations

from labkit.assets import assets_path
from labkit.records import Example
from labkit.sources.lives import read_lives, split_of
from labkit.synthesis.splits import SPLITS, Split, find_leaks


def test_no_text_of_the_authored_dev_or_test_lives_occurs_in_train_or_nearly_so() -> None:
    splits: dict[Split, list[Example]] = {split: [] for split in SPLITS}
    for life in read_lives(assets_path() / "lives"):
        splits[split_of(life.id)].extend(life.examples)
    assert all(splits.values())
    assert [leak.text for leak in find_leaks(splits)] == []
