from __future__ import annotations

import logging
import time
from datetime import date
from datetime import time as time_of_day
from typing import Any

import pytest

from labkit.errors import InputError
from labkit.records import Memory, Query, Ranking
from labkit.scoring.reranker import Reranker
from labkit.serving.hooks.guard import Guard, known_time
from tests.serving.hooks.conftest import TEXTS, Broken, Slow

MEMORIES = [Memory(str(i), text) for i, text in enumerate(TEXTS)]


def test_it_gives_the_rerankers_order(
    reranker: Reranker, expected: Ranking, order: list[int]
) -> None:
    ordered = Guard(reranker, timeout=20).order("Who mended it?", MEMORIES)
    assert list(ordered.places) == order and ordered.failed is None
    assert ordered.probabilities == pytest.approx(expected.probabilities, abs=1e-6)
    assert ordered.answerable == pytest.approx(expected.answerable, abs=1e-6)


def test_nothing_to_rank_is_no_call() -> None:
    assert Guard(Broken()).order("a", []).places == ()


@pytest.mark.parametrize("threshold, least", [(0.3, 0.3), ("balanced", 0.4)])
def test_a_threshold_leaves_out(
    reranker: Reranker, expected: Ranking, threshold: float | str, least: float
) -> None:
    ordered = Guard(reranker, threshold=threshold).order("Who mended it?", MEMORIES)
    assert list(ordered.places) == [int(m.id) for m in expected.kept(least)]


def test_instruction_and_time_are_asked_with(reranker: Reranker) -> None:
    guard = Guard(reranker, instruction="Find the person", now=lambda: "2026-03-14")
    query = Query("Who?", instruction="Find the person", time="2026-03-14")
    want = reranker.rerank(query, MEMORIES)
    got = guard.order("Who?", MEMORIES)
    assert got.probabilities == pytest.approx(want.probabilities, abs=1e-6)
    assert got.probabilities != pytest.approx(
        reranker.rerank(Query("Who?"), MEMORIES).probabilities, abs=1e-6
    )


def test_a_failure_is_raised_unless_it_should_fail_open() -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        Guard(Broken()).order("a", MEMORIES)
    with pytest.raises(TimeoutError):
        Guard(Slow(), timeout=0.05).order("a", MEMORIES)


@pytest.mark.parametrize("broken, name", [(Broken(), "RuntimeError"), (Slow(), "TimeoutError")])
def test_failing_open_keeps_the_order_and_says_so(
    broken: Any, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    guard = Guard(broken, timeout=0.2, fail_open=True, threshold=0.9)
    began = time.monotonic()
    ordered = guard.order("a", MEMORIES)
    assert time.monotonic() - began < 0.9
    assert ordered.places == (0, 1, 2, 3) and ordered.probabilities is None
    assert ordered.failed is not None and ordered.failed.startswith(name)
    assert name in caplog.text and caplog.records[-1].levelno == logging.WARNING
    assert "blue pot" not in caplog.text


def test_an_operating_point_that_is_not_there_is_the_users_error(reranker: Reranker) -> None:
    with pytest.raises(InputError, match="balanced"):
        Guard(reranker, threshold="lean").order("a", MEMORIES)


@pytest.mark.parametrize(
    "value, want",
    [
        ("2026-03-14", "2026-03-14"),
        ("2025-07-01T10:00:00.123456-07:00", "2025-07-01T10:00:00.123456-07:00"),
        (date(2026, 3, 14), "2026-03-14"),
        (time_of_day(10, 30), None),
        ("yesterday", None),
        (1_700_000_000, None),
        (None, None),
    ],
)
def test_only_a_time_that_can_be_read_is_taken(value: object, want: str | None) -> None:
    assert known_time(value) == want
