from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from labkit.records import Example, Memory, Query, write_examples
from tests.test_cli import MEMORIES, run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    examples = [Example(Query(f"What, {i}?", id=f"x-{i}"), MEMORIES, {"m2": 1.0}) for i in range(3)]
    write_examples(path, [*examples, Example(Query("Why?", id="y"), (Memory("m", "So."),))])
    return path


def test_score_writes_a_row_a_pair_and_says_how_many(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["score", data, "--out", tmp_path / "out", "--model", "minilm-cosine"]
    code, out, err = run(*arguments, "--shards", 2, capsys=capsys)
    assert code == 0 and "10 pairs of 4 Examples in 2 shards" in out and "processor" in err
    rows = [
        r
        for p in sorted((tmp_path / "out").glob("*.parquet"))
        for r in pq.read_table(p).to_pylist()
    ]
    code, ranked, _ = run("rerank", data, "--json", "--model", "minilm-cosine", capsys=capsys)
    expected = {
        (line["id"], result["id"]): result["probability"]
        for line in map(json.loads, ranked.splitlines())
        for result in line["results"]
    }
    found = {(row["id"], row["memory_id"]): row["probability"] for row in rows}
    assert found == pytest.approx(expected, abs=1e-4)
    code, out, _ = run(*arguments, "--json", capsys=capsys)
    assert code == 0 and json.loads(out)["complete"]


BAD = {
    "no such engine": (["--engine", "spark"], "expected local or ray"),
    "workers of the local engine": (["--workers", 2], "expected --engine ray"),
    "no such model": (["--model", "nope"], "no model 'nope'"),
}


@pytest.mark.parametrize("premise", BAD)
def test_bad_input_is_one_line(
    premise: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more, expected = BAD[premise]
    code, out, err = run("score", data, "--out", tmp_path / "out", *more, capsys=capsys)
    assert code == 2 and out == "" and expected in err and "Traceback" not in err
    assert not (tmp_path / "out").exists()
