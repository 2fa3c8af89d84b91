"""Which pairs of query and memory an annotator sees, in which order, and what they say.

A queue follows from the data, the plan and the annotator's name alone; where one is in it follows
from the log. So there is nothing to save: whoever comes back is where they left.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, get_args

from labkit.annotation.events import Event, Kind, undoing
from labkit.annotation.store import Store
from labkit.errors import InputError
from labkit.records import LEVELS, RELEVANT, Example, Memory, Query, shown

Sampler = Literal["disagreement", "above", "near", "hard", "random", "overlap", "requested"]

SAMPLERS: tuple[Sampler, ...] = get_args(Sampler)

_SHARED = tuple(name for name in SAMPLERS if name not in ("overlap", "requested"))

Pair = tuple[str, str]
"""Ids of a query and of a memory."""


# --- items ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item:
    """A memory and a query that it may or may not answer, and what models say of the pair.

    Attributes:
        id: of the pair and its texts: edited, it is another item, and what was said of the old
            text does not count for the new.
        label: what the data says; below :data:`labkit.records.RELEVANT`, unless somebody asked for
            the pair.
        teacher_label: what teachers say, None where none were asked.
        probability: the student's, None where it was not asked.
        sampler: how it came into a queue; empty outside of one.
    """

    id: str
    example: Example
    memory: Memory
    content_sha256: str
    label: float
    teacher_label: float | None = None
    probability: float | None = None
    sampler: str = ""

    @property
    def typed(self) -> bool:
        """Whether the data itself calls it hard: it has a kind, or some relevance."""
        return self.label > 0 or self.memory.id in self.example.negative_kinds

    @property
    def gap(self) -> float | None:
        """Between the teachers' label (the data's, where there is none) and the student."""
        if self.probability is None:
            return None
        believed = self.label if self.teacher_label is None else self.teacher_label
        return abs(believed - self.probability)


def content_sha256(query: Query, memory: Memory) -> str:
    """Of all that an annotator reads of a pair."""
    context = [[turn.speaker, turn.text, turn.time] for turn in query.context]
    read = [query.text, query.instruction, query.time, context]
    read += [memory.text, memory.time, memory.speaker]
    text = json.dumps(read, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def item_id(query: str, memory: str, content: str) -> str:
    """Id of an item: of the pair's ids and the hash of its texts."""
    text = json.dumps([query, memory, content], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:20]


def pairs_of(example: Example) -> Iterator[tuple[str, Memory, str]]:
    """(item id, memory, content hash) of each memory of an Example."""
    for memory in example.memories:
        content = content_sha256(example.query, memory)
        yield item_id(example.id, memory.id, content), memory, content


def items_of(
    examples: Iterable[Example],
    *,
    probabilities: Mapping[Pair, float] | None = None,
    teacher_labels: Mapping[str, float] | None = None,
) -> list[Item]:
    """The items of Examples: every memory of each.

    Args:
        probabilities: the student's, where it scored the pair.
        teacher_labels: the teachers', by the id of an item. Of Examples that ``labkit label``
            wrote, they are the labels themselves and need not be given.
    """
    scores, teachers = probabilities or {}, teacher_labels or {}
    found = []
    for example in examples:
        own = "labelled_by" in example.extra
        for id_, memory, content in pairs_of(example):
            label, pair = example.label(memory.id), (example.id, memory.id)
            said = teachers.get(id_, label if own else None)
            found.append(Item(id_, example, memory, content, label, said, scores.get(pair)))
    return found


def negatives(
    examples: Iterable[Example],
    *,
    probabilities: Mapping[Pair, float] | None = None,
    teacher_labels: Mapping[str, float] | None = None,
) -> list[Item]:
    """Those of :func:`items_of` whose label is below relevant."""
    every = items_of(examples, probabilities=probabilities, teacher_labels=teacher_labels)
    return [item for item in every if item.label < RELEVANT]


# --- the queue -----------------------------------------------------------------------------------


def _shares() -> dict[Sampler, float]:
    return {"disagreement": 0.35, "above": 0.25, "near": 0.2, "random": 0.2}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a queue is made of.

    Attributes:
        size: items for each annotator.
        overlap: of these, how many everybody gets, so that agreement can be measured.
        shares: of the rest, by sampler. disagreement: where teachers and student are furthest
            apart; above: the student's best, of those above the threshold; near: next to the
            threshold; hard: what the data calls hard; random: any negative, as a control. A sampler
            that finds too few (without a student, the first three) leaves its share to hard, then
            to random.
        threshold: on the student's probability.
        seed: of all draws.
        team: the annotators, where they are known; then no two get the same item but for the
            overlap. Without it everybody gets the same items, each in an order of their own.
    """

    size: int = 200
    overlap: int = 40
    shares: Mapping[Sampler, float] = field(default_factory=_shares)
    threshold: float = 0.5
    seed: int = 0
    team: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.overlap <= self.size:
            raise InputError(
                f"size is {self.size} and overlap {self.overlap}, expected 0 <= overlap <= size"
            )
        for name, share in self.shares.items():
            if name not in _SHARED or not share >= 0:
                raise InputError(
                    f"share {name} is {share}, expected a number from 0 for one of "
                    f"{', '.join(_SHARED)}"
                )
        if not sum(self.shares.values()) > 0:
            raise InputError("shares are all 0, expected at least one above")


def _draw(*of: object) -> str:
    """A place in a random order that depends on nothing but what is given."""
    return hashlib.sha256("\x1f".join(map(str, of)).encode("utf-8", "replace")).hexdigest()


def _rankings(items: Sequence[Item], plan: Plan) -> dict[Sampler, list[Item]]:
    """For each sampler the items that it would take, first choice first."""
    chance = {item.id: _draw(plan.seed, item.id) for item in items}
    scored = [item for item in items if item.probability is not None]

    def by(key: Callable[[Item], float], among: Iterable[Item]) -> list[Item]:
        return sorted(among, key=lambda item: (key(item), chance[item.id]))

    def probability(item: Item) -> float:
        return item.probability or 0.0

    return {
        "disagreement": by(lambda item: -(item.gap or 0.0), scored),
        "above": by(
            lambda item: -probability(item),
            (item for item in scored if probability(item) >= plan.threshold),
        ),
        "near": by(lambda item: abs(probability(item) - plan.threshold), scored),
        "hard": by(lambda item: 0.0, (item for item in items if item.typed)),
        "random": sorted(items, key=lambda item: _draw(plan.seed, "random", item.id)),
    }


def _quotas(plan: Plan, count: int) -> dict[Sampler, int]:
    """``count`` divided by the shares; what is left goes to the largest remainders."""
    total = sum(plan.shares.values())
    exact = {name: count * share / total for name, share in plan.shares.items()}
    whole = {name: int(value) for name, value in exact.items()}
    rest = sorted(exact, key=lambda name: (whole[name] - exact[name], SAMPLERS.index(name)))
    for name in rest[: count - sum(whole.values())]:
        whole[name] += 1
    return whole


def _take(
    rankings: Mapping[Sampler, list[Item]], plan: Plan, count: int, taken: set[str]
) -> Iterator[Item]:
    """Up to ``count`` items that are not ``taken``, the samplers by turns."""
    left = {name: iter(ranking) for name, ranking in rankings.items()}

    def fresh(name: Sampler) -> Item | None:
        for item in left[name]:
            if item.id not in taken:
                taken.add(item.id)
                return replace(item, sampler=name)
        return None

    quotas = _quotas(plan, count)
    short = 0
    while quotas:
        for name in list(quotas):
            if not quotas[name]:
                del quotas[name]
            elif (item := fresh(name)) is None:
                short += quotas.pop(name)
            else:
                quotas[name] -= 1
                yield item
    for name in ("hard", "random"):
        while short and (item := fresh(name)) is not None:
            short -= 1
            yield item


def build_queue(
    items: Sequence[Item], annotator: str, plan: Plan, requested: Sequence[Item] = ()
) -> Queue:
    """The queue of one annotator: the same at every call, whatever order the items come in.

    Args:
        requested: items that everybody is to judge first, beside the plan's size; see
            :func:`request`.

    Raises:
        InputError: there is a team, and the annotator is not of it.
    """
    if plan.team and annotator not in plan.team:
        raise InputError(
            f"annotator {shown(annotator)} is not of the team, expected one of "
            f"{', '.join(plan.team)}"
        )
    rankings = _rankings(items, plan)
    asked_for = {item.id: replace(item, sampler="requested") for item in requested}
    taken = set(asked_for)
    shared = [
        replace(item, sampler="overlap") for item in _take(rankings, plan, plan.overlap, taken)
    ]
    if plan.team:
        members = sorted(set(plan.team))
        place, size = members.index(annotator), len(members)
        rankings = {
            name: [i for i in ranking if int(_draw(plan.seed, "team", i.id), 16) % size == place]
            for name, ranking in rankings.items()
        }
    own = _take(rankings, plan, plan.size - plan.overlap, taken)
    # Mixed, so that nobody tires on one sampler, nor guesses from the place what a model said.
    order = sorted((*shared, *own), key=lambda item: _draw(plan.seed, annotator, item.id))
    return Queue(annotator, plan, (*asked_for.values(), *order))


@dataclass(frozen=True)
class Queue:
    """An annotator's items in order. ``mine`` is what stands of theirs, see :func:`standing_of`."""

    annotator: str
    plan: Plan
    items: tuple[Item, ...]

    @cached_property
    def _place(self) -> dict[str, int]:
        return {item.id: place for place, item in enumerate(self.items)}

    def get(self, id_: str) -> Item | None:
        """The item of this id, if it is in the queue."""
        place = self._place.get(id_)
        return None if place is None else self.items[place]

    def number(self, item: Item) -> int:
        """The item's place, 1 for the first."""
        return self._place[item.id] + 1

    def step(self, item: Item, by: int) -> Item:
        """The item so many places on, or back; it stops at either end."""
        place = self._place[item.id] + by
        return self.items[min(max(place, 0), len(self.items) - 1)]

    def next(
        self, mine: Mapping[str, Event], after: Item | None = None, *, skipped: bool = False
    ) -> Item | None:
        """The next item that is open, from ``after`` on and then from the start; None at the end.

        Without ``after``, from where the annotator was last. What was requested comes before all
        else. An item that was skipped comes only with ``skipped``.
        """
        if after is None:
            done = [event for event in mine.values() if event.item in self._place]
            last = max(done, key=lambda event: event.time or "", default=None)
            after = None if last is None else self.get(last.item)
        start = 0 if after is None else self.number(after)
        requested = [item for item in self.items if item.sampler == "requested"]
        for item in (*requested, *self.items[start:], *self.items[:start]):
            event = mine.get(item.id)
            if event is None or (skipped and event.kind == "skip"):
                return item
        return None

    def progress(self, mine: Mapping[str, Event]) -> Progress:
        """How far one is."""
        events = [(item, mine[item.id]) for item in self.items if item.id in mine]
        kinds = Counter(event.kind for _, event in events)
        judged = [pair for pair in events if pair[1].kind != "skip"]
        times = sorted(e.milliseconds for _, e in judged if e.milliseconds is not None)
        return Progress(
            total=len(self.items),
            labelled=kinds["label"],
            cannot_tell=kinds["cannot_tell"],
            skipped=kinds["skip"],
            levels=tuple(
                sum(event.level == level for _, event in judged) for level in range(len(LEVELS))
            ),
            overlap=(
                sum(item.sampler == "overlap" for item, _ in judged),
                sum(item.sampler == "overlap" for item in self.items),
            ),
            median_seconds=times[len(times) // 2] / 1000 if times else None,
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of a queue: ``levels`` worst first; ``overlap`` is (done, all of it)."""

    total: int
    labelled: int
    cannot_tell: int
    skipped: int
    levels: tuple[int, ...]
    overlap: tuple[int, int]
    median_seconds: float | None

    @property
    def open(self) -> int:
        return self.total - self.labelled - self.cannot_tell - self.skipped


_JUDGEMENTS = ("label", "cannot_tell", "skip")


# --- what an annotator does ----------------------------------------------------------------------


def standing_of(store: Store, annotator: str) -> dict[str, Event]:
    """What stands of an annotator's judgements, by item."""
    events = store.standing(annotator=annotator)
    return {event.item: event for event in events if event.kind != "adjudication"}


def judge(
    store: Store,
    queue: Queue,
    item: Item,
    *,
    id_: str,
    kind: Kind = "label",
    level: int | None = None,
    note: str | None = None,
    negative_kind: str | None = None,
    model: str | None = None,
    guidelines: str | None = None,
    blind: bool = True,
    milliseconds: int | None = None,
) -> Event:
    """Store what the queue's annotator says of an item; returns when it is on the disk.

    Args:
        id_: made anew for each card that is shown, so that a second click on it counts once.
        kind: label with a level of 0 to 4; cannot_tell with a note; skip.
        model: whose probability the item carries.
        blind: the annotator saw neither probability nor teacher label.

    Raises:
        InputError: the judgement is not complete, or could not be stored.
    """
    return store.append(
        Event(
            **_about(item),
            id=id_,
            annotator=queue.annotator,
            kind=kind,
            level=level,
            note=note or None,
            negative_kind=negative_kind or None,
            model=model,
            guidelines=guidelines,
            blind=blind,
            milliseconds=milliseconds,
            sampler=item.sampler or None,
            seed=queue.plan.seed,
        )
    )


def _about(item: Item) -> dict[str, Any]:
    """The fields of an event that say of what it is, and what was seen there."""
    return {
        "item": item.id,
        "query": item.example.id,
        "memory": item.memory.id,
        "content_sha256": item.content_sha256,
        "probability": item.probability,
        "teacher_label": item.teacher_label,
    }


def request(
    store: Store, item: Item, *, id_: str, annotator: str, model: str | None = None
) -> Event:
    """Ask everybody to judge an item, soon; the queues of :func:`build_queue` can begin with it.

    Args:
        id_: made anew for each press, so that a second one counts once.
        annotator: who asks.
        model: whose probability the item carries.

    Raises:
        InputError: it could not be stored.
    """
    return store.append(
        Event(
            **_about(item),
            id=id_,
            annotator=annotator,
            kind="request",
            model=model,
            blind=False,  # it was sent from where the scores are shown
        )
    )


def undo(store: Store, queue: Queue, *, id_: str) -> Event | None:
    """Take back the last thing that the annotator did in this queue, and return it.

    What stood before it stands again; done again, it takes back the one before. None where there
    is nothing left to take back.

    Args:
        id_: made anew for each press; sent twice, it takes back one thing.
    """
    there = store.get(id_)
    if there is not None and there.undo_of is not None:
        return store.get(there.undo_of)
    done: dict[str, Event] = {}
    for event in store.events(annotator=queue.annotator):
        if event.undo_of is not None:
            done.pop(event.undo_of, None)
        elif event.kind in _JUDGEMENTS and queue.get(event.item) is not None:
            done[event.id] = event
    if not done:
        return None
    last = next(reversed(done.values()))
    store.append(undoing(last, id_))
    return last
