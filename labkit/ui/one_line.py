"""A text on one line, cut where it is too long for its place."""

from __future__ import annotations


def one_line(text: str, most: int | None = None) -> str:
    """White space as single blanks; at most ``most`` characters, the last then an ellipsis."""
    line = " ".join(text.split())
    return line if most is None or len(line) <= most else f"{line[: most - 1].rstrip()}…"
