"""BM25 over the rendered memories of one dialogue, by bm25s."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

K1, B = 0.9, 0.4
"""Short texts of like length: less length normalisation than the textbook's 1.5 and 0.75."""


class BM25:
    """An index over texts; ``search`` gives a score for each of them."""

    def __init__(self, texts: Sequence[str]) -> None:
        import bm25s

        self._size = len(texts)
        # Stop words stay: "who", "when" and "my" cost nothing and "The Who" is findable.
        tokens = bm25s.tokenize(list(texts), stopwords=None, return_ids=False, show_progress=False)
        # bm25s divides by the mean length, and has no index over no word at all.
        self._index = None
        if any(tokens):
            self._index = bm25s.BM25(k1=K1, b=B, method="lucene")
            self._index.index(tokens, show_progress=False)

    def search(self, text: str) -> NDArray[np.float64]:
        """BM25 scores [n] of all texts; zeros where no word is shared."""
        import bm25s

        if self._index is None:
            return np.zeros(self._size)
        tokens = bm25s.tokenize([text], stopwords=None, return_ids=False, show_progress=False)[0]
        if not tokens:
            return np.zeros(self._size)
        return np.asarray(self._index.get_scores(tokens), dtype=np.float64)
