"""Teachers that compute, in a pool of Ray actors; see :mod:`labkit.cluster`.

What an actor computes are the scores of an Example's memories. They come back to the one process
that plans, asks endpoints, keeps the budget and writes the store, and stand there under the same
key as if it had computed them: verdicts, labels and what a later run takes from the store are those
of a run without Ray. Endpoints are not asked from actors. To wait for replies takes no processor,
and one asker is what makes a budget, a rate and "no call twice" hold without a lock between
machines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import expit  # type: ignore[import-untyped]

from labkit import cluster
from labkit.llm.store import CallStore
from labkit.records import Example, example_to_json, parse_example
from labkit.teachers.scored import ScoredTeacher
from labkit.teachers.verdicts import Floats

_AT_ONCE = 8
"""Examples of a task: what is computed again where a worker dies."""


def teacher_on_ray(
    name: str, source: str | None, store: CallStore, *, device: str | None, workers: int
) -> ScoredTeacher:
    """The teacher of this name, whose scores ``workers`` actors compute.

    Args:
        source: where a reranker is loaded from, by each of them.

    Raises:
        InputError: a worker cannot load it.
    """
    if source is not None:
        # As reranker.py, the one place where a teacher loads what stands to its right.
        from labkit.scoring.shards import absolute_source

        source = absolute_source(source)
    given = {"name": name, "source": source, "device": device}
    gpus = cluster.gpus_each(device) if source is not None else 0.0
    about = cluster.once(Scorer, given, {"examples": []}, gpus=gpus)

    def together(examples: Sequence[Example]) -> Iterator[tuple[int, Floats]]:
        tasks = [
            {"first": i, "examples": [example_to_json(e) for e in examples[i : i + _AT_ONCE]]}
            for i in range(0, len(examples), _AT_ONCE)
        ]
        for found in cluster.pooled(Scorer, given, tasks, workers=workers, gpus=gpus):
            for i, scores in enumerate(found["scores"], found["first"]):
                yield i, np.array(scores, dtype=np.float64)

    return ScoredTeacher(
        about["name"],
        _elsewhere,
        about["unit"],
        about["identity"],
        expit if about["can_grade"] else None,
        store,
        together,
    )


def _elsewhere(example: Example) -> Floats:
    raise AssertionError(f"{example.id} was not prepared")


class Scorer:
    """A teacher in its own process, without a store."""

    def __init__(self, name: str, source: str | None, device: str | None) -> None:
        from labkit.teachers.named import LocalSpec

        teacher = LocalSpec(name, source=source).open(None, device=device)
        assert isinstance(teacher, ScoredTeacher)
        self._teacher = teacher

    def __call__(self, task: cluster.Task) -> cluster.Task:
        teacher = self._teacher
        examples = [parse_example(item) for item in task["examples"]]
        return {
            "name": teacher.name,
            "unit": teacher.unit,
            "identity": teacher.identity,
            "can_grade": teacher.can_grade,
            "first": task.get("first", 0),
            "scores": [teacher.score(example).tolist() for example in examples],
        }
