"""Premise: each fault is put in alone and must show, by itself, at the size that was set."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.records import Example, Memory, Query
from labkit.teachers.simulated import SimulatedTeacher
from labkit.teachers.verdicts import (
    Grade,
    Verdict,
    read_grades,
    read_verdicts,
    write_grades,
    write_verdicts,
)

EXACT = SimulatedTeacher("simulated:exact", noise=0.0)
EXAMPLE = Example(
    Query("When is the exam?", id="q"),
    (
        Memory("gold", "x" * 120),
        Memory("old", "x" * 120),
        Memory("long", "x" * 480),
        Memory("off", "x" * 120),
    ),
    labels={"gold": 0.9, "old": 0.5, "long": 0.1, "off": 0.1},
    negative_kinds={"old": "superseded"},
)


def compare(teacher: SimulatedTeacher, *asked: Any) -> Verdict:
    return asyncio.run(teacher.compare(*asked))


def grade(teacher: SimulatedTeacher, memory: str) -> Grade:
    return asyncio.run(teacher.grade(EXAMPLE, memory))


def test_an_exact_teacher_prefers_the_better_in_both_orders() -> None:
    assert compare(EXACT, EXAMPLE, "gold", "off").preference > 0.9
    assert compare(EXACT, EXAMPLE, "off", "gold").preference < -0.9
    assert compare(EXACT, EXAMPLE, "long", "off").kind == "tied"
    assert grade(EXACT, "gold").grade == pytest.approx(0.9)


def test_each_fault_shows_at_the_size_that_was_set() -> None:
    first = replace(EXACT, position_bias=0.2)
    assert compare(first, EXAMPLE, "long", "off").preference > 0
    assert compare(first, EXAMPLE, "off", "long").preference > 0
    wordy = replace(EXACT, length_bias=0.1)
    assert grade(wordy, "long").grade == pytest.approx(0.1 + 2 * 0.1)
    blind = replace(EXACT, blind_spots={"superseded": 0.5})
    assert compare(blind, EXAMPLE, "old", "gold").preference > 0
    curt = replace(EXACT, yes_or_no=True)
    assert compare(curt, EXAMPLE, "gold", "old").preference == 1
    lenient = replace(EXACT, leniency=0.3)
    assert grade(lenient, "off").grade == pytest.approx(0.4)


def test_noise_has_the_deviation_that_was_set_and_the_same_question_the_same_reply() -> None:
    noisy = replace(EXACT, noise=0.2, step=0.0)
    rng = np.random.default_rng(0)
    said = noisy.grades(np.full(20_000, 0.5), np.zeros(20_000), rng)
    assert said.std() == pytest.approx(0.2, abs=0.01)
    assert compare(noisy, EXAMPLE, "old", "off") == compare(noisy, EXAMPLE, "old", "off")
    seeds = {compare(replace(noisy, seed=s), EXAMPLE, "old", "off").preference for s in range(9)}
    assert len(seeds) == 9


def test_some_calls_fail_where_that_is_asked_for() -> None:
    kinds = [
        compare(replace(EXACT, malformed=0.3, refused=0.3, seed=s), EXAMPLE, "gold", "off").kind
        for s in range(200)
    ]
    assert 0.2 < kinds.count("malformed") / 200 < 0.4
    assert 0.2 < kinds.count("refused") / 200 < 0.4


def test_it_says_that_it_is_simulated() -> None:
    with pytest.raises(InputError, match="simulated:"):
        SimulatedTeacher("gpt")
    assert compare(EXACT, EXAMPLE, "gold", "off").teacher.startswith("simulated:")


def test_a_verdict_across_queries_names_the_other_query() -> None:
    other = replace(EXAMPLE, query=Query("Who?", id="r"))
    verdict = compare(EXACT, EXAMPLE, "off", "gold", other)
    assert (verdict.query, verdict.second_query) == ("q", "r") and verdict.preference < 0


def test_verdicts_and_grades_survive_their_files(tmp_path: Path) -> None:
    verdicts = [
        compare(EXACT, EXAMPLE, "gold", "off"),
        Verdict("q", "a", "a", "t", -0.25, second_query="r", extra={"why": "später"}),
        Verdict("q", "a", "b", "t", 0.0, "refused"),
    ]
    assert write_verdicts(tmp_path / "v.jsonl", verdicts) == 3
    assert list(read_verdicts(tmp_path / "v.jsonl")) == verdicts
    grades = [Grade("q", "a", "t", 0.7), Grade("q", "b", "t", 0.0, "malformed", {"raw": "?"})]
    write_grades(tmp_path / "g.jsonl", grades)
    assert list(read_grades(tmp_path / "g.jsonl")) == grades


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"query": "q", "first": "a", "second": "b", "teacher": "t", "preference": 2}', "-1 to 1"),
        ('{"query": "q", "first": "a", "second": "a", "teacher": "t", "preference": 0}', "two mem"),
        ('{"query": "q", "first": "a", "second": "b", "teacher": "t"}', "preference is null"),
        (
            '{"query": "q", "first": "a", "second": "b", "teacher": "t", "preference": 1,'
            ' "kind": "lost"}',
            "expected one of ok, tied",
        ),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "v.jsonl").write_text(line + "\n")
    with pytest.raises(InputError, match=f"v.jsonl:1: .*{message}"):
        list(read_verdicts(tmp_path / "v.jsonl"))
