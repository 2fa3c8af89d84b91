"""Premise: with workers of Ray a run asks, pays and labels as it does without them."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest

from labkit.cluster import ADDRESS, ray_session
from labkit.errors import InputError
from labkit.llm.client import Budget
from labkit.llm.store import CallStore
from labkit.records import Example, Query, write_examples
from labkit.students.encoder import EncoderStudent
from labkit.teachers.labelling import STORE, Recipe, label_examples
from labkit.teachers.named import parse_teachers
from labkit.teachers.scored import ScoredTeacher
from labkit.teachers.verdicts import Floats
from tests.conftest import make_memories
from tests.fake_openai import FakeOpenAI, teaches
from tests.scoring.test_on_ray import scoring_workers
from tests.teachers.test_labelling import EXAMPLES, SMALL, make_example, written

WORKERS = 2


def _by_length(example: Example) -> Floats:
    return np.array([len(memory.text) / 7 for memory in example.memories])


def test_scores_made_together_are_stored_under_the_keys_of_those_made_alone(tmp_path: Path) -> None:
    one, two = CallStore(tmp_path / "one"), CallStore(tmp_path / "two")
    alone = ScoredTeacher("made up", _by_length, 3.0, "1", store=one)
    for example in EXAMPLES:
        alone._of(example)
    asked: list[list[str]] = []

    def together(examples: Sequence[Example]) -> Iterator[tuple[int, Floats]]:
        asked.append([example.id for example in examples])
        for i in reversed(range(len(examples))):
            yield i, _by_length(examples[i])

    def never(example: Example) -> Floats:
        raise AssertionError("was not prepared")

    joint = ScoredTeacher("made up", never, 3.0, "1", None, two, together)
    shown: list[tuple[int, int]] = []
    joint.prepare(EXAMPLES[:2], lambda *pair: shown.append(pair))
    joint.prepare(EXAMPLES, lambda *pair: shown.append(pair))
    assert asked == [["q0", "q1"], ["q2"]] and shown == [(1, 2), (2, 2), (3, 3)]
    assert [joint._of(e) for e in EXAMPLES] == [alone._of(e) for e in EXAMPLES]
    for store in (one, two):
        store.close()
    rows = [
        sqlite3.connect(tmp_path / name).execute("SELECT * FROM calls ORDER BY key").fetchall()
        for name in ("one", "two")
    ]
    assert rows[0] == rows[1] and len(rows[0]) == 3


@pytest.fixture(scope="module")
def pool() -> Iterator[None]:
    pytest.importorskip("ray")
    assert ADDRESS not in os.environ, f"{ADDRESS} is set: these tests start Ray themselves"
    with ray_session(WORKERS):
        yield


@pytest.fixture(scope="module")
def model(encoder: EncoderStudent, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("student")
    encoder.save(folder)
    return str(folder)


@pytest.mark.slow
def test_labels_verdicts_store_and_budget_are_those_of_a_run_without_ray(
    pool: None, one_thread: None, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-secret-of-this-test")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    examples = [make_example(i) for i in range(20)]
    with FakeOpenAI(teaches) as server:
        names = [f"openai:m,url={server.url}", f"reranker:{model}"]
        specs = parse_teachers(names)
        alone = label_examples(examples, tmp_path / "alone", specs, recipe=SMALL)
        calls = len(server.calls)
        out = tmp_path / "ray"
        stopped = label_examples(
            examples, out, specs, recipe=SMALL, workers=WORKERS, budget=Budget(max_calls=9)
        )
        assert len(server.calls) == calls + 9 and not stopped["complete"]
        whole = label_examples(examples, out, specs, recipe=SMALL, workers=WORKERS)
        assert len(server.calls) == 2 * calls
    assert written(out) == written(tmp_path / "alone")
    assert {k: v for k, v in whole.items() if k != "spending"} == {
        k: v for k, v in alone.items() if k != "spending"
    }
    rows = [
        sorted(sqlite3.connect(folder / STORE).execute("SELECT key, reply FROM calls"))
        for folder in (tmp_path / "alone", out)
    ]
    assert rows[0] == rows[1]
    with pytest.raises(InputError, match="no model"):
        label_examples(
            examples, tmp_path / "bad", parse_teachers(["reranker:nope"]), workers=WORKERS
        )


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_changes_no_label(
    one_thread: None, model: str, tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    memories = tuple(make_memories(12))
    examples = [
        Example(Query(f"Who mended it, {i}?", id=f"q{i}"), memories, {"m1": 1.0})
        for i in range(400)
    ]
    data, out = tmp_path / "data.jsonl", tmp_path / "ray"
    write_examples(data, examples)
    command = [sys.executable, "-m", "labkit", "label", data, "--out", out, "--cycles", 1]
    command += ["--teacher", f"reranker:{model}", "--across", 0, "--engine", "ray"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [str(part) for part in [*command, "--workers", WORKERS]],
        env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    ) as driver:  # fmt: skip
        killed = None
        while driver.poll() is None and killed is None:
            stored = 0
            if (out / STORE).exists():
                with sqlite3.connect(out / STORE, timeout=10) as store:
                    stored = store.execute("SELECT count(*) FROM calls").fetchone()[0]
            busy = [w for w in scoring_workers(driver.pid) if w.status() == psutil.STATUS_RUNNING]
            if 16 <= stored < 320 and busy:
                killed = busy[0].pid
                os.kill(killed, signal.SIGKILL)
            time.sleep(0.02)
        _, err = driver.communicate(timeout=240)
    assert driver.returncode == 0, err
    assert killed is not None and "Traceback" not in err
    recipe = Recipe(cycles=1, across=0)
    label_examples(
        examples, tmp_path / "alone", parse_teachers([f"reranker:{model}"]), recipe=recipe
    )
    assert written(out) == written(tmp_path / "alone")
