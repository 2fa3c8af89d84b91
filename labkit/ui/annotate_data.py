"""What the Annotate tab shows and stores, as plain data: no Gradio here.

The page asks for a queue, for cards, and to store what was decided; each answer is JSON. A card
holds no score and no label: these are sealed, and come only when the page says that they were asked
for, or once the annotator has decided.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock, Thread
from typing import Any, get_args

from labkit.annotation.events import Event, Kind, undoing
from labkit.annotation.guidelines import load_guidelines
from labkit.annotation.queue import (
    Item,
    Plan,
    Queue,
    build_queue,
    items_of,
    judge,
    negatives,
    pairs_of,
    standing_of,
)
from labkit.annotation.store import Store, Unavailable
from labkit.errors import InputError
from labkit.records import LEVELS, NEGATIVE_KINDS, Memory, parse_time, shown
from labkit.rendering import render_date
from labkit.scoring.reranker import Reranker
from labkit.sources.lives import Split
from labkit.synthesis.splits import SPLITS
from labkit.ui.bench import Bench
from labkit.ui.inspect_data import short_level
from labkit.ui.kept import Kept
from labkit.ui.labelled import Labelled, bounded
from labkit.ui.library import Library, examples_of
from labkit.ui.points import starting_point
from labkit.ui.scores import Batch, Scores
from labkit.ui.selection import DEPTH, Place

CARDS_AT_ONCE = 100
"""Sent ahead, so that nobody who types fast waits for a card."""

NEIGHBOURS = 3
"""Memories before, and after, that a card shows."""

AROUND = 200
"""Memories of a dialogue that can be looked at from a card; the nearest ones where it has more."""

MOST_NAME = 60
MOST_EVENTS = 500
DAY = 24 * 60 * 60 * 1000

Asked = Mapping[str, Any]
"""What the page sent: decoded JSON, to be doubted."""


# --- what a queue is made of ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """The queries of a split of a collection, and the student that says which pairs are hard."""

    collection: str
    split: Split
    model: str


@dataclass(frozen=True, slots=True)
class Pool:
    """Pairs that a queue can be made of; ``scored`` where the student has read them."""

    items: tuple[Item, ...]
    queries: int
    left_out: int
    scored: bool


@dataclass(slots=True)
class Scoring:
    """How far a student is; ``error`` where it did not get to the end."""

    done: int = 0
    total: int = 0
    error: str = ""
    running: bool = True


class Desk:
    """What annotators work at: the data, the student's scores, and the store.

    Args:
        plan: of the queues; its threshold is the student's own, see its card.
        teacher_labels: what teachers say of pairs, see :class:`labkit.annotation.queue.Item`.
    """

    def __init__(
        self,
        library: Library,
        bench: Bench,
        scores: Scores,
        store: Store,
        plan: Plan | None = None,
        teacher_labels: Mapping[str, float] | None = None,
    ) -> None:
        self.library = library
        self.store = store
        self.plan = plan if plan is not None else Plan()
        self._bench = bench
        self._scores = scores
        self._teacher_labels = teacher_labels or {}
        self._pools: Kept[tuple[Source, bool], Pool] = Kept(4)
        self._queues: Kept[tuple[Any, ...], Queue] = Kept(16)
        self._scoring: dict[Source, Scoring] = {}
        self._lock = Lock()

    def reranker(self, model: str) -> Reranker:
        """
        Raises:
            InputError: the model is none of the lab's.
        """
        return self._bench.reranker(model)

    @property
    def store_key(self) -> str:
        """Tells a page which store its labels are for, without saying where it lies."""
        return hashlib.sha256(self.store.place.encode("utf-8", "replace")).hexdigest()[:16]

    def batch(self, source: Source) -> tuple[Batch, int]:
        """The queries of a source as they are scored, and how many were left out as too many.

        A query that has an answer and no labels is no use: its evidence is not known.

        Raises:
            InputError: the collection is gone.
        """
        examples = [
            example
            for example in self.library.collection(source.collection).examples(source.split)
            if example.memories and (example.labels or "answer" not in example.extra)
        ]
        kept, left_out = bounded(examples, DEPTH)
        key = f"annotate:{source.collection}:{source.split}"
        return Batch(key, tuple(kept), "fused", DEPTH), left_out

    def pool(self, source: Source, *, scored: bool = True) -> Pool:
        """The negatives of a source, with scores where they are wanted and there already."""
        batch, left_out = self.batch(source)
        found = self._scores.kept(source.model, batch) if scored else None

        def make() -> Pool:
            probabilities = {
                (query.example.id, memory.id): float(p)
                for query in found or ()
                for memory, p in zip(query.memories, query.probabilities, strict=True)
            }
            items = negatives(
                batch.examples, probabilities=probabilities, teacher_labels=self._teacher_labels
            )
            return Pool(tuple(items), len(batch.examples), left_out, found is not None)

        return self._pools.get_or_make((source, found is not None), make)

    def scoring(self, source: Source) -> Scoring:
        """Have the student read a source, beside whatever else goes on; returns at once."""
        batch, _ = self.batch(source)
        with self._lock:
            state = self._scoring.get(source)
            if state is not None and (state.running or not state.error):
                return state
            state = self._scoring[source] = Scoring(total=len(batch.examples))

        def advance(done: int, total: int) -> None:
            state.done, state.total = done, total

        def run() -> None:
            try:
                self._scores.score(source.model, batch, advance)
            except Exception as error:  # whatever it was, somebody waits to be told
                state.error = str(error) or type(error).__name__
            finally:
                state.running = False

        Thread(target=run, name="labkit-scoring", daemon=True).start()
        return state

    def queue(self, source: Source, annotator: str, *, scored: bool = True) -> Queue:
        """The annotator's queue, what was requested first."""
        pool = self.pool(source, scored=scored)
        wanted = self.requested(source, pool)
        key = (source, pool.scored, annotator, tuple(item.id for item in wanted))
        _, threshold = starting_point(self.reranker(source.model).card)
        plan = replace(self.plan, threshold=threshold)
        return self._queues.get_or_make(
            key, lambda: build_queue(pool.items, annotator, plan, wanted)
        )

    def requested(self, source: Source, pool: Pool) -> list[Item]:
        """The pairs of a source that somebody asked for, in order."""
        known = {item.id: item for item in pool.items}
        found = []
        for event in self.store.requested():
            item = known.get(event.item) or self.item(source, event.item, event.query, event.memory)
            if item is not None:
                score = item.probability
                if score is None and event.model == source.model:
                    score = event.probability
                found.append(replace(item, probability=score))
        return found

    def item(self, source: Source, id_: str, query: str, memory: str) -> Item | None:
        """Any pair of a source, by its ids; None where it is gone, or its texts have changed."""
        for example in self.library.collection(source.collection).examples(source.split):
            if example.id == query:
                one = replace(
                    example, memories=tuple(m for m in example.memories if m.id == memory)
                )
                for item in items_of([one], teacher_labels=self._teacher_labels):
                    if item.id == id_:
                        return replace(item, example=example)
        return None

    def place(self, collection: str, query: str, memory: str) -> Place | None:
        """Where a pair can be inspected."""
        for name, dialogue in self.library.collection(collection).dialogues.items():
            for query_name, example in examples_of(dialogue).items():
                if example.id == query:
                    return Place(collection, name, query_name, memory)
        return None


def teacher_labels(folders: Iterable[Labelled]) -> dict[str, float]:
    """What teachers say of pairs, by the id of an item, which is of these very texts; of several
    folders, the first that says anything."""
    found: dict[str, float] = {}
    for labelled in folders:
        if not labelled.gold:
            for example in labelled.batch.examples:
                for id_, memory, _ in pairs_of(example):
                    if memory.id in example.labels:
                        found.setdefault(id_, example.labels[memory.id])
    return found


# --- reading what the page sent ------------------------------------------------------------------


def annotator_of(login: str | None, asked: Asked) -> str:
    """Whose judgements these are: who logged in, else the name that was given.

    Raises:
        InputError: there is no name, or it is too long.
    """
    given = asked.get("annotator")
    name = " ".join(given.split()) if isinstance(given, str) else ""
    if login is not None and name != login:
        raise InputError(
            f"you are logged in as {shown(login)}, and this was judged by {shown(name)}: expected "
            "one and the same, log in as who judged"
        )
    if not name:
        raise InputError("no name was given, expected yours: it is stored with each label")
    if len(name) > MOST_NAME:
        raise InputError(f"the name has {len(name)} characters, expected at most {MOST_NAME}")
    return name


def source_of(desk: Desk, asked: Asked) -> Source:
    """
    Raises:
        InputError: the collection is gone, or the split or the model is none of the lab's.
    """
    collection, split, model = (_text(asked, key) for key in ("collection", "split", "model"))
    desk.library.collection(collection)
    known: dict[str, Split] = {name: name for name in SPLITS}
    if split not in known:
        raise InputError(f"split is {shown(split)}, expected one of {', '.join(SPLITS)}")
    desk.reranker(model)
    return Source(collection, known[split], model)


def _text(asked: Asked, key: str) -> str:
    value = asked.get(key)
    if not isinstance(value, str):
        raise InputError(f"{key} is {shown(value)}, expected a text")
    return value


def _list(asked: Asked, key: str) -> list[Any]:
    value = asked.get(key)
    if not isinstance(value, list) or len(value) > MOST_EVENTS:
        raise InputError(f"{key} is {shown(value)}, expected a list of at most {MOST_EVENTS}")
    return value


# --- cards ---------------------------------------------------------------------------------------


def in_time(memories: Sequence[Memory]) -> list[Memory]:
    """The memories in the order of their times; as they come where one has none."""
    try:
        return sorted(memories, key=lambda memory: parse_time(memory.time or ""))
    except ValueError:
        return list(memories)


def neighbours(item: Item, most: int) -> tuple[list[Memory], int, int]:
    """The item's memory with up to ``most`` on either side in time, and how many lie beyond."""
    every = in_time(item.example.memories)
    place = next(i for i, memory in enumerate(every) if memory.id == item.memory.id)
    start, end = max(place - most, 0), min(place + most + 1, len(every))
    return every[start:end], start, len(every) - end


def _memory(memory: Memory, item: Item) -> dict[str, Any]:
    return {
        "id": memory.id,
        "date": (memory.time or "")[:10],
        "when": render_date(memory.time) if memory.time else "",
        "speaker": memory.speaker or "",
        "text": memory.text,
        "judged": memory.id == item.memory.id,
    }


def card_of(item: Item) -> dict[str, Any]:
    """All that an annotator reads of an item: nothing that a model or an author said of it."""
    query = item.example.query
    shown_memories, before, after = neighbours(item, NEIGHBOURS)
    first = query.context[0].speaker if query.context else ""
    return {
        "item": item.id,
        "query": item.example.id,
        "memory": item.memory.id,
        "question": query.text,
        "instruction": query.instruction or "",
        "date": render_date(query.time) if query.time else "",
        "turns": [
            {"speaker": t.speaker, "text": t.text, "mine": t.speaker == first}
            for t in query.context
        ],
        "memories": [_memory(memory, item) for memory in shown_memories],
        "before": before,
        "after": after,
    }


def sealed_of(item: Item, model: str) -> dict[str, Any]:
    """What the card keeps from who is to judge without it."""
    return {
        "label": item.label,
        "level": short_level(item.label),
        "negative_kind": item.example.negative_kinds.get(item.memory.id, ""),
        "query_kind": item.example.query.kind or "",
        "why": item.example.why or "",
        "teacher": item.teacher_label,
        "probability": item.probability,
        "model": model,
        "sampler": item.sampler,
    }


# --- what the page asks for ----------------------------------------------------------------------


def start(desk: Desk, collection: str, model: str, login: str | None = None) -> dict[str, Any]:
    """What the page knows before anybody begins."""
    found = desk.library.collection(collection)
    queries = {split: len(found.examples(split)) for split in SPLITS}
    return {
        "collection": collection,
        "title": found.title,
        "model": model,
        "splits": {split: count for split, count in queries.items() if count},
        "login": login,
    }


def open_queue(desk: Desk, annotator: str, asked: Asked) -> dict[str, Any]:
    """The annotator's queue, where they are in it, and the first cards.

    Where the student has not read the source yet, it begins to, and the answer says how far it is;
    with ``scored`` false nothing waits for it, and the queue is of what the data calls hard.

    Raises:
        InputError: the source is not there, or the store cannot be read.
    """
    source = source_of(desk, asked)
    wants_scores = asked.get("scored") is not False
    pool = desk.pool(source, scored=wants_scores)
    if wants_scores and not pool.scored:
        state = desk.scoring(source)
        if state.error:
            raise InputError(state.error)
        if state.running:
            return {"state": "scoring", "done": state.done, "total": state.total}
        pool = desk.pool(source)
    queue = desk.queue(source, annotator, scored=wants_scores)
    mine = standing_of(desk.store, annotator)
    first = queue.next(mine)
    place = 0 if first is None else queue.number(first) - 1
    ahead = [i for i in (*queue.items[place:], *queue.items[:place]) if i.id not in mine]
    if first is not None:  # a requested one may lie elsewhere
        ahead = [first, *(item for item in ahead if item.id != first.id)]
    guidelines = load_guidelines()
    return {
        "state": "ready",
        "annotator": annotator,
        "store": desk.store_key,
        "source": {
            "collection": source.collection,
            "split": source.split,
            "model": source.model,
            "scored": pool.scored,
        },
        "queries": pool.queries,
        "left_out": pool.left_out,
        "scored": pool.scored,
        "queue": [item.id for item in queue.items],
        "requested": sum(item.sampler == "requested" for item in queue.items),
        "start": None if first is None else first.id,
        "states": {item.id: _state(mine[item.id]) for item in queue.items if item.id in mine},
        "trail": _trail(desk.store, queue),
        "cards": [card_of(item) for item in ahead[:CARDS_AT_ONCE]],
        "guidelines": {"name": guidelines.name, "text": guidelines.text},
        "kinds": list(NEGATIVE_KINDS),
        "levels": [name for _, name in reversed(LEVELS)],
    }


def _state(event: Event) -> dict[str, Any]:
    return {
        "kind": event.kind,
        "level": event.level,
        "note": event.note or "",
        "negative_kind": event.negative_kind or "",
        "milliseconds": event.milliseconds,
    }


def _trail(store: Store, queue: Queue) -> list[dict[str, Any]]:
    """What the annotator did in this queue and did not take back, in order."""
    done: dict[str, Event] = {}
    for event in store.events(annotator=queue.annotator):
        if event.undo_of is not None:
            done.pop(event.undo_of, None)
        elif event.kind in ("label", "cannot_tell", "skip") and queue.get(event.item) is not None:
            done[event.id] = event
    return [{"id": event.id, "item": event.item, **_state(event)} for event in done.values()]


def cards(desk: Desk, annotator: str, asked: Asked) -> dict[str, Any]:
    """Cards of the items that are named, and what is sealed of those in ``unsealed``.

    Raises:
        InputError: the source is not there.
    """
    source = source_of(desk, asked)
    queue = desk.queue(source, annotator, scored=asked.get("scored") is not False)
    wanted = [queue.get(str(id_)) for id_ in _list(asked, "items")]
    opened = [queue.get(str(id_)) for id_ in _list(asked, "unsealed")]
    return {
        "cards": [card_of(item) for item in wanted if item is not None],
        "sealed": {item.id: sealed_of(item, source.model) for item in opened if item is not None},
    }


def around(desk: Desk, annotator: str, asked: Asked) -> dict[str, Any]:
    """The memories of an item's dialogue in time, the nearest :data:`AROUND` of them.

    Raises:
        InputError: the source or the item is not there.
    """
    source = source_of(desk, asked)
    queue = desk.queue(source, annotator, scored=asked.get("scored") is not False)
    item = queue.get(_text(asked, "item"))
    if item is None:
        raise InputError("this memory is not in the queue (any more)")
    memories, before, after = neighbours(item, AROUND // 2)
    return {
        "item": item.id,
        "memories": [_memory(memory, item) for memory in memories],
        "before": before,
        "after": after,
    }


def save(desk: Desk, annotator: str, asked: Asked) -> dict[str, Any]:
    """Store what was decided, in the order in which it was.

    The answer names what is stored for good (``saved``), what can never be (``refused``, each with
    its reason), and in ``error`` why the rest is not stored yet: the page keeps that and sends it
    again. What was sent twice is stored once.
    """
    source = source_of(desk, asked)
    scored = asked.get("scored") is not False
    saved: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []
    for sent in _list(asked, "events"):
        id_ = sent.get("id") if isinstance(sent, dict) else None
        if not isinstance(id_, str):
            refused.append({"id": "", "error": f"event is {shown(sent)}, expected one with an id"})
            continue
        try:
            if sent.get("kind") == "undo":
                take_back(desk.store, annotator, id_, _text(sent, "undo_of"))
                saved.append({"id": id_})
            else:
                queue = desk.queue(source, annotator, scored=scored)
                item = _judge(desk, queue, source, id_, sent)
                saved.append({"id": id_, "sealed": sealed_of(item, source.model)})
        except Unavailable as error:
            return {"saved": saved, "refused": refused, "error": str(error)}
        except InputError as error:
            refused.append({"id": id_, "error": str(error)})
    return {"saved": saved, "refused": refused, "error": ""}


def _judge(desk: Desk, queue: Queue, source: Source, id_: str, sent: Asked) -> Item:
    named = _text(sent, "item")
    item = queue.get(named) or desk.item(source, named, _text(sent, "query"), _text(sent, "memory"))
    if item is None:
        raise InputError("this memory is no longer in the data, or its text has changed")
    kinds: dict[str, Kind] = {name: name for name in get_args(Kind)}
    kind = _text(sent, "kind")
    if kind not in ("label", "cannot_tell", "skip"):
        raise InputError(f"kind is {shown(kind)}, expected label, cannot_tell or skip")
    # Who has once seen the scores of a pair cannot forget them.
    earlier = desk.store.events(annotator=queue.annotator, item=item.id)
    blind = sent.get("blind") is True and all(event.blind for event in earlier)
    time = sent.get("milliseconds")
    judge(
        desk.store,
        queue,
        item,
        id_=id_,
        kind=kinds[kind],
        level=sent.get("level"),
        note=sent.get("note"),
        negative_kind=sent.get("negative_kind"),
        model=source.model if item.probability is not None else None,
        guidelines=load_guidelines().name,
        blind=blind,
        milliseconds=min(max(int(time), 0), DAY) if isinstance(time, int | float) else None,
    )
    return item


def take_back(store: Store, annotator: str, id_: str, undo_of: str) -> None:
    """Undo an own event; one that is undone already stays so.

    Raises:
        InputError: there is no such event of the annotator's.
    """
    event = store.get(undo_of)
    if event is None or event.annotator != annotator:
        raise InputError("what was to be undone is not in the store")
    later = store.events(annotator=annotator, item=event.item)
    if not any(other.undo_of == event.id for other in later):
        store.append(undoing(event, id_))
