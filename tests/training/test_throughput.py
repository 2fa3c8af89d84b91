from __future__ import annotations

import json

import pytest

from labkit.errors import InputError
from labkit.training.throughput import Comparison, Timing, compare, main, table


def test_medians_and_their_ratio_are_taken_by_clock() -> None:
    ours = (Timing(1.0, 0.5), Timing(2.0, 0.5), Timing(9.0, 0.5))
    peers = (Timing(4.0, 1.0), Timing(4.0, 1.0), Timing(40.0, 1.0))
    found = Comparison("float32", 100, ours, peers)
    assert found.pairs_per_second("wall") == (50, 25) and found.ratio("wall") == 2
    assert found.to_json()["processor"]["ratio"] == 2
    assert "| float32 | wall | 50.0 | 25.0 | 2.00 |" in table([found])


def test_data_that_is_too_little_is_one_line(
    data: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="has 0 train queries with one relevant memory and 7"):
        compare(data["lives"])
    with pytest.raises(SystemExit):
        main([data["lives"]])
    assert "take fewer --steps" in capsys.readouterr().err
    with pytest.raises(InputError, match="precision is 'int4'"):
        compare(data["lives"], precisions=["int4"])
    with pytest.raises(InputError, match="device 'cuda:77' cannot be used"):
        compare(data["lives"], device="cuda:77")


@pytest.mark.slow
def test_both_trainers_are_timed_in_one_run(capsys: pytest.CaptureFixture[str]) -> None:
    from pathlib import Path

    lives = Path(__file__).parents[2] / "assets" / "lives"
    main([str(lives), "--steps", "1", "--queries", "1", "--repetitions", "1", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [each["precision"] for each in found["comparisons"]] == ["float32", "bfloat16"]
    for each in found["comparisons"]:
        assert each["pairs"] == 8 and each["wall"]["ratio"] > 0
