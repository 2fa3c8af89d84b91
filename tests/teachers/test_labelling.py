"""Premise: whatever an endpoint does, no answer is paid for twice and none is lost."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.llm.client import Budget
from labkit.records import Dialogue, Example, Memory, Query, read_examples
from labkit.teachers.cost import estimate
from labkit.teachers.labelling import (
    Recipe,
    examples_of,
    items_to_label,
    label_examples,
    references,
)
from labkit.teachers.llm import load_prompts
from labkit.teachers.named import parse_teachers
from labkit.teachers.verdicts import Grade, read_grades, read_verdicts
from tests.fake_openai import Answer, Behaviour, FakeOpenAI, completion, fails, says, teaches

FILES = ("verdicts.jsonl", "grades.jsonl", "examples.jsonl")


def make_example(
    number: int, worths: tuple[float, ...] = (0.9, 0.5, 0.3, 0.1, 0.1, 0.0)
) -> Example:
    memories = tuple(
        Memory(f"m{i}", f"Query {number}, fact {i}: worth {worth}")
        for i, worth in enumerate(worths)
    )
    labels = {f"m{i}": worth for i, worth in enumerate(worths) if worth}
    return Example(Query(f"What of {number}?", id=f"q{number}"), memories, labels)


EXAMPLES = [make_example(0), make_example(1), make_example(2, (0.5, 0.3, 0.3, 0.1, 0.1, 0.0))]
SMALL = Recipe(cycles=1, grades=2, across=1, more=0.25)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-secret-of-this-test")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def teachers(url: str, count: int = 2, options: str = "") -> list[str]:
    return [f"openai:m{i},url={url}{options}" for i in range(count)]


def run(server: FakeOpenAI, out: Path, **options: Any) -> dict[str, Any]:
    texts = options.pop("teachers", None) or teachers(server.url)
    given: dict[str, Any] = {"recipe": SMALL, "concurrency": 4}
    examples = options.pop("examples", EXAMPLES)
    return label_examples(examples, out, parse_teachers(texts), **(given | options))


def written(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in FILES}


def asked(body: dict[str, Any]) -> str:
    return json.dumps([body["model"], body["messages"]])


def paid(summary: dict[str, Any]) -> int:
    return sum(int(of["paid"]["calls"]) for of in summary["spending"].values())


@pytest.fixture(scope="module")
def flawless(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """A run without faults: its summary and its folder."""
    os.environ["OPENAI_API_KEY"] = "sk-a-secret-of-this-test"
    out = tmp_path_factory.mktemp("flawless")
    with FakeOpenAI(teaches) as server:
        return run(server, out), out


# --- what is written -----------------------------------------------------------------------------


def test_a_run_writes_verdicts_grades_and_labels_that_follow_them(
    flawless: tuple[dict[str, Any], Path],
) -> None:
    summary, out = flawless
    verdicts, grades = list(read_verdicts(out / FILES[0])), list(read_grades(out / FILES[1]))
    first = sum(6 * 2 for _ in EXAMPLES)
    across = [v for v in verdicts if v.second_query]
    assert len(verdicts) == first + len(across) + 8 and len(across) == 2 * 2
    assert len(grades) == 3 * 2 * 2  # two of each query, by both
    assert summary["complete"] and summary["stopped"] is None
    assert paid(summary) == len(verdicts) + len(grades)
    assert {v.teacher for v in verdicts} == {"openai:m0", "openai:m1"}
    for name, counts in summary["verdicts"].items():
        mine = Counter(v.kind for v in verdicts if v.teacher == name)
        assert counts == {kind: mine[kind] for kind in counts}
    labelled = list(read_examples(out / FILES[2]))
    for example, gold in zip(labelled, EXAMPLES, strict=True):
        assert example.extra["gold_labels"] == gold.labels
        assert example.memories == gold.memories and example.query == gold.query
        assert (
            set(example.labels)
            == set(example.extra["label_errors"])
            == {m.id for m in gold.memories}
        )
        assert example.extra["labelled_by"] == ["openai:m0", "openai:m1"]
        order = sorted(gold.memories, key=lambda m: -example.labels[m.id])
        truth = [gold.label(m.id) for m in order]
        assert truth[0] == max(truth) and truth[-1] <= 0.1
    assert summary["labels"]["basis"] == "grades"
    assert summary["against_gold"]["pairs"] == 18
    assert summary["against_gold"]["in_order"] > 0.9
    assert summary["teachers"]["openai:m0"]["right_of_verdicts"] > 0.9
    assert not summary["simulated"]
    assert set(summary["config"]["prompts"]) == {"compare", "compare_across", "grade"}
    json.dumps(summary, allow_nan=False)


def test_the_same_command_again_pays_nothing_and_writes_the_same(tmp_path: Path) -> None:
    with FakeOpenAI(teaches) as server:
        one = run(server, tmp_path)
        before = written(tmp_path)
        server.calls.clear()
        two = run(server, tmp_path)
        assert not server.calls
    assert written(tmp_path) == before and paid(two) == 0
    assert {k: v for k, v in one.items() if k != "spending"} == {
        k: v for k, v in two.items() if k != "spending"
    }


def test_another_option_makes_another_plan_and_takes_the_calls_that_are_alike(
    tmp_path: Path,
) -> None:
    with FakeOpenAI(teaches) as server:
        one = run(server, tmp_path)
        bodies = {asked(call.body) for call in server.calls}
        server.calls.clear()
        two = run(server, tmp_path, recipe=replace(SMALL, grades=3))
        assert 0 < paid(two) == len(server.calls) < paid(one)
        assert not bodies & {asked(call.body) for call in server.calls}


def test_labels_of_an_earlier_run_do_not_become_gold(tmp_path: Path) -> None:
    texts = ["simulated:a,noise=0.1", "simulated:b,noise=0.1"]
    label_examples(EXAMPLES, tmp_path / "a", parse_teachers(texts), recipe=SMALL)
    once = list(read_examples(tmp_path / "a" / FILES[2]))
    assert [e.extra["gold_labels"] for e in once] == [dict(e.labels) for e in EXAMPLES]
    specs = parse_teachers(["bm25"])
    again = label_examples(once, tmp_path / "b", specs, recipe=SMALL)
    twice = list(read_examples(tmp_path / "b" / FILES[2]))
    assert [e.extra["gold_labels"] for e in twice] == [e.extra["gold_labels"] for e in once]
    assert again["against_gold"]["pairs"] == 18 and not again["simulated"]


def test_simulated_teachers_are_called_so_wherever_they_show(tmp_path: Path) -> None:
    specs = parse_teachers(["simulated:a"])
    summary = label_examples(EXAMPLES, tmp_path, specs, recipe=SMALL)
    assert summary["simulated"] and summary["config"]["teachers"][0]["knows_the_labels"]
    for example in read_examples(tmp_path / "examples.jsonl"):
        assert example.extra["labelled_by"] == ["simulated:a"]
    for verdict in read_verdicts(tmp_path / "verdicts.jsonl"):
        assert verdict.teacher == "simulated:a"


def test_data_without_gold_is_labelled_and_compared_with_nothing(tmp_path: Path) -> None:
    bare = [replace(example, labels={}) for example in EXAMPLES]
    with FakeOpenAI(teaches) as server:
        summary = run(server, tmp_path, examples=bare)
    assert summary["complete"] and "against_gold" not in summary
    assert all("gold_labels" not in e.extra for e in read_examples(tmp_path / "examples.jsonl"))
    with pytest.raises(InputError, match="the data has none"):
        label_examples(bare, tmp_path / "s", parse_teachers(["simulated:a"]))


@pytest.mark.parametrize("worths", [(), (0.9,), (0.9, 0.1)])
def test_queries_with_hardly_a_memory_are_no_obstacle(
    tmp_path: Path, worths: tuple[float, ...]
) -> None:
    examples = [*EXAMPLES, make_example(7, worths)]
    with FakeOpenAI(teaches) as server:
        summary = run(server, tmp_path, examples=examples)
    assert summary["complete"]
    found = {e.id: e for e in read_examples(tmp_path / "examples.jsonl")}
    assert summary["unlabelled"] == (0 if worths else 1)
    if worths:
        assert found["q7"].labels["m0"] > 0.5


def test_only_the_candidates_of_the_first_stage_are_labelled() -> None:
    memories = tuple(Memory(f"m{i}", f"Fact {i} of house {i % 3}") for i in range(9))
    query = Query("Which fact of house 2?", id="q")
    example = Example(query, memories, {"m2": 1.0, "m0": 0.3}, {"m0": "same_topic"})
    kept = examples_of([Dialogue("d", "", memories, (example,))], candidates=3)[0]
    assert [m.id for m in kept.memories] == sorted(m.id for m in kept.memories)
    assert len(kept.memories) == 3 and kept.extra["memories_left_out"] == 6
    assert set(kept.labels) | set(kept.negative_kinds) <= {m.id for m in kept.memories}
    twice = Dialogue("d", "", memories, (example, example))
    with pytest.raises(InputError, match="two queries have the id"):
        examples_of([twice])
    with pytest.raises(InputError, match="no query with memories"):
        examples_of([])


def test_references_are_spread_over_grades_and_each_is_of_another_query() -> None:
    items = items_to_label([make_example(i) for i in range(20)])
    rng = np.random.default_rng(0)
    utilities = rng.normal(size=len(items.memories))
    grades = [
        Grade(q, f"m{i}", "t", float(worth))
        for q in items.queries
        for i, worth in enumerate((0.9, 0.5, 0.1))
    ]
    found = references(items, utilities, grades)
    assert len(found) == 8 == len({query for query, _ in found})
    assert {memory for _, memory in found} == {"m0", "m1", "m2"}
    ungraded = references(items, utilities, [])
    index = items.index()
    worth = [utilities[index[pair]] for pair in ungraded]
    assert worth == sorted(worth) and worth[0] < -1 < 1 < worth[-1]
    large = items_to_label([make_example(i, (0.5,) * 600) for i in range(20)])
    assert len(references(large, rng.normal(size=12_000), [])) == 1
    assert references(items_to_label(EXAMPLES[:1]), utilities[:6], []) == []


# --- faults --------------------------------------------------------------------------------------


def at_first(fault: Answer, every: int) -> Behaviour:
    """Of every so many-th question the first try fails in this way."""
    lock, seen = threading.Lock(), set[str]()

    def behave(body: dict[str, Any]) -> Answer:
        question = json.dumps([body["model"], body["messages"][:2]])
        with lock:
            new = question not in seen
            seen.add(question)
        return fault if new and zlib.crc32(question.encode()) % every == 0 else teaches(body)

    return behave


PASSING = {
    "429": fails(429, headers={"retry-after-ms": "5"}),
    "500": fails(500, headers={"retry-after-ms": "5"}),
    "a time-out": Answer(completion("late"), delay=0.7),
    "a connection cut half-way": Answer(completion("x" * 500), cut=True),
    "a proxy's page": Answer("<html>busy</html>"),
    "broken JSON": says('{"reason": "It is'),
    "half a reply": says("{}", finish_reason="length"),
    "a lone refusal": Answer(completion(None, refusal="No.")),
}


@pytest.mark.parametrize("premise", PASSING)
def test_a_fault_that_passes_changes_nothing(
    premise: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flawless: tuple[dict[str, Any], Path],
) -> None:
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    with FakeOpenAI(at_first(PASSING[premise], 12 if premise == "a time-out" else 4)) as server:
        summary = run(server, tmp_path, timeout=0.5)
    assert summary["complete"]
    retries = sum(s["retries"] + s["repaired"] for s in summary["spending"].values())
    assert retries > 0
    assert written(tmp_path) == written(flawless[1])


def always(fault: Answer, which: Callable[[str], bool]) -> Behaviour:
    return lambda body: fault if which(body["messages"][1]["content"]) else teaches(body)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (says('{"reason": "It is'), "malformed"),
        (says("{}", finish_reason="length"), "malformed"),
        (Answer(completion(None, refusal="I cannot judge that.")), "refused"),
        (fails(400, "content too long"), "refused"),
    ],
)
def test_malformed_and_refused_are_counted_apart_and_the_rest_is_labelled(
    tmp_path: Path, fault: Answer, kind: str
) -> None:
    with FakeOpenAI(always(fault, lambda text: "Query 1, fact 2" in text)) as server:
        summary = run(server, tmp_path)
    verdicts = list(read_verdicts(tmp_path / "verdicts.jsonl"))
    bad = [v for v in verdicts if v.kind == kind]
    assert bad and all("m2" in (v.first, v.second) for v in bad)
    assert sum(counts[kind] for counts in summary["verdicts"].values()) == len(bad)
    other = {"malformed", "refused"} - {kind}
    assert not any(counts[each] for counts in summary["verdicts"].values() for each in other)
    assert sum(counts["tied"] for counts in summary["verdicts"].values()) == sum(
        v.kind == "tied" for v in verdicts
    )
    assert summary["complete"] and summary["unlabelled"] == 0


def test_a_query_that_nobody_answers_is_left_out_and_counted(tmp_path: Path) -> None:
    refusal = Answer(completion(None, refusal="No."))
    with FakeOpenAI(always(refusal, lambda text: "What of 1?" in text)) as server:
        summary = run(server, tmp_path, recipe=replace(SMALL, across=0))
    assert [e.id for e in read_examples(tmp_path / "examples.jsonl")] == ["q0", "q2"]
    assert summary["unlabelled"] == 1 and summary["complete"]
    with FakeOpenAI(lambda body: refusal) as server:
        nothing = run(server, tmp_path / "n")
    assert nothing["unlabelled"] == 3 and "labels" not in nothing
    assert (tmp_path / "n" / "examples.jsonl").read_bytes() == b""


def test_calls_that_fail_are_no_loss_the_next_run_asks_for_them_alone(tmp_path: Path) -> None:
    down = fails(500, headers={"retry-after-ms": "1"})
    with FakeOpenAI(always(down, lambda text: "Query 1, fact 2" in text)) as server:
        first = run(server, tmp_path, retries=0)
        assert not first["complete"]
        lost = sum(count for of in first["failed"].values() for count in of.values())
        assert lost > 0
        done = Counter(asked(call.body) for call in server.finished)
        assert max(done.values()) == 1
        server.calls.clear()
        server.behave = teaches
        second = run(server, tmp_path, retries=0)
        later = [asked(call.body) for call in server.calls]
    assert second["complete"] and len(later) == lost == paid(second)
    assert not set(later) & set(done)
    verdicts = list(read_verdicts(tmp_path / "verdicts.jsonl"))
    grades = list(read_grades(tmp_path / "grades.jsonl"))
    assert len(verdicts) + len(grades) == sum(done.values()) + lost  # every answer is there


@pytest.mark.parametrize("status", [401, 404])
def test_an_endpoint_that_cannot_be_used_leaves_no_output_and_one_line(
    tmp_path: Path, status: int
) -> None:
    with (
        FakeOpenAI(lambda body: fails(status, "no")) as server,
        pytest.raises(InputError, match=f"answered {status}") as caught,
    ):
        run(server, tmp_path)
    assert "\n" not in str(caught.value)
    assert not any((tmp_path / name).exists() for name in (*FILES, "summary.json"))


def test_one_teacher_that_is_down_does_not_lose_what_the_other_said(tmp_path: Path) -> None:
    def behave(body: dict[str, Any]) -> Answer:
        return fails(401, "no") if body["model"] == "m1" else teaches(body)

    with FakeOpenAI(behave) as server:
        with pytest.raises(InputError, match="answered 401"):
            run(server, tmp_path)
        done = {asked(call.body) for call in server.finished}
        server.calls.clear()
        server.behave = teaches
        assert run(server, tmp_path)["complete"]
        assert not done & {asked(call.body) for call in server.calls}


# --- budgets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [10, 40, 50])
def test_all_teachers_together_stay_within_the_budget_and_the_next_run_goes_on(
    tmp_path: Path, most: int, flawless: tuple[dict[str, Any], Path]
) -> None:
    with FakeOpenAI(teaches) as server:
        stopped = run(server, tmp_path, budget=Budget(max_calls=most))
        assert len(server.calls) == paid(stopped) == most
        assert not stopped["complete"] and f"{most} calls" in stopped["stopped"]
        assert sum(stopped["unasked"].values()) > 0
        done = run(server, tmp_path)
    bodies = [asked(call.body) for call in server.calls]
    assert done["complete"] and len(bodies) == len(set(bodies)) == paid(flawless[0])
    assert written(tmp_path) == written(flawless[1])


def test_a_shared_cost_is_never_exceeded(tmp_path: Path) -> None:
    texts = teachers("URL", 3, ",prices=1/4")
    with FakeOpenAI(teaches) as server:
        texts = [text.replace("URL", server.url) for text in texts]
        stopped = run(server, tmp_path, teachers=texts, budget=Budget(max_cost=0.05))
    cost = sum(of["paid"]["cost"] for of in stopped["spending"].values())
    assert 0.02 < cost <= 0.05 and not stopped["complete"]
    with pytest.raises(InputError, match="no prices of openai:m0"):
        run(server, tmp_path, teachers=teachers(server.url), budget=Budget(max_cost=1))


@pytest.mark.parametrize("options", ["", ",verdicts=logprobs"])
@pytest.mark.parametrize("recipe", [SMALL, Recipe(cycles=1, every_teacher=True, more=1.0)])
def test_the_estimate_bounds_what_a_run_uses(tmp_path: Path, options: str, recipe: Recipe) -> None:
    def long_winded(body: dict[str, Any]) -> Answer:
        """A token a byte, every reply as long as it may be, and the first try bad."""
        answer = teaches(body | {"messages": body["messages"][:2]})
        size = sum(len(message["content"].encode()) for message in body["messages"])
        text = answer.body["choices"][0]["message"]["content"]
        if not options and len(body["messages"]) == 2:
            text = "{" + "x" * 500
        used = (size, body["max_tokens"])
        logprobs = answer.body["choices"][0]["logprobs"]
        return Answer(completion(text, usage=used, logprobs=logprobs))

    with FakeOpenAI(long_winded) as server:
        texts = teachers(server.url, 2, ",prices=1/4" + options)
        bounds = estimate(EXAMPLES, parse_teachers(texts), recipe, load_prompts())
        summary = run(server, tmp_path, teachers=texts, recipe=recipe)
    for bound in bounds:
        of = summary["spending"][bound.teacher]["paid"]
        assert 0 < of["calls"] <= bound.calls_at_most
        assert of["prompt_tokens"] <= bound.prompt_tokens_at_most
        assert of["completion_tokens"] <= bound.completion_tokens_at_most
        assert bound.cost is not None and bound.cost_at_most is not None
        assert of["cost"] <= bound.cost_at_most and bound.cost < bound.cost_at_most
    # what is expected is what a run asks for, where each reply is right at once
    calls = sum(of["paid"]["calls"] for of in summary["spending"].values())
    expected = sum(bound.calls for bound in bounds)
    assert calls / (1 if options else 2) == pytest.approx(expected, abs=4)


def test_calls_start_no_more_often_than_a_minute_allows(tmp_path: Path) -> None:
    recipe = Recipe(cycles=1, grades=0, across=0)
    with FakeOpenAI(teaches) as server:
        texts = teachers(server.url, 1, ",per_minute=1200")
        run(server, tmp_path, teachers=texts, examples=EXAMPLES[:1], recipe=recipe)
        starts = sorted(call.started for call in server.calls)
    assert len(starts) == 12
    assert starts[-1] - starts[0] > 11 * 0.05 - 0.03


# --- kill -9 -------------------------------------------------------------------------------------

KILLED = """
import sys
from pathlib import Path
from labkit.teachers.labelling import label_examples
from labkit.teachers.named import parse_teachers
from tests.teachers.test_labelling import EXAMPLES, SMALL, teachers
specs = parse_teachers(teachers(sys.argv[2]))
label_examples(EXAMPLES, Path(sys.argv[1]), specs, recipe=SMALL, concurrency=2)
"""


@pytest.mark.parametrize(
    "answered",
    [pytest.param(9, marks=pytest.mark.slow), 40, pytest.param(52, marks=pytest.mark.slow)],
)
def test_after_kill_9_no_completed_call_is_repeated_and_the_bytes_are_the_same(
    tmp_path: Path, answered: int, flawless: tuple[dict[str, Any], Path]
) -> None:
    """Killed in the first round, among the grades, and among the further pairs."""
    gate, lock, count = threading.Event(), threading.Lock(), 0

    def behave(body: dict[str, Any]) -> Answer:
        nonlocal count
        with lock:
            count += 1
            mine = count
        if mine > answered:  # in flight when the process dies
            gate.wait(240)
        return teaches(body)

    root = Path(__file__).parents[2]
    with FakeOpenAI(behave) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path), server.url],
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root)},
        )
        try:
            deadline = time.monotonic() + 240  # on a busy machine the imports alone take a minute
            # Some wait behind the gate, and what was answered has been stored.
            while len(server.calls) <= answered or stored(tmp_path) < answered:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        completed = [asked(call.body) for call in server.finished]
        assert len(completed) == answered == stored(tmp_path)
        assert not any((tmp_path / name).exists() for name in (*FILES, "summary.json"))
        gate.set()
        time.sleep(0.1)
        server.calls.clear()
        server.behave = teaches
        done = run(server, tmp_path)
        later = [asked(call.body) for call in server.calls]
    assert done["complete"] and not set(completed) & set(later)
    assert len(later) == len(set(later)) == paid(flawless[0]) - answered
    assert written(tmp_path) == written(flawless[1])


def stored(out: Path) -> int:
    if not (out / "calls.sqlite").exists():
        return 0
    with sqlite3.connect(f"file:{out / 'calls.sqlite'}?mode=ro", uri=True) as store:
        try:
            return int(store.execute("SELECT count(*) FROM calls").fetchone()[0])
        except sqlite3.OperationalError:  # not yet made
            return 0


def test_a_damaged_plan_is_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(InputError, match=r"plan\.json.*move it away"):
        label_examples(EXAMPLES, tmp_path, parse_teachers(["bm25"]))
    assert (tmp_path / "plan.json").read_text() == "{"


@pytest.mark.parametrize("options", [{"cycles": 0}, {"grades": -1}, {"across": -1}, {"more": -0.5}])
def test_a_recipe_that_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="expected"):
        Recipe(**options)
