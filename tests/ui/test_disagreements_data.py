from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.errors import InputError
from labkit.records import RELEVANT, Dialogue, Example, Memory, Query, write_examples
from labkit.teachers.verdicts import Verdict, write_verdicts
from labkit.ui import labelled as reading
from labkit.ui.disagreement_chart import MATTERING, OTHERS, chart_note, drawn_places, scatter
from labkit.ui.disagreements_data import (
    EVERY,
    NO_KIND,
    ROWS_A_PAGE,
    SENT_AT_MOST,
    Filters,
    Pair,
    caption,
    choices,
    filtered,
    matters,
    opened,
    page_of,
    pairs_of,
    quadrant_of,
    to_send,
    verdicts_on,
    weigh,
)
from labkit.ui.labelled import (
    LABELS,
    bounded,
    bundled_labels,
    collection_for,
    gold_of,
    places_of,
    read_labelled,
    sources,
    splits_of,
    with_queries_of,
)
from labkit.ui.library import BUNDLED, DATA, Collection, Library, open_library
from labkit.ui.scores import QueryScores
from tests.ui.made_up import HOSTILE

MEMORIES = tuple(Memory(f"m{i}", f"memory {i}", "2025-01-02", "Ana") for i in range(4))
ERRORS = {"m0": 0.05, "m1": 0.3, "m2": 0.1, "m3": 0.02}


def example(number: int = 1, **changes: object) -> Example:
    values: dict[str, object] = {
        "labels": {"m0": 0.9, "m1": 0.7, "m2": 0.2, "m3": 0.1},
        "negative_kinds": {"m2": "superseded"},
        "why": "because",
        "extra": {
            "gold_labels": {"m0": 1.0},
            "label_errors": ERRORS,
            "labelled_by": ["one", "two"],
        },
    }
    return Example(
        Query(f"question {number}", f"q{number}", kind="causal"),
        MEMORIES,
        **{**values, **changes},  # type: ignore[arg-type]
    )


def folder(
    path: Path, *examples: Example, verdicts: Sequence[Verdict] = (), **summary: object
) -> Path:
    path.mkdir(exist_ok=True)
    write_examples(path / "examples.jsonl", examples)
    write_verdicts(path / "verdicts.jsonl", verdicts)
    whole = {"simulated": False, "complete": True, "labels": {"basis": "grades"}, **summary}
    (path / "summary.json").write_text(json.dumps(whole))
    return path


def scored(of: Example, *probabilities: float) -> QueryScores:
    values = np.array(probabilities)
    return QueryScores(of, of.memories[: len(values)], np.log(values / (1 - values)), values)


def bundled_stand_in() -> Collection:
    return Collection.of(BUNDLED, "bundled", [Dialogue("other", "t", MEMORIES)])


def some_pair(label: float, probability: float, error: float = 0.1, **changes: object) -> Pair:
    values: dict[str, object] = {
        "query": "q", "memory": "m", "gold": None, "kind": "causal",
        "negative_kind": NO_KIND, "split": "dev",
    }  # fmt: skip
    return Pair(label=label, probability=probability, error=error, **{**values, **changes})  # type: ignore[arg-type]


# --- what matters --------------------------------------------------------------------------------

in_unit = st.floats(0, 1)


@settings(deadline=None)  # the machine that tests is shared
@given(in_unit, in_unit, st.floats(0, 0.5), st.floats(0.01, 0.99))
def test_what_matters_is_never_negative_and_nothing_where_they_agree(
    label: float, p: float, error: float, threshold: float
) -> None:
    def one(p: float, error: float) -> float:
        return float(matters(np.array([label]), np.array([error]), np.array([p]), threshold)[0])

    assert one(p, error) >= 0
    assert one(label, max(error, 0.01)) == pytest.approx(0, abs=1e-6)
    assert one(p, error) <= one(p, 0.0) + 1e-12, "an uncertain label never weighs more"


def test_without_error_and_on_one_side_it_is_the_regret_in_log_loss() -> None:
    y, p = 0.3, 0.05
    loss = -(y * math.log(p) + (1 - y) * math.log(1 - p))
    entropy = -(y * math.log(y) + (1 - y) * math.log(1 - y))
    found = matters(np.array([y]), np.zeros(1), np.array([p]), 0.5)
    assert found[0] == pytest.approx(loss - entropy)


def test_crossing_the_threshold_counts_twice() -> None:
    label, p = np.array([0.8]), np.array([0.4])
    dropped = matters(label, np.zeros(1), p, 0.5)
    kept = matters(label, np.zeros(1), p, 0.3)
    assert dropped[0] == pytest.approx(2 * kept[0])


def test_a_ratio_of_odds_weighs_more_than_a_distance() -> None:
    same_distance = matters(np.array([0.11, 0.5]), np.zeros(2), np.array([0.01, 0.4]), 0.9)
    assert same_distance[0] > 3 * same_distance[1]


@pytest.mark.parametrize("p", [0.0, 1.0, 1e-12])
def test_a_probability_at_the_end_is_finite(p: float) -> None:
    found = matters(np.array([0.0, 1.0]), np.zeros(2), np.array([p, p]), 0.5)
    assert np.isfinite(found).all() and found.max() < 20


def test_quadrants_are_closed_from_above_as_everywhere() -> None:
    assert quadrant_of(RELEVANT, 0.5, 0.5) == "kept"
    assert quadrant_of(RELEVANT, 0.4999, 0.5) == "missed"
    assert quadrant_of(0.5999, 0.5, 0.5) == "extra"
    assert quadrant_of(0.0, 0.0, 0.5) == "dropped"


@settings(deadline=None)
@given(st.lists(st.tuples(in_unit, in_unit), max_size=30), st.floats(0.01, 0.99))
def test_weighing_sorts_and_loses_nothing(points: list[tuple[float, float]], t: float) -> None:
    pairs = [some_pair(y, p, memory=f"m{i}") for i, (y, p) in enumerate(points)]
    weighed = weigh(pairs, t)
    assert sorted(p.memory for p in weighed.pairs) == sorted(p.memory for p in pairs)
    assert list(weighed.matters) == sorted(weighed.matters, reverse=True)
    assert sum(weighed.counts().values()) == len(pairs)
    for pair, quadrant in zip(weighed.pairs, weighed.quadrants, strict=True):
        assert quadrant == quadrant_of(pair.label, pair.probability, t)


# --- pairs, filters, pages -----------------------------------------------------------------------


def test_pairs_carry_label_error_gold_and_where_they_belong(tmp_path: Path) -> None:
    labelled = read_labelled(folder(tmp_path / "l", example()))
    pairs = pairs_of(labelled, [scored(example(), 0.9, 0.1, 0.3, 0.2)], {"q1": "dev"})
    first, *_, third, _ = pairs
    assert (first.label, first.error, first.gold, first.probability) == (0.9, 0.05, 1.0, 0.9)
    assert (third.kind, third.negative_kind, third.split) == ("causal", "superseded", "dev")
    assert third.gold == 0.0, "gold without a label is 0"


@pytest.mark.parametrize("errors", ["no object", {"m0": "x", "m1": -1, "m2": 7}, None])
def test_errors_that_are_none_are_left_out(tmp_path: Path, errors: object) -> None:
    odd = example(extra={"label_errors": errors, "labelled_by": ["one"]})
    labelled = read_labelled(folder(tmp_path / "l", odd))
    pairs = pairs_of(labelled, [scored(odd, 0.9, 0.1)], {})
    assert [(p.error, p.gold) for p in pairs] == [(0.0, None)] * 2


def test_filters_keep_the_order_and_count_what_there_is() -> None:
    pairs = [
        some_pair(0.9, 0.1, kind="causal", split="dev"),
        some_pair(0.1, 0.8, kind="update", negative_kind="superseded", split="test"),
        some_pair(0.1, 0.1, kind="update", split="test"),
    ]
    weighed = weigh(pairs, 0.5)
    assert len(filtered(weighed, Filters())) == 3
    assert {p.kind for p in filtered(weighed, Filters(kind="update")).pairs} == {"update"}
    assert len(filtered(weighed, Filters(kind="update", negative_kind=NO_KIND))) == 1
    assert filtered(weighed, Filters(quadrant="missed")).quadrants == ("missed",)
    assert len(filtered(weighed, Filters(split="dev", quadrant="extra"))) == 0
    assert choices(pairs, "kind") == [
        ("all (3)", EVERY),
        ("update (2)", "update"),
        ("causal (1)", "causal"),
    ]


def test_a_page_says_split_n_model_and_threshold(tmp_path: Path) -> None:
    examples = [example(i) for i in range(10)]
    labelled = read_labelled(folder(tmp_path / "l", *examples))
    pairs = pairs_of(
        labelled,
        [scored(e, 0.9, 0.1, 0.3, 0.2) for e in examples],
        dict.fromkeys((e.id for e in examples), "dev"),
    )
    assert "no split named" in caption(labelled, weigh([some_pair(1, 1, split="")], 1), 1, "m")
    weighed = weigh(pairs, 0.25)
    first = page_of(labelled, weighed, 0, "mini", len(weighed))
    assert (first["page"], first["pages"]) == (0, 2)
    assert [row["place"] for row in first["rows"]] == list(range(1, ROWS_A_PAGE + 1))
    for part in ("split dev", "n = 40 pairs of 10 queries", "model mini", "threshold 0.250"):
        assert part in first["caption"]
    assert sum(int(tile["value"]) for tile in first["tiles"]) == 40
    assert page_of(labelled, weighed, 99, "mini", 40)["page"] == 1, "held within what there is"
    fewer = filtered(weighed, Filters(quadrant="missed"))
    assert "n = 10 of 40 pairs" in caption(labelled, fewer, 40, "mini")
    nothing = page_of(labelled, filtered(weighed, Filters(kind="gone")), 0, "mini", 40)
    assert nothing["rows"] == [] and "No pair passes" in nothing["empty"]


def test_what_is_sent_is_bounded_and_matters_most() -> None:
    weighed = weigh([some_pair(0.9, 0.001 + i / 1000, memory=str(i)) for i in range(300)], 0.5)
    sent = to_send(weighed)
    assert len(sent) == SENT_AT_MOST
    assert sent == list(weighed.pairs[:SENT_AT_MOST])


# --- verdicts ------------------------------------------------------------------------------------


def test_both_orders_of_a_pair_stand_side_by_side_told_for_the_memory(tmp_path: Path) -> None:
    verdicts = [
        Verdict("q1", "m0", "m1", "one", 0.8),
        Verdict("q1", "m1", "m0", "one", -0.6),
        Verdict("q1", "m1", "m0", "two", 0.5),
        Verdict("q1", "m0", "m1", "two", 0.4),
        Verdict("q1", "m0", "m2", "one", 0.0, "tied"),
        Verdict("q1", "m2", "m3", "one", 1.0),
        Verdict("q1", "m3", "m0", "two", 0.0, "refused"),
    ]
    labelled = read_labelled(folder(tmp_path / "l", example(), verdicts=verdicts))
    rows = {
        (r["teacher"], r["other"]): r for r in verdicts_on(labelled, example(), "m0")["verdicts"]
    }
    assert set(rows) == {("one", "m1"), ("two", "m1"), ("one", "m2"), ("two", "m3")}
    agreed = rows["one", "m1"]
    assert (agreed["first"], agreed["second"], agreed["note"]) == ("+0.80", "+0.60", "")
    torn = rows["two", "m1"]
    assert (torn["first"], torn["second"]) == ("+0.40", "\N{MINUS SIGN}0.50")
    assert "contradicts itself" in torn["note"]
    assert rows["one", "m2"]["first"] == "tie"
    assert rows["one", "m2"]["note"] == "asked in one order only"
    assert rows["two", "m3"]["second"] == "refused"
    none = verdicts_on(labelled, example(), "m9")
    assert none["verdicts"] == [] and "No verdict" in none["no_verdicts"]


def test_a_verdict_across_queries_names_the_other_question(tmp_path: Path) -> None:
    verdicts = [
        Verdict("q1", "m0", "m0", "one", 0.7, second_query="q2"),
        Verdict("q2", "m0", "m0", "one", -0.7, second_query="q1"),
        Verdict("q1", "m0", "m9", "one", 0.2, second_query="gone"),
    ]
    labelled = read_labelled(folder(tmp_path / "l", example(1), example(2), verdicts=verdicts))
    known, gone = verdicts_on(labelled, example(1), "m0")["verdicts"]
    assert (known["across"], known["first"], known["second"]) == ("question 2", "+0.70", "+0.70")
    assert gone["across"] == "gone" and gone["text"] == "not among what was read"
    (other,) = verdicts_on(labelled, example(2), "m0")["verdicts"]
    assert (other["across"], other["first"], other["second"]) == (
        "question 1", "\N{MINUS SIGN}0.70", "\N{MINUS SIGN}0.70",
    )  # fmt: skip


def test_an_opened_pair_shows_its_query_with_errors_and_gold(tmp_path: Path) -> None:
    labelled = read_labelled(folder(tmp_path / "l", example()))
    weighed = weigh(pairs_of(labelled, [scored(example(), 0.9, 0.1, 0.3, 0.2)], {"q1": "dev"}), 0.5)
    shown = opened(labelled, weighed, "q1", "m1", "mini")
    facts = dict(shown["facts"])
    assert facts["falls"] == "teachers high, student low"
    assert facts["teachers label"] == "0.70 ± 0.30 · supports"
    assert facts["student"] == "0.100 · irrelevant · mini"
    assert (facts["gold"], facts["split"]) == ("0.0 · irrelevant", "dev")
    assert [row["memory"] for row in shown["labels"]] == ["m0", "m1", "m2", "m3"]
    assert [row["this"] for row in shown["labels"]] == [False, True, False, False]
    json.dumps(shown)
    with pytest.raises(InputError, match="no pair of 'q9'"):
        opened(labelled, weighed, "q9", "m1", "mini")


# --- labels folders ------------------------------------------------------------------------------


def test_what_a_reader_should_know_of_the_labels_is_said(tmp_path: Path) -> None:
    graded = read_labelled(folder(tmp_path / "a", example()))
    assert graded.about == "Soft labels of one, two, fitted to their verdicts on pairs."
    assumed = folder(
        tmp_path / "b", example(), labels={"basis": "cross-query"}, simulated=True, complete=False
    )
    about = read_labelled(assumed).about
    assert "assumed shares" in about and "simulated" in about and "did not end" in about
    (assumed / "summary.json").write_text("{")
    (assumed / "verdicts.jsonl").unlink()
    bare = read_labelled(assumed)
    assert any("summary.json cannot be read" in problem for problem in bare.problems)
    assert any("verdicts.jsonl is missing" in problem for problem in bare.problems)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected a folder that labkit label wrote"),
        ("", "holds no labelled query"),
        ("{", "not JSON"),
        ('{"id": "q", "query": "a", "memories": []}\n', "does not say who labelled it"),
    ],
)
def test_a_folder_that_is_none_is_one_line(
    tmp_path: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "examples.jsonl").write_text(content)
    with pytest.raises(InputError, match=message):
        read_labelled(tmp_path)


def test_a_query_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="comes twice"):
        read_labelled(folder(tmp_path / "l", example(), example()))


def test_many_queries_are_drawn_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = [example(i) for i in range(30)]
    monkeypatch.setattr(reading, "PAIRS_SCORED", 40)
    kept, left_out = bounded(examples, None)
    assert (len(kept), left_out) == (10, 20)
    assert [e.id for e in kept] == [e.id for e in examples if e in kept], "in the file's order"
    assert bounded(examples, None)[0] == kept
    assert len(bounded(examples, 2)[0]) == 20


def test_gold_labels_are_named_as_such_split_by_split() -> None:
    library = open_library()
    (bundled,) = library.fixed.values()
    found = gold_of(bundled)
    assert [each.title.rpartition(", ")[2] for each in found] == ["dev", "test", "train"]
    for each in found:
        assert each.gold and each.whose == "gold"
        assert each.title.startswith("Gold: Bundled lives")
        assert "people gave them" in each.about
    dev = found[0]
    assert {splits_of(dev, library)[e.id] for e in dev.batch.examples} == {"dev"}
    assert verdicts_on(dev, dev.batch.examples[0], "m01")["no_verdicts"].startswith("Gold labels")


def test_a_collection_that_nobody_labelled_has_no_gold() -> None:
    memory = (Memory("m", "text"),)
    asked = Example(Query("who", "q"), memory, extra={"answer": "Ana"})
    upload = Collection.of("k", "t", [Dialogue("d", "t", memory, (asked,))])
    assert gold_of(upload) == []
    bare = Collection.of(
        "k", "t", [Dialogue("d", "t", memory, (Example(Query("w", "q"), memory),))]
    )
    assert gold_of(bare) == []


def test_queries_that_the_lab_lacks_become_a_collection_with_gold(tmp_path: Path) -> None:
    labelled = read_labelled(folder(tmp_path / "l", example(1), example(2)))
    mine = Collection.of(
        DATA, "mine", [Dialogue("d", "t", MEMORIES, (example(1, labels={"m0": 1.0}),))]
    )
    library = Library([mine])
    added = collection_for(labelled, library)
    assert added is not None and added.key == LABELS
    (dialogue,) = added.dialogues.values()
    assert dialogue.examples[0].id == "q2"
    assert dict(dialogue.examples[0].labels) == {"m0": 1.0}, "gold there, soft labels here"
    whole = Library([mine, added])
    assert {id_: place.collection for id_, place in places_of(whole).items()} == {
        "q1": DATA,
        "q2": LABELS,
    }
    assert collection_for(labelled, whole) is None
    opened_with = with_queries_of([labelled], Library([bundled_stand_in(), mine]))
    assert list(opened_with.fixed) == [BUNDLED, LABELS, DATA]
    assert list(with_queries_of([labelled], opened_with).fixed) == [BUNDLED, LABELS, DATA]


def test_the_bundled_labels_open_in_the_bundled_lives() -> None:
    path = bundled_labels()
    assert path is not None
    labelled = read_labelled(path)
    library = open_library()
    places = places_of(library)
    assert collection_for(labelled, library) is None
    assert set(splits_of(labelled, library).values()) == {"dev"}
    for one in labelled.batch.examples[::20]:
        place = places[one.id]
        known = {m.id: m.text for m in library.dialogue(place.collection, place.dialogue).memories}
        assert all(known[m.id] == m.text for m in one.memories)
        assert labelled.verdicts[one.id]
    titles = [each.title for each in sources([labelled], library, "bundled")]
    assert titles[0].startswith("Teachers: bm25, dense") and titles[1].startswith("Gold: ")


def test_labels_of_another_installation_can_be_read(tmp_path: Path) -> None:
    path = bundled_labels()
    assert path is not None
    shutil.copytree(path, tmp_path / "mine")
    assert read_labelled(tmp_path / "mine").by == ("bm25", "dense")


# --- the chart -----------------------------------------------------------------------------------


def test_every_pair_is_a_point_until_there_are_too_many() -> None:
    assert drawn_places(5) == [0, 1, 2, 3, 4]
    many = drawn_places(5_000)
    assert len(many) == len(set(many)) == MATTERING + OTHERS
    assert many[:MATTERING] == list(range(MATTERING)) and max(many) < 5_000
    assert many == drawn_places(5_000)
    assert "1,500 of 5,000 points" in chart_note(5_000, "gold", True)
    assert "points:" not in chart_note(1_500, "gold", False)


def test_hostile_text_is_no_markup_for_plotly_and_a_point_names_its_pair() -> None:
    text = "".join(HOSTILE)
    hostile = Example(
        Query(text, "q<b>"), (Memory("m<i>", text),), {"m<i>": 0.9}, extra={"label_errors": {}}
    )
    pair = some_pair(0.9, 0.1, query="q<b>", memory="m<i>")
    figure = scatter(weigh([pair], 0.5), {"q<b>": hostile}, "teachers")
    (trace,) = [trace for trace in figure.data if len(trace.x)]
    assert "<" not in trace.hovertext[0].replace("<br>", "")
    assert list(trace.customdata[0]) == ["q<b>", "m<i>"]
    assert trace.marker.symbol == "triangle-down"
    assert len({each.marker.symbol for each in figure.data}) == 4, "shape tells them apart too"
    texts = [note.text for note in figure.layout.annotations]
    assert "teachers high, student low: 1" in texts


def test_a_chart_of_nothing_is_no_error() -> None:
    assert not any(len(trace.x) for trace in scatter(weigh([], 0.5), {}, "gold").data)
