"""What a labelling run will cost, before its first call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from labkit.llm.prompts import Prompt, framed_query
from labkit.records import Example
from labkit.teachers.labelling import Recipe, first_round, items_to_label, reference_count
from labkit.teachers.llm import PROMPTS, Questions, quoted_memory
from labkit.teachers.named import OpenAISpec, Spec
from labkit.teachers.schedule import PER_MEMORY, edges_of

_BYTES_A_TOKEN = 4
_REPLY_TOKENS: Mapping[str, int] = {"reply": 90, "logprobs": 2}
_DIGIT_TOKENS = 8
_REPAIR = 2_048  # of what is wrong, quoted, when a reply is asked for again

What = Literal["compare", "compare_across", "grade"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of one teacher: calls, and tokens and cost as they are to be expected and at most.

    Expected are four bytes a token and replies of usual length, each right at once. The bounds take
    a token a byte, the longest memories, and every reply as long as it may be and asked for twice.
    A bound lacks only attempts that an endpoint charges and does not answer. Costs are None without
    prices; a teacher without an endpoint has answers, and costs nothing.
    """

    teacher: str
    answers: int
    calls: int
    calls_at_most: int
    prompt_tokens: int
    prompt_tokens_at_most: int
    completion_tokens: int
    completion_tokens_at_most: int
    cost: float | None
    cost_at_most: float | None


def estimate(
    examples: Sequence[Example],
    specs: Sequence[Spec],
    recipe: Recipe,
    prompts: Mapping[str, Prompt],
) -> list[Estimate]:
    """One for each teacher, for a run with an empty store.

    The first round is counted pair by pair. Who gets how much of a second round depends on what is
    answered: an even share is expected, all of it is the bound.
    """
    items = items_to_label(examples)
    names = [spec.name for spec in specs]
    round_one = first_round(items, names, recipe)
    graded = int(np.minimum(items.sizes, recipe.grades).sum())
    # The queries of the references themselves are left out; which they are is not known yet.
    each = np.sort(np.minimum(items.sizes, recipe.across))
    anchors = reference_count(items)
    across = 2 * int(each[anchors:].sum()) if anchors else 0
    spare = [_unmet(int(size), recipe.cycles) for size in items.sizes]
    more = min(int(recipe.more * len(round_one)), sum(spare))
    found = []
    for spec in specs:
        mine = [call for call in round_one if call.teacher == spec.name]
        if not isinstance(spec, OpenAISpec):
            # Who can grade is known when it is loaded; to ask it costs nothing.
            answers = len(mine) + -(-(across + more) // len(specs))
            found.append(Estimate(spec.name, answers, 0, 0, 0, 0, 0, 0, 0.0, 0.0))
            continue
        sizes = _Sizes(examples, Questions(prompts, spec.verdicts))
        pairs = sum(sizes.pair(c.query, c.first, c.second) for c in mine)
        even = -(-across // len(specs)) + -(-more // len(specs))
        all_of_it = across + more
        calls = len(mine) + graded + even
        usual = (
            pairs
            + graded * sizes.of("grade", 1, sizes.mean)
            + even * sizes.of("compare_across", 2, sizes.mean)
        )
        bound = (
            pairs
            + graded * sizes.of("grade", 1, sizes.longest)
            + all_of_it * sizes.of("compare_across", 2, sizes.longest)
        )
        calls_bound = len(mine) + graded + all_of_it
        reply = spec.max_tokens if spec.verdicts == "reply" else _DIGIT_TOKENS
        prompt_bound, tries = bound, 1
        if spec.verdicts == "reply":
            prompt_bound, tries = 2 * bound + calls_bound * (reply + _REPAIR), 2
        tokens = usual // _BYTES_A_TOKEN, calls * _REPLY_TOKENS[spec.verdicts]
        at_most = prompt_bound, tries * calls_bound * reply
        found.append(
            Estimate(
                spec.name,
                calls,
                calls,
                tries * calls_bound,
                tokens[0],
                at_most[0],
                tokens[1],
                at_most[1],
                None if spec.prices is None else spec.prices.of(*tokens),
                None if spec.prices is None else spec.prices.of(*at_most),
            )
        )
    return found


def _unmet(memories: int, cycles: int) -> int:
    """Calls that a second round finds at most: pairs not met so far, in both orders."""
    pairs = memories * (memories - 1) // 2 - edges_of(memories, cycles)
    return 2 * min(pairs, memories * PER_MEMORY // 2)


class _Sizes:
    """Bytes of what is shown, which tokens cannot exceed."""

    def __init__(self, examples: Sequence[Example], questions: Questions) -> None:
        self._fixed = {what: questions.tokens(what) for what in _WHAT}
        # the longest names that a frame may have here
        self._queries = {
            e.id: len(framed_query(e.query, "second question").text.encode()) for e in examples
        }
        self._memories = {
            (e.id, m.id): len(quoted_memory(m, "second memory").text.encode())
            for e in examples
            for m in e.memories
        }
        queries = np.array([self._queries[e.id] for e in examples if e.memories])
        memories = np.array(list(self._memories.values()))
        self.mean = int(queries.mean()), int(memories.mean())
        self.longest = int(queries.max()), int(memories.max())

    def pair(self, query: str, first: str, second: str) -> int:
        shown = self._memories[query, first] + self._memories[query, second]
        return self._fixed["compare"] + self._queries[query] + shown

    def of(self, what: What, memories: int, sizes: tuple[int, int]) -> int:
        """A prompt with as many memories, and queries where it goes across, of these sizes."""
        queries = 2 if what == "compare_across" else 1
        return self._fixed[what] + queries * sizes[0] + memories * sizes[1]


_WHAT: tuple[What, ...] = ("compare", "compare_across", "grade")
assert set(_WHAT) == set(PROMPTS)
