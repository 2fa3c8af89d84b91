"""The first stage as one thing: memories in, the best few for a query out, in order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from labkit.errors import InputError
from labkit.records import Memory, Query
from labkit.rendering import render_memory, render_search
from labkit.retrieval.bm25 import BM25
from labkit.retrieval.dense import Dense
from labkit.retrieval.minilm import embed

Method = Literal["fused", "bm25", "dense", "none"]
METHODS: tuple[Method, ...] = get_args(Method)

RRF_K = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke, Buettcher 2009)."""


def rank_order(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Indices by falling score; equal scores keep their order, so runs repeat."""
    return np.argsort(-scores, kind="stable")


def reciprocal_rank_fusion(orders: Sequence[NDArray[np.intp]]) -> NDArray[np.float64]:
    """Fused scores [n]: the sum over orders of 1 / (60 + rank), rank counted from 1."""
    scores = np.zeros(len(orders[0]))
    reciprocal = 1.0 / (RRF_K + 1 + np.arange(len(scores)))
    for order in orders:
        scores[order] += reciprocal
    return scores


class FirstStage:
    """Candidates for queries over one set of memories.

    ``bm25`` and ``dense`` as named, ``fused`` both by reciprocal rank fusion, ``none`` the memories
    as they come. An index is built when it is first needed, and once.
    """

    def __init__(self, memories: Sequence[Memory], method: Method = "fused") -> None:
        if method not in METHODS:
            raise InputError(f"first stage is {method!r}, expected one of {', '.join(METHODS)}")
        self.memories = tuple(memories)
        self.method = method

    @cached_property
    def _texts(self) -> list[str]:
        return [render_memory(memory) for memory in self.memories]

    @cached_property
    def _bm25(self) -> BM25:
        return BM25(self._texts)

    @cached_property
    def _dense(self) -> Dense:
        return Dense(self._texts)

    def prepare(self, queries: Sequence[Query]) -> None:
        """Embed many queries at once, several times faster than one by one; changes no result."""
        if self.method in ("fused", "dense"):
            embed([render_search(query) for query in queries])

    def order(self, query: Query) -> NDArray[np.intp]:
        """Indices of all memories, best first. The query's context is read with it."""
        text = render_search(query)
        if self.method == "none" or not self.memories:
            return np.arange(len(self.memories))
        if self.method == "bm25":
            return rank_order(self._bm25.search(text))
        if self.method == "dense":
            return rank_order(self._dense.search(text))
        orders = [rank_order(self._bm25.search(text)), rank_order(self._dense.search(text))]
        return rank_order(reciprocal_rank_fusion(orders))

    def candidates(self, query: Query, top_k: int | None = None) -> tuple[Memory, ...]:
        """The best ``top_k`` memories (all where None), best first."""
        return tuple(self.memories[i] for i in self.order(query)[:top_k])
