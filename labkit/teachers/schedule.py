"""Who meets whom: which pairs of memories are shown to which teacher, known before the first call.

Within a query, the pairs are a union of random cycles without a common edge: every memory meets
2 x cycles others, and all hang together (zELO, arXiv 2509.12541, section on sparse comparisons).
Where that is all there is, everybody meets everybody. Each pair is asked in both orders, and every
memory is shown first as often as second, so that a habit of choosing the first cancels; a teacher
meets enough of both to have its habit measured.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labkit.errors import InputError
from labkit.teachers.fit import Fit
from labkit.teachers.verdicts import Floats, Indices, Items


@dataclass(frozen=True, slots=True)
class Comparison:
    """One call to come: ``teacher`` is shown ``first``, then ``second``; see Verdict."""

    query: str
    first: str
    second: str
    teacher: str
    second_query: str | None = None


def _rng(seed: int, *names: str) -> np.random.Generator:
    # from the names, so that a query's pairs do not depend on which other queries there are
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def edges_of(memories: int, cycles: int) -> int:
    """How many pairs :func:`meetings` gives."""
    if memories < 2:
        return 0
    return min(memories * cycles, memories * (memories - 1) // 2)


def meetings(memories: int, cycles: int, rng: np.random.Generator) -> Indices:
    """Pairs [e, 2] of a connected graph on n memories, each with 2 x cycles neighbours.

    All n (n - 1) / 2 pairs where 2 x cycles >= n - 1. In the direction of the pair, each memory is
    first as often as it is second.
    """
    if cycles < 1:
        raise InputError(f"cycles is {cycles}, expected at least 1")
    if 2 * cycles >= memories - 1:
        i, j = np.triu_indices(memories, 1)
        flip = (i + j) % 2 == 1
        every: Indices = np.stack([np.where(flip, j, i), np.where(flip, i, j)], 1)
        return every
    taken: set[tuple[int, int]] = set()
    found: list[list[int]] = []
    for _ in range(cycles):
        cycle = _fresh_cycle(memories, taken, rng)
        if cycle is None:
            return _zigzags(memories, cycles, rng)
        found.append(cycle)
        taken.update(_edge(a, b) for a, b in _around(cycle))
    return np.array([pair for cycle in found for pair in _around(cycle)], dtype=np.intp)


def _edge(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def _around(cycle: Sequence[int]) -> Iterator[tuple[int, int]]:
    return zip(cycle, [*cycle[1:], cycle[0]], strict=True)


def _fresh_cycle(
    memories: int, taken: set[tuple[int, int]], rng: np.random.Generator
) -> list[int] | None:
    """A random cycle through all that uses no taken edge; None where none was come upon."""
    cycle: list[int] = rng.permutation(memories).tolist()
    for _ in range(20 * memories):
        bad = [i for i, (a, b) in enumerate(_around(cycle)) if _edge(a, b) in taken]
        if not bad:
            return cycle
        # turn a random stretch round that begins after a taken edge: two edges go, two come
        at = bad[0] + 1
        cycle = cycle[at:] + cycle[:at]
        end = int(rng.integers(2, memories))
        cycle = cycle[:end][::-1] + cycle[end:]
    return None


def _zigzags(memories: int, cycles: int, rng: np.random.Generator) -> Indices:
    """Cycles of Walecki's decomposition of the complete graph (Alspach 2008), relabelled."""
    names = rng.permutation(memories)
    # odd n = 2r + 1: zigzags over Z_2r closed by a hub; even n = 2r + 2: one hub more, set into the
    # middle edge of each zigzag
    ring = memories - 1 if memories % 2 else memories - 2
    zigzag = np.array([(i + 1) // 2 * (1 if i % 2 else -1) for i in range(ring)])
    loops: list[Indices] = []
    for turn in rng.permutation(ring // 2)[:cycles]:
        loop = (zigzag + turn) % ring
        if memories % 2 == 0:
            loop = np.insert(loop, ring // 2, ring + 1)
        loops.append(np.append(loop, ring))
    return np.array([(names[a], names[b]) for loop in loops for a, b in _around(loop.tolist())])


def calls(
    sizes: Iterable[int], *, cycles: int, both_orders: bool = True, teachers: int | None = None
) -> int:
    """How many calls :func:`schedule` asks for.

    Args:
        sizes: number of memories of each query.
        cycles, both_orders: as there.
        teachers: number of teachers where each pair goes to all of them; None where they share.
    """
    pairs = sum(edges_of(int(size), cycles) for size in sizes)
    return pairs * (2 if both_orders else 1) * (teachers or 1)


def schedule(
    items: Items,
    teachers: Sequence[str],
    *,
    cycles: int,
    both_orders: bool = True,
    every_teacher: bool = False,
    seed: int = 0,
) -> list[Comparison]:
    """The first round.

    Args:
        items: queries and their memories.
        teachers: names.
        cycles: each memory meets 2 x cycles others; a meeting is one call, or two in both orders.
        both_orders: ask (i, j) and (j, i). Without it each memory is first as often as second.
        every_teacher: True = each call goes to each teacher; False = teachers take turns along
            the cycles, call by call, so that each memory is judged by all of them alike: what
            one misjudges the others outvote.
        seed: of the pairs and of who is asked.

    Returns:
        :func:`calls` comparisons, the queries in order.
    """
    if not teachers:
        raise InputError("no teachers, expected at least one name")
    out: list[Comparison] = []
    for q, query in enumerate(items.queries):
        names = items.memories[items.start[q] : items.start[q + 1]]
        if len(names) < 2:
            continue
        rng = _rng(seed, query)
        pairs = meetings(len(names), cycles, rng)
        turn = int(rng.integers(len(teachers)))
        for i, j in pairs.tolist():
            for one, two in ((i, j), (j, i)) if both_orders else ((i, j),):
                if every_teacher:
                    asked = list(teachers)
                else:
                    asked, turn = [teachers[turn % len(teachers)]], turn + 1
                out += [Comparison(query, names[one], names[two], t) for t in asked]
    return out


PER_MEMORY = 4
"""New meetings of one memory in a second round, at most."""


def second_round(
    fitted: Fit,
    label_errors: Floats,
    teachers: Sequence[str],
    *,
    budget: int,
    per_memory: int = PER_MEMORY,
) -> list[Comparison]:
    """Spend calls where labels are uncertain: close calls between memories of unsure label.

    A pair is worth p (1 - p) (e_i^2 + e_j^2): how open the verdict is, times what is at stake in
    the two labels. Its two orders go to the two teachers who have judged these memories least, for
    what they have said, weighed by what a verdict of theirs tells (reliability^2 / dispersion): a
    memory that one teacher is blind to needs the others.

    Args:
        fitted: the first round's fit.
        label_errors: standard errors of the labels [n].
        teachers: names.
        budget: calls; an odd one is left unspent.
        per_memory: at most this many new meetings a memory, so that one memory cannot take all.

    Returns:
        at most ``budget`` comparisons, fewer only where pairs run out; deterministic.
    """
    items, verdicts = fitted.items, fitted.problem.verdicts
    number = {name: t for t, name in enumerate(teachers)}
    told = np.ones(len(teachers))
    judged = np.zeros((len(items.memories), len(teachers)))
    asked: set[tuple[int, int]] = set()
    for t, name in enumerate(verdicts.teachers):
        if name not in number:
            continue
        mine = verdicts.teacher == t
        told[number[name]] = fitted.teachers.reliability[t] ** 2 / fitted.teachers.dispersion[t]
        for side in (verdicts.first, verdicts.second):
            np.add.at(judged, (side[mine], number[name]), 1.0)
        asked.update(
            zip(verdicts.first[mine].tolist(), verdicts.second[mine].tolist(), strict=True)
        )
    told = np.sqrt(told / told.mean())
    worths: list[Floats] = [np.zeros(0)]
    pairs: list[Indices] = [np.zeros((0, 2), dtype=np.intp)]
    for q in range(len(items.queries)):
        i, j = np.triu_indices(int(items.sizes[q]), 1)
        i, j = i + items.start[q], j + items.start[q]
        p = fitted.chance(i, j)
        worth = p * (1 - p) * (label_errors[i] ** 2 + label_errors[j] ** 2)
        best = np.argsort(-worth, kind="stable")[: 4 * per_memory * int(items.sizes[q])]
        worths.append(worth[best])
        pairs.append(np.stack([i[best], j[best]], 1))
    order = np.argsort(-np.concatenate(worths), kind="stable")
    met = np.zeros(len(items.memories), dtype=np.intp)
    query = items.query
    out: list[Comparison] = []
    for i, j in np.concatenate(pairs)[order].tolist():
        if len(out) + 2 > budget:
            break
        if (i, j) in asked or (j, i) in asked or max(met[i], met[j]) >= per_memory:
            continue
        met[[i, j]] += 1
        load = (judged[i] + judged[j]) / told
        least = np.argsort(load, kind="stable")
        for one, two, t in ((i, j, least[0]), (j, i, least[min(1, len(least) - 1)])):
            judged[[i, j], t] += 1
            name = items.queries[query[i]]
            out.append(Comparison(name, items.memories[one], items.memories[two], teachers[t]))
    return out


def cross_query(
    items: Items,
    references: Sequence[tuple[str, str]],
    teachers: Sequence[str],
    *,
    per_query: int = 2,
    chosen: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
) -> list[Comparison]:
    """Compare memories of every query with references: "which answers its own query better?".

    Without such calls the verdicts of a query without an answer look like those of one with a
    perfect answer. References are few, and of few queries, for the fit eliminates them last.

    Args:
        items: queries and their memories, the references' among them.
        references: (query id, memory id), best of known and spread grades.
        teachers: names; they take turns.
        per_query: memories of each query that meet a reference, both orders.
        chosen: query id -> memory ids in order of preference (such as by a first fit: the top of
            each query tells most); default, at random.
        seed: of that choice.

    Returns:
        2 x per_query comparisons for each query that is not a reference's own.
    """
    own = {query for query, _ in references}
    out: list[Comparison] = []
    turn = 0
    for q, query in enumerate(items.queries):
        if query in own:
            continue
        names = items.memories[items.start[q] : items.start[q + 1]]
        if chosen is None:
            order = [names[i] for i in _rng(seed, query, "cross").permutation(len(names))]
        else:
            order = list(chosen[query])
        for memory in order[:per_query]:
            other, reference = references[turn % len(references)]
            teacher = teachers[turn // len(references) % len(teachers)]
            turn += 1
            out.append(Comparison(query, memory, reference, teacher, other))
            out.append(Comparison(other, reference, memory, teacher, query))
    return out


def to_grade(items: Items, utilities: Floats, *, per_query: int = 4) -> list[tuple[str, str]]:
    """Which memories get a pointwise grade: ranks of each query from 1 to the last, evenly in log.

    The top is where labels matter and where a query without an answer shows; the rest hold the
    scale. The choice looks at the verdicts only, so the grades stay an unbiased sample of what a
    memory of that utility is worth.

    Returns:
        (query id, memory id), at most ``per_query`` a query.
    """
    out: list[tuple[str, str]] = []
    for q, query in enumerate(items.queries):
        low, high = int(items.start[q]), int(items.start[q + 1])
        order = low + np.argsort(-utilities[low:high], kind="stable")
        size = high - low
        if size == 0:
            continue
        count = min(per_query, size)
        ranks = np.unique(np.round(np.geomspace(1, size, count)).astype(int)) - 1
        spare = [r for r in range(size) if r not in set(ranks.tolist())]
        ranks = np.sort(np.concatenate([ranks, spare[: count - len(ranks)]]).astype(int))
        out += [(query, items.memories[order[r]]) for r in ranks]
    return out
