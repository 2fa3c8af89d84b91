"""Token ids of a query's pairs: what they share, what each adds, how much may be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FieldBudgets:
    """The most tokens that each part of a pair may take.

    Each part has a budget of its own, spent before the parts are put together: a long context
    cannot crowd out the query, a long memory cannot cut off the template's end.
    """

    instruction: int
    context: int
    question: int
    memory: int


@dataclass(frozen=True, slots=True)
class PairTokens:
    """A query and its n memories as token ids: pair i reads ``prefix + tails[i]``.

    ``truncated[i]`` tells that memory i did not fit its budget; ``query_truncated`` the same of
    instruction, context or question. ``similarity`` [n] is the late interaction of each pair, for
    a student that adds it to its score.
    """

    prefix: list[int]
    tails: list[list[int]]
    truncated: list[bool]
    query_truncated: bool
    similarity: NDArray[np.float64] | None = None


def cut_text(
    tokenizer: Any, text: str, budget: int, *, keep: Literal["start", "end"] = "start"
) -> str:
    """``text`` if it has at most ``budget`` tokens, else the end or start that has as many.

    Cutting the text, not the ids, lets the parts be tokenized together afterwards, as the model's
    own pipeline does: in a byte-level BPE a full stop and the line end after it are one token.
    """
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)[
        "offset_mapping"
    ]
    if len(offsets) <= budget:
        return text
    if budget == 0:
        return ""
    return text[: offsets[budget - 1][1]] if keep == "start" else text[offsets[-budget][0] :]
