"""Late interaction: every token of a query looks for its like among the tokens of a memory.

The sum over the query's tokens of the best cosine to any token of the memory (MaxSim, Khattab and
Zaharia 2020, arXiv 2004.12832), each weighted by how rare it is (the recall of BERTScore, Zhang et
al. 2020, arXiv 1904.09675), over the frozen MiniLM's last hidden states. Nothing of it is trained.
One vector a text, which a cosine compares, forgets the names and numbers that a question turns on;
this does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labkit.errors import InputError
from labkit.records import Memory, Query
from labkit.rendering import SEARCH_CHARACTERS, render_memory, render_query, render_search
from labkit.retrieval.minilm import DECIMALS
from labkit.retrieval.token_vectors import token_ids, token_vectors
from labkit.students.card import Card

CONTEXT_WEIGHT = 0.25
"""Of a token of the dialogue context against one of the question. Chosen on the authored train
lives: MAP .543 with 1, .564 with a quarter, .562 with none, and CANARD, where the context is
needed most, falls from .739 to .563 with none."""

PREVIOUS_WEIGHT = 0.8
"""Of a likeness to the turn before a memory against one to the memory itself. What a turn answers
is often said only there. Chosen on FriendsQA's dev scenes, from .5 to 1."""

LATE = "minilm-late"
"""The embedded student that is late interaction alone; its folder holds the table."""

IDF_FILE = "idf.safetensors"


def inverse_document_frequency(texts: Iterable[str], size: int) -> NDArray[np.float32]:
    """``log((n + 1) / (df + 0.5))`` of each of ``size`` tokens over n distinct texts, [size]."""
    frequency = np.zeros(size)
    distinct = list(dict.fromkeys(texts))
    for ids in token_ids(distinct):
        frequency[np.unique(ids)] += 1
    return np.log((len(distinct) + 1) / (frequency + 0.5)).clip(min=0).astype(np.float32)


class LateInteraction:
    """Likeness of a query and memories, in [-1, 1].

    Args:
        idf: [vocabulary], how much each token counts.
    """

    def __init__(self, idf: NDArray[np.float32]) -> None:
        self.idf = idf

    @property
    def sha256(self) -> str:
        """Of all that its numbers depend on beside the texts and the frozen MiniLM."""
        weights = np.array([CONTEXT_WEIGHT, PREVIOUS_WEIGHT, SEARCH_CHARACTERS])
        return hashlib.sha256(self.idf.tobytes() + weights.tobytes()).hexdigest()

    def __call__(self, query: Query, memories: Sequence[Memory]) -> NDArray[np.float64]:
        """[n], to six decimals; 0 where a text has no token."""
        likeness = np.zeros(len(memories))
        if not memories:
            return likeness
        ((ids, asked),) = token_vectors([render_search(query)])
        weights = self.idf[ids]
        # The question stands last; what comes before it is the dialogue.
        question = len(token_ids([render_query(Query(query.text)).question])[0])
        weights[: max(0, len(ids) - question)] *= CONTEXT_WEIGHT
        if not weights.sum():
            return likeness
        weights /= weights.sum()
        best = _best(asked, [render_memory(memory) for memory in memories])
        follow = [i for i, memory in enumerate(memories) if memory.previous]
        if follow:
            before = _best(asked, [_before(memories[i]) for i in follow])
            best[:, follow] = np.maximum(best[:, follow], PREVIOUS_WEIGHT * before)
        likeness[:] = (weights @ best).astype(np.float64).round(DECIMALS)
        return likeness


def _best(asked: NDArray[np.float32], texts: Sequence[str]) -> NDArray[np.float32]:
    """[query tokens, texts]: the best cosine among the tokens of each text; 0 where it has none."""
    told = [vectors for _, vectors in token_vectors(texts)]
    best = np.zeros((len(asked), len(texts)), np.float32)
    places = [i for i, vectors in enumerate(told) if len(vectors)]
    if places:
        # All texts in one product; then the best token of each.
        products = asked @ np.concatenate([told[i] for i in places]).T
        starts = np.cumsum([0, *(len(told[i]) for i in places[:-1])])
        best[:, places] = np.maximum.reduceat(products, starts, axis=1)
    return best


def _before(memory: Memory) -> str:
    """The turn before, as it is rendered where it is a memory itself: its vectors are kept once.

    Without its date where the memory has none, for a date that is withheld must not come in here.
    """
    turn = memory.previous
    assert turn is not None
    time = turn.time if memory.time else None
    return render_memory(Memory("", turn.text, time, turn.speaker or None))


def read_idf(folder: Path) -> NDArray[np.float32]:
    """The table that lies in a late student's folder.

    Raises:
        InputError: it is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = folder / IDF_FILE
    try:
        table: NDArray[np.float32] = load_file(path)["idf"]
    except (OSError, KeyError, SafetensorError) as error:
        raise InputError(
            f"{path} cannot be read ({' '.join(str(error).split())[:200]}), expected the table "
            "that python -m labkit.training.late writes"
        ) from None
    return table


def write_idf(idf: NDArray[np.float32], folder: Path) -> None:
    """What :func:`read_idf` reads."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({"idf": idf}, folder / IDF_FILE)


def late_sha256(student: object) -> str | None:
    """What stands for the late interaction in the identity of a student; None where it has none."""
    late = getattr(student, "late", None)
    return None if late is None else late.sha256


@cache
def packaged(folder: Path) -> LateInteraction:
    """The late interaction of a folder, read once."""
    return LateInteraction(read_idf(folder))


class LateStudent:
    """``slope * late interaction + intercept``, a logistic regression on one feature.

    The two numbers are the card's ``head``; :mod:`labkit.training.late` fits them.
    """

    family = "late"

    def __init__(self, card: Card, folder: Path) -> None:
        self.slope, self.intercept = card.line()
        self.card = card
        self.late = packaged(folder)

    def score(self, query: Query, memories: Sequence[Memory]) -> NDArray[np.float64]:
        """Log-odds [n]. The instruction is not read."""
        return self.slope * self.late(query, memories) + self.intercept

    def save(self, folder: Path) -> None:
        write_idf(self.late.idf, folder)
        self.card.save(folder)
