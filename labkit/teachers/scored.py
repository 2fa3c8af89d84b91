"""A teacher made of a scorer: whatever gives each memory of a query a number.

It prefers the memory of the higher score, by as much as a logistic model of that score would:

    preference = 2 P - 1 = tanh((s_i - s_j) / (2 unit)),   P = 1 / (1 + exp(-(s_i - s_j) / unit))

Its verdicts are thus exactly those of a Bradley-Terry model with utilities s / unit. The unit says
where differences begin to look alike; how much they are to be trusted is not for the scorer to say,
the fit estimates it as the teacher's reliability. Log-odds have the unit 1; for any other score the
unit is about its standard deviation over the memories of a query, see bm25.py and dense.py.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from labkit.llm.store import CallStore, StoredCall
from labkit.records import Example, example_to_json, turn_to_json
from labkit.teachers.verdicts import Floats, Grade, Verdict

_KEPT = 64  # queries whose scores stay in memory: a schedule goes through them one after another


@dataclass(frozen=True, slots=True)
class ScoredTeacher:
    """A scorer as a teacher.

    Attributes:
        name: of the teacher.
        score: from an Example to the scores of its memories, [n].
        unit: of the scores, see above.
        identity: everything the scores depend on beside the Example, as text.
        probability: from scores to grades, both [n]; None where a score says nothing by itself.
        store: keeps scores from run to run; None = computed anew.
        together: from many Examples to (index, scores) of each, in any order: elsewhere, and all at
            once. :meth:`prepare` uses it and needs a store.
    """

    name: str
    score: Callable[[Example], Floats]
    unit: float
    identity: str
    probability: Callable[[Floats], Floats] | None = None
    store: CallStore | None = None
    together: Callable[[Sequence[Example]], Iterator[tuple[int, Floats]]] | None = None
    _scores: OrderedDict[str, dict[str, float]] = field(default_factory=OrderedDict)

    @property
    def can_grade(self) -> bool:
        return self.probability is not None

    def _of(self, example: Example) -> dict[str, float]:
        if example.id in self._scores:
            self._scores.move_to_end(example.id)
            return self._scores[example.id]
        scores = self._stored(example)
        found = dict(zip((m.id for m in example.memories), scores, strict=True))
        self._scores[example.id] = found
        if len(self._scores) > _KEPT:
            self._scores.popitem(last=False)
        return found

    def prepare(self, examples: Sequence[Example], on_done: Callable[[int, int], None]) -> None:
        """Score those Examples that are not stored, where there is a way to do so together.

        ``on_done`` is called with how many are stored, of how many.
        """
        if self.together is None or self.store is None:
            return
        new = [example for example in examples if self.store.get(self._key(example)) is None]
        done = len(examples) - len(new)
        for i, scores in self.together(new):
            self._keep(self._key(new[i]), new[i], scores)
            done += 1
            on_done(done, len(examples))

    def _stored(self, example: Example) -> list[float]:
        if self.store is None:
            return _numbers(self.score(example))
        key = self._key(example)
        stored = self.store.get(key) or self._keep(key, example, self.score(example))
        scores: list[float] = json.loads(stored.reply)
        return scores

    def _key(self, example: Example) -> str:
        item = example_to_json(example)
        asked = {key: item[key] for key in ("query", "context", "query_time", "instruction")}
        asked["memories"] = [
            [m.id, m.time, m.speaker, m.text, *([turn_to_json(m.previous)] if m.previous else [])]
            for m in example.memories
        ]
        return hashlib.sha256(json.dumps([self.identity, asked]).encode()).hexdigest()

    def _keep(self, key: str, example: Example, scores: Floats) -> StoredCall:
        assert self.store is not None
        request = json.dumps({"scorer": self.name, "query": example.id})
        stored = StoredCall(json.dumps(_numbers(scores)), 0, 0)
        self.store.put(key, request, stored)
        return stored

    async def compare(
        self, example: Example, first: str, second: str, second_example: Example | None = None
    ) -> Verdict:
        other = example if second_example is None else second_example
        one, two = self._of(example)[first], self._of(other)[second]
        preference = float(np.tanh((one - two) / (2 * self.unit)))
        return Verdict(
            example.id,
            first,
            second,
            self.name,
            round(preference, 6),
            "ok" if round(preference, 6) else "tied",
            other.id,
        )

    async def grade(self, example: Example, memory: str) -> Grade:
        if self.probability is None:
            raise ValueError(f"{self.name} does not grade")
        score = np.array([self._of(example)[memory]])
        return Grade(example.id, memory, self.name, round(float(self.probability(score)[0]), 6))


def _numbers(scores: Floats) -> list[float]:
    return [float(score) for score in scores]
