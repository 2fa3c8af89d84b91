"""What was computed from a text, kept under the text: memories stay while queries come and go."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")

LONGEST = 16_384


class ContentCache(Generic[T]):
    """The values of the last ``size`` texts that were asked for; safe between threads.

    A text of more than :data:`LONGEST` characters is not kept: a few could fill the memory.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[str, T] = OrderedDict()
        self._lock = Lock()

    def values(
        self, texts: Sequence[str], compute: Callable[[Sequence[str]], Sequence[T]]
    ) -> list[T]:
        """The value of each text. ``compute`` is given those that are new, each once."""
        with self._lock:
            known = {text: self._values[text] for text in texts if text in self._values}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known.update(zip(new, compute(new), strict=True))
        with self._lock:
            for text in known:
                if len(text) > LONGEST:
                    continue
                self._values[text] = known[text]
                self._values.move_to_end(text)
            while len(self._values) > self._size:
                self._values.popitem(last=False)
        return [known[text] for text in texts]

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
