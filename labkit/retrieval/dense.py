"""Dense retrieval: the cosine between query and memory under the packaged MiniLM."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labkit.retrieval.minilm import DECIMALS, embed


class Dense:
    """An index over texts; ``search`` gives a score for each of them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._vectors = embed(texts)

    def search(self, text: str) -> NDArray[np.float64]:
        """Cosines [n] in [-1, 1] of all texts."""
        cosines = np.asarray(self._vectors @ embed([text])[0], dtype=np.float64)
        return cosines.round(DECIMALS)
