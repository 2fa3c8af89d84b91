"""A labelling run: Examples in, verdicts, grades and Examples with soft labels out.

    first round of pairs -> fit -> grades of a few memories a query
        -> pairs across queries, and more pairs where labels are uncertain -> fit -> labels

Every call to an endpoint is stored before its answer is used (:mod:`labkit.llm.client`), and what
is asked after the first round is written to ``plan.json`` before it is asked. A run that was
killed, started again with the same options, therefore takes every answer that it has, asks for the
rest, and writes the same bytes as one that was not.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from labkit.errors import InputError
from labkit.files import expect_folder, write_whole
from labkit.llm.client import LLM, Account, Budget, BudgetSpent, CallFailed, Spending, host_of
from labkit.llm.prompts import Prompt
from labkit.llm.store import CallStore
from labkit.records import Dialogue, Example, example_to_json, json_sha256, shown, write_examples
from labkit.retrieval.first_stage import FirstStage
from labkit.teachers import simulated
from labkit.teachers.fit import Fit, Link, fit
from labkit.teachers.labels import Labels, label
from labkit.teachers.llm import LLMTeacher, load_prompts
from labkit.teachers.named import OpenAISpec, Spec, open_teachers
from labkit.teachers.schedule import Comparison, cross_query, schedule, second_round, to_grade
from labkit.teachers.scored import ScoredTeacher
from labkit.teachers.summary import GOLD, gold_labels, summarise
from labkit.teachers.teacher import Teacher
from labkit.teachers.verdicts import (
    USABLE,
    Floats,
    Grade,
    Grades,
    Items,
    Verdict,
    Verdicts,
    write_grades,
    write_verdicts,
)

VERSION = 1
"""Of the run; with the options and hashes in summary.json it says how a label came to be."""

STORE = "calls.sqlite"

REFERENCES = 8
"""Memories that all other queries are compared with, each of another query."""

_MOST_BORDER = 1_000  # memories of their queries together, which the fit solves as one block


@dataclass(frozen=True, slots=True)
class Recipe:
    """Who is asked how much.

    Args:
        cycles: each memory meets 2 x cycles others of its query, in both orders.
        every_teacher: each pair goes to each teacher; else teachers take turns, call by call.
        grades: memories of each query that every teacher who can grade gets to grade.
        across: memories of each query that are compared with a reference of another query.
        more: calls of a second round, where labels are uncertain, as a share of the first.
        link: of the fit.
        seed: of the pairs, and of who is asked.
    """

    cycles: int = 2
    every_teacher: bool = False
    grades: int = 4
    across: int = 1
    more: float = 0.0
    link: Link = "logistic"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.cycles < 1:
            raise InputError(f"cycles is {self.cycles}, expected at least 1")
        for name, value in (("grades", self.grades), ("across", self.across), ("more", self.more)):
            if not value >= 0:
                raise InputError(f"{name} is {value:g}, expected 0 or more")


@dataclass(frozen=True, slots=True)
class Grading:
    """One call to come: ``teacher`` grades ``memory``."""

    query: str
    memory: str
    teacher: str


Call = Comparison | Grading
Answer = Verdict | Grade


@dataclass(slots=True)
class Tally:
    """Calls without an outcome, by teacher: failed by kind, and not made for want of budget."""

    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    unasked: Counter[str] = field(default_factory=Counter)


# --- the data ------------------------------------------------------------------------------------


def examples_of(
    dialogues: Iterable[Dialogue], *, candidates: int | None = None, limit: int | None = None
) -> list[Example]:
    """The queries to label, each with its memories or the first stage's best ``candidates``.

    Raises:
        InputError: there is none, two have one id, or none of them has a memory.
    """
    found: list[Example] = []
    seen: set[str] = set()
    for dialogue in dialogues:
        stages: dict[int, FirstStage] = {}
        for example in dialogue.examples:
            if limit is not None and len(found) == limit:
                break
            if example.id in seen:
                raise InputError(
                    f"two queries have the id {shown(example.id)}, expected each id once"
                )
            seen.add(example.id)
            if candidates is not None and len(example.memories) > candidates:
                stage = stages.setdefault(id(example.memories), FirstStage(example.memories))
                example = _narrowed(example, stage, candidates)
            found.append(example)
    if not any(example.memories for example in found):
        raise InputError(
            "got no query with memories to label, expected Examples or lives with queries"
        )
    return found


def _narrowed(example: Example, stage: FirstStage, count: int) -> Example:
    kept = {memory.id for memory in stage.candidates(example.query, count)}
    extra = dict(example.extra)
    if isinstance(extra.get(GOLD), dict):
        extra[GOLD] = {id_: label for id_, label in extra[GOLD].items() if id_ in kept}
    return replace(
        example,
        memories=tuple(memory for memory in example.memories if memory.id in kept),
        labels={id_: label for id_, label in example.labels.items() if id_ in kept},
        negative_kinds={i: kind for i, kind in example.negative_kinds.items() if i in kept},
        extra=extra | {"memories_left_out": len(example.memories) - len(kept)},
    )


def items_to_label(examples: Iterable[Example]) -> Items:
    return Items.of({e.id: [memory.id for memory in e.memories] for e in examples if e.memories})


def first_round(items: Items, names: Sequence[str], recipe: Recipe) -> list[Comparison]:
    return schedule(
        items,
        names,
        cycles=recipe.cycles,
        every_teacher=recipe.every_teacher,
        seed=recipe.seed,
    )


def reference_count(items: Items) -> int:
    """How many references there are: fewer where queries are few or large (what the fit can bear),
    down to none."""
    largest = int(items.sizes.max(initial=1))
    return min(REFERENCES, len(items.queries) // 2, _MOST_BORDER // largest)


def references(items: Items, utilities: Floats, grades: Sequence[Grade]) -> list[tuple[str, str]]:
    """Memories to compare other queries' with: spread evenly from worst to best, one a query.

    By their mean grade; where nothing was graded, by utility within their query.
    """
    count = reference_count(items)
    index = items.index()
    usable = [grade for grade in grades if grade.kind == "ok"]
    if usable:
        of: dict[int, list[float]] = {}
        for grade in usable:
            of.setdefault(index[grade.query, grade.memory], []).append(grade.grade)
        places = np.array(sorted(of))
        worth = np.array([np.mean(of[place]) for place in places.tolist()])
    else:
        places, worth = np.arange(len(utilities)), utilities
    found: list[tuple[str, str]] = []
    query = items.query[places]
    free = np.ones(len(places), dtype=bool)
    for aim in np.linspace(worth.min(initial=1e9), worth.max(initial=-1e9), count):
        distance = np.where(free, np.abs(worth - aim), np.inf)
        if not len(distance) or not np.isfinite(distance.min()):
            break
        best = int(distance.argmin())
        free &= query != query[best]
        place = int(places[best])
        found.append((items.queries[int(items.query[place])], items.memories[place]))
    return found


# --- asking --------------------------------------------------------------------------------------

Progress = Callable[[str, int, int, Sequence[Spending]], None]


class _Asking:
    """Puts calls to the teachers, and counts what came of them."""

    def __init__(
        self,
        examples: Sequence[Example],
        teachers: Sequence[Teacher],
        at_once: int,
        on_progress: Progress | None,
    ) -> None:
        self.examples = {example.id: example for example in examples}
        self.teachers = {teacher.name: teacher for teacher in teachers}
        self.models = [t.llm for t in teachers if isinstance(t, LLMTeacher)]
        self.tally = Tally()
        self._at_once = at_once
        self._on_progress = on_progress

    @property
    def graders(self) -> list[str]:
        return [name for name, teacher in self.teachers.items() if teacher.can_grade]

    @property
    def spent(self) -> bool:
        return bool(self.tally.unasked)

    async def answers(self, calls: Sequence[Call], what: str) -> list[Answer]:
        """The answers in the order of the calls, without those that there were not."""
        found: list[Answer | None] = [None] * len(calls)
        mine: dict[str, list[int]] = {name: [] for name in self.teachers}
        for i, call in enumerate(calls):
            mine[call.teacher].append(i)
        done = 0

        async def work(places: Iterable[int]) -> None:
            nonlocal done
            for i in places:
                found[i] = await self._one(calls[i])
                done += 1
                if self._on_progress is not None:
                    spending = [model.spending for model in self.models]
                    self._on_progress(what, done, len(calls), spending)

        # First those that compute: while they do, no reply of an endpoint could be taken.
        for name, teacher in self.teachers.items():
            if isinstance(teacher, ScoredTeacher):
                self._prepare(teacher, [calls[i] for i in mine[name]])
            if not isinstance(teacher, LLMTeacher):
                await work(mine[name])
        try:
            async with asyncio.TaskGroup() as group:
                for name, teacher in self.teachers.items():
                    if isinstance(teacher, LLMTeacher):
                        left = iter(mine[name])
                        for _ in range(min(self._at_once, len(mine[name]))):
                            group.create_task(work(left))
        except* InputError as errors:
            raise errors.exceptions[0] from None
        return [answer for answer in found if answer is not None]

    def _prepare(self, teacher: ScoredTeacher, calls: Sequence[Call]) -> None:
        queries = [call.query for call in calls]
        queries += [c.second_query for c in calls if isinstance(c, Comparison) and c.second_query]

        def show(done: int, total: int) -> None:
            if self._on_progress is not None:
                self._on_progress(f"scores of {teacher.name}", done, total, ())

        teacher.prepare([self.examples[query] for query in dict.fromkeys(queries)], show)

    async def _one(self, call: Call) -> Answer | None:
        teacher = self.teachers[call.teacher]
        example = self.examples[call.query]
        try:
            if isinstance(call, Grading):
                return await teacher.grade(example, call.memory)
            other = None if call.second_query is None else self.examples[call.second_query]
            return await teacher.compare(example, call.first, call.second, other)
        except CallFailed as error:
            self.tally.failed[call.teacher, error.kind] += 1
        except BudgetSpent:
            self.tally.unasked[call.teacher] += 1
        return None


# --- the plan ------------------------------------------------------------------------------------


class _Plan:
    """What is asked after the first round, kept so that a later run asks the same.

    It follows from the answers so far; were a call that failed then to succeed now, other calls
    would follow, and those that are paid for would be lost.
    """

    def __init__(self, path: Path, config_sha256: str) -> None:
        self._path = path
        self._config = config_sha256
        self._rounds: dict[str, list[Any]] = {}
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            if value["config_sha256"] == config_sha256:
                self._rounds = dict(value["rounds"])
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}: {error}; expected a plan that labkit label wrote: move it away"
            ) from None

    def round(self, name: str, make: Callable[[], list[Call]]) -> list[Call]:
        """The calls of a round: as they were planned, else planned now and written down."""
        if name not in self._rounds:
            self._rounds[name] = [asdict(call) for call in make()]
            whole = {"config_sha256": self._config, "rounds": self._rounds}
            write_whole(self._path, [json.dumps(whole, ensure_ascii=False), "\n"])
        return [
            Grading(**item) if "memory" in item else Comparison(**item)
            for item in self._rounds[name]
        ]


@dataclass(frozen=True, slots=True)
class Answers:
    """All answers of a run, in the order in which they were planned."""

    verdicts: list[Verdict]
    grades: list[Grade]


async def _ask_all(asking: _Asking, items: Items, recipe: Recipe, plan: _Plan) -> Answers:
    names = list(asking.teachers)
    verdicts: list[Verdict] = []
    grades: list[Grade] = []

    async def ask(calls: Sequence[Call], what: str) -> None:
        for answer in await asking.answers(calls, what):
            if isinstance(answer, Verdict):
                verdicts.append(answer)
            else:
                grades.append(answer)

    def fitted() -> Fit:
        return fit(Verdicts.of(verdicts, items), link=recipe.link)

    def gradings() -> list[Call]:
        chosen = to_grade(items, fitted().utilities, per_query=recipe.grades)
        return [Grading(*pair, name) for pair in chosen for name in asking.graders]

    def further() -> list[Call]:
        now = fitted()
        given = Grades.of(grades, now.items)
        found: list[Comparison] = []
        anchors = references(items, now.utilities, grades) if recipe.across else []
        if anchors:
            best = {
                query: [
                    items.memories[low + i]
                    for i in np.argsort(-now.utilities[low:high], kind="stable")
                ]
                for query, low, high in zip(
                    items.queries, items.start[:-1], items.start[1:], strict=True
                )
            }
            found += cross_query(items, anchors, names, per_query=recipe.across, chosen=best)
        budget = int(recipe.more * len(verdicts))
        if budget:
            errors = label(now, given).standard_errors
            more = second_round(now, errors, names, budget=budget)
            # Query by query, as the first round: what a teacher computes for one is used again.
            place = {query: i for i, query in enumerate(items.queries)}
            # Without what was asked and brought no verdict: it would bring none again.
            more = [call for call in more if call not in asked]
            found += sorted(more, key=lambda call: place[call.query])
        return list(found)

    start = first_round(items, names, recipe)
    asked = frozenset(start)
    await ask(start, "first round")
    # A plan made on half the answers would hold ever after.
    if recipe.grades and asking.graders and not asking.spent:
        await ask(plan.round("grades", gradings), "grades")
    if (recipe.across or recipe.more) and not asking.spent:
        await ask(plan.round("further", further), "further pairs")
    return Answers(verdicts, grades)


# --- a run ---------------------------------------------------------------------------------------


def _described(spec: Spec) -> dict[str, Any]:
    """A teacher as the configuration names it: what its answers depend on."""
    if isinstance(spec, OpenAISpec):
        keys = ("name", "model", "verdicts", "max_tokens")
        given = {key: getattr(spec, key) for key in keys}
        return {"kind": "openai", "url": host_of(spec.url), **given}
    if spec.simulated is not None:
        return {"kind": "simulated", "knows_the_labels": True, **asdict(spec.simulated)}
    return {"kind": spec.name.partition(":")[0], "name": spec.name}


def label_examples(
    examples: Sequence[Example],
    out: Path,
    specs: list[Spec],
    *,
    recipe: Recipe | None = None,
    prompts: Mapping[str, Prompt] | None = None,
    budget: Budget | None = None,
    concurrency: int = 8,
    retries: int = 5,
    timeout: float = 120.0,
    device: str | None = None,
    workers: int | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Write verdicts.jsonl, grades.jsonl, examples.jsonl and summary.json into ``out``.

    In examples.jsonl ``labels`` are the soft labels of all memories; ``gold_labels`` keeps what
    was there before, ``label_errors`` each label's standard error, ``labelled_by`` the teachers. A
    query without any usable answer is left out and counted.

    Args:
        out: a folder, made where missing. The same call again takes every answer that is there.
        specs: the teachers, see :mod:`labkit.teachers.named`.
        budget: of all teachers together.
        concurrency: calls at once, of each teacher.
        workers: of Ray, which compute the scores of teachers that compute, inside
            :func:`labkit.cluster.ray_session`; None computes them here. Calls to endpoints, the
            budget and the store stay in this process either way.
        on_progress: called with (round, calls done, all of them, what each model used).

    Returns:
        the summary, as written; ``complete`` is False where the budget ended or calls failed.

    Raises:
        InputError: a teacher cannot be used at all; what it answered is stored, and no file but
            the store is touched.
    """
    expect_folder(out)
    _check(examples, specs, budget)
    recipe, prompts = recipe or Recipe(), prompts or load_prompts()
    items = items_to_label(examples)
    config = {
        "version": VERSION,
        "teachers": [_described(spec) for spec in specs],
        "recipe": asdict(recipe),
        "data_sha256": json_sha256([example_to_json(example) for example in examples]),
        "prompts": {name: prompt.sha256 for name, prompt in sorted(prompts.items())}
        if any(isinstance(spec, OpenAISpec) for spec in specs)
        else {},
    }
    config_sha256 = json_sha256(config)
    plan = _Plan(out / "plan.json", config_sha256)
    calls = CallStore(out / STORE)
    try:
        teachers = open_teachers(
            specs,
            prompts=prompts,
            store=out / STORE,
            account=Account(budget),
            calls=calls,
            device=device,
            workers=workers,
            concurrency=concurrency,
            retries=retries,
            timeout=timeout,
        )
        asking = _Asking(examples, teachers, concurrency, on_progress)

        async def run() -> Answers:
            async with AsyncExitStack() as stack:
                for model in asking.models:
                    await stack.enter_async_context(model)
                return await _ask_all(asking, items, recipe, plan)

        answers = asyncio.run(run())
    finally:
        calls.close()
    labels, fitted = _labels(answers, items, recipe)
    write_verdicts(out / "verdicts.jsonl", answers.verdicts)
    write_grades(out / "grades.jsonl", answers.grades)
    names = [spec.name for spec in specs]
    labelled = list(_labelled(examples, answers, labels, names))
    write_examples(out / "examples.jsonl", labelled)
    files = ("verdicts.jsonl", "grades.jsonl", "examples.jsonl")
    summary = {
        "config": config,
        "config_sha256": config_sha256,
        "simulated": any(name.startswith(simulated.PREFIX) for name in names),
        "complete": not asking.tally.failed and not asking.tally.unasked,
        "stopped": next((model.stopped for model in asking.models if model.stopped), None),
        "queries": len(examples),
        "unlabelled": len(examples) - len(labelled),
        **summarise(examples, names, answers.verdicts, answers.grades, fitted, labels),
        "failed": _nested(asking.tally.failed),
        "unasked": dict(sorted(asking.tally.unasked.items())),
        "spending": {
            name: teacher.llm.spending.to_json()
            for name, teacher in asking.teachers.items()
            if isinstance(teacher, LLMTeacher)
        },
        "refused_parameters": _refused(asking.models),
        "sha256": {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in files},
    }
    text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(out / "summary.json", [text, "\n"])
    return summary


def _check(examples: Sequence[Example], specs: list[Spec], budget: Budget | None) -> None:
    if any(spec.name.startswith(simulated.PREFIX) for spec in specs) and not any(
        gold_labels(example) for example in examples
    ):
        raise InputError(
            "a simulated teacher knows the labels, and the data has none: expected labelled data"
        )
    if budget is not None and budget.max_cost is not None:
        for spec in specs:
            if isinstance(spec, OpenAISpec) and spec.prices is None:
                raise InputError(
                    f"got a max cost and no prices of {spec.name}, expected ,prices=READ/WRITTEN "
                    "after the teacher, for a million tokens"
                )


def _nested(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (teacher, kind), count in sorted(counts.items()):
        found.setdefault(teacher, {})[kind] = count
    return found


def _refused(models: Sequence[LLM]) -> dict[str, dict[str, str]]:
    return {model.model: dict(sorted(model.refused.items())) for model in models if model.refused}


def _labels(answers: Answers, items: Items, recipe: Recipe) -> tuple[Labels | None, Fit | None]:
    verdicts = Verdicts.of(answers.verdicts, items)
    if not len(verdicts) and not any(grade.kind == "ok" for grade in answers.grades):
        return None, None
    fitted = fit(verdicts, link=recipe.link)
    return label(fitted, Grades.of(answers.grades, items)), fitted


def _labelled(
    examples: Sequence[Example], answers: Answers, labels: Labels | None, names: Sequence[str]
) -> Iterable[Example]:
    heard = {grade.query for grade in answers.grades if grade.kind == "ok"}
    for verdict in answers.verdicts:
        if verdict.kind in USABLE:
            heard |= {verdict.query, verdict.second_query or verdict.query}
    has_gold = any(gold_labels(example) for example in examples)
    if labels is None:
        return
    start = dict(zip(labels.items.queries, labels.items.start[:-1].tolist(), strict=True))
    for example in examples:
        if example.id not in heard:
            continue
        low = start[example.id]
        ids = [memory.id for memory in example.memories]
        mine = slice(low, low + len(ids))
        extra: dict[str, Any] = dict(example.extra)
        if has_gold:
            extra[GOLD] = gold_labels(example)
        extra["label_errors"] = _rounded(ids, labels.standard_errors[mine])
        extra["labelled_by"] = list(names)
        yield replace(example, labels=_rounded(ids, labels.labels[mine]), extra=extra)


def _rounded(ids: Sequence[str], values: Floats) -> dict[str, float]:
    return {id_: round(float(value), 4) for id_, value in zip(ids, values, strict=True)}
