"""Lives: one small life made here, and the corpus of the repository."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.errors import InputError
from labkit.sources.lives import counts, read_lives, split_of

CORPUS = Path(__file__).parents[2] / "assets" / "lives"


def life(id_: str = "life-1", **changes: Any) -> dict[str, Any]:
    query = {
        "id": "q01",
        "kind": "update",
        "context": [{"speaker": "owner", "text": "Hm."}, {"speaker": "assistant", "text": "Yes?"}],
        "query": "Where do I swim?",
        "query_time": "2026-01-10",
        "instruction": None,
        "labels": {"m2": 1.0, "m1": 0.3},
        "negative_kinds": {"m1": "superseded"},
        "why": "m2 is newer.",
        "reader": 2,
    }
    return {
        "id": id_,
        "title": "Pools",
        "owner": "Ana",
        "domain": "sport",
        "memories": [
            {"id": "m1", "time": "2026-01-01", "speaker": "owner", "text": "I swim in Leith."},
            {"id": "m2", "time": "2026-01-05", "speaker": "note", "text": "Pool: Portobello."},
            {"id": "m3", "time": "2026-02-01", "speaker": "Owen", "text": "Back to Leith then."},
        ],
        "queries": [{**query, **changes}],
    }


def write(path: Path, *values: Any) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values), "utf-8")
    return path


def test_a_query_is_an_example_over_all_memories_of_its_life(tmp_path: Path) -> None:
    [dialogue] = read_lives(write(tmp_path / "a.jsonl", life()))
    [example] = dialogue.examples
    assert (dialogue.id, dialogue.title, example.id) == ("life-1", "Pools", "life-1-q01")
    assert example.memories is dialogue.memories and len(example.memories) == 3
    assert (example.query.kind, example.query.time) == ("update", "2026-01-10")
    assert example.labels == {"m2": 1.0, "m1": 0.3}
    assert example.negative_kinds == {"m1": "superseded"}
    assert (example.why, example.extra) == ("m2 is newer.", {"reader": 2})


def test_the_owner_goes_by_name_in_memories_and_context(tmp_path: Path) -> None:
    [dialogue] = read_lives(write(tmp_path / "a.jsonl", life()))
    assert [m.speaker for m in dialogue.memories] == ["Ana", "note", "Owen"]
    assert [t.speaker for t in dialogue.examples[0].query.context] == ["Ana", "assistant"]


def test_a_turn_of_a_talk_follows_the_one_before_it_of_the_same_day(tmp_path: Path) -> None:
    turns = [
        {"id": "m1", "time": "2026-01-01", "speaker": "owner", "text": "What is he called?"},
        {"id": "m2", "time": "2026-01-01", "speaker": "Owen", "text": "Biscuit."},
        {"id": "m3", "time": "2026-01-04", "speaker": "Owen", "text": "He ran away."},
    ]
    talk = {**life(), "memories": turns}
    for told, want in ((True, [None, "Ana: What is he called?", None]), (False, [None] * 3)):
        [dialogue] = read_lives(write(tmp_path / "a.jsonl", {**talk, "talk": told}))
        got = [m.previous and f"{m.previous.speaker}: {m.previous.text}" for m in dialogue.memories]
        assert got == want


def test_a_folder_gives_its_jsonl_files_in_name_order(tmp_path: Path) -> None:
    write(tmp_path / "b.jsonl", life("life-2"))
    write(tmp_path / "a.jsonl", life("life-3"), life("life-1"))
    (tmp_path / "README.md").write_text("not a life")
    assert [x.id for x in read_lives(tmp_path)] == ["life-3", "life-1", "life-2"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([1, 2], "the line is [1, 2]"),
        ({}, "id is null"),
        ({**life(), "owner": 3}, "owner is 3"),
        ({**life(), "queries": None}, "queries is null"),
        ({**life(), "queries": [5]}, "queries[0] is 5"),
        ({**life(), "queries": life()["queries"] * 2}, '"life-1-q01" 2 times'),
        (life(labels={"m9": 1.0}), 'queries[0]: labels names "m9"'),
        (life(labels={"m1": 2}), "queries[0]: labels"),
        (life(negative_kinds={"m9": "hearsay"}), 'queries[0]: negative_kinds names "m9"'),
        (life(query=""), "queries[0]: query"),
        (life("life-0"), 'id "life-0" comes a second time'),
    ],
)
def test_a_bad_line_is_told_and_left_out_or_ends_the_reading(
    tmp_path: Path, value: object, told: str
) -> None:
    path = write(tmp_path / "a.jsonl", life("life-0"), value, life("life-2"))
    with pytest.raises(InputError) as caught:
        list(read_lives(path))
    message = str(caught.value)
    assert message.startswith(f"{path}:2: ") and told in message and "\n" not in message
    bad: list[InputError] = []
    assert [x.id for x in read_lives(path, bad.append)] == ["life-0", "life-2"]
    assert [str(error) for error in bad] == [message]


def test_a_life_may_not_come_again_in_another_file(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", life())
    write(tmp_path / "b.jsonl", life())
    with pytest.raises(InputError, match="comes a second time"):
        list(read_lives(tmp_path))


@pytest.mark.parametrize("name", ["absent.jsonl", "."])
def test_a_path_without_lives_is_an_input_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="expected"):
        list(read_lives(tmp_path / name))


def test_the_split_of_a_life_never_moves() -> None:
    # Written down once: a checkpoint trained before a change of these has seen the test set.
    assert {f"A0{n}": split_of(f"life-A0{n}") for n in range(4, 9)} == {
        "A04": "train",
        "A05": "dev",
        "A06": "train",
        "A07": "test",
        "A08": "train",
    }


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_every_id_has_a_split(ids: list[str]) -> None:
    assert {split_of(id_) for id_ in ids} <= {"train", "dev", "test"}


def test_the_shares_of_the_split_are_about_70_15_15() -> None:
    splits = [split_of(f"life-{number}") for number in range(4000)]
    assert splits.count("train") / 4000 == pytest.approx(0.70, abs=0.03)
    assert splits.count("dev") / 4000 == pytest.approx(0.15, abs=0.03)


def test_the_counts_are_those_of_a_life_counted_by_hand(tmp_path: Path) -> None:
    table = counts(read_lives(write(tmp_path / "a.jsonl", life())))
    for row in (
        "| lives | 1 |",
        "| labelled pairs of query and memory | 3 |",
        "| words a memory: least, median, most | 2, 4, 4 |",
        "| queries with a context | 1 |",
        "| queries with an instruction | 0 |",
        "| queries with no relevant memory | 0 |",
        "| queries asked before the life's last memory | 1 |",
        "| update | 1 |",
        "| contains the answer | 1 |",
        "| related, key information missing | 1 |",
        "| irrelevant | 1 |",
        "| superseded | 1 |",
    ):
        assert row in table.splitlines()


def test_write_refreshes_the_counts_in_the_card_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", life())
    card = tmp_path / "README.md"
    card.write_text("before\n<!-- counts -->\nold\n<!-- end of counts -->\nafter\n", "utf-8")
    command = [sys.executable, "-W", "error", "-m", "labkit.sources.lives", str(tmp_path)]
    printed = subprocess.run([*command, "--write"], capture_output=True, text=True, check=True)
    assert card.read_text("utf-8") == (
        f"before\n<!-- counts -->\n{printed.stdout}<!-- end of counts -->\nafter\n"
    )


def test_the_command_ends_bad_input_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "labkit.sources.lives", str(tmp_path / "absent")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode and "absent" in done.stderr and done.stderr.count("\n") == 1


def test_the_card_of_the_corpus_shows_the_counts_of_the_corpus() -> None:
    card = (CORPUS / "README.md").read_text("utf-8")
    shown = re.search(r"<!-- counts -->\n(.*?)\n<!-- end of counts -->", card, re.DOTALL)
    assert shown, "the card has lost the marks around its counts"
    assert shown[1] == counts(read_lives(CORPUS)), (
        "refresh it: python -m labkit.sources.lives assets/lives --write"
    )


@pytest.mark.parametrize(
    "written",
    ("lives", "training/lives", "training/talks", "training/knots")
    + ("benchmarks/later_lives.jsonl",),
)
def test_no_memory_is_relevant_before_it_was_made(written: str) -> None:
    for dialogue in read_lives(CORPUS.parent / written):
        made = {memory.id: memory.time for memory in dialogue.memories}
        for example in dialogue.examples:
            for id_, label in example.labels.items():
                assert not label or (made[id_] or "") <= (example.query.time or ""), example.id
