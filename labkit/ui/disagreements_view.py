"""From what is chosen in the Disagreements tab to what it draws; no Gradio here."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit.annotation.queue import items_of, request
from labkit.annotation.store import Store
from labkit.errors import InputError
from labkit.ui.bench import Bench
from labkit.ui.disagreements_data import (
    EVERY,
    QUADRANTS,
    Filters,
    Pair,
    Weighed,
    choices,
    empty_page,
    filtered,
    opened,
    page_of,
    pairs_of,
    quadrant_names,
    to_send,
    weigh,
)
from labkit.ui.kept import Kept
from labkit.ui.labelled import Labelled, places_of, sources, splits_of
from labkit.ui.library import Library, examples_of
from labkit.ui.scores import Scores
from labkit.ui.selection import Place, Selection

PAIRS_KEPT = 8

Choices = list[tuple[str, str]]

NOTHING_OPEN = {"empty": "Click a point or a row to see what was said of it."}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is chosen in the tab; ``source`` is a :class:`Labelled`'s key, or empty at the start."""

    source: str
    filters: Filters
    threshold: float


@dataclass(frozen=True, slots=True)
class Shown:
    """What the tab draws: ``weighed`` after the filters, None where nothing is scored yet.

    ``to_score`` is what the button that scores says; empty where there is nothing to score.
    """

    labelled: Labelled | None
    sources: Choices
    filters: dict[str, tuple[Choices, str]]
    weighed: Weighed | None
    page: dict[str, Any]
    to_score: str


class Disagreements:
    """What the tab knows between events.

    Args:
        folders: what ``labkit label`` wrote; the gold labels of a collection come by themselves.
        store: where requests for annotation go.
    """

    def __init__(
        self,
        library: Library,
        bench: Bench,
        scores: Scores,
        store: Store,
        folders: Sequence[Labelled],
    ) -> None:
        self._library = library
        self._bench = bench
        self._scores = scores
        self._store = store
        self._folders = tuple(folders)
        self._pairs: Kept[tuple[str, str], list[Pair]] = Kept(PAIRS_KEPT)
        self._weighed: Kept[tuple[str, str, float], Weighed] = Kept(PAIRS_KEPT)

    def sources(self, collection: str) -> list[Labelled]:
        """The folders, then the gold labels of a collection; perhaps none."""
        return sources(self._folders, self._library, collection)

    def source(self, collection: str, key: str) -> Labelled | None:
        """The one of this key, else the first; None where there is none at all."""
        found = self.sources(collection)
        return next((each for each in found if each.key == key), found[0] if found else None)

    def weighed(self, labelled: Labelled, model: str, threshold: float) -> Weighed | None:
        """All pairs; None where the model has not scored them yet."""
        scored = self._scores.kept(model, labelled.batch)
        if scored is None:
            return None
        pairs = self._pairs.get_or_make(
            (labelled.key, model),
            lambda: pairs_of(labelled, scored, splits_of(labelled, self._library)),
        )
        return self._weighed.get_or_make(
            (labelled.key, model, threshold), lambda: weigh(pairs, threshold)
        )

    def shown(self, selection: Selection, asked: Asked, page: int = 0) -> Shown:
        """Everything but the opened pair.

        Raises:
            InputError: the collection, or the model, is not there.
        """
        offered = self.sources(selection.collection)
        labelled = self.source(selection.collection, asked.source)
        listed = [(each.title, each.key) for each in offered]
        if labelled is None:
            title = self._library.collection(selection.collection).title
            message = (
                f"Nobody has labelled the queries of {title}. Teachers can:  labkit label FILE "
                "--teacher openai:MODEL --out LABELS  and then  python app.py --labels LABELS"
            )
            return Shown(
                None, listed, _filters([], asked.filters, ""), None, empty_page(message), ""
            )
        whole = self.weighed(labelled, selection.model, asked.threshold)
        model = Path(selection.model).name
        if whole is None:
            pairs = sum(
                len(e.memories) if labelled.batch.depth is None
                else min(labelled.batch.depth, len(e.memories))
                for e in labelled.batch.examples
            )  # fmt: skip
            message = (
                f"{model} has not read these {pairs:,} pairs yet. Press the button above: it takes "
                "its time only once, for what is scored is kept on this machine."
            )
            return Shown(
                labelled, listed, _filters([], asked.filters, labelled.whose), None,
                empty_page(message, labelled.about), f"Score {pairs:,} pairs with {model}",
            )  # fmt: skip
        filters = _filters(whole.pairs, asked.filters, labelled.whose)
        chosen = Filters(**{name: value for name, (_, value) in filters.items()})
        shown = filtered(whole, chosen)
        return Shown(
            labelled, listed, filters, shown,
            page_of(labelled, shown, page, model, len(whole)), "",
        )  # fmt: skip

    def opened(self, selection: Selection, asked: Asked) -> dict[str, Any]:
        """The selected memory of the selected query, if it is one of the pairs."""
        labelled = self.source(selection.collection, asked.source)
        example = self._example(selection)
        if labelled is None or example is None or not selection.memory:
            return NOTHING_OPEN
        whole = self.weighed(labelled, selection.model, asked.threshold)
        if whole is None:
            return NOTHING_OPEN
        try:
            model = Path(selection.model).name
            return opened(labelled, whole, example, selection.memory, model)
        except InputError:
            return NOTHING_OPEN  # what is selected elsewhere has no label here

    def _example(self, selection: Selection) -> str | None:
        dialogue = self._library.dialogue(selection.collection, selection.dialogue)
        found = examples_of(dialogue).get(selection.example or "")
        return None if found is None else found.id

    def place(self, collection: str, query: str, memory: str) -> Place:
        """Where a pair is found: in the collection that is looked at, else in another of the lab's.

        Raises:
            InputError: its query is in none of them.
        """
        for name, dialogue in self._library.collection(collection).dialogues.items():
            for chosen, example in examples_of(dialogue).items():
                if example.id == query:
                    return Place(collection, name, chosen, memory)
        place = places_of(self._library).get(query)
        if place is None:
            raise InputError(
                f"query {query[:60]!r} is in none of the lab's collections; start it with the data "
                "that was labelled: python app.py --data FILE"
            )
        return place._replace(memory=memory)

    # --- annotation ------------------------------------------------------------------------------

    def send(
        self,
        selection: Selection,
        asked: Asked,
        pairs: Sequence[tuple[str, str]],
        login: str | None,
    ) -> str:
        """Request that everybody judges these (query, memory); says what came of it.

        Raises:
            InputError: a pair is not among those shown, or the store did not take it.
        """
        labelled = self.source(selection.collection, asked.source)
        whole = None
        if labelled is not None:
            whole = self.weighed(labelled, selection.model, asked.threshold)
        if labelled is None or whole is None:
            raise InputError("nothing is scored yet, expected pairs to send")
        known = {(pair.query, pair.memory): pair for pair in whole.pairs}
        examples = {example.id: example for example in labelled.batch.examples}
        before = {event.item for event in self._store.requested()}
        sent = 0
        for query, memory in pairs:
            pair = known.get((query, memory))
            if pair is None:
                raise InputError(f"no pair of {query[:60]!r} and {memory[:60]!r} is shown")
            example = examples[query]
            alone = replace(example, memories=tuple(m for m in example.memories if m.id == memory))
            (item,) = items_of([alone], probabilities={(query, memory): pair.probability})
            if item.id in before:
                continue
            request(
                self._store,
                replace(item, example=example),
                id_=uuid.uuid4().hex,
                annotator=login or "the lab",
                model=selection.model,
            )
            sent += 1
        there = len(pairs) - sent
        said = f"{sent:,} pair{'s' if sent != 1 else ''} sent to annotation"
        return said + (f"; {there:,} had been sent before." if there else ".")

    def send_shown(self, selection: Selection, asked: Asked, login: str | None) -> str:
        """:meth:`send` what passes the filters: the first of it, and no more than is read."""
        shown = self.shown(selection, asked).weighed
        if shown is None or not len(shown):
            raise InputError("no pair is shown, expected some to send")
        first = [(pair.query, pair.memory) for pair in to_send(shown)]
        return self.send(selection, asked, first, login)


def _filters(pairs: Sequence[Pair], asked: Filters, whose: str) -> dict[str, tuple[Choices, str]]:
    """Choices and value of each filter; a value that is no choice becomes "all"."""
    found: dict[str, tuple[Choices, str]] = {}
    for name in ("kind", "negative_kind", "split"):
        offered = choices(pairs, name)
        wanted = getattr(asked, name)
        found[name] = (offered, wanted if wanted in {value for _, value in offered} else EVERY)
    names = quadrant_names(whose)
    listed: Choices = [("all", EVERY), *((names[quadrant], quadrant) for quadrant in QUADRANTS)]
    found["quadrant"] = (listed, asked.quadrant if asked.quadrant in QUADRANTS else EVERY)
    return found
