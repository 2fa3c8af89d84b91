"""Which of all possible questions a life gets, so that no surface cue gives answers away."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labkit.synthesis.asking import Draft


@dataclass(frozen=True, slots=True)
class Candidate:
    """A checked question with its evidence; ``partner`` shares its words, not its instruction."""

    draft: Draft
    reference: str
    needed: frozenset[str]
    anchors: frozenset[str]
    memories: frozenset[str]
    mode: str = "plain"
    instruction: str = ""
    partner: Candidate | None = None
    readings: tuple[frozenset[str], ...] = ()


SHARES: Mapping[str, float] = {
    "single_hop": 1.1, "multi_hop": 2.7, "temporal": 1.8, "causal": 1.8, "coreference": 3.0,
    "update": 1.2, "numerical": 1.3, "entity": 1.2, "granularity": 1.3, "preference": 1.0,
    "abstain": 1.0,
}  # fmt: skip
"""How many questions of a kind a life has, about."""

PAIRS: Mapping[str, float] = {"pair:entity": 1.2, "pair:aspect": 0.7, "pair:intent": 0.3}
"""What speaks for two questions that differ in their instruction; the rarer, the more."""


def choose_questions(
    candidates: Sequence[Candidate], memories: Sequence[str], count: int, rng: random.Random
) -> list[Candidate]:
    """``count`` questions (a pair counts as two): kinds by share, memories used evenly.

    First a memory is drawn, of those least used so far, then a question that it answers. So every
    memory, chatter included, is the answer to something about equally often, and what is old,
    short, hearsay or a note is no less likely to be asked for than anything else.
    """
    by_memory: dict[str, list[Candidate]] = {id_: [] for id_ in memories}
    unanswered: list[Candidate] = []
    for candidate in candidates:
        involved = _involved(candidate)
        for id_ in involved:
            by_memory[id_].append(candidate)
        if not involved:
            unanswered.append(candidate)
    kinds: Counter[str] = Counter()
    uses: Counter[str] = Counter()
    asked: set[tuple[str, str]] = set()
    chosen: list[Candidate] = []

    def take(candidate: Candidate) -> None:
        chosen.append(candidate)
        asked.add((candidate.draft.ask, candidate.draft.thread.id))
        for one in (candidate, *([candidate.partner] if candidate.partner else [])):
            kinds[one.draft.kind] += 1
            uses.update(one.memories)

    if unanswered:
        take(rng.choice(unanswered))
    left = {id_ for id_, found in by_memory.items() if found}
    while left and kinds.total() < count:
        ids = sorted(left)
        drawn = rng.choices(ids, [0.06 ** uses[id_] for id_ in ids])[0]
        open_ = [c for c in by_memory[drawn] if (c.draft.ask, c.draft.thread.id) not in asked]
        if not open_:
            left.discard(drawn)
            continue

        def cost(candidate: Candidate, drawn: str = drawn) -> float:
            kind = candidate.draft.kind
            others = _involved(candidate) - {drawn}
            used = sum(0.5 + uses[id_] for id_ in others)
            pair = PAIRS.get(candidate.mode, 0.0) if candidate.partner else 0.0
            return 0.4 * used + 2.0 * kinds[kind] / SHARES[kind] - pair + 1.5 * rng.random()

        take(min(open_, key=cost))
    return chosen


def _involved(candidate: Candidate) -> frozenset[str]:
    partner = candidate.partner.memories if candidate.partner else frozenset()
    return candidate.memories | partner
