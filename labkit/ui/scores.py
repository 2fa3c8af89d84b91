"""A student's scores on many queries: computed once, when somebody asks, and kept on disk.

The tabs that look at a whole split read them. What is kept is named by a hash of all that a score
depends on (weights, texts, candidates), so nothing here is ever stale; a run that was broken off
goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Lock, Thread
from typing import Any

import numpy as np

from labkit.annotation.store import data_folder
from labkit.assets import assets_path
from labkit.errors import InputError
from labkit.records import Example, Memory, example_to_json
from labkit.retrieval.first_stage import FirstStage, Method
from labkit.scoring.calibration import probability
from labkit.scoring.holdout import model_digest
from labkit.scoring.scored import Floats
from labkit.ui.bench import Bench
from labkit.ui.kept import Kept

BATCHES_KEPT = 8
SECONDS_BETWEEN = 0.5
"""How often a scoring run says how far it is."""

Advance = Callable[[int, int], None]
"""Called with how many queries are scored, and how many there are."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Queries whose candidates are scored.

    Attributes:
        key: names the queries within this process (a collection and its split); never shown.
        examples: the queries; those without a memory are left out.
        method, depth: the first stage, and how many memories it passes on (all where None).
    """

    key: str
    examples: tuple[Example, ...]
    method: Method = "none"
    depth: int | None = None


@dataclass(frozen=True, slots=True)
class QueryScores:
    """One query's candidates in the order of the first stage, and what a model gives them, [n]."""

    example: Example
    memories: tuple[Memory, ...]
    log_odds: Floats
    probabilities: Floats


class Scores:
    """Scores of the bench's models, in memory for the last few batches and on disk for all.

    Args:
        bench: whose models score.
        folder: where they are kept; in the user's data folder where None.
    """

    def __init__(self, bench: Bench, folder: Path | None = None) -> None:
        self._bench = bench
        self._folder = folder if folder is not None else data_folder() / "scores"
        self._digests: dict[str, str] = {}
        self._texts: Kept[str, str] = Kept(BATCHES_KEPT)
        self._kept: Kept[tuple[str, str, Method, int | None], tuple[QueryScores, ...]] = Kept(
            BATCHES_KEPT
        )
        self._scoring = Lock()

    def kept(self, model: str, batch: Batch) -> tuple[QueryScores, ...] | None:
        """What was scored before; None where any of it is missing. Scores nothing.

        Raises:
            InputError: the model is not one of the bench's.
        """
        examples = _asked(batch)
        found = self._kept.get(_key(model, batch))
        if found is not None:
            return found
        lines = list(_read(self._path(model, batch), examples))
        return self._put(model, batch, lines) if len(lines) == len(examples) else None

    def score(
        self, model: str, batch: Batch, advance: Advance = lambda done, total: None
    ) -> tuple[QueryScores, ...]:
        """Score what was not scored before. One batch at a time; a second call waits its turn.

        Raises:
            InputError: the model is not one of the bench's, or what it scored cannot be kept.
        """
        with self._scoring:
            before = self.kept(model, batch)
            if before is not None:
                return before
            path, examples = self._path(model, batch), _asked(batch)
            lines = list(_read(path, examples))
            advance(len(lines), len(examples))
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                _cut(path, lines)
                with path.open("a", encoding="utf-8") as handle:
                    for line in self._lines(model, batch, examples[len(lines) :]):
                        handle.write(json.dumps(line, ensure_ascii=False) + "\n")
                        handle.flush()
                        lines.append(line)
                        advance(len(lines), len(examples))
            except OSError as error:
                raise InputError(
                    f"{path.parent}: {error.strerror}; expected a folder to keep scores in"
                ) from None
            return self._put(model, batch, lines)

    def scoring(self, model: str, batch: Batch) -> Iterator[dict[str, Any]]:
        """:meth:`score` in a thread of its own, saying now and then how far it is.

        Yields:
            ``message``, ``done`` and ``total``, for progress.js. A page that leaves stops nothing:
            what is scored is kept.

        Raises:
            InputError: as :meth:`score`.
        """
        said: Queue[tuple[int, int]] = Queue()
        failed: list[BaseException] = []

        def work() -> None:
            try:
                self.score(model, batch, lambda done, total: said.put((done, total)))
            except BaseException as error:
                failed.append(error)

        thread = Thread(target=work, daemon=True)
        thread.start()
        name = Path(model).name
        begun, before, done, total = time.monotonic(), None, 0, len(_asked(batch))
        running = True
        while running:
            thread.join(SECONDS_BETWEEN)
            running = thread.is_alive()
            while not said.empty():
                done, total = said.get_nowait()
                before = done if before is None else before
            since = done - (before or 0)
            seconds = (total - done) * (time.monotonic() - begun) / since if since else None
            about = f", about {seconds:.0f} s left" if seconds is not None else ""
            yield {
                "message": f"Scoring with {name}: {done:,} of {total:,} queries{about}.",
                "done": done,
                "total": total,
            }
        if failed:
            raise failed[0]

    def _lines(
        self, model: str, batch: Batch, examples: Sequence[Example]
    ) -> Iterator[dict[str, Any]]:
        reranker = self._bench.reranker(model)
        stage: FirstStage | None = None
        for example in examples:
            # Neighbours share their memories, and with them the index.
            if stage is None or stage.memories != example.memories:
                stage = FirstStage(example.memories, batch.method)
            memories = stage.candidates(example.query, batch.depth)
            yield {
                "query": example.id,
                "memories": [memory.id for memory in memories],
                "log_odds": reranker.score(example.query, memories).tolist(),
            }

    def _put(
        self, model: str, batch: Batch, lines: Sequence[dict[str, Any]]
    ) -> tuple[QueryScores, ...]:
        calibration = self._bench.reranker(model).calibration
        found = []
        for example, line in zip(_asked(batch), lines, strict=True):
            by_id = {memory.id: memory for memory in example.memories}
            log_odds = np.array(line["log_odds"], dtype=np.float64)
            memories = tuple(by_id[id_] for id_ in line["memories"])
            found.append(
                QueryScores(example, memories, log_odds, probability(calibration(log_odds)))
            )
        return self._kept.put(_key(model, batch), tuple(found))

    def _path(self, model: str, batch: Batch) -> Path:
        reranker = self._bench.reranker(model)
        if model not in self._digests:
            embedded = assets_path() / "models" / model
            inside = "/" not in model and embedded.is_dir()
            folder = embedded if inside else Path(model)
            self._digests[model] = model_digest(reranker, folder if folder.is_dir() else None)
        texts = self._texts.get_or_make(batch.key, lambda: _texts_digest(_asked(batch)))
        named = json.dumps([self._digests[model], texts, batch.method, batch.depth])
        return self._folder / f"{hashlib.sha256(named.encode()).hexdigest()[:24]}.jsonl"


def _key(model: str, batch: Batch) -> tuple[str, str, Method, int | None]:
    return model, batch.key, batch.method, batch.depth


def _asked(batch: Batch) -> tuple[Example, ...]:
    return tuple(example for example in batch.examples if example.memories)


def _texts_digest(examples: Sequence[Example]) -> str:
    """sha256 of all that a model reads of the queries and their memories, labels left out."""
    digest = hashlib.sha256()
    before: tuple[Memory, ...] | None = None
    for example in examples:
        item = example_to_json(example)
        read = {key: item[key] for key in ("id", "instruction", "context", "query", "query_time")}
        if example.memories is not before:
            before = example.memories
            read["memories"] = item["memories"]
        digest.update(json.dumps(read, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _read(path: Path, examples: Sequence[Example]) -> Iterator[dict[str, Any]]:
    """The lines of a store as far as they are whole and are of these examples, in their order.

    What follows a line that is not is left out: a killed run tore it, or two labs wrote at once.
    """
    try:
        raw = path.read_bytes()
    except OSError:
        return
    whole = raw[: raw.rfind(b"\n") + 1].splitlines()
    for example, text in zip(examples, whole, strict=False):
        try:
            line = json.loads(text)
            values = np.array(line["log_odds"], dtype=np.float64)
            fits = (
                line["query"] == example.id
                and len(line["memories"]) == len(values)
                and {memory.id for memory in example.memories}.issuperset(line["memories"])
                and bool(np.isfinite(values).all())
            )
        except (ValueError, KeyError, TypeError):
            return
        if not fits:
            return
        yield line


def _cut(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Take off the file what :func:`_read` left out."""
    with suppress(FileNotFoundError):
        raw = path.read_bytes().splitlines(keepends=True)[: len(lines)]
        os.truncate(path, sum(map(len, raw)))
