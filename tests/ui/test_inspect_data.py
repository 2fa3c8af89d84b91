from __future__ import annotations

import json
from dataclasses import replace

import pytest

from labkit.errors import InputError
from labkit.records import Dialogue, Example, Memory, Query, Ranking, Turn, level_of
from labkit.ui.bench import Bench
from labkit.ui.inspect_data import (
    LEVELS_SHORT,
    Form,
    abstention_of,
    asked_of,
    form_of,
    gold_state,
    query_of,
    short_level,
    signed,
    table_of,
    table_rows,
    view,
)
from labkit.ui.library import BUNDLED, DATA, Collection, Library, examples_of, open_library
from labkit.ui.link import OPENING, opening
from labkit.ui.selection import OWN, Selection

MEMORIES = (
    Memory("a", "Ana  did it", "2025-03-04T09:30", "Ana"),
    Memory("b", "Bo planned it"),
    Memory("c", "Cy heard of it", "2025"),
)
EXAMPLE = Example(
    Query("Who  did it?", "q", (Turn("Ana", "Well:\nwell."),), "2026-01-01", "person", "entity"),
    MEMORIES,
    labels={"a": 1.0, "b": 0.3},
    negative_kinds={"b": "planned_not_done"},
    why="Ana says so.",
)
RANKING = Ranking(
    EXAMPLE.query,
    (MEMORIES[1], MEMORIES[0]),
    (0.5, -0.001),
    (0.622, 0.49975),
    (2, 1),
    "model",
    frozenset({"a"}),
)
DIALOGUE = Dialogue("d", "A deed", MEMORIES, (EXAMPLE,))
SELECTION = Selection("data", "d", "q", "fused", 2, "some/folder/model")


def test_a_form_that_nobody_touched_gives_the_query_back_unchanged() -> None:
    assert query_of(form_of(EXAMPLE), EXAMPLE) == EXAMPLE.query


def test_every_bundled_query_survives_its_form() -> None:
    for dialogue in list(open_library().fixed[BUNDLED].dialogues.values())[::10]:
        for example in dialogue.examples:
            assert query_of(form_of(example), example) == example.query


def test_switching_a_part_off_keeps_the_gold_and_says_so() -> None:
    form = replace(form_of(EXAMPLE), context="", date="")
    query = query_of(form, EXAMPLE)
    assert (query.context, query.time, query.instruction) == ((), None, "person")
    asked = asked_of(form, EXAMPLE, query)
    assert asked["changed"].startswith("Changed: context, date.")
    assert asked["gold"] == "given"


def test_another_question_has_no_gold() -> None:
    form = replace(form_of(EXAMPLE), question="Who planned it?")
    query = query_of(form, EXAMPLE)
    assert (query.id, query.kind) == ("", None)
    asked = asked_of(form, EXAMPLE, query)
    assert asked["gold"] == "none"
    assert "no gold" in asked["expected"]
    assert asked["why"] == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"question": " \n"}, "the question is empty"),
        ({"date": "next Tuesday"}, "expected a date such as 2026-03-14"),
        ({"context": "Ana: hi\n\nhello"}, "context line 3 is 'hello'"),
        ({"context": ": hi"}, "context line 1"),
    ],
)
def test_a_field_that_cannot_be_read_is_named(change: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        query_of(replace(form_of(EXAMPLE), **change), EXAMPLE)


def test_a_typed_context_becomes_turns() -> None:
    query = query_of(Form("Who?", "Ana: at 9:30, she said\n\n Bo :ok "), None)
    assert query.context == (Turn("Ana", "at 9:30, she said"), Turn("Bo", "ok"))


def test_rows_hold_what_the_page_shows() -> None:
    first, second = table_rows(RANKING, EXAMPLE)
    assert (first["rank"], first["first"], first["change"]) == (1, 2, 1)
    assert (second["rank"], second["first"], second["change"]) == (2, 1, -1)
    assert (first["probability"], first["log_odds"]) == ("0.622", "+0.50")
    assert (second["probability"], second["log_odds"]) == ("0.500", "0.00")
    assert second["p"] == 0.49975  # the threshold is held against the number, not its rounding
    assert (first["label"], first["relevant"], first["kind"]) == (0.3, False, "planned_not_done")
    assert (second["label"], second["relevant"], second["truncated"]) == (1.0, True, True)
    assert (second["date"], second["words"]) == ("2025-03-04", 3)
    json.dumps([first, second])


def test_rows_without_gold_claim_none() -> None:
    assert [(r["label"], r["relevant"], r["kind"]) for r in table_rows(RANKING, None)] == [
        (None, None, "")
    ] * 2


def test_another_model_beside_it_is_found_by_memory() -> None:
    rival = replace(RANKING, memories=MEMORIES[:2], probabilities=(0.9, 0.1), model="a/b/rival")
    rows = table_rows(RANKING, EXAMPLE, rival)
    assert [(row["id"], row["other"]["rank"], row["other"]["probability"]) for row in rows] == [
        ("b", 2, "0.100"),
        ("a", 1, "0.900"),
    ]
    assert [row["other"] for row in table_rows(RANKING, EXAMPLE)] == [None, None]
    assert table_of(RANKING, DIALOGUE, EXAMPLE, SELECTION, rival)["rival"] == "rival"


def test_relevant_memories_that_the_first_stage_lost_are_counted() -> None:
    lost = replace(EXAMPLE, labels={"a": 1.0, "c": 0.8})
    table = table_of(RANKING, DIALOGUE, lost, SELECTION)
    assert (table["relevant"], table["lost"]) == (2, 1)
    for part in ("d · A deed", "n = 2 candidates of 3 memories", "fused, depth 2", "model model"):
        assert part in table["caption"]


def test_gold_states() -> None:
    assert gold_state(None) == "none"
    assert gold_state(EXAMPLE) == "given"
    assert gold_state(replace(EXAMPLE, labels={"b": 0.3})) == "abstain"
    assert gold_state(replace(EXAMPLE, labels={})) == "abstain"
    assert gold_state(replace(EXAMPLE, labels={}, extra={"answer": "Ana"})) == "unknown"


def test_an_answer_without_a_reason_is_shown() -> None:
    answered = replace(EXAMPLE, why=None, extra={"answer": "Ana"})
    assert asked_of(form_of(answered), answered, answered.query)["why"] == "the answer is Ana"


def test_levels_and_numbers_are_those_of_the_records() -> None:
    for value in (0.0, 0.1999, 0.2, 0.4, 0.5, 0.6, 0.79, 0.8, 1.0):
        assert LEVELS_SHORT[level_of(value)] == short_level(value)
    assert [signed(x) for x in (-0.001, 0.0, -1.5, 2)] == ["0.00", "0.00", "−1.50", "+2.00"]


def test_a_view_ranks_and_links(library: Library, bench: Bench) -> None:
    selection = Selection(DATA, "life-roof", "life-roof-q1", "fused", 5, "minilm-cosine")
    example = library.dialogue(DATA, "life-roof").examples[0]
    shown = view(library, bench, selection, form_of(example))
    rows = shown.table["rows"]
    assert len(rows) == 5
    assert sorted(row["first"] for row in rows) == [1, 2, 3, 4, 5]
    assert [row["p"] for row in rows] == sorted((row["p"] for row in rows), reverse=True)
    assert shown.asked["turns"] == [{"speaker": "Cy", "text": "The barn is dry now.", "mine": True}]
    own = view(library, bench, selection, Form("Who has a car?"))
    assert own.table["gold"] == "none"


def test_a_view_says_whether_the_model_would_abstain(library: Library) -> None:
    bench = Bench(["mini", "minilm-late"])
    selection = Selection(DATA, "life-roof", OWN, "fused", 5, "mini")
    model = bench.reranker("mini").abstention
    assert model is not None
    found = {}
    for text in ("When was the roof repaired?", "Which bank holds the mortgage of the lighthouse?"):
        said = view(library, bench, selection, Form(text)).table["abstention"]
        p = bench.rank(
            library.dialogue(DATA, "life-roof"), query_of(Form(text), None), selection
        ).answerable
        assert p is not None and said["abstains"] == (p < model.threshold)
        assert f"probability {p:.2f}" in said["text"] and f"{model.threshold:.2f}" in said["text"]
        found[text] = p
    late = view(library, bench, replace(selection, model="minilm-late"), Form("Who?"))
    card_knows = bench.reranker("minilm-late").abstention is not None
    assert (late.table["abstention"] is not None) == card_knows
    assert len(set(found.values())) == 2


def test_a_model_that_says_which_side_it_is_on_says_so_in_words() -> None:
    ranking = Ranking(
        Query("Who?"), (Memory("a", "x"),), (0.0,), (0.5,), (1,), model="of/one", answerable=0.4
    )
    sure, unsure = abstention_of(ranking, 0.3), abstention_of(ranking, 0.5)
    assert (
        sure is not None and not sure["abstains"] and "one would abstain below 0.30" in sure["text"]
    )
    assert unsure is not None and unsure["abstains"]
    assert unsure["text"].startswith("one would abstain") and "below its 0.50" in unsure["text"]
    assert abstention_of(replace(ranking, answerable=None), 0.3) is None


def test_an_upload_is_ranked_and_an_empty_question_is_asked_for(
    library: Library, bench: Bench
) -> None:
    added = library.add_text("Ana: the roof leaks again\nBo: since when?")
    (name,) = added.dialogues
    selection = Selection(added.key, name, OWN, "none", 50, "minilm-cosine")
    assert len(view(library, bench, selection, Form("What leaks?")).table["rows"]) == 2
    empty = view(library, bench, selection, Form())
    assert empty.table["rows"] == []
    assert "Type a question" in empty.table["empty"]


def test_a_dialogue_without_memories_says_so(bench: Bench) -> None:
    library = Library([Collection.of("k", "t", [Dialogue("d", "t", ())])])
    shown = view(
        library, bench, Selection("k", "d", OWN, "fused", 5, bench.models[0]), Form("Who?")
    )
    assert shown.table["empty"] == "This dialogue has no memories to rank."


def test_only_the_models_of_the_lab_can_be_asked_for(library: Library, bench: Bench) -> None:
    with pytest.raises(InputError, match="no model '/etc'"):
        view(library, bench, Selection(DATA, "life-roof", OWN, "none", 5, "/etc"), Form("Who?"))


def test_the_first_screen_shows_a_superseded_memory_on_top(bench: Bench) -> None:
    library = open_library()
    place = opening(library, {})
    assert place == (BUNDLED, *OPENING, "")
    example = examples_of(library.dialogue(*place[:2]))[place.query]
    shown = view(
        library, bench, Selection(*place[:3], "fused", 50, "minilm-cosine"), form_of(example)
    )
    top = shown.table["rows"][0]
    assert (top["kind"], top["relevant"]) == ("superseded", False)


def test_a_row_says_on_one_line_what_the_memory_followed() -> None:
    before = replace(MEMORIES[0], previous=Turn("Bo", "Who\n did " + "it " * 80))
    ranking = replace(RANKING, memories=(MEMORIES[1], before))
    first, second = table_rows(ranking, EXAMPLE)
    assert first["before"] == ""
    assert second["before"].startswith("Bo: Who did it it") and len(second["before"]) == 121
