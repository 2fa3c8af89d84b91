from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.annotation.agreement import report, to_adjudicate
from labkit.annotation.export import export, read_splits
from labkit.annotation.queue import Plan
from labkit.annotation.store import Store
from labkit.errors import InputError
from labkit.records import write_examples
from labkit.ui.agreement_data import export_zip, opened, overview, settle, threshold_of, unsettle
from labkit.ui.annotate_data import Desk, open_queue, save
from labkit.ui.bench import Bench
from labkit.ui.library import BUNDLED, DATA, Collection, Library, open_library
from labkit.ui.scores import Scores
from tests.ui.made_up import desk_library

MODEL = "minilm-cosine"
ASKED: dict[str, Any] = {"collection": DATA, "split": "train", "model": MODEL, "scored": False}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "a.sqlite") as opened:
        yield opened


@pytest.fixture
def desk(store: Store, bench: Bench) -> Desk:
    scores = Scores(bench, Path(store.place).parent / "scores")
    return Desk(desk_library(12), bench, scores, store, Plan(size=20, overlap=20))


def judge(desk: Desk, annotator: str, levels: dict[int, int | None]) -> list[str]:
    """``annotator`` gives the items of a sorted queue these levels; None: cannot tell."""
    found = open_queue(desk, annotator, ASKED)
    by_id = {card["item"]: card for card in found["cards"]}
    items = sorted(found["queue"])
    events = [
        {
            "id": f"{annotator}-{place}-{len(desk.store.events())}", "item": items[place],
            "query": by_id.get(items[place], {}).get("query", ""),
            "memory": by_id.get(items[place], {}).get("memory", ""),
            "kind": "cannot_tell" if level is None else "label", "level": level,
            "note": "two readings" if level is None else "", "negative_kind": "", "blind": True,
            "milliseconds": 900,
        }
        for place, level in levels.items()
    ]  # fmt: skip
    answer = save(desk, annotator, {**ASKED, "events": events})
    assert not answer["refused"] and not answer["error"], answer
    return items


def two(desk: Desk) -> list[str]:
    """Two annotators, who differ on items 0 (a lot) and 1 (a little) and agree on 2 to 7."""
    same: dict[int, int | None] = {place: place % 4 for place in range(2, 8)}
    judge(desk, "ana", {0: 0, 1: 1, **same, 8: None})
    return judge(desk, "bo", {0: 4, 1: 2, **same})


def seen(desk: Desk) -> dict[str, Any]:
    found = overview(desk, DATA, threshold_of(desk, MODEL))
    json.dumps(found)
    return found


def test_an_empty_store_says_so_in_numbers(desk: Desk) -> None:
    found = seen(desk)
    assert (found["events"], found["items"], found["unsettled_all"]) == (0, 0, 0)
    assert found["alpha"]["value"] is None and found["pairs"] == found["models"] == []


def test_the_numbers_are_those_of_the_report(desk: Desk) -> None:
    two(desk)
    found = seen(desk)
    expected = report(desk.store.standing(), threshold=found["threshold"])
    assert found["alpha"]["value"] == expected.alpha.alpha
    assert (found["alpha"]["low"], found["alpha"]["high"]) == expected.alpha.interval
    (pair,) = found["pairs"]
    assert (pair["first"], pair["second"], pair["items"]) == ("ana", "bo", 8)
    assert pair["value"] == expected.annotators[0].kappa
    assert found["how"] == {"undecided": 2, "majority": 6, "single": 1}
    assert [each["labels"] for each in found["annotators"]] == [8, 8]


def test_what_people_differ_on_comes_with_its_texts_the_worst_first(desk: Desk) -> None:
    items = two(desk)
    found = seen(desk)
    assert [each["item"] for each in found["unsettled"]] == [items[0], items[1]]
    assert [d.item for d in to_adjudicate(desk.store.standing())] == [items[0], items[1]]
    first = found["unsettled"][0]
    assert first["here"] and first["question"].startswith("Where is the") and first["memory"]
    assert {v["annotator"]: v["level"] for v in first["votes"]} == {"ana": 0, "bo": 4}
    assert len(found["settled"]) == found["settled_all"] == 7


def test_an_item_of_other_data_is_listed_without_texts(desk: Desk, bench: Bench) -> None:
    two(desk)
    scores = Scores(bench, Path(desk.store.place).parent / "scores")
    other = Library([Collection.of(DATA, "other", [])])
    elsewhere = Desk(other, bench, scores, desk.store)
    found = overview(elsewhere, DATA, 0.5)
    assert not any(each["here"] for each in found["unsettled"])
    assert found["unsettled"][0]["question"].startswith("q")
    item = opened(elsewhere, {"item": found["unsettled"][0]["item"], "collection": DATA})
    assert item["card"] is None and len(item["steps"]) == 2


# --- settling ------------------------------------------------------------------------------------


def settled(desk: Desk, item: str, id_: str, level: Any, **other: Any) -> dict[str, Any]:
    return settle(
        desk, "cy", {"collection": DATA, "item": item, "id": id_, "level": level, **other}
    )


def test_to_settle_ends_it_and_can_be_taken_back(desk: Desk) -> None:
    items = two(desk)
    answer = settled(desk, items[0], "s1", 3, note="the date is there")
    assert (answer["how"], answer["level"], answer["said"]) == (
        "adjudicated", 3, "strongly supports",
    )  # fmt: skip
    assert settled(desk, items[0], "s1", 3)["steps"] == answer["steps"], "sent twice, counted once"
    assert [each["item"] for each in seen(desk)["unsettled"]] == [items[1]]
    assert seen(desk)["settled"][0]["item"] == items[0], "what was done last comes first"
    answer = settled(desk, items[0], "s2", None)
    assert answer["how"] == "adjudicated" and answer["level"] is None
    event = desk.store.get("s1")
    assert event is not None and event.kind == "adjudication" and event.annotator == "cy"
    assert not event.blind and event.guidelines and event.note == "the date is there"

    with pytest.raises(InputError, match="not in the store"):
        unsettle(desk, "ana", {"collection": DATA, "item": items[0], "id": "u", "undo_of": "s2"})
    answer = unsettle(
        desk, "cy", {"collection": DATA, "item": items[0], "id": "u", "undo_of": "s2"}
    )
    assert answer["level"] == 3, "the one before holds again"
    unsettle(desk, "cy", {"collection": DATA, "item": items[0], "id": "u2", "undo_of": "s1"})
    assert seen(desk)["unsettled_all"] == 2


def test_the_history_of_an_item_shows_all_and_what_was_undone(desk: Desk) -> None:
    items = two(desk)
    undo = {"id": "u", "kind": "undo", "undo_of": f"bo-0-{9}"}
    assert not save(desk, "bo", {**ASKED, "events": [undo]})["refused"]
    judge(desk, "bo", {0: 0})
    found = opened(desk, {"item": items[0], "collection": DATA})
    steps = [(step["annotator"], step["said"], step["undone"]) for step in found["steps"]]
    assert steps == [
        ("ana", "irrelevant", False), ("bo", "contains the answer", True), ("bo", "undo", False),
        ("bo", "irrelevant", False),
    ]  # fmt: skip
    assert found["card"]["item"] == items[0] and found["data"] < 0.6
    assert found["steps"][0]["seconds"] == 0.9 and found["how"] == "majority"


@pytest.mark.parametrize(
    ("change", "expected"),
    [({"item": "gone"}, "nobody has judged"), ({"level": 9}, "level is 9"),
     ({"level": "2"}, "expected a whole number"), ({"id": None}, "id is null"),
     ({"note": 3}, "note is 3")],
)  # fmt: skip
def test_what_cannot_be_settled_is_one_line(
    desk: Desk, change: dict[str, Any], expected: str
) -> None:
    items = two(desk)
    asked = {"collection": DATA, "item": items[0], "id": "s", "level": 2, **change}
    before = len(desk.store.events())
    with pytest.raises(InputError, match=expected):
        settle(desk, "cy", asked)
    assert len(desk.store.events()) == before
    with pytest.raises(InputError, match="no item"):
        opened(desk, {"item": "gone", "collection": DATA})


# --- export --------------------------------------------------------------------------------------


def test_the_button_writes_what_the_command_writes(desk: Desk, tmp_path: Path) -> None:
    two(desk)
    examples = desk.library.collection(DATA).examples("train")
    write_examples(tmp_path / "things.jsonl", examples)
    export(desk.store, read_splits(tmp_path / "things.jsonl"), tmp_path / "command")
    folder = tmp_path / "button"
    folder.mkdir()
    archive, said = export_zip(desk, DATA, folder)
    assert "7 labels by people" not in said and "6 labels by people in" in said
    with zipfile.ZipFile(archive) as opened_zip:
        opened_zip.extractall(tmp_path / "unpacked")
    unpacked = tmp_path / "unpacked" / "labkit-annotations"
    names = {p.relative_to(tmp_path / "command") for p in (tmp_path / "command").rglob("*.*")}
    assert names == {p.relative_to(unpacked) for p in unpacked.rglob("*.*")} and len(names) == 5
    for name in ("train.jsonl", "events.jsonl", "summary.json", "README.md"):
        assert (unpacked / name).read_bytes() == (tmp_path / "command" / name).read_bytes()


def test_nothing_to_export_is_one_line(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no label for this data"):
        export_zip(desk, DATA, tmp_path)
    assert not list(tmp_path.glob("*.zip"))


@pytest.mark.slow
def test_of_the_bundled_lives_the_splits_are_kept(
    store: Store, bench: Bench, tmp_path: Path
) -> None:
    scores = Scores(bench, tmp_path / "scores")
    desk = Desk(open_library(), bench, scores, store, Plan(size=5, overlap=5))
    asked = {**ASKED, "collection": BUNDLED, "split": "dev"}
    card = open_queue(desk, "ana", asked)["cards"][0]
    event = {"id": "1", "kind": "label", "level": 4, "blind": True, **card}
    assert save(desk, "ana", {**asked, "events": [event]})["saved"]
    archive, said = export_zip(desk, BUNDLED, tmp_path, only_corrected=True)
    assert "1 labels by people in 1 of 1 queries" in said
    with zipfile.ZipFile(archive) as opened_zip:
        names = opened_zip.namelist()
    assert "labkit-annotations/dev.jsonl" in names
    assert "labkit-annotations/train.jsonl" not in names
