"""The packaged MiniLM's vectors of single tokens: what late interaction compares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labkit.content_cache import ContentCache
from labkit.retrieval.minilm import MAX_TOKENS, load_minilm

Floats = NDArray[np.float32]

TEXTS_KEPT = 4_096
"""A memory of thirty tokens takes 23 kB."""

_cache: ContentCache[tuple[NDArray[np.int64], NDArray[np.float16]]] = ContentCache(TEXTS_KEPT)


def token_ids(texts: Sequence[str]) -> list[list[int]]:
    """The token ids of each text, without special tokens and not cut."""
    tokenizer, _ = load_minilm()
    ids: list[list[int]] = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return ids


def token_vectors(texts: Sequence[str]) -> list[tuple[NDArray[np.int64], Floats]]:
    """For each text the ids [t] of its tokens and their unit vectors [t, 384].

    Special tokens are read by the model and left out; texts are cut to
    :data:`~labkit.retrieval.minilm.MAX_TOKENS` tokens. Those of the last 4,096 texts are kept, in
    half precision.
    """
    found = _cache.values(texts, _run)
    return [(ids, vectors.astype(np.float32)) for ids, vectors in found]


def forget() -> None:
    """Drop what is kept."""
    _cache.clear()


def _run(texts: Sequence[str]) -> list[tuple[NDArray[np.int64], NDArray[np.float16]]]:
    tokenizer, model = load_minilm()
    first, last = tokenizer("")["input_ids"]
    rows = [[first, *ids[: MAX_TOKENS - 2], last] for ids in token_ids(texts)]
    result = []
    for row, states in zip(rows, model.states(rows), strict=True):
        vectors = states[1:-1].numpy()
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
        result.append((np.array(row[1:-1], dtype=np.int64), vectors.astype(np.float16)))
    return result
