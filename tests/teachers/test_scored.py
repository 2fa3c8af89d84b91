"""Premise: a scorer's verdicts are those of a Bradley-Terry model with its scores as utilities."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from labkit.llm.store import CallStore
from labkit.records import Example, Memory, Query, Turn
from labkit.scoring.reranker import Reranker
from labkit.students.encoder import EncoderStudent
from labkit.students.tiny import tiny_encoder
from labkit.teachers.bm25 import bm25_teacher
from labkit.teachers.dense import dense_teacher
from labkit.teachers.fit import fit
from labkit.teachers.reranker import reranker_teacher
from labkit.teachers.schedule import schedule
from labkit.teachers.scored import ScoredTeacher
from labkit.teachers.verdicts import Floats, Grade, Items, Verdict, Verdicts

EXAMPLE = Example(
    Query("What does Biscuit weigh?", id="q", context=(Turn("Ana", "The dog was at the vet."),)),
    (
        Memory("m1", "Biscuit weighs nine kilos.", "2025-03-02", "Ana"),
        Memory("m2", "The vet says Biscuit is well.", "2025-04-02", "Bo"),
        Memory("m3", "Painted a hallway green."),
        Memory("m4", "Mowed a lawn."),
    ),
)


def compare(
    teacher: ScoredTeacher, first: str, second: str, other: Example | None = None
) -> Verdict:
    return asyncio.run(teacher.compare(EXAMPLE, first, second, other))


def grade(teacher: ScoredTeacher, memory: str) -> Grade:
    return asyncio.run(teacher.grade(EXAMPLE, memory))


def test_a_fit_of_its_verdicts_finds_the_scores() -> None:
    scores = np.random.default_rng(0).normal(0, 3, 30)
    teacher = ScoredTeacher("made up", lambda example: scores, 3.0, "1")
    memories = tuple(Memory(f"m{i:02d}", "x") for i in range(30))
    example = Example(Query("?", id="q"), memories)
    items = Items.of({"q": [m.id for m in memories]})
    verdicts = [
        asyncio.run(teacher.compare(example, call.first, call.second))
        for call in schedule(items, ["made up"], cycles=2)
    ]
    fitted = fit(Verdicts.of(verdicts, items), estimate_teachers=False, prior_sd=100.0)
    difference = fitted.utilities - (scores - scores.mean()) / 3.0
    assert np.abs(difference).max() < 0.01


def test_swapping_the_order_swaps_the_verdict_and_equal_scores_are_a_tie() -> None:
    for teacher in (bm25_teacher(), dense_teacher()):
        one, two = compare(teacher, "m1", "m3"), compare(teacher, "m3", "m1")
        assert one.preference == -two.preference > 0.1
        assert not teacher.can_grade
    # neither shares a word with the question
    assert compare(bm25_teacher(), "m3", "m4").kind == "tied"


def test_the_context_is_read() -> None:
    bare = Example(Query("What does Biscuit weigh?", id="r"), EXAMPLE.memories)
    teacher = bm25_teacher()
    with_context = compare(teacher, "m2", "m4").preference
    without = asyncio.run(teacher.compare(bare, "m2", "m4")).preference
    assert with_context > without > 0


def test_across_queries_each_memory_has_the_score_for_its_own() -> None:
    other = Example(Query("Which colour is the hallway?", id="r"), EXAMPLE.memories)
    verdict = compare(dense_teacher(), "m3", "m3", other)
    assert (verdict.query, verdict.second_query) == ("q", "r") and verdict.preference < -0.3


def test_a_reranker_compares_log_odds_and_grades_by_probability(
    tmp_path: Path, encoder: EncoderStudent
) -> None:
    encoder.save(tmp_path / "student")
    teacher = reranker_teacher(str(tmp_path / "student"), device="cpu")
    assert (teacher.name, teacher.can_grade) == ("reranker:student", True)
    reranker = Reranker.load(tmp_path / "student", device="cpu")
    log_odds = reranker.score(EXAMPLE.query, EXAMPLE.memories)
    said = compare(teacher, "m1", "m3").preference
    assert said == pytest.approx(np.tanh((log_odds[0] - log_odds[2]) / 2), abs=1e-5)
    ranking = reranker.rerank(EXAMPLE.query, EXAMPLE.memories)
    for memory, probability in zip(ranking.memories, ranking.probabilities, strict=True):
        assert grade(teacher, memory.id).grade == pytest.approx(probability, abs=1e-5)


def test_other_weights_of_one_name_have_another_identity(tmp_path: Path) -> None:
    student = EncoderStudent(*tiny_encoder()).eval()
    teachers = []
    for version in ("one", "two"):
        folder = tmp_path / version / "student"
        student.save(folder)
        teachers += [reranker_teacher(str(folder), device="cpu") for _ in range(2)]
        with torch.no_grad():
            next(student.model.parameters()).add_(1.0)
    assert len({teacher.name for teacher in teachers}) == 1
    one, again, two, _ = (teacher.identity for teacher in teachers)
    assert one == again != two


def test_scores_are_computed_once_and_kept_for_the_next_run(tmp_path: Path) -> None:
    computed = 0

    def score(example: Example) -> Floats:
        nonlocal computed
        computed += 1
        return np.arange(len(example.memories)) / 7

    def teacher(identity: str) -> ScoredTeacher:
        return ScoredTeacher("t", score, 1.0, identity, store=CallStore(tmp_path / "s"))

    first = teacher("one")
    said = [compare(first, "m1", "m2"), compare(first, "m4", "m2")]
    assert computed == 1
    again = teacher("one")
    assert [compare(again, "m1", "m2"), compare(again, "m4", "m2")] == said
    assert computed == 1
    compare(teacher("two"), "m1", "m2")
    assert computed == 2
    changed = Example(EXAMPLE.query, (*EXAMPLE.memories, Memory("m5", "New.")))
    asyncio.run(teacher("one").compare(changed, "m1", "m5"))
    assert computed == 3


def test_many_queries_do_not_fill_the_memory_and_come_back_the_same() -> None:
    teacher = ScoredTeacher("t", lambda e: np.array([float(e.id), 0.0]), 100.0, "1")
    pair = (Memory("a", "x"), Memory("b", "y"))
    examples = [Example(Query("?", id=str(i)), pair) for i in range(200)]
    said = [asyncio.run(teacher.compare(e, "a", "b")).preference for e in examples]
    assert spearmanr(said, range(200)).statistic == pytest.approx(1)
    assert len(teacher._scores) <= 64
    again = [asyncio.run(teacher.compare(e, "a", "b")).preference for e in examples]
    assert json.dumps(again) == json.dumps(said)
