"""Examples as token ids, ready to be drawn from: each is tokenised once, before the first step."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.errors import InputError
from labkit.records import RELEVANT, Example, Memory, read_examples
from labkit.rendering import render_memory, render_search
from labkit.retrieval.minilm import embed
from labkit.retrieval.token_vectors import token_vectors
from labkit.sources.lives import read_lives, split_of
from labkit.students.late import LateInteraction
from labkit.synthesis.splits import Split
from labkit.training.recipe import Groups

Tokens = NDArray[np.int32]

_AT_ONCE = 50

KEPT = 48
"""At most this many memories of a query are kept for training; the relevant ones always are."""


@dataclass(frozen=True, slots=True)
class TokenisedQuery:
    """A query and its n memories, as a student reads them.

    Attributes:
        id: of the Example.
        kind: of its query, where it has one.
        prefix: token ids that all pairs share.
        tails: token ids that each memory adds.
        labels: [n], float32 in [0, 1].
        weights: [n], float32: how sure each label is, 1 where nothing is known.
        similarity: [n], float32, late interaction; None where the student has no use for it.
        hard: [n], how hard a negative is thought to be: 1 where it is labelled above 0 or typed,
            else its similarity, or the cosine where there is none. Of relevant memories it is
            infinite.
    """

    id: str
    prefix: Tokens
    tails: tuple[Tokens, ...]
    labels: NDArray[np.float32]
    weights: NDArray[np.float32]
    similarity: NDArray[np.float32] | None
    hard: NDArray[np.float32]
    kind: str | None = None

    def chosen(self, of: NDArray[np.intp]) -> TokenisedQuery:
        """The query with the memories at these indices only."""
        return TokenisedQuery(
            self.id,
            self.prefix,
            tuple(self.tails[i] for i in of),
            self.labels[of],
            self.weights[of],
            None if self.similarity is None else self.similarity[of],
            self.hard[of],
            self.kind,
        )


def of_name(
    sets: Mapping[str, Sequence[TokenisedQuery]], name: str, where: str
) -> Sequence[TokenisedQuery]:
    """The queries that a mix means by ``NAME`` or ``NAME:KIND``.

    Raises:
        InputError: there are none; ``where`` says where they were looked for.
    """
    set_, _, kind = name.partition(":")
    found = [query for query in sets[set_] if not kind or query.kind == kind]
    if not found:
        kinds = ", ".join(sorted({query.kind for query in sets[set_] if query.kind}))
        of_kind = f" of kind {kind!r} (it has {kinds or 'no kinds'})" if kind and sets[set_] else ""
        raise InputError(f"{where} has no train queries{of_kind}, expected some for {name!r}")
    return found


def read_split(path: str | os.PathLike[str], split: Split) -> Iterator[Example]:
    """The Examples of one split of a data set.

    ``path`` is a folder with ``train.jsonl`` and ``dev.jsonl`` (what ``labkit synth`` and ``labkit
    import`` write), a folder of lives, which are split by their ids, or, for train alone, a file of
    Example JSONL.

    Raises:
        InputError: it is none of these.
    """
    place = Path(path)
    if place.is_file():
        if split == "train":
            yield from read_examples(place)
        return
    if not place.is_dir():
        raise InputError(f"{place}: no such file or folder, expected train.jsonl or lives")
    if (place / "train.jsonl").is_file():
        file = place / f"{split}.jsonl"
        if file.is_file():
            yield from read_examples(file)
        return
    for life in read_lives(place):
        if split_of(life.id) == split:
            yield from life.examples


def label_weights(example: Example) -> NDArray[np.float64]:
    """How sure each label is, [n] in (0, 1]: 1 / (1 + (standard error / 0.2)^2), 0.2 = one level.

    The standard errors are those that ``labkit label`` writes under ``label_errors``; a memory
    without one has weight 1.

    Raises:
        InputError: one is no number of 0 or more.
    """
    errors = example.extra.get("label_errors")
    known = errors if isinstance(errors, dict) else {}
    found = [known.get(memory.id, 0.0) for memory in example.memories]
    for memory, error in zip(example.memories, found, strict=True):
        number = isinstance(error, int | float) and not isinstance(error, bool)
        if not number or not 0 <= error < float("inf"):
            raise InputError(
                f"label_errors of {memory.id!r} in Example {example.id!r} is {error!r}, expected "
                "a number of 0 or more"
            )
    error = np.array(found, dtype=float)
    return 1.0 / (1.0 + (error / 0.2) ** 2)


def tokenised(
    student: Any,
    examples: Iterable[Example],
    *,
    keep: int = KEPT,
    on_example: Callable[[], None] = lambda: None,
) -> list[TokenisedQuery]:
    """Tokenise Examples for a student; of a long list of memories, the ``keep`` most telling.

    Kept are the relevant memories, then two thirds of the rest by hardness and one third at even
    distances through what is left, so that easy negatives stay.
    """
    from labkit.students.cosine import cosines

    late: LateInteraction | None = getattr(student, "late", None)
    found = []
    for example in _embedded(examples, late is not None):
        on_example()
        if not example.memories:
            continue
        labels = np.array([example.label(memory.id) for memory in example.memories])
        likeness = (late or cosines)(example.query, example.memories)
        typed = np.array([memory.id in example.negative_kinds for memory in example.memories])
        hard = np.where((labels > 0) | typed, 1.0, likeness)
        hard[labels >= RELEVANT] = np.inf
        chosen = _kept(hard, keep)
        memories: list[Memory] = [example.memories[i] for i in chosen]
        pairs = student.tokenize(example.query, memories)
        found.append(
            TokenisedQuery(
                id=example.id,
                prefix=np.array(pairs.prefix, dtype=np.int32),
                tails=_views(pairs.tails),
                labels=labels[chosen].astype(np.float32),
                weights=label_weights(example)[chosen].astype(np.float32),
                similarity=None
                if pairs.similarity is None
                else pairs.similarity.astype(np.float32),
                hard=hard[chosen].astype(np.float32),
                kind=example.query.kind,
            )
        )
    return found


def _embedded(examples: Iterable[Example], tokens: bool) -> Iterator[Example]:
    """The Examples; texts of many are embedded at a time, many times faster than those of one."""
    source = iter(examples)
    while block := list(islice(source, _AT_ONCE)):
        texts = [render_search(example.query) for example in block]
        texts += (render_memory(memory) for example in block for memory in example.memories)
        (token_vectors if tokens else embed)(list(dict.fromkeys(texts)))
        yield from block


def _views(rows: Sequence[Sequence[int]]) -> tuple[Tokens, ...]:
    """The rows as views of one array.

    Hundreds of thousands of small arrays of their own, made between large ones that go again, leave
    the heap in pieces: malloc took a sixth of the time while ``mini`` trained on all its sets.
    """
    flat = np.fromiter(chain.from_iterable(rows), dtype=np.int32)
    return tuple(np.split(flat, np.cumsum([len(row) for row in rows])[:-1]))


def _kept(hard: NDArray[np.float64], keep: int) -> NDArray[np.intp]:
    order = np.argsort(-hard, kind="stable")
    if len(order) <= keep:
        return np.arange(len(order))
    first = max(int(np.isinf(hard).sum()), keep * 2 // 3)
    rest = order[first:]
    spread = rest[np.linspace(0, len(rest) - 1, max(0, keep - first)).round().astype(int)]
    return np.sort(np.concatenate([order[:first], spread]))


def draw(query: TokenisedQuery, shape: Groups, rng: np.random.Generator) -> TokenisedQuery:
    """A group: relevant memories and negatives of a query, some of them hard; see Groups."""
    relevant = np.flatnonzero(query.labels >= RELEVANT)
    others = np.flatnonzero(query.labels < RELEVANT)
    positives = rng.permutation(relevant)[: shape.positives]
    count = min(shape.negatives, len(others))
    pool = others[np.argsort(-query.hard[others], kind="stable")][: shape.hard_pool]
    hard = rng.permutation(pool)[: round(count * shape.hard)]
    left = np.setdiff1d(others, hard, assume_unique=True)
    easy = rng.permutation(left)[: count - len(hard)]
    return query.chosen(np.concatenate([positives, hard, easy]))
