from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labkit.annotation.consensus import decide
from labkit.annotation.events import LABELS, Event, read_events
from labkit.annotation.export import correct, export, read_splits
from labkit.annotation.queue import Item, Plan, build_queue, judge, negatives, undo
from labkit.annotation.store import Merged, Store
from labkit.errors import InputError
from labkit.records import RELEVANT, Example, from_dataset, read_examples, write_examples
from labkit.training.groups import label_weights, read_split
from tests.training.made_up import make_examples, write_set


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("data") / "set", train=16, dev=0)


def annotate(store: Store, examples: list[Example], levels: dict[str, list[int | None]]) -> None:
    """Annotators a0, a1 ... give these levels to memory m0, m1 ... of the first Example."""
    items = {i.memory.id: i for i in negatives(examples) if i.example.id == examples[0].id}
    for memory, said in levels.items():
        for i, level in enumerate(said):
            say(store, items[memory], f"a{i}", level)


def say(store: Store, item: Item, annotator: str, level: int | None, **other: Any) -> Event:
    queue = build_queue([item], annotator, Plan())
    kind = "cannot_tell" if level is None else "label"
    note = "two readings" if level is None else None
    id_ = f"{annotator}-{item.id}-{level}"
    return judge(store, queue, item, id_=id_, kind=kind, level=level, note=note, **other)


def test_labels_of_people_take_the_place_of_the_former_ones(tmp_path: Path) -> None:
    example = replace(make_examples(3)[2], extra={"label_errors": {"m0": 0.2, "m1": 0.1}, "k": 1})
    memories = [m.id for m in example.memories if example.label(m.id) < RELEVANT]
    first, second, third = memories[:3]
    example = replace(
        example, negative_kinds={first: "same_topic", second: "hearsay"},
        extra={"label_errors": {m: 0.2 for m in memories}, "k": 1},
    )  # fmt: skip
    with Store(tmp_path / "a.sqlite") as store:
        items = {i.memory.id: i for i in negatives([example])}
        say(store, items[first], "ana", 4)
        say(store, items[second], "ana", 1, negative_kind="wrong_time")
        say(store, items[third], "ana", None)
        decisions = decide(store.standing())
    found = correct(example, decisions)
    assert found.labels == {**example.labels, first: 1.0, second: 0.3}
    assert found.negative_kinds == {second: "wrong_time"}
    assert found.extra["gold_labels"] == dict(example.labels)
    assert found.extra["label_errors"] == {m: 0.2 for m in memories[2:]}
    assert found.extra["k"] == 1 and found.memories == example.memories
    assert found.extra["corrected"] == {
        id_: {"how": "single", "annotators": ["ana"]} for id_ in (first, second)
    }
    weights = dict(zip((m.id for m in found.memories), label_weights(found), strict=True))
    assert weights[first] == 1 and weights[third] == 0.5
    # Gold that an earlier run kept stays gold.
    labelled = replace(example, extra={"gold_labels": {first: 0.0}, "labelled_by": ["bm25"]})
    assert correct(labelled, decisions).extra["gold_labels"] == {first: 0.0}
    other = make_examples(1)[0]
    assert correct(other, decisions) is other


def test_the_export_is_what_the_log_says_and_what_train_and_datasets_read(
    data: Path, tmp_path: Path
) -> None:
    import datasets

    splits = read_splits(data)
    assert {split: len(e) for split, e in splits.items()} == {"train": 16, "dev": 0, "test": 0}
    items = negatives(splits["train"])
    with Store(tmp_path / "a.sqlite") as store:
        for i, item in enumerate(items[:12]):
            say(store, item, "ana", i % 5, guidelines="1:abc")
            if i < 6:
                say(store, item, "bo", i % 5 if i < 4 else 4 - i % 5)
        say(store, items[12], "ana", None)
        taken = build_queue(items[:1], "ana", Plan())
        undo(store, taken, id_="u")  # items[0]: only bo is left
        gone = replace(items[13], id="gone", memory=replace(items[13].memory, id="gone"))
        say(store, gone, "ana", 2)
        summary = export(store, splits, tmp_path / "out")
        decisions = decide(store.standing())
        log = store.events()
    out = tmp_path / "out"
    of_data = {id_: d for id_, d in decisions.items() if id_ != "gone"}
    labelled = {id_: d for id_, d in of_data.items() if d.label is not None}
    assert summary["labels_replaced"] == len(labelled) == 10
    assert summary["by_how"] == {"adjudicated": 0, "majority": 3, "single": 7}
    assert (summary["cannot_tell"], summary["undecided"], summary["of_other_data"]) == (1, 2, 1)
    assert summary["annotators"] == {"ana": 11, "bo": 6}
    written = list(read_split(out, "train"))
    assert len(written) == 16 and list(read_split(out, "dev")) == []
    corrected = {(e.id, m): e for e in written for m in e.extra.get("corrected", {})}
    assert set(corrected) == {(d.query, d.memory) for d in labelled.values()}
    for decision in labelled.values():
        example = corrected[decision.query, decision.memory]
        assert example.labels[decision.memory] == LABELS[decision.level or 0]
    assert summary["false_negatives_found"] == sum(d.label >= RELEVANT for d in labelled.values())
    loaded = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert list(loaded) == ["train"]
    again = [replace(e, extra={}) for e in from_dataset(loaded["train"])]
    assert again == [replace(e, extra={}) for e in written]
    assert list(read_events(out)) == [e for e in log if e.item != "gone"]
    card = (out / "README.md").read_text()
    for words in ("| labels that people gave | 10 |", "| ana | 11 |", "Krippendorff's alpha",
                  "path: dataset/train.parquet", "1:abc"):  # fmt: skip
        assert words in card
    assert json.loads((out / "summary.json").read_text()) == summary
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".labkit")) == []
    with Store(tmp_path / "b.sqlite") as other:
        assert other.merge(read_events(out)) == Merged(len(log) - 1, 0)
        assert other.merge(read_events(out)) == Merged(0, len(log) - 1)
        assert decide(other.standing()) == of_data


def test_only_what_was_corrected_and_each_query_in_its_split(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", train=4, dev=0)
    dev = [replace(e, query=replace(e.query, id=f"d{i}")) for i, e in enumerate(make_examples(4))]
    write_examples(folder / "dev.jsonl", dev)
    splits = read_splits(folder)
    with Store(tmp_path / "a.sqlite") as store:
        items = negatives([*splits["train"], *splits["dev"]])
        say(store, items[0], "ana", 3)
        say(store, items[-1], "ana", 0)
        summary = export(store, splits, tmp_path / "out", only_corrected=True)
    assert summary["examples"] == {"train": 1, "dev": 1, "test": 0}
    assert [e.id for e in read_examples(tmp_path / "out" / "train.jsonl")] == ["q0"]
    assert [e.id for e in read_examples(tmp_path / "out" / "dev.jsonl")] == ["d3"]


def test_a_memory_that_was_edited_since_keeps_its_label(data: Path, tmp_path: Path) -> None:
    splits = read_splits(data)
    with Store(tmp_path / "a.sqlite") as store:
        items = negatives(splits["train"])
        for item in items[:2]:
            say(store, item, "ana", 4)
        example = items[0].example
        memories = tuple(
            replace(m, text="Edited.") if m.id == items[0].memory.id else m
            for m in example.memories
        )
        summary = export(store, {"train": [replace(example, memories=memories)]}, tmp_path / "out")
    assert (summary["labels_replaced"], summary["of_other_data"]) == (1, 1)


def test_what_cannot_be_exported_leaves_nothing(data: Path, tmp_path: Path) -> None:
    splits = read_splits(data)
    with Store(tmp_path / "a.sqlite") as store:
        with pytest.raises(InputError, match="has no label for this data"):
            export(store, splits, tmp_path / "out")
        say(store, negatives(splits["train"])[0], "ana", 4)
        (tmp_path / "there").mkdir()
        with pytest.raises(InputError, match="is there already, expected a new folder"):
            export(store, splits, tmp_path / "there")
        (tmp_path / "file").write_text("x")
        with pytest.raises(InputError, match="expected a folder that can be written to"):
            export(store, splits, tmp_path / "file" / "out")
    assert sorted(p.name for p in tmp_path.iterdir() if "sqlite" not in p.name) == [
        "file", "there",
    ]  # fmt: skip


def test_a_file_is_train_and_an_id_that_comes_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    write_examples(path, make_examples(3))
    assert [len(examples) for examples in read_splits(path).values()] == [3, 0, 0]
    write_examples(path, [*make_examples(2), *make_examples(1)])
    with pytest.raises(InputError, match='the id "q0" comes 2 times'):
        read_splits(path)
