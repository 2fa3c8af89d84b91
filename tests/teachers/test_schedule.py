"""Premise: a schedule is a graph; connected, regular and balanced are exact properties of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from labkit.errors import InputError
from labkit.teachers import schedule as rooms
from labkit.teachers.fit import fit
from labkit.teachers.schedule import (
    Comparison,
    calls,
    cross_query,
    edges_of,
    meetings,
    schedule,
    second_round,
    to_grade,
)
from labkit.teachers.verdicts import Items, Verdict, Verdicts

TEACHERS = ("simulated:a", "simulated:b", "simulated:c")


def make_items(*sizes: int) -> Items:
    return Items.of({f"q{q}": [f"m{i}" for i in range(n)] for q, n in enumerate(sizes)})


def connected(pairs: np.ndarray, memories: int) -> bool:
    graph = coo_array((np.ones(len(pairs)), pairs.T), shape=(memories, memories))
    return bool(connected_components(graph)[0] == 1)


@given(st.integers(2, 60), st.integers(1, 12), st.integers(0, 2**31))
def test_meetings_are_connected_regular_and_never_repeat(n: int, cycles: int, seed: int) -> None:
    pairs = meetings(n, cycles, np.random.default_rng(seed))
    assert len(pairs) == edges_of(n, cycles)
    assert len({tuple(sorted(pair)) for pair in pairs.tolist()}) == len(pairs)
    assert set(np.bincount(pairs.ravel(), minlength=n)) == {min(2 * cycles, n - 1)}
    assert connected(pairs, n)


@given(st.integers(5, 60), st.integers(1, 29), st.integers(0, 2**31))
def test_the_fallback_is_as_regular_as_random_cycles(n: int, cycles: int, seed: int) -> None:
    if 2 * cycles >= n - 1:
        return
    pairs = rooms._zigzags(n, cycles, np.random.default_rng(seed))
    assert len({tuple(sorted(pair)) for pair in pairs.tolist()}) == n * cycles
    assert set(np.bincount(pairs.ravel(), minlength=n)) == {2 * cycles}
    assert connected(pairs, n)


@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=5),
    st.integers(1, 5),
    st.booleans(),
    st.booleans(),
)
def test_the_number_of_calls_is_known_in_advance(
    sizes: list[int], cycles: int, both: bool, every: bool
) -> None:
    plan = schedule(
        make_items(*sizes), TEACHERS, cycles=cycles, both_orders=both, every_teacher=every
    )
    count = len(TEACHERS) if every else None
    assert len(plan) == calls(sizes, cycles=cycles, both_orders=both, teachers=count)
    assert len(set(plan)) == len(plan)


def test_both_orders_are_asked_and_teachers_share_each_memory_alike() -> None:
    plan = schedule(make_items(24), TEACHERS, cycles=2, seed=3)
    shown = {(c.first, c.second) for c in plan}
    assert all((second, first) in shown for first, second in shown)
    for memory in (f"m{i}" for i in range(24)):
        mine = [c for c in plan if memory in (c.first, c.second)]
        assert len(mine) == 8
        assert sum(c.first == memory for c in mine) == 4
        assert {c.teacher for c in mine} == set(TEACHERS)


def test_one_order_only_shows_each_memory_first_as_often_as_second() -> None:
    plan = schedule(make_items(11), TEACHERS, cycles=2, both_orders=False)
    assert all(sum(c.first == f"m{i}" for c in plan) == 2 for i in range(11))


def test_a_query_s_plan_does_not_depend_on_its_neighbours() -> None:
    alone = schedule(Items.of({"b": [f"m{i}" for i in range(30)]}), TEACHERS, cycles=2, seed=1)
    among = schedule(
        Items.of({"a": ["x", "y", "z"], "b": [f"m{i}" for i in range(30)]}),
        TEACHERS,
        cycles=2,
        seed=1,
    )
    assert [c for c in among if c.query == "b"] == alone
    assert alone != schedule(
        Items.of({"b": [f"m{i}" for i in range(30)]}), TEACHERS, cycles=2, seed=2
    )


def test_a_schedule_needs_a_teacher_and_a_cycle() -> None:
    with pytest.raises(InputError, match="at least one name"):
        schedule(make_items(3), (), cycles=1)
    with pytest.raises(InputError, match="expected at least 1"):
        schedule(make_items(3), TEACHERS, cycles=0)


def judged(plan: list[Comparison], items: Items) -> Verdicts:
    better = {memory: int(memory[1:]) for memory in items.memories}
    return Verdicts.of(
        (
            Verdict(c.query, c.first, c.second, c.teacher, p, "ok", c.second_query)
            for c in plan
            for p in [float(np.tanh(better[c.first] - better[c.second]) * 0.9)]
        ),
        items,
    )


def test_the_second_round_goes_where_labels_are_uncertain_within_its_budget() -> None:
    items = make_items(20, 20)
    fitted = fit(judged(schedule(items, TEACHERS, cycles=1), items))
    errors = np.where(np.arange(40) < 20, 0.3, 0.01)  # the first query is the unsure one
    plan = second_round(fitted, errors, TEACHERS, budget=31)
    assert len(plan) == 30
    assert {c.query for c in plan} == {"q0"}
    before = {frozenset((c.query, c.first, c.second)) for c in schedule(items, TEACHERS, cycles=1)}
    assert not before & {frozenset((c.query, c.first, c.second)) for c in plan}
    assert second_round(fitted, errors, TEACHERS, budget=31) == plan
    everything = second_round(fitted, errors, TEACHERS, budget=10**6)
    met = [m for c in everything[::2] for m in ((c.query, c.first), (c.query, c.second))]
    assert max(met.count(m) for m in set(met)) <= 4


def test_cross_query_calls_tie_every_query_to_the_references() -> None:
    items = make_items(6, 6, 6)
    plan = cross_query(items, [("q0", "m0"), ("q0", "m5")], TEACHERS, per_query=2)
    assert len(plan) == 2 * 2 * 2
    assert {c.query for c in plan if c.second_query == "q0"} == {"q1", "q2"}
    assert all((c.second_query == "q0") != (c.query == "q0") for c in plan)


def test_grades_go_to_the_top_and_to_the_foot() -> None:
    items = make_items(24, 3, 1, 0)
    chosen = to_grade(items, -np.arange(28, dtype=float), per_query=4)
    assert [m for q, m in chosen if q == "q0"] == ["m0", "m2", "m7", "m23"]
    assert [m for q, m in chosen if q == "q1"] == ["m0", "m1", "m2"]
    assert [m for q, m in chosen if q == "q2"] == ["m0"]
