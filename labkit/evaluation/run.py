"""Runs first stages and rivals over a benchmark: a row each, on the same queries and candidates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit.evaluation.benchmarks import Asked, kind_of
from labkit.evaluation.first_stages import Task, rank_all
from labkit.evaluation.results import (
    SUFFIX,
    Journal,
    QueryResult,
    Row,
    code_version,
    file_of,
    read_row,
    write_row,
)
from labkit.evaluation.rivals import Outcome, Part, Question, Rival, Unanswered, without
from labkit.llm.client import BudgetSpent
from labkit.rendering import RENDERING_VERSION
from labkit.retrieval.first_stage import Method

LOOKED_AT = 10
"""Ids of ranked memories that a result keeps of each query."""

_DIGITS = 9
"""Of a probability in a file: exact enough for every measure, half of the bytes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        methods: first stages, each a row; the first one feeds the rivals.
        rivals: what orders the candidates.
        withheld: for each of these, every rival once more without that part.
        candidates: how many the first stage passes on.
        out: folder for results, None for none. A row that is there and whole is not run again.
        command: as it was typed.
    """

    methods: Sequence[Method]
    rivals: Sequence[Rival] = ()
    withheld: Sequence[Part] = ()
    candidates: int = 50
    out: Path | None = None
    command: str = ""


OnProgress = Callable[[str, int, int], None]
"""Called with what is being done, how many queries are done, and of how many."""


def evaluate(
    asked: Asked,
    plan: Plan,
    *,
    on_progress: OnProgress = lambda what, done, total: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> list[Row]:
    """The rows of one benchmark, first stages first.

    A first stage ranks all memories. A rival orders the first stage's best; what lies below them
    keeps the first stage's order behind, so that every row ranks everything and what the first
    stage lost counts against all alike. Equal scores keep the order of the first stage.

    A language model whose budget is spent, or that did not answer now and then, has no row; the
    note says so, and the same command goes on from there.

    Raises:
        InputError: a rival cannot work at all.
    """
    feed = plan.methods[0]
    count = 0

    def ranked() -> None:
        nonlocal count
        count += 1
        on_progress("first stage", count, asked.queries)

    cache = None if plan.out is None else plan.out / "first_stage"
    on_progress("first stage", 0, asked.queries)
    tasks = rank_all(asked, plan.methods, cache=cache, on_query=ranked)
    rows: list[Row] = []
    for method in plan.methods:
        row = _row(asked, plan, method, {"family": "first stage", "source": method}, len(rows))
        results = (_of_first_stage(task, method) for task in tasks)
        rows.append(replace(row, queries=tuple(results)))
        if plan.out is not None:
            write_row(file_of(plan.out, rows[-1]), rows[-1])
    place = len(rows)
    for rival in plan.rivals:
        for part in (None, *plan.withheld):
            name = f"{feed} {plan.candidates} > {rival.name}"
            row = _row(
                asked,
                plan,
                f"{name} without {part}" if part else name,
                rival.identity(),
                place,
                part,
            )
            place += 1
            try:
                rows.append(_rank(row, rival, tasks, plan, part, on_progress, on_note))
            except (BudgetSpent, Unanswered) as error:
                on_note(f"{row.name} on {asked.title}: {error}")
    return rows


def _row(
    asked: Asked,
    plan: Plan,
    name: str,
    ranker: dict[str, Any],
    place: int,
    part: Part | None = None,
) -> Row:
    return Row(
        name=name,
        benchmark=asked.title,
        protocol=asked.benchmark.protocol(),
        data={
            "sha256": asked.sha256,
            "file": asked.file,
            "queries": asked.queries,
            "dialogues": len(asked.dialogues),
            "sample": asked.sample,
        },
        settings={
            "candidates": plan.candidates,
            "first_stage": plan.methods[0],
            "withheld": part,
            "rendering": RENDERING_VERSION,
        },
        ranker=ranker,
        command=plan.command,
        place=place,
        code=code_version(),
    )


def _of_first_stage(task: Task, method: Method) -> QueryResult:
    order = task.orders[method].tolist()
    return _result(task, order, Outcome((), seconds=task.seconds[method]))


def _result(task: Task, order: Sequence[int], outcome: Outcome) -> QueryResult:
    example = task.example
    labels = [example.label(memory.id) for memory in example.memories]
    probabilities = tuple(float(f"{p:.{_DIGITS}g}") for p in outcome.probabilities)
    answerable, problem = outcome.answerable, outcome.problem
    if not all(map(math.isfinite, probabilities)):
        probabilities, answerable, problem = (), None, "scores that are no numbers"
    return QueryResult(
        id=example.id,
        kind=kind_of(example),
        ranked=len(order),
        gains=tuple((rank, labels[i]) for rank, i in enumerate(order, 1) if labels[i] > 0),
        ids=tuple(example.memories[i].id for i in order[:LOOKED_AT]),
        probabilities=probabilities,
        answerable=answerable,
        seconds=outcome.seconds,
        truncated=outcome.truncated,
        prompt_tokens=outcome.prompt_tokens,
        completion_tokens=outcome.completion_tokens,
        cost=outcome.cost,
        problem=problem,
    )


def _rank(
    row: Row,
    rival: Rival,
    tasks: Sequence[Task],
    plan: Plan,
    part: Part | None,
    on_progress: OnProgress,
    on_note: Callable[[str], None],
) -> Row:
    feed = plan.methods[0]
    path = None if plan.out is None else file_of(plan.out, row)
    if path is not None and path.is_file():
        kept = read_row(path)
        if kept.key == row.key:
            made_by = "" if kept.code == row.code else ", made by another version of the code"
            on_note(f"{row.benchmark}: {row.name} is taken from {path.parent.name}{made_by}")
            return replace(kept, place=row.place)
    journal = None
    done: dict[int, QueryResult] = {}
    if path is not None:
        journal = Journal(path.with_name(path.name.removesuffix(SUFFIX) + ".journal"), row.key)
        done.update(journal.done)
    left = [i for i in range(len(tasks)) if i not in done]
    questions: list[Question] = []
    for i in left:
        question = (tasks[i].example.query, tasks[i].candidates(feed, plan.candidates))
        questions.append(without(question, part) if part else question)

    unanswered = 0

    def finished(place: int, outcome: Outcome) -> None:
        nonlocal unanswered
        if outcome.unanswered:
            unanswered += 1
            return
        task = tasks[left[place]]
        first = task.orders[feed].tolist()
        order = [first[i] for i in outcome.order] + first[len(outcome.order) :]
        result = _result(task, order, outcome)
        done[left[place]] = result
        if journal is not None:
            journal.add(left[place], result)
        on_progress(row.name, len(done), len(tasks))

    on_progress(row.name, len(done), len(tasks))
    whole = False
    try:
        rival.rank(questions, finished)
        if unanswered:
            raise Unanswered(
                f"{unanswered:,} of {len(tasks):,} queries were not answered; run again to ask them"
            )
        row = replace(row, queries=tuple(done[i] for i in range(len(tasks))))
        if path is not None:
            write_row(path, row)
        whole = True
    finally:
        if journal is not None:
            journal.close(finished=whole)
    return row
