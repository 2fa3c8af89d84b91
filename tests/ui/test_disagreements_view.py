from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from labkit.annotation.store import Store
from labkit.errors import InputError
from labkit.records import Query
from labkit.scoring.reranker import Reranker
from labkit.sources.lives import parse_life
from labkit.ui.bench import Bench
from labkit.ui.disagreements_data import EVERY, Filters
from labkit.ui.disagreements_view import NOTHING_OPEN, Asked, Disagreements
from labkit.ui.labelled import read_labelled
from labkit.ui.library import DATA, Collection, Library
from labkit.ui.scores import Scores
from labkit.ui.selection import Selection
from tests.ui.made_up import roof_life

MODEL = "minilm-cosine"
LIFE = parse_life(roof_life())
GOLD = f"gold:{DATA}:dev"


class ByLength(Bench):
    """A bench whose model gives long memories high scores, and needs no MiniLM."""

    def reranker(self, model: str) -> Reranker:
        reranker = super().reranker(model)
        if not isinstance(reranker, _Length):
            reranker = _Length(reranker.student, model)
        return reranker


class _Length(Reranker):
    def score(self, query: Query, memories: object) -> np.ndarray:  # type: ignore[override]
        return np.array([len(memory.text) / 10 - 4 for memory in memories])  # type: ignore[attr-defined]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Disagreements]:
    library = Library([Collection.of(DATA, "made up", [LIFE], ["dev"])])
    folder = tmp_path / "labels"
    folder.mkdir()
    labels = {"m2": 0.9, "m0": 0.7, "m1": 0.4, "m5": 0.1}
    first = LIFE.examples[0]
    labelled = {
        "id": first.id, "query": first.query.text, "category": first.query.kind,
        "context": [{"speaker": t.speaker, "text": t.text} for t in first.query.context],
        "query_time": first.query.time,
        "memories": [
            {"id": m.id, "text": m.text, "time": m.time, "speaker": m.speaker}
            for m in first.memories
        ],
        "labels": labels, "negative_kinds": dict(first.negative_kinds),
        "gold_labels": dict(first.labels), "labelled_by": ["bm25"],
        "label_errors": dict.fromkeys(labels, 0.1),
    }  # fmt: skip
    (folder / "examples.jsonl").write_text(json.dumps(labelled) + "\n")
    bench = ByLength([MODEL])
    with Store(tmp_path / "annotations.sqlite") as store:
        scores = Scores(bench, tmp_path / "scores")
        made = Disagreements(library, bench, scores, store, [read_labelled(folder)])
        made.scores, made.store = scores, store  # type: ignore[attr-defined]
        yield made


def selection(memory: str = "", example: str | None = None) -> Selection:
    name = LIFE.examples[0].id if example is None else example
    return Selection(DATA, LIFE.id, name, "fused", 50, MODEL, memory)


def asked(source: str = "", threshold: float = 0.5, **filters: str) -> Asked:
    return Asked(source, Filters(**filters), threshold)


def score(room: Disagreements, source: str = "") -> None:
    labelled = room.source(DATA, source)
    assert labelled is not None
    room.scores.score(MODEL, labelled.batch)  # type: ignore[attr-defined]


def test_nothing_is_scored_before_somebody_asks(room: Disagreements) -> None:
    shown = room.shown(selection(), asked())
    assert shown.weighed is None
    assert shown.to_score == "Score 8 pairs with minilm-cosine"
    assert "has not read these 8 pairs yet" in shown.page["empty"]
    assert room.opened(selection("m0"), asked()) == NOTHING_OPEN
    assert [title for title, _ in shown.sources] == [
        "Teachers: bm25 (labels)",
        "Gold: made up, dev",
    ]


def test_what_is_scored_is_shown_with_its_filters(room: Disagreements) -> None:
    score(room)
    shown = room.shown(selection(), asked())
    assert shown.weighed is not None and len(shown.weighed) == 8
    assert shown.to_score == ""
    choices, value = shown.filters["negative_kind"]
    assert ("superseded (1)", "superseded") in choices and value == EVERY
    only = room.shown(selection(), asked(negative_kind="superseded"))
    assert [row["memory"] for row in only.page["rows"]] == ["m0"]
    assert "n = 1 of 8 pairs" in only.page["caption"]
    assert room.shown(selection(), asked(negative_kind="gone")).filters["negative_kind"][1] == EVERY


def test_the_threshold_moves_pairs_between_the_quadrants(room: Disagreements) -> None:
    score(room)
    high = room.shown(selection(), asked(threshold=1.0)).weighed
    low = room.shown(selection(), asked(threshold=0.0)).weighed
    assert high is not None and low is not None
    assert high.counts() == {"missed": 2, "extra": 0, "kept": 0, "dropped": 6}
    assert low.counts() == {"missed": 0, "extra": 6, "kept": 2, "dropped": 0}


def test_gold_labels_are_used_where_they_are_chosen_or_all_there_is(room: Disagreements) -> None:
    score(room, GOLD)
    shown = room.shown(selection(), asked(GOLD))
    assert shown.labelled is not None and shown.labelled.gold
    assert shown.page["whose"] == "gold" and "Gold labels" in shown.page["about"]
    alone = Disagreements(room._library, room._bench, room._scores, room._store, [])
    first = alone.source(DATA, "")
    assert first is not None and first.key == GOLD


def test_without_any_label_the_tab_says_how_to_get_some(room: Disagreements) -> None:
    bare = parse_life({**roof_life(), "queries": []})
    empty = Library([Collection.of(DATA, "bare", [bare])])
    alone = Disagreements(empty, room._bench, room._scores, room._store, [])
    shown = alone.shown(selection(example=""), asked())
    assert shown.labelled is None and "labkit label FILE" in shown.page["empty"]
    assert alone.opened(selection("m0", ""), asked()) == NOTHING_OPEN


def test_a_pair_opens_by_the_selection_and_leads_to_its_place(room: Disagreements) -> None:
    score(room)
    found = room.opened(selection("m0"), asked())
    assert (found["query"], found["memory"]) == (LIFE.examples[0].id, "m0")
    assert room.opened(selection("m9"), asked()) == NOTHING_OPEN
    assert room.opened(selection("m0", LIFE.examples[1].id), asked()) == NOTHING_OPEN, "no label"
    place = room.place(DATA, LIFE.examples[0].id, "m0")
    assert place == (DATA, LIFE.id, LIFE.examples[0].id, "m0")
    with pytest.raises(InputError, match="in none of the lab's collections"):
        room.place(DATA, "gone", "m0")


def test_what_was_uploaded_has_its_own_gold_and_places(room: Disagreements, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({**roof_life(), "id": "life-mine"}) + "\n")
    added = room._library.add_file(path, "mine.jsonl")
    alone = Disagreements(room._library, room._bench, room._scores, room._store, [])
    here = Selection(added.key, "life-mine", "life-mine-q1", "fused", 50, MODEL, "m0")
    (source,) = alone.sources(added.key)
    assert source.title == "Gold: mine.jsonl, train"
    room._scores.score(MODEL, source.batch)
    shown = alone.shown(here, asked())
    assert "split train" in shown.page["caption"]
    assert alone.place(added.key, "life-mine-q1", "m0") == (
        added.key, "life-mine", "life-mine-q1", "m0",
    )  # fmt: skip
    assert alone.opened(here, asked())["memory"] == "m0"


def test_pairs_are_sent_once_with_what_is_known_of_them(room: Disagreements) -> None:
    score(room)
    query = LIFE.examples[0].id
    store = room.store  # type: ignore[attr-defined]
    assert room.send(selection(), asked(), [(query, "m0")], "ana") == "1 pair sent to annotation."
    (event,) = store.requested()
    assert (event.query, event.memory, event.annotator, event.model) == (query, "m0", "ana", MODEL)
    assert event.teacher_label == 0.7 and 0 < event.probability < 1
    again = room.send(selection(), asked(), [(query, "m0"), (query, "m1")], None)
    assert again == "1 pair sent to annotation; 1 had been sent before."
    assert room.send_shown(selection(), asked(), None).startswith("6 pairs sent")
    assert len(store.requested()) == 8
    with pytest.raises(InputError, match="is shown"):
        room.send(selection(), asked(), [(query, "m9")], None)
    with pytest.raises(InputError, match="no pair is shown"):
        room.send_shown(selection(), asked(threshold=1.0, quadrant="extra"), None)


def test_nothing_can_be_sent_before_it_is_scored(room: Disagreements) -> None:
    with pytest.raises(InputError, match="nothing is scored yet"):
        room.send(selection(), asked(), [(LIFE.examples[0].id, "m0")], None)


def test_a_labelled_query_is_read_as_the_lab_reads_it(room: Disagreements) -> None:
    """The item that is sent is the one that annotators get from the collection itself."""
    from labkit.annotation.queue import pairs_of

    labelled = room.source(DATA, "")
    assert labelled is not None
    mine = {memory.id: id_ for id_, memory, _ in pairs_of(labelled.batch.examples[0])}
    theirs = {memory.id: id_ for id_, memory, _ in pairs_of(LIFE.examples[0])}
    assert mine == theirs
