"""What one request may cost, and how much work may wait."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Attributes:
        body_bytes: the longest request body; a longer one is answered with 413.
        documents: the most that one request may rank; more are answered with 413.
        waiting: the most documents that may wait, over all requests; more are answered with 429.
        seconds: from a request's arrival to its scores; then it is answered with 504 and its work
            is dropped.
        read_seconds: for a client to send its request's head, and as long again for the body; then
            it is answered with 408, or cut off where no head has come.
        connections: open at a time; beyond, 503.
    """

    body_bytes: int = 4 * MEGABYTE
    documents: int = 1_000
    waiting: int = 8_192
    seconds: float = 30.0
    read_seconds: float = 10.0
    connections: int = 1_024
