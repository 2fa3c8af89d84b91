from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from labkit.errors import InputError
from labkit.records import Example, Memory, Query, example_to_json, read_examples
from labkit.sources.lives import split_of
from labkit.synthesis import writing
from labkit.synthesis.inspect import read_folder
from labkit.synthesis.page import examples_page
from labkit.synthesis.simulate import life_id
from labkit.synthesis.splits import GENERATED, SPLITS, find_leaks
from labkit.synthesis.writing import write_lives

FILES = [*(f"{split}.jsonl" for split in SPLITS), "dialogues.jsonl", "summary.json"]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SHARD", 4)


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def test_two_runs_and_a_killed_and_resumed_one_write_the_same_bytes(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def kill(done: int, total: int) -> None:
        if done >= 8:
            raise Killed

    summary = write_lives(12, 3, tmp_path / "a")
    write_lives(12, 3, tmp_path / "b")
    with pytest.raises(Killed):
        write_lives(12, 3, tmp_path / "c", kill)
    assert not (tmp_path / "c" / "train.jsonl").exists()
    seen: list[int] = []
    write_lives(12, 3, tmp_path / "c", lambda done, total: seen.append(done))
    assert contents(tmp_path / "a") == contents(tmp_path / "b") == contents(tmp_path / "c")
    assert sorted(p.name for p in (tmp_path / "c").iterdir()) == sorted(FILES)
    assert seen == [4, 8, 12]
    assert json.loads((tmp_path / "a" / "summary.json").read_text()) == summary.to_json()


def test_each_life_is_in_the_file_of_its_split_and_the_summary_counts_it(tmp_path: Path) -> None:
    summary = write_lives(8, 3, tmp_path)
    for split in SPLITS:
        examples = list(read_examples(tmp_path / f"{split}.jsonl"))
        assert len(examples) == summary.examples.get(split, 0)
        assert all(split_of(e.id.rsplit("-q", 1)[0], GENERATED) == split for e in examples)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lives")
    write_lives(60, 7, folder)
    return folder


def test_no_text_of_dev_or_test_nor_a_near_duplicate_is_in_train(written: Path) -> None:
    examples = read_folder(written)
    assert all(len(examples[split]) > 50 for split in SPLITS)
    assert list(find_leaks(examples)) == []
    discarded = json.loads((written / "summary.json").read_text())["discarded"]
    assert discarded["asked in another split"] > 0  # or the test says nothing


def test_the_summary_counts_what_was_written_and_its_hash(written: Path) -> None:
    summary = json.loads((written / "summary.json").read_text())
    examples = read_folder(written)
    assert summary["examples"] == {split: len(examples[split]) for split in SPLITS}
    assert sum(summary["kinds"].values()) == sum(map(len, examples.values()))
    for name, digest in summary["sha256"].items():
        assert hashlib.sha256((written / name).read_bytes()).hexdigest() == digest
    assert {*summary["sha256"], "summary.json"} == set(FILES)
    lives = [json.loads(line) for line in (written / "dialogues.jsonl").open(encoding="utf-8")]
    sessions = [session for life in lives for session in life["sessions"]]
    assert [life["id"] for life in lives] == [life_id(7, i) for i in range(60)]
    assert summary["dialogues"] == {
        "sessions": len(sessions), "turns": sum(len(s["turns"]) for s in sessions),
    }  # fmt: skip
    assert summary["memories"] == sum(len(life["memories"]) for life in lives)


def test_the_memories_of_the_dialogues_are_those_of_the_examples(written: Path) -> None:
    of_examples = {
        example.id.rsplit("-q", 1)[0]: [memory.id for memory in example.memories]
        for examples in read_folder(written).values()
        for example in examples
    }
    for line in (written / "dialogues.jsonl").open(encoding="utf-8"):
        life = json.loads(line)
        turns = {turn["id"] for session in life["sessions"] for turn in session["turns"]}
        assert life["split"] == split_of(life["id"], GENERATED)
        assert [memory["id"] for memory in life["memories"]] == of_examples[life["id"]]
        assert all(set(memory["source"]) <= turns for memory in life["memories"])


def test_an_example_goes_with_its_evidence_and_its_pair_with_it() -> None:
    memories = (Memory("m1", "one"), Memory("m2", "two"), Memory("m3", "three"))

    def example(id_: str, query: str, relevant: str, **extra: object) -> Example:
        labels = {"m3": 0.3} | {relevant: 1.0}
        return Example(Query(query, id_), memories, labels, {"m3": "same_topic"}, None, extra)

    examples = [
        example("a", "who?", "m1"),
        example("b", "what?", "m3"),
        example("c", "where?", "m1", pair="p"),
        example("d", "where?", "m3", pair="p"),
        example("e", "she?", "m1", readings=[["m1"], ["m3"]]),
        example("f", "leaking?", "m1"),
    ]
    counts: Counter[str] = Counter()
    (kept,) = writing._without(examples, {"three", "leaking?"}, counts)
    assert kept.id == "a" and kept.memories == memories[:2]
    assert kept.labels == {"m1": 1.0} and kept.negative_kinds == {}
    assert counts == {
        "asked in another split": 1,
        "evidence stands in another split": 3,
        "the other of its pair was left out": 1,
    }


def test_a_near_duplicate_is_left_out_of_the_larger_split_and_its_turn_too(tmp_path: Path) -> None:
    # "nine brass lanterns" stands in dev and in train, with a word added.
    line = "Sam bought nine brass lanterns from the ferry terminal in Cork on a wet Sunday"

    def shard(path: Path, split: str, text: str) -> None:
        memories = [Memory("m1", text), Memory("m2", f"only {split} has this line about a harp")]
        asked = Example(Query(f"what of {split}?", f"{split}-q01"), tuple(memories), {"m2": 1.0})
        life = {
            "id": split, "split": split,
            "sessions": [{"id": "s", "turns": [{"id": "t", "speaker": "x", "text": text}]}],
            "memories": [{"id": m.id, "text": m.text, "source": ["t"]} for m in memories],
        }  # fmt: skip
        for name in SPLITS:
            mine = json.dumps(example_to_json(asked)) if name == split else ""
            path.with_suffix(f".{name}").write_text(mine)
        path.with_suffix(".dialogues").write_text(json.dumps(life))

    shards = [tmp_path / "0.part", tmp_path / "1.part"]
    shard(shards[0], "train", line + " again")
    shard(shards[1], "dev", line)
    joiner = writing._Joiner(shards, tmp_path)
    for split in reversed(SPLITS):
        joiner.examples(split)
    joiner.dialogues()
    (train,) = read_examples(tmp_path / "train.jsonl")
    (dev,) = read_examples(tmp_path / "dev.jsonl")
    assert [memory.id for memory in train.memories] == ["m2"]
    assert [memory.id for memory in dev.memories] == ["m1", "m2"]
    lives = [json.loads(text) for text in (tmp_path / "dialogues.jsonl").open(encoding="utf-8")]
    assert lives[0]["sessions"] == []
    assert [(m["id"], m["source"]) for m in lives[0]["memories"]] == [("m2", [])]
    assert len(lives[1]["memories"]) == 2 and len(lives[1]["sessions"]) == 1
    assert joiner.counts["discarded"]["memories that stand in another split"] == 1


def test_the_code_that_writes_with_a_model_leaves_unfinished_shards_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("life.py", "writer.py"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(writing, "__file__", str(tmp_path / "writing.py"))
    before = writing._fingerprint()
    (tmp_path / "writer.py").write_text("changed")
    assert writing._fingerprint() == before
    (tmp_path / "life.py").write_text("changed")
    assert writing._fingerprint() != before


def test_no_lives_and_a_file_for_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="expected 1 or more"):
        write_lives(0, 3, tmp_path)
    with pytest.raises(InputError, match="expected a folder"):
        write_lives(1, 3, tmp_path / "file")


def test_the_page_shows_as_many_examples_as_asked_and_escapes_their_markup(tmp_path: Path) -> None:
    write_lives(4, 3, tmp_path)
    examples = [e for split in SPLITS for e in read_examples(tmp_path / f"{split}.jsonl")]
    page = examples_page(examples, 5)
    assert page.count("\n## ") == 5
    assert page == examples_page(examples, 5)
