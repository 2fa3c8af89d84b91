"""Whatever Example JSONL comes: it is measured, or told what is missing; nothing falls over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labkit.evaluation.benchmarks import BENCHMARKS, read_benchmark
from labkit.evaluation.page import page
from labkit.evaluation.report import Table, markdown, tables_of, to_json
from labkit.evaluation.rivals import Student
from labkit.evaluation.run import Plan, evaluate
from labkit.retrieval.first_stage import Method
from labkit.scoring.reranker import Reranker
from labkit.students.encoder import EncoderStudent


@pytest.fixture
def measured(tmp_path: Path, encoder: EncoderStudent) -> Callable[..., Table]:
    """Write lines, measure BM25 and a tiny encoder on them, render everything."""

    def measure(*lines: dict[str, Any], methods: tuple[Method, ...] = ("bm25",)) -> Table:
        path = tmp_path / "any.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        asked = read_benchmark(BENCHMARKS["examples"], "all", path)
        rival = Student(Reranker(encoder, "tiny"), "tiny")
        rows = evaluate(asked, Plan(methods, (rival,), ("date",), out=tmp_path / "out"))
        (table,) = tables_of(rows)
        for text in (markdown([table]), json.dumps(to_json([table]), allow_nan=False)):
            assert "any.jsonl" in text
        return table

    return measure


def memory(i: int, text: str | None = None) -> dict[str, Any]:
    return {"id": f"m{i}", "text": text or f"Memory number {i} of the roof."}


def line(**changes: Any) -> dict[str, Any]:
    return {
        "id": "q1",
        "query": "Who mended the roof?",
        "memories": [memory(i) for i in range(4)],
        "labels": {"m2": 1.0},
        **changes,
    }


def value(table: Table, measure: str, row: int = -1) -> float:
    return table.summaries[row].overall[measure].value


def test_labels_missing_everywhere(measured: Callable[..., Table]) -> None:
    bare = {key: part for key, part in line().items() if key != "labels"}
    table = measured(bare, {**bare, "id": "q2", "labels": None})
    assert table.summaries[0].counted == 0
    assert np.isnan(value(table, "MAP")) and np.isnan(value(table, "abstain_AUROC"))
    assert value(table, "Brier") > 0  # a memory without a label counts as 0
    assert "none with a relevant memory" in markdown([table])
    assert "Reliability of" in "".join(page([table]))


def test_some_queries_with_labels_and_some_without(measured: Callable[..., Table]) -> None:
    table = measured(line(), line(id="q2", labels={}), line(id="q3", labels={"m1": 0.3}))
    assert (table.summaries[0].queries, table.summaries[0].counted) == (3, 1)
    assert 0 < value(table, "MAP") <= 1
    assert 0 <= value(table, "abstain_AUROC") <= 1


def test_one_memory(measured: Callable[..., Table]) -> None:
    table = measured(line(memories=[memory(0)], labels={"m0": 0.7}))
    assert value(table, "MAP") == value(table, "nDCG@10") == value(table, "R_all@5") == 1


def test_no_memory_at_all(measured: Callable[..., Table]) -> None:
    table = measured(line(memories=[], labels={}), line(id="q2"))
    assert (table.summaries[0].queries, table.summaries[0].counted) == (2, 1)
    alone = measured(line(id="q3", memories=[], labels={}))
    assert np.isnan(value(alone, "Brier"))


def test_two_thousand_memories(measured: Callable[..., Table]) -> None:
    memories = [memory(i, f"Box {i} holds {i * 7 % 100} nails.") for i in range(2000)]
    memories[1234] = memory(1234, "Ana mended the roof.")
    table = measured(line(memories=memories, labels={"m1234": 1.0}))
    assert value(table, "MAP", row=0) == 1
    assert table.rows[1].queries[0].ranked == 2000
    assert len(table.rows[1].queries[0].probabilities) == 50


def test_a_memory_of_twenty_thousand_characters(measured: Callable[..., Table]) -> None:
    long = "The roof was mended by Ana, she said. " * 530
    assert len(long) > 20_000
    table = measured(
        line(memories=[memory(0, long), *map(memory, (1, 2))]), methods=("bm25", "dense")
    )
    assert table.rows[2].queries[0].truncated == 1
    assert table.summaries[2].truncated == pytest.approx(1 / 3)


def test_names_and_texts_that_no_writer_expects(measured: Callable[..., Table]) -> None:
    odd = [
        memory(0, "<script>alert(1)</script>"),
        memory(1, "\u202eright to left\ud83d\ude00 | pipe"),
        memory(2, "same"),
        {"id": 7, "text": "same", "time": "2026-01"},
        {"id": "|", "text": " "},
    ]
    table = measured(
        line(category="<i>odd</i> | kind", memories=odd, labels={"m2": 1.0, "7": 0.61}),
        line(id="q2", category=None, context=[{"speaker": "", "text": "", "time": None}]),
    )
    assert table.summaries[0].counted == 2
    page_text = "".join(page([table]))
    assert "<i>odd" not in page_text


def test_the_same_id_and_query_many_times(measured: Callable[..., Table]) -> None:
    table = measured(*[line() for _ in range(5)])
    assert table.summaries[0].queries == 5
    low, high = table.summaries[0].overall["MAP"].interval
    assert low == pytest.approx(high)
