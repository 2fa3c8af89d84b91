"""The import of a published set: splits by group that share no text, files whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labkit.errors import InputError
from labkit.records import Example, Memory, Query, read_examples
from labkit.sources.published import holds
from labkit.synthesis import mining
from labkit.synthesis.importing import Negatives, import_corpus, split, split_apart
from labkit.synthesis.splits import SPLITS, find_leaks, jaccard
from tests.sources.corpora_fixtures import SETS
from tests.synthesis.test_mining import bag_of_words

LARGE = ("squad", "nq", "friendsqa")
"""The made-up sets with enough groups for three splits."""


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mining, "embed", bag_of_words)


def imported(name: str, folder: Path, **options: Any) -> tuple[dict[str, Any], dict[Any, Any]]:
    SETS[name](folder / "set")
    summary = import_corpus(name, folder / "set", folder / "out", **options)
    parts = {part: list(read_examples(folder / "out" / f"{part}.jsonl")) for part in SPLITS}
    return summary, parts


@pytest.mark.parametrize("name", sorted(SETS))
def test_every_set_is_written_and_its_summary_counts_what_was(
    light: None, name: str, tmp_path: Path
) -> None:
    summary, parts = imported(name, tmp_path)
    assert json.loads((tmp_path / "out" / "summary.json").read_text("utf-8")) == summary
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "dev.jsonl", "summary.json", "test.jsonl", "train.jsonl",
    ]  # fmt: skip
    for part, examples in parts.items():
        told = summary["splits"][part]
        assert told["examples"] == len(examples) == told["with_relevant"] + told["without_relevant"]
        assert told["kinds"] == Counter(e.query.kind for e in examples)
        raw = (tmp_path / "out" / f"{part}.jsonl").read_bytes()
        assert told["sha256"] == hashlib.sha256(raw).hexdigest()
        assert all(split(e) == part for e in examples)
        assert all(len(e.memories) <= 32 for e in examples)
    assert sum(map(len, parts.values())) > 0
    assert summary["licence"] and summary["read"]["path"] == "set"
    [(file, digest), *_] = summary["read"]["files"].items()
    assert digest == hashlib.sha256((tmp_path / "set" / file).read_bytes()).hexdigest()


@pytest.mark.parametrize("name", LARGE)
def test_no_group_query_or_memory_text_is_in_two_splits_nor_nearly_so(
    light: None, name: str, tmp_path: Path
) -> None:
    _, parts = imported(name, tmp_path)
    assert all(parts.values()), "the made-up set is too small for three splits"
    for key in (
        lambda e: {e.extra["group"]},
        lambda e: {e.query.text, *(m.text for m in e.memories)},
    ):
        held = {part: set().union(*map(key, examples)) for part, examples in parts.items()}
        assert not held["train"] & (held["dev"] | held["test"]) and not held["dev"] & held["test"]
    assert not list(find_leaks(parts))


@pytest.mark.parametrize("name", ["squad", "nq"])
def test_no_mined_negative_holds_the_answer(light: None, name: str, tmp_path: Path) -> None:
    _, parts = imported(name, tmp_path)
    mined = 0
    for example in (e for examples in parts.values() for e in examples):
        for memory in example.memories:
            if not example.label(memory.id):
                mined += 1
                assert not any(holds(memory.text, a) for a in example.extra["answers"])
    assert mined > 100


def test_the_same_arguments_give_the_same_bytes_and_a_seed_other_negatives(
    light: None, tmp_path: Path
) -> None:
    one, _ = imported("squad", tmp_path / "1")
    two, _ = imported("squad", tmp_path / "2")
    three, _ = imported("squad", tmp_path / "3", seed=1)
    assert one == two
    assert one["splits"]["train"]["sha256"] != three["splits"]["train"]["sha256"]
    assert one["splits"]["train"]["examples"] == three["splits"]["train"]["examples"]


def test_a_limit_draws_questions_from_the_whole_set_and_keeps_their_split(
    light: None, tmp_path: Path
) -> None:
    _, whole = imported("nq", tmp_path / "1")
    summary, some = imported("nq", tmp_path / "2", limit=9)
    assert sum(map(len, some.values())) == summary["limit"] == 9
    where = {e.id: part for part, examples in whole.items() for e in examples}
    assert all(where[e.id] == part for part, examples in some.items() for e in examples)


@pytest.mark.parametrize("name", ["locomo", "prefeval", "mudoco", "reccon", "cicero_v2"])
def test_a_set_that_may_not_train_is_refused_with_its_reason(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="non-commercial") as caught:
        import_corpus(name, tmp_path, tmp_path / "out")
    assert name in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "limit", "told"),
    [
        ("bookcorpus", None, "expected one of squad"),
        ("squad", 0, "limit is 0"),
        ("squad", 1, "no "),
    ],
)
def test_what_cannot_be_imported_is_one_line_and_writes_nothing(
    name: str, limit: int | None, told: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=told):
        import_corpus(name, tmp_path / "absent", tmp_path / "out", limit=limit)
    assert not (tmp_path / "out").exists()


def test_an_import_that_is_stopped_leaves_no_half_file_and_no_summary(
    light: None, tmp_path: Path
) -> None:
    imported("nq", tmp_path)

    def stop(what: str, done: int, total: int) -> None:
        if what == "mining" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_corpus("nq", tmp_path / "set", tmp_path / "out", on_progress=stop)
    left = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert left == ["dev.jsonl", "test.jsonl", "train.jsonl"], "those of the import before"


def test_progress_ends_with_all_done(light: None, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    SETS["nq"](tmp_path / "set")
    import_corpus(
        "nq", tmp_path / "set", tmp_path / "out", on_progress=lambda *step: told.append(step)
    )
    assert {what for what, _, _ in told} == {"reading", "splitting", "embedding", "mining"}
    assert [done for what, done, _ in told if what == "mining"] == list(range(1, 33))


# --- splits --------------------------------------------------------------------------------------


def asked(group: str, text: str, *memories: str) -> Example:
    own = tuple(Memory(f"{group}-{i}", said) for i, said in enumerate(memories))
    labels = {own[0].id: 1.0} if own else {}
    return Example(Query(text, f"{group}-q"), own, labels, extra={"group": group})


def groups() -> Callable[[str], str]:
    """A group of each split, found by trying."""
    found: dict[str, str] = {}
    for i in range(200):
        name = f"g{i}"
        found.setdefault(split(asked(name, "?")), name)
    return found.__getitem__


def test_a_split_follows_from_the_group_alone() -> None:
    group = groups()
    for part in SPLITS:
        assert {split(asked(group(part), text)) for text in ("a", "b", "c")} == {part}


def test_an_example_without_a_group_is_told() -> None:
    with pytest.raises(InputError, match="group is null"):
        split(Example(Query("?", "x"), ()))


def test_what_two_splits_share_stays_in_test_and_leaves_train() -> None:
    group = groups()
    shared = "The committee met on the second day of the month."
    nearly = "The committee met on the second day of the month again."
    assert jaccard(shared, nearly) >= 0.7
    counts: Counter[str] = Counter()
    parts = split_apart(
        [
            asked(group("test"), "Who met?", shared, "The mayor sneezed."),
            asked(group("dev"), "Who sneezed, and when?", "Nobody did.", nearly),
            asked(group("train"), "Who met?", "The guild of masons."),
            asked(group("train"), "Who sat down at last?", nearly, "Only the cat stood."),
            asked(group("train"), "Who stood up then?", "The dog rose.", nearly),
        ],
        counts,
    )
    assert [len(parts[part]) for part in SPLITS] == [1, 1, 1]
    assert [m.text for m in parts["train"][0].memories] == ["The dog rose."]
    assert [m.text for m in parts["dev"][0].memories] == ["Nobody did."]
    assert len(parts["test"][0].memories) == 2
    assert counts == {
        "questions asked in another split": 1,
        "questions whose evidence stands in another split": 1,
        "memories that stand in another split": 3,
    }


def test_mining_uses_the_packaged_model_where_nothing_is_replaced(tmp_path: Path) -> None:
    summary, parts = imported(
        "nq", tmp_path, negatives=Negatives(per_query=4, random_negatives=1, max_memories=6)
    )
    assert summary["negatives"]["per_query"] == 4
    assert all(len(e.memories) <= 6 for examples in parts.values() for e in examples)
    assert sum(len(e.memories) for e in parts["train"]) > 2 * len(parts["train"])
