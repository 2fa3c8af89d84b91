from __future__ import annotations

import json
from pathlib import Path

import pytest

from labkit.records import Example, Query, write_examples
from labkit.scoring.shards import LocalEngine
from labkit.students.encoder import EncoderStudent
from tests.conftest import make_memories

pytest.importorskip("ray")

from labkit.scoring.reranker import Reranker
from labkit.scoring.shards import score_data
from labkit.scoring.throughput import Row, Timing, _Timed, main, table


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    memories = tuple(make_memories(6))
    write_examples(path, [Example(Query(f"Who, {i}?", id=f"q{i}"), memories) for i in range(40)])
    return path


def test_rates_are_medians_by_clock() -> None:
    timings = (Timing(100, 9.0, 80, 4.0, 2.0), Timing(100, 9.0, 80, 8.0, 5.0))
    row = Row("local", (*timings, timings[1]), 0.0)
    assert row.rates() == (10, 20)
    assert "| local | 10.0 | 20.0 | 0.0e+00 |" in table([row])


def test_the_start_is_not_in_the_steady_time(
    data: Path, tmp_path: Path, encoder: EncoderStudent
) -> None:
    timed = _Timed(LocalEngine(Reranker(encoder, "tiny"), "tiny"), 1)
    score_data(data, tmp_path / "out", timed, shards=8)
    found = timed.timing()
    assert found.pairs == 240 > found.steady_pairs > 180
    assert 0 < found.steady_seconds < found.seconds


def test_too_little_data_is_one_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([str(data), "--queries", "9"])
    assert "has 9 queries, expected at least 16" in capsys.readouterr().err


@pytest.mark.slow
def test_both_engines_are_timed_in_one_run(
    data: Path, tmp_path: Path, encoder: EncoderStudent, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder.save(tmp_path / "student")
    main([str(data), "--model", str(tmp_path / "student"), "--repetitions", "1", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [row["engine"] for row in found] == [
        "local, 1 thread", "local, 2 threads", "ray, 2 workers",
    ]  # fmt: skip
    for row in found:
        assert row["pairs_per_second"] > 0 and row["pairs_per_processor_second"] > 0
    assert found[2]["largest_difference"] == 0 and found[1]["largest_difference"] < 1e-4
