"""Premise: workers of Ray write what this process writes, and one that is killed loses nothing."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from labkit.cluster import ADDRESS, ray_session
from labkit.errors import InputError
from labkit.records import Example, Query, write_examples
from labkit.scoring.reranker import Reranker
from labkit.scoring.shards import Job, LocalEngine, plan, score_data
from labkit.students.encoder import EncoderStudent
from tests.conftest import make_memories

WORKERS = 2


@pytest.fixture(scope="module")
def model(encoder: EncoderStudent, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("student")
    encoder.save(folder)
    return str(folder)


def write_data(path: Path, count: int) -> Path:
    memories = tuple(make_memories(12))
    write_examples(path, [Example(Query(f"Who, {i}?", id=f"q{i}"), memories) for i in range(count)])
    return path


def written(out: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in out.glob("*.parquet")}


def local(data: Path, out: Path, model: str, **options: Any) -> dict[str, Any]:
    return score_data(data, out, LocalEngine(Reranker.load(model), model), **options)


# --- without Ray ---------------------------------------------------------------------------------


def test_an_installation_without_ray_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"labkit\[ray\]"), ray_session(1):
        pass


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:9"])
def test_a_cluster_that_is_not_there_is_one_line(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv(ADDRESS, address)
    with pytest.raises(InputError, match=f"{ADDRESS} is '{address}'"), ray_session(1):
        pass


def test_a_worker_with_another_model_refuses(model: str, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    from labkit.scoring.on_ray import Identifier, ShardScorer

    job = Job(tmp_path, tmp_path, "key", False)
    given = {"folder": str(job.folder), "out": str(job.out), "key": "k", "skip_bad": False}
    identity = dict(Identifier(model, "cpu", None)({}))
    ShardScorer(model, "cpu", None, identity, given)
    with pytest.raises(InputError, match=r"another model \(weights_sha256\)"):
        ShardScorer(model, "cpu", None, identity | {"weights_sha256": "x"}, given)


# --- with it -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pool() -> Iterator[None]:
    pytest.importorskip("ray")
    assert ADDRESS not in os.environ, f"{ADDRESS} is set: these tests start Ray themselves"
    with ray_session(WORKERS):
        yield


@pytest.mark.slow
def test_both_engines_write_the_same_bytes_and_go_on_with_each_other(
    pool: None, one_thread: None, model: str, tmp_path: Path
) -> None:
    from labkit.scoring.on_ray import RayEngine

    data = write_data(tmp_path / "data.jsonl", 40)
    alone = local(data, tmp_path / "local", model, shards=7)
    engine = RayEngine(model, workers=WORKERS)
    together = score_data(data, tmp_path / "ray", engine, shards=7)
    assert together["model"] == alone["model"] and together["key"] == alone["key"]
    assert together["files"] == alone["files"]
    assert written(tmp_path / "ray") == written(tmp_path / "local")
    assert together["runs"][0]["engine"] == "ray" and together["runs"][0]["processor_seconds"] > 0
    for name in ("scores-00002.parquet", "scores-00005.parquet"):
        (tmp_path / "local" / name).unlink()
    mended = score_data(data, tmp_path / "local", engine)
    assert [(run["engine"], run["shards"]) for run in mended["runs"]] == [("local", 7), ("ray", 2)]
    assert written(tmp_path / "local") == written(tmp_path / "ray")


@pytest.mark.slow
def test_a_bad_line_is_one_line_from_a_worker_too(pool: None, model: str, tmp_path: Path) -> None:
    from labkit.scoring.on_ray import RayEngine

    data = write_data(tmp_path / "data.jsonl", 9)
    data.write_text(data.read_text() + '{"id": "x"}\n')
    engine = RayEngine(model, workers=WORKERS)
    with pytest.raises(InputError, match="Example 10 of the data: memories is null") as caught:
        score_data(data, tmp_path / "out", engine, shards=3)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="no model"):
        RayEngine("nope", workers=WORKERS).identity()


@pytest.mark.slow
def test_ray_listens_on_the_loopback_address_alone_and_shows_no_page(pool: None) -> None:
    listening = {
        connection.laddr.ip
        for process in psutil.Process().children(recursive=True)
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening and listening <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def scoring_workers(driver: int) -> list[psutil.Process]:
    found = []
    for process in psutil.Process(driver).children(recursive=True):
        try:
            if process.cmdline()[0].startswith("ray::MapWorker"):
                found.append(process)
        except (psutil.NoSuchProcess, IndexError):
            pass
    return found


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_loses_nothing(
    one_thread: None, model: str, tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    shards = 32
    data = write_data(tmp_path / "data.jsonl", 1_600)
    out = tmp_path / "ray"
    command = [sys.executable, "-m", "labkit", "score", data, "--out", out, "--model", model]
    command += ["--shards", shards, "--engine", "ray", "--workers", WORKERS]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [str(part) for part in command], env=environment, stderr=subprocess.PIPE, text=True
    ) as driver:
        killed = None
        while driver.poll() is None and killed is None:
            done = len(list(out.glob("scores-*.parquet")))
            busy = [w for w in scoring_workers(driver.pid) if w.status() == psutil.STATUS_RUNNING]
            if 2 <= done < shards - 5 and busy:
                killed = busy[0].pid
                os.kill(killed, signal.SIGKILL)
            time.sleep(0.02)
        _, err = driver.communicate(timeout=240)
    assert driver.returncode == 0, err
    assert killed is not None and "Traceback" not in err
    assert len(plan(data, shards)[1]) == shards == len(written(out))
    local(data, tmp_path / "local", model, shards=shards)
    assert written(out) == written(tmp_path / "local")
    assert not list(out.glob(".labkit-*"))
