"""The splits of what is generated or imported, and whether one holds anything of another."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from labkit.records import Example
from labkit.sources.lives import Shares
from labkit.sources.lives import Split as Split

SPLITS: tuple[Split, ...] = get_args(Split)

GENERATED = Shares((("test", 1), ("dev", 1), ("train", 8)), width=4)
"""Of simulated lives and of imported groups."""

NEAR = 0.7
"""Jaccard similarity of word 3-grams from which two texts are near-duplicates."""

_HASHES = 64
_BANDS = 16
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


def shingles(text: str) -> frozenset[str]:
    """The word 3-grams of a text; the whole text where it is shorter than that."""
    words = _WORD.findall(text.lower())
    if len(words) < 3:
        return frozenset({" ".join(words)})
    return frozenset(" ".join(words[i : i + 3]) for i in range(len(words) - 2))


def _hash(shingle: str) -> int:
    return int.from_bytes(hashlib.blake2b(shingle.encode(), digest_size=4).digest(), "big")


_rng = np.random.default_rng(20261123)
_A = _rng.integers(0, 1 << 63, _HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_B = _rng.integers(0, 1 << 63, _HASHES, dtype=np.uint64)


def minhash(texts: Sequence[str]) -> NDArray[np.uint64]:
    """MinHash signatures [n, 64] over word 3-shingles (Broder 1997)."""
    rows = [np.array(sorted(map(_hash, shingles(text))), dtype=np.uint64) for text in texts]
    if not rows:
        return np.zeros((0, _HASHES), dtype=np.uint64)
    starts = np.cumsum([0, *(len(row) for row in rows[:-1])])
    # Multiply-shift: the product wraps at 2^64 on purpose, and its high half is well mixed.
    mixed = (np.concatenate(rows)[:, None] * _A + _B) >> np.uint64(32)
    return np.asarray(np.minimum.reduceat(mixed, starts, axis=0), dtype=np.uint64)


def jaccard(a: str, b: str) -> float:
    """Shared 3-shingles over all 3-shingles of two texts."""
    one, two = shingles(a), shingles(b)
    return len(one & two) / len(one | two)


class Seen:
    """Texts of one side, to ask whether another text occurs there, or nearly so (:data:`NEAR`)."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._exact: set[str] = set()
        self._buckets: dict[tuple[int, bytes], list[int]] = {}

    def _keys(self, texts: Sequence[str]) -> Iterator[tuple[str, list[tuple[int, bytes]]]]:
        # In parts, for the matrix of hashes is as long as all texts together.
        for start in range(0, len(texts), 512):
            part = texts[start : start + 512]
            for text, row in zip(part, minhash(part), strict=True):
                bands = row.reshape(_BANDS, -1)
                yield text, [(i, band.tobytes()) for i, band in enumerate(bands)]

    def add(self, texts: Iterable[str]) -> None:
        new = [text for text in dict.fromkeys(texts) if text not in self._exact]
        for text, keys in self._keys(new):
            self._exact.add(text)
            self._texts.append(text)
            for key in keys:
                self._buckets.setdefault(key, []).append(len(self._texts) - 1)

    def leaking(self, texts: Iterable[str]) -> set[str]:
        """The texts that occur, or nearly so, among those added."""
        if not self._texts:
            return set()
        distinct = list(dict.fromkeys(texts))
        return {text for text, keys in self._keys(distinct) if self._is_near(text, keys)}

    def _is_near(self, text: str, keys: Sequence[tuple[int, bytes]]) -> bool:
        if text in self._exact:
            return True
        places = {place for key in keys for place in self._buckets.get(key, ())}
        return any(jaccard(text, self._texts[place]) >= NEAR for place in sorted(places))


@dataclass(frozen=True, slots=True)
class Leak:
    """A text of one split that occurs, or nearly so, in another."""

    split: Split
    text: str
    other_split: Split
    other_text: str
    similarity: float


def _texts(examples: Iterable[Example]) -> dict[str, None]:
    found: dict[str, None] = {}
    for example in examples:
        found[example.query.text] = None
        found.update((memory.text, None) for memory in example.memories)
    return found


def find_leaks(
    examples: Mapping[Split, Iterable[Example]], threshold: float = NEAR
) -> Iterator[Leak]:
    """Pairs of queries or memory texts of different splits whose 3-shingles overlap.

    Candidates share one of 16 bands of 4 MinHash values (found with probability .99 at a Jaccard
    similarity of .7); each is then compared exactly and yielded from ``threshold`` on.
    """
    texts: list[tuple[Split, str]] = []
    for split, items in examples.items():
        texts += ((split, text) for text in _texts(items))
    signatures = minhash([text for _, text in texts])
    width = _HASHES // _BANDS
    seen: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        keys = np.ascontiguousarray(signatures[:, band * width : (band + 1) * width])
        _, group = np.unique(keys, axis=0, return_inverse=True)
        order = np.argsort(group.reshape(-1), kind="stable")
        bounds = np.flatnonzero(np.diff(group.reshape(-1)[order])) + 1
        for bucket in np.split(order, bounds):
            for i, first in enumerate(bucket):
                for second in bucket[i + 1 :]:
                    pair = (int(first), int(second))
                    if texts[first][0] == texts[second][0] or pair in seen:
                        continue
                    seen.add(pair)
                    similarity = jaccard(texts[first][1], texts[second][1])
                    if similarity >= threshold:
                        yield Leak(
                            texts[first][0], texts[first][1],
                            texts[second][0], texts[second][1], similarity,
                        )  # fmt: skip
