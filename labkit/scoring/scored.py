"""Queries whose candidates are scored: the arrays that every fit on scores reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.records import RELEVANT

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class ScoredQuery:
    """One query's candidates: the model's log-odds [n], their labels [n], and where it belongs.

    ``group`` names the dialogue, or what else must not be divided between fitting and checking;
    ``lost`` counts the relevant memories that the first stage did not pass on. ``logits`` [n] are
    the log-odds without the similarity, where the model adds one.
    """

    id: str
    group: str
    kind: str | None
    log_odds: tuple[float, ...]
    labels: tuple[float, ...]
    lost: int = 0
    logits: tuple[float, ...] | None = None


class ScoredData:
    """n scored pairs of Q queries, flat and in query order.

    Attributes:
        log_odds: [n], the model's own.
        logits: [n], these without the similarity; None where not every query has them.
        relevant: [n], labels of at least :data:`labkit.records.RELEVANT`.
        query: [n], index of each pair's query.
        sizes: [Q], candidates of each query, at least 1.
        lost: [Q], relevant memories that are not among the candidates.
        groups: [Q], index of each query's group.
        answerable: [Q], whether a candidate is relevant.
    """

    def __init__(self, queries: Iterable[ScoredQuery]) -> None:
        """A query without a candidate asks for no decision and is left out."""
        every = tuple(q for q in queries if q.log_odds)
        self._hold(
            every,
            np.array([len(q.log_odds) for q in every], dtype=np.intp),
            _flat(q.log_odds for q in every),
            _flat(q.labels for q in every) >= RELEVANT,
            _flat(q.logits for q in every if q.logits)
            if every and all(q.logits for q in every)
            else None,
        )

    def _hold(
        self,
        queries: tuple[ScoredQuery, ...],
        sizes: Indices,
        log_odds: Floats,
        relevant: NDArray[np.bool_],
        logits: Floats | None,
    ) -> None:
        self.logits = logits
        self.queries = queries
        self.sizes = sizes
        self.log_odds = log_odds
        self.relevant = relevant
        self.starts: Indices = np.cumsum(sizes) - sizes
        self.query: Indices = np.repeat(np.arange(len(queries)), sizes)
        self.lost: Indices = np.array([q.lost for q in queries], dtype=np.intp)
        names: dict[str, int] = {}
        self.groups: Indices = np.array(
            [names.setdefault(q.group, len(names)) for q in queries], dtype=np.intp
        )
        self.answerable: NDArray[np.bool_] = self.per_query(relevant) > 0

    def __len__(self) -> int:
        return len(self.queries)

    def per_query(self, values: ArrayLike) -> Floats:
        """Sum [Q] of values [n] over the candidates of each query."""
        weights = np.asarray(values, dtype=np.float64)
        return np.bincount(self.query, weights, minlength=len(self)).astype(np.float64, copy=False)

    def slices(self) -> Iterator[slice]:
        """Where each query's pairs stand."""
        for start, size in zip(self.starts.tolist(), self.sizes.tolist(), strict=True):
            yield slice(start, start + size)

    def pairs_of(self, queries: Indices) -> Indices:
        """Where the pairs of these queries stand, one query after another."""
        sizes = self.sizes[queries]
        before: Indices = np.cumsum(sizes) - sizes
        return np.repeat(self.starts[queries] - before, sizes) + np.arange(int(sizes.sum()))

    def take(self, queries: ArrayLike) -> ScoredData:
        """The queries of these indices (or of a mask [Q]), as often as they are named."""
        chosen = np.asarray(queries)
        where = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        pairs = self.pairs_of(where)
        taken = ScoredData.__new__(ScoredData)
        taken._hold(
            tuple(self.queries[i] for i in where.tolist()),
            self.sizes[where],
            self.log_odds[pairs],
            self.relevant[pairs],
            None if self.logits is None else self.logits[pairs],
        )
        return taken

    def folds(self, count: int = 5) -> list[NDArray[np.bool_]]:
        """Masks [Q] of ``count`` parts of like size that divide no group.

        Where there are fewer groups than parts, queries are dealt out instead.
        """
        units = self.groups if len(np.unique(self.groups)) >= count else np.arange(len(self))
        names, inverse, sizes = np.unique(units, return_inverse=True, return_counts=True)
        part_of, filled = np.zeros(len(names), dtype=np.intp), np.zeros(count)
        rng = np.random.default_rng(0)
        shuffled = rng.permutation(len(names))
        for unit in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
            part_of[unit] = int(np.argmin(filled))
            filled[part_of[unit]] += sizes[unit]
        return [part_of[inverse] == part for part in range(count)]


def _flat(parts: Iterable[Sequence[float]]) -> Floats:
    return np.concatenate([np.zeros(0), *(np.asarray(part, dtype=float) for part in parts)])
