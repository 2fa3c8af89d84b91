from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.evaluation.benchmarks import Asked
from labkit.evaluation.first_stages import rank_all
from labkit.evaluation.measures import parse_measure, ranking_value
from labkit.evaluation.results import Row, file_of, read_row, read_rows
from labkit.evaluation.run import Plan, evaluate
from labkit.llm.client import BudgetSpent
from labkit.records import Example, Memory, Query
from tests.evaluation.made_up import Scripted, asked, example, perfect


@pytest.fixture
def questions(tmp_path: Path) -> Asked:
    return asked(tmp_path / "data.jsonl", [example(i, relevant=(1, 4)) for i in range(9)])


def mean(row: Row, measure: str) -> float:
    parsed = parse_measure(measure)
    return float(np.nanmean([ranking_value(parsed, q.judged()) for q in row.queries]))


def without_times(row: Row) -> list[Any]:
    return [replace(query, seconds=None) for query in row.queries]


def test_every_row_ranks_everything_and_rivals_get_the_same_candidates(questions: Asked) -> None:
    one, other = Scripted(perfect), Scripted(lambda q, m: len(m.text), name="longest")
    rows = evaluate(questions, Plan(("bm25", "none"), (one, other), candidates=3))
    assert [row.name for row in rows] == [
        *("bm25", "none", "bm25 3 > scripted", "bm25 3 > longest"),
    ]
    assert all(query.ranked == 6 for row in rows for query in row.queries)
    assert one.questions == other.questions
    assert all(len(memories) == 3 for _, memories in one.questions)
    for first, reranked in zip(rows[0].queries, rows[2].queries, strict=True):
        assert set(first.ids[:3]) == set(reranked.ids[:3])
        assert first.ids[3:] == reranked.ids[3:]
        assert len(reranked.probabilities) == 3 and not first.probabilities
    assert mean(rows[2], "MAP") >= mean(rows[0], "MAP")


def test_a_rival_that_cannot_tell_leaves_the_first_stage_as_it_was(questions: Asked) -> None:
    first, same = evaluate(questions, Plan(("bm25",), (Scripted(lambda q, m: 0.5),)))
    assert [q.ids for q in first.queries] == [q.ids for q in same.queries]
    assert [q.gains for q in first.queries] == [q.gains for q in same.queries]


def test_one_that_knows_is_right_wherever_the_evidence_was(questions: Asked) -> None:
    _, row = evaluate(questions, Plan(("none",), (Scripted(perfect),)))
    assert mean(row, "MAP") == mean(row, "R_all@5") == 1


def test_evidence_that_stands_first_in_the_file_gains_nothing_from_ties(tmp_path: Path) -> None:
    def guessed(i: int) -> Example:
        memories = tuple(Memory(f"m{i}-{j}", f"word{i}x{j}") for j in range(10))
        return Example(Query("Anything?", f"q{i}"), memories, {f"m{i}-0": 1.0})

    every = asked(tmp_path / "data.jsonl", [guessed(i) for i in range(150)])
    by_bm25, as_given = evaluate(every, Plan(("bm25", "none")))
    chance = np.mean(1 / np.arange(1, 11))
    assert mean(by_bm25, "MRR") == pytest.approx(chance, abs=0.06)
    assert mean(as_given, "MRR") == 1


def test_first_stage_orders_are_kept_and_read_back(tmp_path: Path, questions: Asked) -> None:
    calls: list[None] = []
    first = rank_all(
        questions, ("bm25", "none"), cache=tmp_path, on_query=lambda: calls.append(None)
    )
    again = rank_all(
        questions, ("bm25", "none"), cache=tmp_path, on_query=lambda: calls.append(None)
    )
    assert len(calls) == 9
    for one, other in zip(first, again, strict=True):
        assert one.example == other.example and one.seconds == other.seconds
        assert all((one.orders[m] == other.orders[m]).all() for m in ("bm25", "none"))


def test_what_is_withheld_is_not_seen_and_the_candidates_stay(questions: Asked) -> None:
    rival = Scripted(perfect)
    rows = evaluate(questions, Plan(("bm25",), (rival,), ("context", "date", "instruction")))
    assert [row.name.partition(" without ")[2] for row in rows] == [
        *("", "", "context", "date", "instruction"),
    ]
    size = questions.queries
    whole, context, date, instruction = (
        rival.questions[i * size : (i + 1) * size] for i in range(4)
    )
    for i, (query, memories) in enumerate(whole):
        assert query.context and query.time and query.instruction
        assert context[i] == (replace(query, context=()), memories)
        assert instruction[i] == (replace(query, instruction=None), memories)
        dateless, undated = date[i]
        assert dateless == replace(query, time=None)
        assert [m.text for m in undated] == [m.text for m in memories]
        assert {m.time for m in undated} == {None}


# --- stopped and gone on -------------------------------------------------------------------------


def test_a_run_that_is_stopped_goes_on_where_it_was(tmp_path: Path, questions: Asked) -> None:
    whole = evaluate(questions, Plan(("bm25",), (Scripted(perfect),)))
    out = tmp_path / "out"
    stopped = Scripted(perfect, stop_after=4)
    with pytest.raises(KeyboardInterrupt):
        evaluate(questions, Plan(("bm25",), (stopped,), out=out))
    assert not list(out.rglob("*scripted*.result.json"))
    goes_on = Scripted(perfect)
    rows = evaluate(questions, Plan(("bm25",), (goes_on,), out=out))
    assert len(goes_on.questions) == questions.queries - 4
    assert without_times(rows[1]) == without_times(whole[1])
    assert not list(out.rglob("*.journal"))


def test_a_torn_last_line_costs_that_query_only(tmp_path: Path, questions: Asked) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        evaluate(questions, Plan(("bm25",), (Scripted(perfect, stop_after=4),), out=out))
    (journal,) = out.rglob("*.journal")
    journal.write_bytes(journal.read_bytes()[:-20])
    goes_on = Scripted(perfect)
    evaluate(questions, Plan(("bm25",), (goes_on,), out=out))
    assert len(goes_on.questions) == questions.queries - 3


def test_a_whole_row_is_not_run_again_unless_the_ranker_changed(
    tmp_path: Path, questions: Asked
) -> None:
    out = tmp_path / "out"
    evaluate(questions, Plan(("bm25",), (Scripted(perfect),), out=out))
    notes: list[str] = []
    again, changed = Scripted(perfect), Scripted(perfect, version=2)
    evaluate(questions, Plan(("bm25",), (again,), out=out), on_note=notes.append)
    assert not again.questions and "is taken from" in notes[0]
    evaluate(questions, Plan(("bm25",), (changed,), out=out))
    assert len(changed.questions) == questions.queries
    fewer = Scripted(perfect)
    evaluate(questions, Plan(("bm25",), (fewer,), candidates=2, out=out))
    assert len(fewer.questions) == questions.queries


def test_a_spent_budget_leaves_a_row_out_and_the_others_in(questions: Asked) -> None:
    class Broke(Scripted):
        def rank(self, questions: Any, done: Any) -> None:
            raise BudgetSpent("of the budget of 1, 1 is spent")

    notes: list[str] = []
    plan = Plan(("bm25",), (Broke(perfect, name="dear"), Scripted(perfect)))
    rows = evaluate(questions, plan, on_note=notes.append)
    assert [row.name for row in rows] == ["bm25", "bm25 50 > scripted"]
    assert "dear" in notes[0] and "spent" in notes[0]


def test_scores_that_are_no_numbers_are_told_and_not_measured(questions: Asked) -> None:
    _, row = evaluate(questions, Plan(("bm25",), (Scripted(lambda q, m: float("nan")),)))
    assert {query.problem for query in row.queries} == {"scores that are no numbers"}
    assert not any(query.probabilities for query in row.queries)


# --- result files --------------------------------------------------------------------------------


def test_a_result_says_what_it_was_made_of_and_reads_back_the_same(
    tmp_path: Path, questions: Asked
) -> None:
    plan = Plan(("bm25",), (Scripted(perfect),), out=tmp_path / "out", command="labkit eval x")
    rows = evaluate(questions, plan)
    files = sorted((tmp_path / "out").rglob("*.result.json"))
    assert read_rows([tmp_path / "out"]) == rows
    assert {read_row(file).name for file in files} == {row.name for row in rows}
    item = json.loads(file_of(tmp_path / "out", rows[1]).read_text())
    assert item["command"] == "labkit eval x"
    assert item["data"]["sha256"] == questions.sha256
    assert item["data"]["sample"] == {"kinds": None, "limit": None, "seed": 0}
    assert len(item["code"]["source_sha256"]) == 64
    assert item["ranker"]["source"] == "scripted"
    first = item["queries"][0]
    assert first["values"]["MAP"] == 1 and first["kind"] == "even"


def test_rows_of_names_that_look_alike_in_a_path_have_files_of_their_own(
    tmp_path: Path, questions: Asked
) -> None:
    rivals = (Scripted(perfect, name="a/b"), Scripted(perfect, name="a b"))
    evaluate(questions, Plan(("bm25",), rivals, out=tmp_path))
    assert len(read_rows([tmp_path])) == 3


@pytest.mark.parametrize("damage", ["", "{", '{"format": 1}', '{"format": 99, "queries": []}'])
def test_a_damaged_result_is_one_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "x.result.json"
    path.write_text(damage)
    with pytest.raises(InputError, match="x.result.json: .*labkit eval"):
        read_rows([tmp_path])


def test_a_folder_without_results_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no .result.json"):
        read_rows([tmp_path])
    with pytest.raises(InputError, match="no such folder"):
        read_rows([tmp_path / "nothing"])
