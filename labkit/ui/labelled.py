"""The labels that a student is held against: a folder of ``labkit label``, or the gold labels.

Plain data; memory texts and names in it are untrusted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from labkit.assets import assets_path
from labkit.errors import InputError
from labkit.records import Dialogue, Example, read_examples
from labkit.sources.lives import Split
from labkit.teachers.summary import GOLD, gold_labels
from labkit.teachers.verdicts import Verdict, read_verdicts
from labkit.ui.library import Collection, Library, examples_of
from labkit.ui.scores import Batch
from labkit.ui.selection import DEPTH, Place

PAIRS_SCORED = 10_000
"""Queries are taken until they have so many pairs: somebody waits for them to be scored."""

GOLD_SPLITS: tuple[Split, ...] = ("dev", "test", "train")
"""The order in which they are offered: dev is what decisions are made on."""

LABELS = "labels"
"""Key of the collection that holds the queries of a labels folder that no other one has."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Queries with labels to hold a student against.

    Attributes:
        key: names it among its like.
        title: for a picker.
        about: what kind of labels these are, in a sentence; never empty.
        by: the teachers' names; empty where the labels are gold.
        batch: the queries, as they are scored; their ``labels`` are the ones to compare with.
        left_out: queries that were left out, for there were too many.
        split: of all the queries, where they are of one; see :func:`splits_of` for the others.
        verdicts: of each query, what teachers said of pairs of which one is a memory of its.
        problems: what could not be read, a line each.
    """

    key: str
    title: str
    about: str
    by: tuple[str, ...]
    batch: Batch
    left_out: int = 0
    split: str = ""
    verdicts: Mapping[str, tuple[Verdict, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def gold(self) -> bool:
        """Whether people gave the labels."""
        return not self.by

    @property
    def whose(self) -> str:
        """What the axis and the counts call the labels."""
        return "gold" if self.gold else "teachers"


def bounded(examples: Sequence[Example], depth: int | None) -> tuple[list[Example], int]:
    """Queries of at most :data:`PAIRS_SCORED` pairs, and how many were left out.

    Drawn with seed 0 where there are more, and kept in the order of the file.
    """
    sizes = [len(e.memories) if depth is None else min(depth, len(e.memories)) for e in examples]
    if sum(sizes) <= PAIRS_SCORED:
        return list(examples), 0
    taken, pairs = set[int](), 0
    for place in np.random.default_rng(0).permutation(len(examples)).tolist():
        if pairs + sizes[place] > PAIRS_SCORED:
            break
        taken.add(place)
        pairs += sizes[place]
    kept = [example for place, example in enumerate(examples) if place in taken]
    return kept, len(examples) - len(kept)


# --- a folder of labkit label --------------------------------------------------------------------


def bundled_labels() -> Path | None:
    """The weak teachers' labels that come with the lab; None where an installation lacks them."""
    folder = assets_path() / "labels" / "dev"
    return folder if folder.is_dir() else None


def read_labelled(folder: Path, title: str | None = None) -> Labelled:
    """Read what ``labkit label --out FOLDER`` wrote; the verdicts may be missing.

    Raises:
        InputError: there are no labels in it, or a file is damaged.
    """
    path = folder / "examples.jsonl"
    if not path.is_file():
        raise InputError(
            f"{folder} has no examples.jsonl, expected a folder that labkit label wrote"
        )
    examples, seen = [], set[str]()
    by: dict[str, None] = {}
    for example in read_examples(path):
        names = example.extra.get("labelled_by")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InputError(
                f"{path}: {example.id} does not say who labelled it, expected Examples that "
                "labkit label wrote"
            )
        if example.id in seen:
            raise InputError(f"{path}: {example.id} comes twice, expected each query once")
        seen.add(example.id)
        by |= dict.fromkeys(names)
        examples.append(example)
    if not by:
        raise InputError(f"{path} holds no labelled query, expected at least one")
    kept, left_out = bounded(examples, None)
    problems: list[str] = []
    verdicts: dict[str, list[Verdict]] = {}
    if (folder / "verdicts.jsonl").is_file():
        for verdict in read_verdicts(folder / "verdicts.jsonl"):
            for query in {verdict.query, verdict.second_query or verdict.query}:
                verdicts.setdefault(query, []).append(verdict)
    else:
        problems.append(
            "verdicts.jsonl is missing: the labels are there, what teachers said is not"
        )
    return Labelled(
        key=f"folder:{folder}",
        title=title or f"Teachers: {', '.join(by)} ({folder.name})",
        about=_about(folder, tuple(by), problems),
        by=tuple(by),
        batch=Batch(f"folder:{folder}", tuple(kept)),
        left_out=left_out,
        verdicts={query: tuple(given) for query, given in verdicts.items()},
        problems=tuple(problems),
    )


def _about(folder: Path, by: Sequence[str], problems: list[str]) -> str:
    """What summary.json says that a reader of the labels should know."""
    said = f"Soft labels of {', '.join(by)}, fitted to their verdicts on pairs."
    try:
        summary: Any = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        basis = summary.get("labels", {}).get("basis")
        simulated, complete = summary.get("simulated") is True, summary.get("complete") is True
    except (OSError, ValueError, AttributeError):
        problems.append("summary.json cannot be read: how the labels came to be is not known")
        return said
    if basis in ("cross-query", "prior"):
        said += " Nobody graded, so their height rests on assumed shares of the five levels."
    if simulated:
        said += " The teachers are simulated: they know the gold labels."
    if not complete:
        said += " The labelling run did not end: some calls failed or were not made."
    return said


def collection_for(labelled: Labelled, library: Library) -> Collection | None:
    """The queries of a folder that the lab's collections lack, so that they can be opened too.

    Their labels there are the gold ones, as everywhere in the lab; None where none is lacking.
    """
    known = places_of(library)
    lacking = [
        Dialogue(
            example.id,
            example.query.text,
            example.memories,
            (replace(example, labels=gold_labels(example) if GOLD in example.extra else {}),),
        )
        for example in labelled.batch.examples
        if example.id not in known
    ]
    return Collection.of(LABELS, f"Queries of {labelled.title}", lacking) if lacking else None


def with_queries_of(folders: Sequence[Labelled], library: Library) -> Library:
    """The library, and the queries of labels folders that it lacks, see :func:`collection_for`.

    They stand after the bundled lives and before the person's own file, with which the lab opens.
    """
    for labelled in folders:
        added = collection_for(labelled, library)
        if added is not None:
            first, *others = library.fixed.values()
            library = Library([first, added, *others])
    return library


# --- gold ----------------------------------------------------------------------------------------


def gold_of(collection: Collection) -> list[Labelled]:
    """A collection's own labels, one for each split; empty where nobody labelled anything.

    A query that has an answer and no labels is left out: its evidence is not known.
    """
    found = []
    for split in GOLD_SPLITS:
        examples = [
            example
            for example in collection.examples(split)
            if example.labels or "answer" not in example.extra
        ]
        if not any(example.labels for example in examples):
            continue
        kept, left_out = bounded(examples, DEPTH)
        # The Threshold tab has the whole split under the shorter key.
        key = f"gold:{collection.key}:{split}" + (f":first {len(kept)}" if left_out else "")
        found.append(
            Labelled(
                key=key,
                title=f"Gold: {collection.title}, {split}",
                about="Gold labels: people gave them, no teacher did, and none has an error.",
                by=(),
                batch=Batch(key, tuple(kept), "fused", DEPTH),
                left_out=left_out,
                split=split,
            )
        )
    return found


# --- where a query stands ------------------------------------------------------------------------


def places_of(library: Library) -> dict[str, Place]:
    """Where each query of the lab's own collections is found, by its id; uploads are not listed."""
    return {
        example.id: Place(collection.key, name, query)
        for collection in library.fixed.values()
        for name, dialogue in collection.dialogues.items()
        for query, example in examples_of(dialogue).items()
    }


def splits_of(labelled: Labelled, library: Library) -> dict[str, Split]:
    """The split of each query that a collection of the lab holds, by the query's id."""
    places = places_of(library)
    found = ((example.id, places.get(example.id)) for example in labelled.batch.examples)
    return {
        id_: library.collection(place.collection).splits[place.dialogue]
        for id_, place in found
        if place is not None
    }


def sources(labelled: Iterable[Labelled], library: Library, collection: str) -> list[Labelled]:
    """What a person may choose from: the folders, then the gold labels of a collection."""
    return [*labelled, *gold_of(library.collection(collection))]
