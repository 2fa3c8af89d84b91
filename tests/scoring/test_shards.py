"""Premise: every pair of the data stands in the files once, whatever is killed or done again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit.errors import InputError
from labkit.records import Example, Query, to_dataset, write_examples
from labkit.scoring.reranker import Reranker
from labkit.scoring.shards import (
    MANIFEST,
    Job,
    LocalEngine,
    Scored,
    Shard,
    plan,
    read_shard,
    score_data,
)
from labkit.students.encoder import EncoderStudent
from tests.conftest import make_memories


def make_examples(count: int) -> list[Example]:
    return [
        Example(
            Query(f"Who mended roof {i}?", id=f"q{i}", time="2026-03-14" if i % 2 else None),
            tuple(make_memories(i % 4)),
            {"m0": 1.0} if i % 4 else {},
        )
        for i in range(count)
    ]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    write_examples(path, make_examples(11))
    return path


@pytest.fixture(scope="module")
def reranker(encoder: EncoderStudent) -> Reranker:
    return Reranker(encoder, "tiny")


@pytest.fixture
def engine(reranker: Reranker) -> LocalEngine:
    return LocalEngine(reranker, "tiny")


def table(out: Path) -> pa.Table:
    return pa.concat_tables(pq.read_table(path) for path in sorted(out.glob("*.parquet")))


def written(out: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in out.glob("*.parquet")}


# --- what is written -----------------------------------------------------------------------------


def test_each_pair_has_one_row_with_the_scores_of_the_library(
    data: Path, tmp_path: Path, engine: LocalEngine, reranker: Reranker
) -> None:
    manifest = score_data(data, tmp_path / "out", engine, shards=4)
    rows = table(tmp_path / "out").to_pylist()
    expected = [
        (i, example.id, memory.id)
        for i, example in enumerate(make_examples(11))
        for memory in example.memories
    ]
    assert [(row["example"], row["id"], row["memory_id"]) for row in rows] == expected
    assert manifest["complete"] and manifest["pairs"] == len(expected) and manifest["shards"] == 4
    assert manifest == json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert written(tmp_path / "out") == {f["name"]: f["sha256"] for f in manifest["files"]}
    for example in make_examples(11):
        mine = [row for row in rows if row["id"] == example.id]
        ranking = reranker.rerank(example.query, example.memories)
        of = dict(zip((m.id for m in ranking.memories), ranking.probabilities, strict=True))
        assert np.allclose(
            [row["log_odds"] for row in mine],
            reranker.score(example.query, example.memories),
            atol=1e-5,
        )
        assert np.allclose([row["probability"] for row in mine], [of[r["memory_id"]] for r in mine])


def test_parquet_gives_what_the_same_examples_as_jsonl_give(
    data: Path, tmp_path: Path, engine: LocalEngine
) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(to_dataset(make_examples(11)).data.table, path, row_group_size=3)
    score_data(data, tmp_path / "one", engine, shards=1)
    manifest = score_data(path, tmp_path / "two", engine, shards=5)
    assert manifest["shards"] == 5
    one, two = table(tmp_path / "one"), table(tmp_path / "two")
    same = ["example", "id", "memory_id", "truncated"]
    assert one.select(same).equals(two.select(same))
    assert np.allclose(one["log_odds"], two["log_odds"], atol=1e-5)


def test_a_folder_of_files_is_read_in_name_order(tmp_path: Path, engine: LocalEngine) -> None:
    examples = make_examples(9)
    folder = tmp_path / "data"
    write_examples(folder / "a.jsonl", examples[:5])
    to_dataset(examples[5:]).to_parquet(folder / "b.parquet")
    manifest = score_data(folder, tmp_path / "out", engine, shards=1)
    assert manifest["shards"] == 2 and [f["examples"] for f in manifest["data"]] == [5, 4]
    ids = table(tmp_path / "out")["id"].to_pylist()
    assert list(dict.fromkeys(ids)) == [e.id for e in examples if e.memories]


# --- cutting -------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    lengths=st.lists(st.integers(0, 300), min_size=1, max_size=30),
    count=st.integers(1, 40),
    last_line_ends=st.booleans(),
)
def test_shards_cover_every_line_once_in_order(
    tmp_path: Path, lengths: list[int], count: int, last_line_ends: bool
) -> None:
    lines = [
        "" if length == 0 else json.dumps({"id": str(i), "query": "q" * length, "memories": []})
        for i, length in enumerate(lengths)
    ]
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(lines) + ("\n" if last_line_ends else ""))
    wanted = [str(i) for i, length in enumerate(lengths) if length]
    if not wanted:
        with pytest.raises(InputError, match="holds no line"):
            plan(path, count)
        return
    files, shards = plan(path, count)
    assert len(shards) <= count and files[0].examples == len(wanted)
    found = [pair for shard in shards for pair in read_shard(tmp_path, shard)]
    assert [example.id for _, example in found] == wanted
    assert [place for place, _ in found] == list(range(len(wanted)))
    assert all(shard.examples for shard in shards)


def test_shards_are_of_like_size(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    write_examples(path, make_examples(400))
    _, shards = plan(path, 10)
    sizes = [shard.end - shard.start for shard in shards]
    assert len(shards) == 10 and max(sizes) < 1.1 * min(sizes)
    assert len(plan(path)[1]) == 16


# --- going on ------------------------------------------------------------------------------------


class _Counting:
    """The local engine, which notes what it is asked to score and may be stopped."""

    name, workers = "counting", 1

    def __init__(self, engine: LocalEngine, stop_after: int | None = None) -> None:
        self._engine = engine
        self._stop_after = stop_after
        self.scored: list[int] = []

    def identity(self) -> dict[str, Any]:
        return self._engine.identity()

    def run(self, job: Job, shards: Sequence[Shard]) -> Iterator[Scored]:
        for shard in shards:
            if len(self.scored) == self._stop_after:
                raise KeyboardInterrupt
            self.scored.append(shard.number)
            yield from self._engine.run(job, [shard])


def test_a_stopped_run_goes_on_with_the_shards_that_are_left(
    data: Path, tmp_path: Path, engine: LocalEngine
) -> None:
    score_data(data, tmp_path / "whole", engine, shards=5)
    out = tmp_path / "out"
    first = _Counting(engine, stop_after=2)
    with pytest.raises(KeyboardInterrupt):
        score_data(data, out, first, shards=5)
    assert not json.loads((out / MANIFEST).read_text())["complete"]
    (out / ".labkit-half").write_bytes(b"PAR1 half a file")
    second = _Counting(engine)
    shown: list[tuple[int, int]] = []
    manifest = score_data(data, out, second, on_progress=lambda *pair: shown.append(pair))
    assert first.scored == [0, 1] and second.scored == [2, 3, 4]
    assert written(out) == written(tmp_path / "whole") and manifest["complete"]
    assert 0 < shown[0][0] < shown[-1][0] == shown[-1][1] == 11
    assert sorted(p.name for p in out.iterdir()) == sorted([*written(out), MANIFEST])
    third = _Counting(engine)
    assert score_data(data, out, third) == manifest and not third.scored


@pytest.mark.parametrize("damage", ["gone", "torn", "of another run"])
def test_a_shard_that_is_no_longer_whole_is_scored_again(
    damage: str, data: Path, tmp_path: Path, engine: LocalEngine
) -> None:
    out = tmp_path / "out"
    score_data(data, out, engine, shards=3)
    before = written(out)
    path = out / "scores-00001.parquet"
    if damage == "gone":
        path.unlink()
    elif damage == "torn":
        path.write_bytes(path.read_bytes()[:-40])
    else:
        pq.write_table(pq.read_table(path).replace_schema_metadata({"labkit.run": "x"}), path)
    counting = _Counting(engine)
    score_data(data, out, counting)
    assert counting.scored == [1] and written(out) == before


def test_scores_of_a_shard_do_not_depend_on_the_shards_before_it(
    tmp_path: Path, data: Path
) -> None:
    # The embedded cosine keeps vectors from query to query, and here all queries share memories.
    engine = LocalEngine(Reranker.load("minilm-cosine"), "minilm-cosine")
    score_data(data, tmp_path / "whole", engine, shards=4)
    out = tmp_path / "out"
    score_data(data, out, engine, shards=4)
    (out / "scores-00002.parquet").unlink()
    score_data(data, out, engine)
    assert written(out) == written(tmp_path / "whole")


def test_a_folder_of_another_run_is_refused(
    data: Path, tmp_path: Path, engine: LocalEngine
) -> None:
    out = tmp_path / "out"
    score_data(data, out, engine, shards=3)
    before = written(out)
    with pytest.raises(InputError, match="another number of shards, expected"):
        score_data(data, out, engine, shards=4)
    other = tmp_path / "other.jsonl"
    write_examples(other, make_examples(10))
    with pytest.raises(InputError, match="scores of other data"):
        score_data(other, out, engine, shards=3)
    cosine = LocalEngine(Reranker.load("minilm-cosine"), "minilm-cosine")
    with pytest.raises(InputError, match="scores of another model"):
        score_data(data, out, cosine, shards=3)
    assert written(out) == before
    (out / MANIFEST).unlink()
    with pytest.raises(InputError, match=f"holds scores and no {MANIFEST}"):
        score_data(data, out, engine)
    (out / MANIFEST).write_text("[]")
    with pytest.raises(InputError, match="expected a manifest"):
        score_data(data, out, engine)


# --- bad input -----------------------------------------------------------------------------------


def test_a_bad_line_is_named_or_skipped_and_counted(tmp_path: Path, engine: LocalEngine) -> None:
    examples = make_examples(8)
    path = tmp_path / "data.jsonl"
    write_examples(path, examples)
    lines = path.read_text().splitlines()
    lines[5] = '{"id": "x", "query": 7, "memories": []}'
    path.write_text("\n".join(lines))
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"data.jsonl: Example 6 of the data: query is 7"):
        score_data(path, out, engine, shards=4)
    done = written(out)
    assert done
    manifest = score_data(path, out, engine, skip_bad=True)
    assert manifest["skipped"] == 1 and manifest["examples"] == 7
    assert done.items() <= written(out).items()
    ids = set(table(out)["id"].to_pylist())
    assert ids == {e.id for i, e in enumerate(examples) if e.memories and i != 5}
    # What was skipped is not passed off as whole.
    with pytest.raises(InputError, match="Example 6"):
        score_data(path, out, engine)


BAD: dict[str, tuple[Any, str]] = {
    "no such file": (lambda p: p / "none.jsonl", "no such file"),
    "an empty folder": (lambda p: p, "holds no .jsonl"),
    "an empty file": (lambda p: (p / "a.jsonl", (p / "a.jsonl").touch())[0], "holds no line"),
    "no Parquet": (
        lambda p: (p / "a.parquet", (p / "a.parquet").write_text("x" * 99))[0],
        "expected a Parquet file",
    ),
    "another Parquet": (
        lambda p: (p / "a.parquet", pq.write_table(pa.table({"x": [1]}), p / "a.parquet"))[0],
        "expected the columns",
    ),
}


@pytest.mark.parametrize("premise", BAD)
def test_data_that_cannot_be_used_is_one_line(
    premise: str, tmp_path: Path, engine: LocalEngine
) -> None:
    make, expected = BAD[premise]
    with pytest.raises(InputError, match=expected) as caught:
        score_data(make(tmp_path), tmp_path / "out", engine)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("out/*.parquet"))


def test_examples_without_memories_make_a_file_without_rows(
    tmp_path: Path, engine: LocalEngine
) -> None:
    path = tmp_path / "data.jsonl"
    write_examples(path, [replace(e, memories=(), labels={}) for e in make_examples(2)])
    manifest = score_data(path, tmp_path / "out", engine, shards=1)
    assert manifest["pairs"] == 0 and manifest["examples"] == 2
    assert table(tmp_path / "out").num_rows == 0
