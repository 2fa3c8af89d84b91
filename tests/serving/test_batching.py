"""The scoring thread: together, in fair turns, bounded, and never dead."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import wait

import numpy as np
import pytest

from labkit.records import Memory, Query
from labkit.scoring.reranker import Reranker, Scores
from labkit.serving.batching import STEP_ON_CPU, Batcher, Overloaded, Stopping
from tests.conftest import make_memories

Groups = Sequence[tuple[Query, Sequence[Memory]]]


class Held:
    """A reranker whose steps wait for :attr:`go`, and are written down.

    Where ``go`` is set, it is the real one.
    """

    def __init__(self, reranker: Reranker) -> None:
        self.real = reranker
        self.placement = None
        self.go = threading.Event()
        self.entered = threading.Semaphore(0)
        self.steps: list[list[tuple[str, int]]] = []
        self.fails_on = ""

    def rerank(self, query: Query, memories: Sequence[Memory]) -> object:
        return self.real.rerank(query, memories)

    def ranking(self, query: Query, memories: Sequence[Memory], scores: Scores) -> object:
        return self.real.ranking(query, memories, scores)

    def score_groups(self, groups: Groups) -> list[Scores]:
        self.steps.append([(query.text, len(memories)) for query, memories in groups])
        self.entered.release()
        assert self.go.wait(20)
        if self.fails_on and any(query.text == self.fails_on for query, _ in groups):
            raise RuntimeError("this one cannot be read")
        return self.real.score_groups(groups)


@pytest.fixture
def held(reranker: Reranker) -> Held:
    return Held(reranker)


@pytest.fixture
def batcher(held: Held) -> Iterator[Batcher]:
    made = Batcher(held, waiting=400, seconds=30)  # type: ignore[arg-type]
    made.start()
    yield made
    held.go.set()
    made.close()


def test_requests_that_wait_are_scored_together_and_as_alone(batcher: Batcher, held: Held) -> None:
    first = batcher.submit(Query("first"), make_memories(3))
    assert held.entered.acquire(timeout=5)
    jobs = [(Query(f"question {i}"), make_memories(4 + i)) for i in range(5)]
    futures = [batcher.submit(*job) for job in jobs]
    assert batcher.waiting == 3 + sum(len(memories) for _, memories in jobs)
    held.go.set()
    wait([first, *futures], timeout=10)
    assert held.steps[1] == [(query.text, len(memories)) for query, memories in jobs]
    for (query, memories), future in zip(jobs, futures, strict=True):
        alone = held.real.rerank(query, memories)
        got = future.result().ranking
        np.testing.assert_allclose(got.probabilities, alone.probabilities, atol=1e-5)
        assert {m.id for m in got.memories} == {m.id for m in memories}
        assert future.result().tokens == held.real.score_groups([(query, memories)])[0].tokens
    assert batcher.waiting == 0


def test_a_large_request_does_not_hold_up_small_ones(batcher: Batcher, held: Held) -> None:
    large = batcher.submit(Query("large"), make_memories(5 * STEP_ON_CPU))
    assert held.entered.acquire(timeout=5)
    small = [batcher.submit(Query(f"small {i}"), make_memories(2)) for i in range(3)]
    done: list[str] = []
    large.add_done_callback(lambda _: done.append("large"))
    for future in small:
        future.add_done_callback(lambda _: done.append("small"))
    held.go.set()
    assert len(large.result(20).ranking.memories) == 5 * STEP_ON_CPU
    wait(small, timeout=10)
    assert done == ["small"] * 3 + ["large"]
    # All of a step is used: what the small ones leave free is the large one's.
    assert sum(size for _, size in held.steps[1]) == STEP_ON_CPU


def test_many_large_requests_do_not_hold_up_a_small_one(held: Held) -> None:
    made = Batcher(held, waiting=10_000, seconds=30)  # type: ignore[arg-type]
    made.start()
    first = made.submit(Query("large 0"), make_memories(20 * STEP_ON_CPU))
    assert held.entered.acquire(timeout=5)
    others = [made.submit(Query(f"large {i}"), make_memories(10 * STEP_ON_CPU)) for i in (1, 2)]
    small = made.submit(Query("small"), make_memories(1))
    for _ in range(12):
        held.go.set()
        assert held.entered.acquire(timeout=20)
    step = next(i for i, turns in enumerate(held.steps) if ("small", 1) in turns)
    assert step <= 8, "two steps' worth for each of three, of which each step serves two"
    assert small.result(5).ranking.memories
    assert not any(future.done() for future in (first, *others))
    made.close()


def test_parts_of_a_large_request_make_one_ranking(batcher: Batcher, held: Held) -> None:
    held.go.set()
    memories = make_memories(3 * STEP_ON_CPU + 7)
    got = batcher.submit(Query("Who mended it?"), memories).result(20).ranking
    want = held.real.rerank(Query("Who mended it?"), memories)
    by_id = dict(zip([m.id for m in want.memories], want.probabilities, strict=True))
    assert [by_id[m.id] for m in got.memories] == pytest.approx(list(got.probabilities), abs=1e-5)
    assert list(got.probabilities) == sorted(got.probabilities, reverse=True)
    assert len(held.steps) == 4


def test_a_full_queue_refuses_and_says_for_how_long(batcher: Batcher, held: Held) -> None:
    futures = [batcher.submit(Query("first"), make_memories(300))]
    assert held.entered.acquire(timeout=5)
    futures.append(batcher.submit(Query("second"), make_memories(100)))
    with pytest.raises(Overloaded) as refused:
        batcher.submit(Query("third"), make_memories(1))
    assert 1 <= refused.value.retry_after <= 60 and "400 documents" in str(refused.value)
    held.go.set()
    wait(futures, timeout=20)
    assert batcher.submit(Query("third"), make_memories(1)).result(10)


def test_what_comes_to_an_empty_queue_is_served_however_large(batcher: Batcher, held: Held) -> None:
    held.go.set()
    assert len(batcher.submit(Query("a"), make_memories(500)).result(20).ranking.memories) == 500


def test_work_that_cannot_be_done_in_time_is_refused_at_once(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    batcher = Batcher(held, waiting=10_000, seconds=0.2)  # type: ignore[arg-type]
    batcher.start()
    try:
        first = batcher.submit(Query("slow"), make_memories(10))
        time.sleep(0.25)
        held.go.set()
        first.result(10)  # ten memories in a quarter of a second: at most 40 a second
        held.go.clear()
        second = batcher.submit(Query("second"), make_memories(100))
        with pytest.raises(Overloaded):
            batcher.submit(Query("third"), make_memories(1))
        held.go.set()
        second.result(10)
    finally:
        held.go.set()
        batcher.close()


def test_a_cancelled_request_costs_no_further_step(batcher: Batcher, held: Held) -> None:
    large = batcher.submit(Query("large"), make_memories(5 * STEP_ON_CPU))
    assert held.entered.acquire(timeout=5)
    second = batcher.submit(Query("second"), make_memories(3))
    assert large.cancel()
    assert batcher.waiting == 3
    held.go.set()
    second.result(10)
    assert [query for step in held.steps for query, _ in step] == ["large", "second"]


def test_a_request_that_breaks_the_step_fails_alone(batcher: Batcher, held: Held) -> None:
    held.fails_on = "poison"
    first = batcher.submit(Query("first"), make_memories(1))
    assert held.entered.acquire(timeout=5)
    names = ["before", "poison", "after"]
    futures = {name: batcher.submit(Query(name), make_memories(2)) for name in names}
    held.go.set()
    wait([first, *futures.values()], timeout=10)
    assert [name for name in names if futures[name].exception(1) is not None] == ["poison"]
    assert batcher.submit(Query("later"), make_memories(2)).result(10)
    assert batcher.ready


def test_a_score_that_is_no_number_fails_its_request(
    batcher: Batcher, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    held.go.set()
    nan = [Scores(np.array([0.5, np.nan]))]
    with monkeypatch.context() as patch:
        patch.setattr(held, "score_groups", lambda groups: nan)
        with pytest.raises(ArithmeticError):
            batcher.submit(Query("a"), make_memories(2)).result(10)
    assert batcher.submit(Query("a"), make_memories(2)).result(10)


def test_closing_drops_what_waits(batcher: Batcher, held: Held) -> None:
    batcher.submit(Query("running"), make_memories(2))
    assert held.entered.acquire(timeout=5)
    waits = batcher.submit(Query("waits"), make_memories(2))
    held.go.set()
    batcher.close()
    assert waits.cancelled() or waits.done()
    assert not batcher.ready
    with pytest.raises(Stopping):
        batcher.submit(Query("late"), make_memories(1))
    batcher.start()
    assert batcher.ready and batcher.submit(Query("again"), make_memories(1)).result(10)


def test_many_callers_at_once_each_get_their_own(batcher: Batcher, held: Held) -> None:
    held.go.set()
    wrong: list[str] = []

    def call(i: int) -> None:
        for j in range(5):
            memories = [Memory(f"{i}-{j}-{k}", f"{i} roof {k}") for k in range(3)]
            try:
                ranking = batcher.submit(Query(f"{i} {j}"), memories).result(20).ranking
            except Overloaded:
                continue
            if ranking.query.text != f"{i} {j}" or {m.id for m in ranking.memories} != {
                m.id for m in memories
            }:
                wrong.append(f"{i} {j}")

    threads = [threading.Thread(target=call, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong and batcher.waiting == 0
