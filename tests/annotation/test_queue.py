from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labkit.annotation.events import Event
from labkit.annotation.queue import (
    Item,
    Plan,
    Queue,
    build_queue,
    content_sha256,
    items_of,
    judge,
    negatives,
    pairs_of,
    request,
    standing_of,
    undo,
)
from labkit.annotation.store import Store
from labkit.errors import InputError
from labkit.records import RELEVANT, Memory, Turn
from tests.training.made_up import make_examples

EXAMPLES = make_examples(60)
PLAN = Plan(size=60, overlap=12, seed=3)


def scores(seed: int = 0) -> dict[tuple[str, str], float]:
    rng = np.random.default_rng(seed)
    return {(e.id, m.id): float(rng.random()) for e in EXAMPLES for m in e.memories}


def said(seed: int) -> dict[str, float]:
    """The same as teachers say it: by the ids of the items."""
    of = scores(seed)
    return {id_: of[e.id, memory.id] for e in EXAMPLES for id_, memory, _ in pairs_of(e)}


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return negatives(EXAMPLES, probabilities=scores(), teacher_labels=said(1))


def ids(queue: Queue, *samplers: str) -> set[str]:
    return {item.id for item in queue.items if not samplers or item.sampler in samplers}


def test_items_are_the_memories_that_are_labelled_as_not_relevant(items: list[Item]) -> None:
    expected = {
        (e.id, m.id) for e in EXAMPLES for m in e.memories if e.label(m.id) < RELEVANT
    }  # fmt: skip
    assert {(i.example.id, i.memory.id) for i in items} == expected
    assert len({item.id for item in items}) == len(items) == len(expected)


def test_labels_of_teachers_are_known_by_who_gave_them() -> None:
    assert all(item.teacher_label is None for item in negatives(EXAMPLES))
    labelled = [replace(e, extra={"labelled_by": ["bm25"]}) for e in EXAMPLES]
    for item in negatives(labelled, probabilities=scores()):
        assert item.teacher_label == item.label
        assert item.gap == abs(item.label - (item.probability or 0))


def test_whatever_an_annotator_reads_makes_another_item() -> None:
    query, memory = EXAMPLES[0].query, EXAMPLES[0].memories[0]
    changed = [
        content_sha256(query, memory),
        content_sha256(replace(query, text="Where?"), memory),
        content_sha256(replace(query, time="2026-03-15"), memory),
        content_sha256(replace(query, instruction="the colour"), memory),
        content_sha256(replace(query, context=(Turn("Ana", "Hm."),)), memory),
        content_sha256(query, replace(memory, text="x")),
        content_sha256(query, replace(memory, time=None)),
        content_sha256(query, replace(memory, speaker="Bo")),
    ]
    assert len(set(changed)) == len(changed)
    assert content_sha256(replace(query, kind="other"), memory) == changed[0]


def test_the_queue_follows_from_data_plan_and_name_alone(items: list[Item]) -> None:
    queue = build_queue(items, "ana", PLAN)
    shuffled = [items[i] for i in np.random.default_rng(5).permutation(len(items))]
    assert build_queue(shuffled, "ana", PLAN).items == queue.items
    assert len(ids(queue)) == len(queue.items) == 60
    assert build_queue(items, "ana", replace(PLAN, seed=4)).items != queue.items
    other = build_queue(items, "bo", PLAN)
    assert ids(other) == ids(queue) and other.items != queue.items


def test_each_sampler_takes_what_it_is_for(items: list[Item]) -> None:
    shares = {"disagreement": 0.25, "above": 0.25, "near": 0.25, "random": 0.25}
    plan = Plan(size=40, overlap=0, threshold=0.7, shares=shares)  # type: ignore[arg-type]
    queue = build_queue(items, "ana", plan)
    assert Counter(i.sampler for i in queue.items) == dict.fromkeys(shares, 10)
    chosen = ids(queue)
    by = {name: [i for i in queue.items if i.sampler == name] for name in shares}
    rest = [item for item in items if item.id not in chosen]
    assert min(i.gap or 0 for i in by["disagreement"]) >= max(i.gap or 0 for i in rest)
    assert min(i.probability or 0 for i in by["above"]) >= max(
        i.probability or 0 for i in rest
    ) or all((i.probability or 0) >= 0.7 for i in by["above"])
    assert all((i.probability or 0) >= 0.7 for i in by["above"])
    near = [abs((i.probability or 0) - 0.7) for i in by["near"]]
    assert max(near) <= min(abs((i.probability or 0) - 0.7) for i in rest)
    # The control does not look at scores: its mean is that of all, within chance.
    control = build_queue(items, "ana", Plan(size=80, overlap=0, shares={"random": 1.0}))
    assert abs(np.mean([i.probability or 0 for i in control.items]) - 0.5) < 0.12


def test_without_a_student_the_queue_is_what_the_data_calls_hard_and_a_control() -> None:
    queue = build_queue(negatives(EXAMPLES), "ana", PLAN)
    assert len(queue.items) == 60
    assert {i.sampler for i in queue.items} == {"hard", "random", "overlap"}
    assert all(i.typed for i in queue.items if i.sampler == "hard")


def test_a_team_shares_the_overlap_and_nothing_else(items: list[Item]) -> None:
    team = ("ana", "bo", "cy")
    plan = replace(PLAN, size=30, overlap=8, team=team)
    queues = [build_queue(items, name, plan) for name in team]
    shared = ids(queues[0], "overlap")
    assert len(shared) == 8
    for queue in queues:
        assert len(queue.items) == 30 and ids(queue, "overlap") == shared
    own = [ids(queue) - shared for queue in queues]
    assert len(own[0] | own[1] | own[2]) == sum(map(len, own)) == 66
    turned = replace(plan, team=team[::-1])
    assert build_queue(items, "bo", turned).items == queues[1].items
    with pytest.raises(InputError, match="not of the team, expected one of ana, bo, cy"):
        build_queue(items, "di", plan)


def test_what_was_requested_comes_first_and_once(items: list[Item], store: Store) -> None:
    plain = build_queue(items, "ana", PLAN)
    inside = plain.items[7]
    relevant = next(i for i in items_of(EXAMPLES) if i.label >= RELEVANT)
    asked = request(store, relevant, id_="r", annotator="bo", model="mini")
    assert (asked.kind, asked.item, asked.blind) == ("request", relevant.id, False)
    assert request(store, relevant, id_="r", annotator="bo", model="mini") == asked
    queue = build_queue(items, "ana", PLAN, [relevant, inside, relevant])
    assert [i.id for i in queue.items[:2]] == [relevant.id, inside.id]
    assert {i.sampler for i in queue.items[:2]} == {"requested"}
    assert len(queue.items) == len(ids(queue)) == 62  # beside the plan's 60
    for item in queue.items[:40]:
        state = {item.id: asked}
        expected = queue.items[1 if item.id == relevant.id else 0]
        assert queue.next(state, item) == expected, "wherever one is"
    assert undo(store, build_queue(items, "bo", PLAN, [relevant]), id_="u") is None
    assert standing_of(store, "bo") == {}


def test_a_queue_of_little_data_is_all_of_it() -> None:
    few = negatives(EXAMPLES[:2], probabilities=scores())
    queue = build_queue(few, "ana", Plan())
    assert ids(queue) == {item.id for item in few}
    empty = build_queue([], "ana", Plan())
    assert empty.items == () and empty.next({}) is None and empty.progress({}).total == 0


@pytest.mark.parametrize(
    "given",
    [{"size": 3, "overlap": 4}, {"shares": {"best": 1.0}}, {"shares": {"overlap": 1.0}},
     {"shares": {"near": -1.0}}, {"shares": {"near": 0.0}}, {"shares": {}}],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_refused(given: dict) -> None:
    with pytest.raises(InputError, match="expected"):
        Plan(**given)


# --- working through it --------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path):
    with Store(tmp_path / "a.sqlite") as opened:
        yield opened


@pytest.fixture
def queue(items: list[Item]) -> Queue:
    return build_queue(items, "ana", Plan(size=8, overlap=2))


def mine(store: Store) -> dict[str, Event]:
    return standing_of(store, "ana")


def test_one_labels_skips_goes_back_and_comes_back_where_one_left(
    store: Store, queue: Queue
) -> None:
    a, b, c, d = queue.items[:4]
    assert queue.next(mine(store)) == a
    event = judge(
        store, queue, a, id_="1", level=3, model="mini", guidelines="1:x", milliseconds=2_000,
        negative_kind="", note="",
    )  # fmt: skip
    assert (event.item, event.query, event.memory) == (a.id, a.example.id, a.memory.id)
    assert (event.sampler, event.seed, event.blind) == (a.sampler, 0, True)
    assert (event.probability, event.teacher_label) == (a.probability, a.teacher_label)
    assert event.note is event.negative_kind is None
    assert queue.next(mine(store), a) == b
    judge(store, queue, b, id_="2", kind="skip")
    judge(store, queue, d, id_="3", kind="cannot_tell", note="two readings", milliseconds=4_000)
    # From where one was last, to the end, and only then what was passed over.
    assert queue.next(mine(store)) == queue.items[4]
    for i, item in enumerate(queue.items[4:]):
        judge(store, queue, item, id_=f"rest{i}", level=0, milliseconds=9_000)
    assert queue.next(mine(store)) == c
    judge(store, queue, c, id_="4", level=1)
    assert queue.next(mine(store)) is None
    assert queue.next(mine(store), skipped=True) == b
    assert (queue.step(c, -1), queue.step(a, -1), queue.step(a, 99)) == (b, a, queue.items[-1])
    assert queue.get(c.id) == c and queue.get("none") is None and queue.number(c) == 3
    judge(store, queue, a, id_="5", level=2)  # back, and another label
    progress = queue.progress(mine(store))
    assert (progress.total, progress.labelled, progress.cannot_tell) == (8, 6, 1)
    assert (progress.skipped, progress.open) == (1, 0)
    assert progress.levels == (4, 1, 1, 0, 0)
    overlap = sum(i.sampler == "overlap" and i != b for i in queue.items)
    assert progress.overlap == (overlap, 2) and progress.median_seconds == 9.0
    assert len(mine(store)) == 8 and len(store.events()) == 9


def test_undo_takes_back_one_thing_a_press_and_really_does(store: Store, queue: Queue) -> None:
    a, b = queue.items[:2]
    assert undo(store, queue, id_="u0") is None
    judge(store, queue, a, id_="1", level=3)
    judge(store, queue, b, id_="2", level=1)
    judge(store, queue, a, id_="3", level=0)
    store.append(replace(store.events()[0], id="other", item="elsewhere", time=None))
    store.append(replace(store.events()[0], id="bo", annotator="bo", time=None))
    taken = undo(store, queue, id_="u1")
    assert taken is not None and taken.id == "3" and mine(store)[a.id].level == 3
    assert undo(store, queue, id_="u1") == taken and mine(store)[a.id].level == 3
    taken = undo(store, queue, id_="u2")
    assert taken is not None and taken.item == b.id and b.id not in mine(store)
    assert queue.next(mine(store)) == b
    assert undo(store, queue, id_="u3") is not None and undo(store, queue, id_="u4") is None
    assert set(mine(store)) == {"elsewhere"} and len(standing_of(store, "bo")) == 1
    assert queue.progress(mine(store)).open == 8
    assert len(store.events()) == 8


def test_sixty_labels_typed_fast_are_stored_in_order(store: Store, items: list[Item]) -> None:
    queue = build_queue(items, "ana", PLAN)
    item: Item | None = queue.next({})
    shown = []
    state: dict[str, Event] = {}
    while item is not None:
        event = judge(store, queue, item, id_=f"k{len(shown)}", level=len(shown) % 5)
        state[item.id] = event
        shown.append(item.id)
        item = queue.next(state, item)
    assert shown == [i.id for i in queue.items]
    assert [e.item for e in store.events()] == shown
    assert state == mine(store)


def test_an_edited_memory_comes_again(store: Store, items: list[Item], queue: Queue) -> None:
    item = queue.items[0]
    judge(store, queue, item, id_="1", level=3)
    edited = [
        replace(
            e,
            memories=tuple(
                Memory(m.id, m.text + " Edited.", m.time) if m.id == item.memory.id else m
                for m in e.memories
            ),
        )
        for e in EXAMPLES
        if e.id == item.example.id
    ]
    again = next(i for i in negatives(edited) if i.memory.id == item.memory.id)
    assert again.id != item.id and again.id not in mine(store)
