"""Batches of like length under a token budget: little padding, bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def token_batches(lengths: Sequence[int], budget: int, *, overhead: int = 0) -> Iterator[list[int]]:
    """Split indices into batches, longest first, so that the largest need is met at once.

    Args:
        lengths: tokens of each item.
        budget: the most that (items in the batch) x (longest item + overhead) may come to; an
            item that is longer on its own makes a batch of one.
        overhead: tokens that each item costs beside its own, a shared prefix for example.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    start = 0
    while start < len(order):
        width = max(1, lengths[order[start]] + overhead)
        stop = start + max(1, budget // width)
        yield order[start:stop]
        start = stop
