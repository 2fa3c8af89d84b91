from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labkit.annotation.queue import Plan, Queue, items_of, request
from labkit.annotation.store import Store, Unavailable
from labkit.errors import InputError
from labkit.records import RELEVANT, Dialogue, Example, Memory, Query
from labkit.sources.lives import parse_life
from labkit.ui.annotate_data import (
    AROUND,
    CARDS_AT_ONCE,
    Desk,
    annotator_of,
    around,
    cards,
    open_queue,
    save,
    start,
    teacher_labels,
)
from labkit.ui.bench import Bench
from labkit.ui.labelled import Labelled
from labkit.ui.library import DATA, Collection, Library
from labkit.ui.scores import Batch, Scores
from tests.ui.made_up import HOSTILE, desk_library, hostile_life

MODEL = "minilm-cosine"
ASKED: dict[str, Any] = {"collection": DATA, "split": "train", "model": MODEL, "scored": False}
SEALED = ("label", "teacher", "probability", "sampler", "negative_kind", "why")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "a.sqlite", wait=0.01) as opened:
        yield opened


def make_desk(store: Store, bench: Bench, library: Library | None = None, **plan: Any) -> Desk:
    scores = Scores(bench, Path(store.place).parent / "scores")
    plan = {"size": 40, "overlap": 10, **plan}
    return Desk(library or desk_library(), bench, scores, store, Plan(**plan))


@pytest.fixture
def desk(store: Store, bench: Bench) -> Desk:
    return make_desk(store, bench)


def opened(desk: Desk, annotator: str = "ana", **other: Any) -> dict[str, Any]:
    found = open_queue(desk, annotator, {**ASKED, **other})
    json.dumps(found)
    return found


def sent(card: Mapping[str, Any], id_: str, level: int | None = 2, **other: Any) -> dict[str, Any]:
    """A judgement as the page sends it."""
    return {
        "id": id_, "item": card["item"], "query": card["query"], "memory": card["memory"],
        "kind": "label", "level": level, "note": "", "negative_kind": "", "blind": True,
        "milliseconds": 1500, **other,
    }  # fmt: skip


def saved(desk: Desk, *events: Any, annotator: str = "ana", **other: Any) -> dict[str, Any]:
    return save(desk, annotator, {**ASKED, "events": list(events), **other})


# --- opening -------------------------------------------------------------------------------------


def test_the_page_learns_which_splits_there_are(desk: Desk) -> None:
    found = start(desk, DATA, MODEL, "ana")
    assert found["splits"] == {"train": 30} and found["login"] == "ana"
    with pytest.raises(InputError, match="open the file again"):
        start(desk, "gone", MODEL)


def test_a_card_says_nothing_of_what_models_or_authors_say(desk: Desk) -> None:
    found = opened(desk)
    assert len(found["queue"]) == 40 and len(found["cards"]) == 40
    for card in found["cards"]:
        assert not set(card) & {*SEALED, "kind"}
        assert sum(memory["judged"] for memory in card["memories"]) == 1
        judged = next(memory for memory in card["memories"] if memory["judged"])
        assert judged["id"] == card["memory"] and card["question"]
    assert found["cards"][0]["item"] == found["start"] == found["queue"][0]


def test_no_more_cards_are_sent_at_once_than_are_needed(store: Store, bench: Bench) -> None:
    desk = make_desk(store, bench, desk_library(200), size=150)
    found = opened(desk)
    assert len(found["queue"]) == 150 and len(found["cards"]) == CARDS_AT_ONCE
    rest = found["queue"][CARDS_AT_ONCE:]
    more = cards(desk, "ana", {**ASKED, "items": [*rest, "nothing"], "unsealed": rest[:1]})
    assert [card["item"] for card in more["cards"]] == rest
    assert set(more["sealed"]) == set(rest[:1]) and set(SEALED) <= set(more["sealed"][rest[0]])


def test_neighbours_are_those_next_in_time(store: Store, bench: Bench) -> None:
    life = hostile_life()
    for i, memory in enumerate(life["memories"]):
        memory["time"] = f"2025-01-{28 - i:02d}"
    library = Library([Collection.of(DATA, "x", [parse_life(life)])])
    desk = make_desk(store, bench, library)
    for card in opened(desk)["cards"]:
        dates = [memory["date"] for memory in card["memories"]]
        assert dates == sorted(dates)
        assert card["before"] + len(dates) + card["after"] == len(HOSTILE)
        place = next(i for i, memory in enumerate(card["memories"]) if memory["judged"])
        assert place <= 3 and len(dates) - place - 1 <= 3
        every = around(desk, "ana", {**ASKED, "item": card["item"]})
        assert len(every["memories"]) == len(HOSTILE) and every["before"] == every["after"] == 0


def test_of_a_long_dialogue_the_nearest_memories_can_be_looked_at(
    store: Store, bench: Bench
) -> None:
    (dialogue,) = desk_library(1).fixed[DATA].dialogues.values()
    example = dialogue.examples[0]
    many = tuple(Memory(f"x{i}", f"Note {i}.") for i in range(500))
    long = Dialogue("d", "d", many, (type(example)(example.query, many, {"x0": 1.0}),))
    desk = make_desk(store, bench, Library([Collection.of(DATA, "x", [long])]))
    card = opened(desk)["cards"][0]
    found = around(desk, "ana", {**ASKED, "item": card["item"]})
    assert len(found["memories"]) <= AROUND + 1
    assert found["before"] + len(found["memories"]) + found["after"] == 500
    assert sum(memory["judged"] for memory in found["memories"]) == 1


# --- the student's scores ------------------------------------------------------------------------


def test_the_student_reads_beside_and_the_queue_then_goes_by_it(desk: Desk) -> None:
    first = opened(desk, scored=True)
    assert first["state"] == "scoring" and first["total"] == 30
    end = time.monotonic() + 60
    while (found := opened(desk, scored=True))["state"] == "scoring":
        assert time.monotonic() < end
        time.sleep(0.05)
    assert found["scored"] and found["source"]["scored"]
    ids = {"items": [], "unsealed": found["queue"]}
    sealed = cards(desk, "ana", {**ASKED, "scored": True, **ids})["sealed"].values()
    assert {each["sampler"] for each in sealed} <= {
        "disagreement", "above", "near", "random", "hard", "overlap",
    }  # fmt: skip
    assert all(0 <= each["probability"] <= 1 and each["label"] < RELEVANT for each in sealed)
    answer = saved(desk, sent(found["cards"][0], "1"), scored=True)
    assert answer["saved"][0]["id"] == "1"
    (event,) = desk.store.events()
    assert event.model == MODEL and event.probability == answer["saved"][0]["sealed"]["probability"]
    assert event.sampler and event.seed == 0


def test_without_scores_nothing_waits(desk: Desk) -> None:
    assert opened(desk)["state"] == "ready" and not opened(desk)["scored"]
    saved(desk, sent(opened(desk)["cards"][0], "1"))
    assert [(e.model, e.probability) for e in desk.store.events()] == [(None, None)]


def test_a_source_that_is_not_there_is_one_line(desk: Desk) -> None:
    for change in ({"split": "all"}, {"model": "gone"}, {"collection": "gone"}, {"split": None}):
        with pytest.raises(InputError) as caught:
            opened(desk, **change)
        assert "\n" not in str(caught.value)


# --- storing -------------------------------------------------------------------------------------


def test_sixty_judgements_in_one_request_are_stored_in_their_order(
    store: Store, bench: Bench
) -> None:
    desk = make_desk(store, bench, size=60)
    found = opened(desk)
    events = [sent(card, f"e{i}", i % 5) for i, card in enumerate(found["cards"])]
    assert len(events) == 60
    answer = saved(desk, *events)
    assert [each["id"] for each in answer["saved"]] == [f"e{i}" for i in range(60)]
    assert not answer["refused"] and not answer["error"]
    assert [(e.id, e.item, e.level) for e in store.events()] == [
        (e["id"], e["item"], e["level"]) for e in events
    ]
    again = saved(desk, *events)
    assert again == answer and len(store.events()) == 60, "sent twice, counted once"


def test_what_is_stored_says_all_that_can_be_asked_later(desk: Desk) -> None:
    card = opened(desk)["cards"][3]
    saved(desk, sent(card, "1", 1, note=" it is old ", negative_kind="superseded"))
    (event,) = desk.store.events()
    assert (event.annotator, event.query, event.memory) == ("ana", card["query"], card["memory"])
    assert (event.level, event.note, event.negative_kind) == (1, " it is old ", "superseded")
    assert (event.blind, event.milliseconds) == (True, 1500)
    assert event.guidelines and event.sampler in ("hard", "random", "overlap")


def test_one_comes_back_to_where_one_left(desk: Desk) -> None:
    found = opened(desk)
    a, b, c, d = found["cards"][:4]
    saved(
        desk, sent(a, "1", 4), sent(b, "2", None, kind="skip"),
        sent(c, "3", None, kind="cannot_tell", note="two readings"),
    )  # fmt: skip
    again = opened(desk)
    assert again["start"] == d["item"] == again["cards"][0]["item"]
    kinds = {item: state["kind"] for item, state in again["states"].items()}
    assert kinds == {a["item"]: "label", b["item"]: "skip", c["item"]: "cannot_tell"}
    assert [each["id"] for each in again["trail"]] == ["1", "2", "3"]
    assert opened(desk, "bo")["states"] == {}, "another annotator begins at the beginning"
    assert again["queue"] == found["queue"]


def test_undo_names_what_it_undoes_and_does_it_once(desk: Desk) -> None:
    a, b = opened(desk)["cards"][:2]
    undo = {"id": "u", "kind": "undo", "undo_of": "1", "item": a["item"]}
    answer = saved(desk, sent(a, "1", 4), sent(b, "2", 0), undo)
    assert [each["id"] for each in answer["saved"]] == ["1", "2", "u"]
    assert set(opened(desk)["states"]) == {b["item"]}
    # The same press again, by another request: it stays undone, and nothing else is.
    assert saved(desk, {**undo, "id": "u2"})["saved"] == [{"id": "u2"}]
    assert [e.id for e in desk.store.events()] == ["1", "2", "u"]
    assert [each["id"] for each in opened(desk)["trail"]] == ["2"]
    for bad in ("gone", "2"):
        refused = saved(desk, {**undo, "id": "u3", "undo_of": bad}, annotator="bo")["refused"]
        assert "not in the store" in refused[0]["error"], "nobody undoes what is another's"


def test_who_has_seen_the_scores_is_not_blind_any_more(desk: Desk) -> None:
    a, b = opened(desk)["cards"][:2]
    saved(desk, sent(a, "1", blind=False), sent(a, "2", 3), sent(b, "3"))
    saved(desk, sent(b, "4", 0, blind=False))
    assert [event.blind for event in desk.store.events()] == [False, False, True, False]


BAD = {
    "no id": ({"id": None}, "expected one with an id"),
    "no item": ({"item": None}, "item is null, expected a text"),
    "an item of other texts": ({"item": "gone"}, "no longer in the data"),
    "a level that is none": ({"level": 7}, "level is 7, expected 0 to 4"),
    "a level that is a text": ({"level": "2"}, 'level is "2", expected a whole number'),
    "no reason": ({"kind": "cannot_tell", "level": None}, "expected one that says why"),
    "an adjudication": ({"kind": "adjudication"}, "expected label, cannot_tell or skip"),
    "a note that is a list": ({"note": ["x"]}, "expected a text"),
    "a note without end": ({"note": "x" * 5_000}, "note has 5,000 characters"),
}


@pytest.mark.parametrize("premise", BAD)
def test_what_can_never_be_stored_is_refused_and_the_rest_is_stored(
    premise: str, desk: Desk
) -> None:
    change, expected = BAD[premise]
    a, b, c = opened(desk)["cards"][:3]
    answer = saved(desk, sent(a, "1"), {**sent(b, "2"), **change}, sent(c, "3"))
    assert [each["id"] for each in answer["saved"]] == ["1", "3"] and not answer["error"]
    assert expected in answer["refused"][0]["error"]
    assert "\n" not in answer["refused"][0]["error"]


def test_a_list_without_end_is_not_read(desk: Desk) -> None:
    for events in ([1] * 501, "x", None):
        with pytest.raises(InputError, match="expected a list of at most 500"):
            save(desk, "ana", {**ASKED, "events": events})


def test_when_the_store_does_not_take_it_the_page_is_told_what_is_safe(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = opened(desk)["cards"][:3]
    events = [sent(a, "1"), sent(b, "2"), sent(c, "3")]
    append = desk.store.append

    def full(event: Any) -> Any:
        if event.id == "2":
            raise Unavailable("a.sqlite: database or disk is full; nothing was written")
        return append(event)

    monkeypatch.setattr(desk.store, "append", full)
    answer = saved(desk, *events)
    assert [each["id"] for each in answer["saved"]] == ["1"] and not answer["refused"]
    assert "disk is full" in answer["error"]
    monkeypatch.undo()
    answer = saved(desk, *events[1:])
    assert [event.id for event in desk.store.events()] == ["1", "2", "3"] and not answer["error"]


# --- who -----------------------------------------------------------------------------------------


def test_the_annotator_is_who_logged_in_else_the_name_that_was_given() -> None:
    assert annotator_of(None, {"annotator": "  Ana  Bo "}) == "Ana Bo"
    assert annotator_of("ana", {"annotator": "ana"}) == "ana"
    with pytest.raises(InputError, match='logged in as "ana", and this was judged by "bo"'):
        annotator_of("ana", {"annotator": "bo"})
    for bad in ({}, {"annotator": " "}, {"annotator": 1}, {"annotator": "x" * 61}):
        with pytest.raises(InputError, match="expected"):
            annotator_of(None, bad)


def test_a_team_gets_different_items_but_for_the_overlap(store: Store, bench: Bench) -> None:
    desk = make_desk(store, bench, size=20, overlap=5, team=("ana", "bo"))
    ana, bo = (set(opened(desk, name)["queue"]) for name in ("ana", "bo"))
    assert len(ana) == len(bo) == 20 and len(ana & bo) == 5
    with pytest.raises(InputError, match="not of the team"):
        opened(desk, "cy")


# --- what was requested --------------------------------------------------------------------------


def test_a_requested_pair_comes_next_even_if_the_data_calls_it_relevant(
    store: Store, bench: Bench
) -> None:
    desk = make_desk(store, bench, size=10)
    found = opened(desk)
    saved(desk, sent(found["cards"][0], "1"))
    examples = desk.library.collection(DATA).examples("train")
    relevant = next(item for item in items_of(examples) if item.label >= RELEVANT)
    request(store, relevant, id_="r", annotator="bo")
    again = opened(desk)
    assert again["start"] == again["cards"][0]["item"] == again["queue"][0] == relevant.id
    assert again["requested"] == 1 and again["queue"][1:] == found["queue"]
    answer = saved(desk, sent(again["cards"][0], "2", 4))
    assert answer["saved"][0]["sealed"]["sampler"] == "requested"
    assert opened(desk)["start"] == found["queue"][1]


def test_of_a_requested_pair_no_model_says_what_another_said(store: Store, bench: Bench) -> None:
    desk = make_desk(store, bench, size=10)
    examples = desk.library.collection(DATA).examples("train")
    first, second = [item for item in items_of(examples) if item.label >= RELEVANT][:2]
    for item, by in ((first, MODEL), (second, "another")):
        request(store, replace(item, probability=0.25), id_=by, annotator="bo", model=by)
    cards = {card["item"]: card for card in opened(desk)["cards"]}
    for item, known in ((first, 0.25), (second, None)):
        answer = saved(desk, sent(cards[item.id], f"j{item.id}", 4))
        sealed = answer["saved"][0]["sealed"]
        assert (sealed["probability"], sealed["model"]) == (known, MODEL)
    stored = {event.item: event for event in store.events(annotator="ana")}
    assert (stored[first.id].model, stored[second.id].model) == (MODEL, None)


def test_what_teachers_said_of_another_text_is_not_said_of_this_one(tmp_path: Path) -> None:
    memory = Memory("m1", "She moved to Ghent.")
    said = Example(Query("Where?", id="q1"), (memory,), {"m1": 0.3})
    labelled = [Labelled("k", "t", "a", ("x",), Batch("k", (said,), "none", None))]
    found = teacher_labels(labelled)
    (item,) = items_of([said], teacher_labels=found)
    assert item.teacher_label == 0.3
    edited = replace(said, memories=(replace(memory, text="She moved to Bruges."),))
    (item,) = items_of([edited], teacher_labels=found)
    assert item.teacher_label is None


def test_a_run_that_dies_of_anything_is_told_and_tried_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: Any) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(Scores, "score", dies)
        with pytest.raises(InputError, match="out of memory"):
            for _ in range(1000):
                opened(desk, scored=True)
                time.sleep(0.02)
    end = time.monotonic() + 60
    while opened(desk, scored=True)["state"] == "scoring":
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_card_that_left_the_queue_can_still_be_judged(store: Store, bench: Bench) -> None:
    """A queue may change (another plan, scores that came) while the page holds its cards."""
    wide = opened(make_desk(store, bench, size=40))
    narrow = make_desk(store, bench, size=5, overlap=0)
    queue = set(opened(narrow)["queue"])
    card = next(card for card in wide["cards"] if card["item"] not in queue)
    assert not saved(narrow, sent(card, "1"))["refused"]
    assert [event.item for event in store.events()] == [card["item"]]


def test_the_queue_in_the_page_is_the_queue(desk: Desk) -> None:
    from labkit.ui.annotate_data import source_of

    queue: Queue = desk.queue(source_of(desk, ASKED), "ana", scored=False)
    assert opened(desk)["queue"] == [item.id for item in queue.items]


def test_hostile_names_and_texts_pass_through_as_they_are(store: Store, bench: Bench) -> None:
    library = Library([Collection.of(DATA, "x", [parse_life(hostile_life())])])
    desk = make_desk(store, bench, library)
    card = opened(desk, HOSTILE[0])["cards"][0]
    answer = saved(desk, sent(card, "1", note=HOSTILE[1]), annotator=HOSTILE[0])
    assert answer["saved"] and store.events()[0].annotator == HOSTILE[0]
    place = desk.place(DATA, card["query"], card["memory"])
    assert place is not None and place.memory == card["memory"]
    assert desk.place(DATA, "gone", "m") is None
