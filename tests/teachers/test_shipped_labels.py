"""Premise: the shipped verdicts are of the authored lives as they are now."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from labkit.records import read_examples
from labkit.sources.lives import read_lives, split_of
from labkit.teachers.verdicts import read_verdicts

ASSETS = Path(__file__).parents[2] / "assets"
FOLDER = ASSETS / "labels" / "dev"


def test_the_files_are_those_of_the_summary_and_no_teacher_knew_the_labels() -> None:
    summary = json.loads((FOLDER / "summary.json").read_text())
    for name in ("verdicts.jsonl", "examples.jsonl"):
        found = hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()
        assert found == summary["sha256"][name]
    assert summary["complete"] and not summary["simulated"]
    assert [teacher["kind"] for teacher in summary["config"]["teachers"]] == ["bm25", "dense"]


def test_gold_memories_and_queries_are_the_authors() -> None:
    """If it fails, the lives have changed: run the command of assets/labels/README.md again."""
    authored = {e.id: e for life in read_lives(ASSETS / "lives") for e in life.examples}
    shipped = list(read_examples(FOLDER / "examples.jsonl"))
    dev = [id_ for id_ in authored if split_of(id_.rsplit("-", 1)[0]) == "dev"]
    assert [example.id for example in shipped] == dev
    for example in shipped:
        whole = authored[example.id]
        kept = {memory.id for memory in example.memories}
        assert example.query == whole.query
        assert list(example.memories) == [m for m in whole.memories if m.id in kept]
        gold = {id_: label for id_, label in whole.labels.items() if id_ in kept}
        assert example.extra["gold_labels"] == gold
        assert set(example.labels) == set(example.extra["label_errors"]) == kept
        assert example.extra["memories_left_out"] == len(whole.memories) - len(kept)


def test_each_pair_was_judged_by_both_in_both_orders() -> None:
    memories = {e.id: {m.id for m in e.memories} for e in read_examples(FOLDER / "examples.jsonl")}
    asked: set[tuple[str, str, str, str]] = set()
    for verdict in read_verdicts(FOLDER / "verdicts.jsonl"):
        assert verdict.first in memories[verdict.query]
        assert verdict.second in memories[verdict.second_query or verdict.query]
        if verdict.second_query is None:
            asked.add((verdict.query, verdict.first, verdict.second, verdict.teacher))
    assert len(asked) > 4 * 168 * 8 * 0.9
    for query, first, second, teacher in asked:
        assert (query, second, first, teacher) in asked
        assert (query, first, second, {"bm25": "dense", "dense": "bm25"}[teacher]) in asked
