"""What stands in a row of a table: it orders the candidates of a query, and says what that cost.

Every rival gets the same candidates. A student, a hub cross-encoder and a language model differ in
what they need for it, not in what they are asked.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from labkit.assets import assets_path
from labkit.records import Memory, Query
from labkit.rendering import render_memory, render_search
from labkit.retrieval.minilm import embed
from labkit.scoring.reranker import Reranker
from labkit.students.cosine import CosineStudent
from labkit.students.late import late_sha256

_AHEAD = 100
"""Queries whose texts are embedded together."""

Part = Literal["context", "date", "instruction"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rival made of one query's candidates.

    Attributes:
        order: indices of all candidates, best first.
        probabilities: of ``order``, in that order; empty where the rival gives none.
        seconds: from question to order; None where a reply came from the store.
        answerable: probability that any candidate is relevant, where the rival says so itself.
        truncated: candidates that were not read to their end.
        prompt_tokens, completion_tokens, cost: of a language model; None where not known.
        problem: what had to be mended, in a few words that can be counted.
        unanswered: nobody answered, so that this says nothing and should be asked again.
    """

    order: tuple[int, ...]
    probabilities: tuple[float, ...] = ()
    seconds: float | None = None
    answerable: float | None = None
    truncated: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    problem: str | None = None
    unanswered: bool = False


class Unanswered(Exception):
    """A rival was not heard on every query: there is no row, and the same command asks again."""


Question = tuple[Query, Sequence[Memory]]
"""A query and its candidates, in the order of the first stage."""


class Rival(Protocol):
    """Ranks the candidates of many queries."""

    @property
    def name(self) -> str: ...

    def identity(self) -> dict[str, Any]:
        """All that its scores depend on: with the same identity a result can be used again."""
        ...

    def rank(self, questions: Sequence[Question], done: Callable[[int, Outcome], None]) -> None:
        """Call ``done`` with the index and the outcome of each question, in any order."""
        ...


def without(question: Question, part: Part) -> Question:
    """The question and its candidates with a part of them removed."""
    query, memories = question
    match part:
        case "context":
            return replace(query, context=()), memories
        case "instruction":
            return replace(query, instruction=None), memories
        case "date":
            return replace(query, time=None), [replace(memory, time=None) for memory in memories]


class Student:
    """A student or a hub cross-encoder behind a :class:`~labkit.scoring.reranker.Reranker`."""

    def __init__(self, reranker: Reranker, source: str) -> None:
        self.reranker = reranker
        self._source = source

    @property
    def name(self) -> str:
        return self.reranker.name

    def identity(self) -> dict[str, Any]:
        card = self.reranker.card
        text = json.dumps(asdict(card), sort_keys=True, ensure_ascii=False)
        placement = self.reranker.placement
        model = getattr(self.reranker.student, "model", None)
        return {
            "family": card.family,
            "source": self.name,
            "card_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "weights_sha256": _weights_sha256(self._folder()),
            "late_sha256": late_sha256(self.reranker.student),
            # The hub's commit, where the weights came from there.
            "revision": getattr(getattr(model, "config", None), "_commit_hash", None),
            "dtype": None if placement is None else str(placement.dtype).removeprefix("torch."),
            "device": None if placement is None else placement.device.type,
            "thresholds": dict(card.thresholds),
        }

    def _folder(self) -> Path:
        embedded = assets_path() / "models" / self._source
        return embedded if embedded.is_dir() else Path(self._source)

    def rank(self, questions: Sequence[Question], done: Callable[[int, Outcome], None]) -> None:
        self._prepare(questions)
        for i, (query, memories) in enumerate(questions):
            start = time.perf_counter()
            ranking = self.reranker.rerank(query, memories)
            seconds = time.perf_counter() - start
            done(
                i,
                Outcome(
                    order=tuple(rank - 1 for rank in ranking.first_stage_ranks),
                    probabilities=ranking.probabilities,
                    seconds=seconds,
                    answerable=ranking.answerable,
                    truncated=len(ranking.truncated),
                ),
            )

    def _prepare(self, questions: Sequence[Question]) -> None:
        """What a query's time does not hold: first use, and the vectors that an index would have.

        A cosine reads the vectors of the dense first stage, so its time is what it adds to that.
        Late interaction's vectors of tokens are part of the time of the query that first needs
        them: an index has no place for them yet.
        """
        if isinstance(self.reranker.student, CosineStudent):
            for start in range(0, len(questions), _AHEAD):
                block = questions[start : start + _AHEAD]
                embed([render_memory(memory) for _, memories in block for memory in memories])
                embed([render_search(query) for query, _ in block])
        if questions:
            self.reranker.rerank(*questions[0])


def _weights_sha256(folder: Path) -> str | None:
    """Of the weight files of a folder together; None where there is no folder, or none in it."""
    if not folder.is_dir():
        return None
    files = sorted((*folder.glob("*.safetensors"), *folder.glob("*.bin")))
    if not files:
        return None
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as handle:
            digest.update(
                f"{file.name} {hashlib.file_digest(handle, 'sha256').hexdigest()}".encode()
            )
    return digest.hexdigest()
