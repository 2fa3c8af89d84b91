"""Held-out data, scored once and kept: what calibration, thresholds and abstention are fitted on.

Scoring is the cost; everything after it takes seconds. So scored queries go to a JSONL file as they
come, named by the hash of model, data and first stage: a killed run goes on where it stopped, and a
second fit scores nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from labkit.errors import InputError
from labkit.records import RELEVANT, Dialogue, Example
from labkit.retrieval.first_stage import FirstStage, Method
from labkit.scoring.reranker import Reranker
from labkit.scoring.scored import ScoredData, ScoredQuery
from labkit.sources import read_dialogues
from labkit.sources.lives import Split, jsonl_files, split_of
from labkit.students.late import late_sha256

_DECIDED = ("calibration", "abstention", "thresholds", "operating_points", "training")
"""Fields of a card that no score depends on: changing them keeps what was scored."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which queries of a file, and which of their memories, are scored.

    Attributes:
        method, candidates: the first stage, and how many memories it passes on.
        kinds: only queries of these kinds; all where None.
        split: only dialogues of this split of the authored lives; all where None.
        sample: this many queries, drawn with ``seed``; all where None.
        elsewhere: of each dialogue, instead of its own queries, this many of another, whose
            memories are others: questions that these memories do not answer.
    """

    method: Method = "fused"
    candidates: int = 50
    kinds: tuple[str, ...] | None = None
    split: Split | None = None
    sample: int | None = None
    seed: int = 0
    elsewhere: int | None = None

    def of(self, dialogues: Iterable[Dialogue]) -> list[tuple[Dialogue, list[Example]]]:
        """The chosen queries with their dialogues, in the order of the file."""
        found = [
            (dialogue, example)
            for dialogue in dialogues
            if self.split is None or split_of(dialogue.id) == self.split
            for example in dialogue.examples
            if self.kinds is None or example.query.kind in self.kinds
        ]
        if self.sample is not None and self.sample < len(found):
            rng = np.random.default_rng(self.seed)
            drawn = np.sort(rng.choice(len(found), self.sample, replace=False))
            found = [found[i] for i in drawn.tolist()]
        together: list[tuple[Dialogue, list[Example]]] = []
        for dialogue, example in found:
            if not together or together[-1][0] is not dialogue:
                together.append((dialogue, []))
            together[-1][1].append(example)
        return together if self.elsewhere is None else _moved(together, self.elsewhere, self.seed)


def _moved(
    together: Sequence[tuple[Dialogue, list[Example]]], count: int, seed: int
) -> list[tuple[Dialogue, list[Example]]]:
    """Each dialogue with ``count`` queries of the next one that shares no memory with it.

    They are asked when its own first query is: a date could tell else.
    """
    rng = np.random.default_rng(seed)
    moved = []
    for i, (dialogue, own) in enumerate(together):
        texts = {memory.text for memory in dialogue.memories}
        others = next(
            (
                examples
                for other, examples in (*together[i + 1 :], *together[:i])
                if texts.isdisjoint(memory.text for memory in other.memories)
            ),
            [],
        )
        drawn = rng.permutation(len(others))[:count]
        asked = []
        for j in sorted(drawn.tolist()):
            query = others[j].query
            query = replace(query, id=f"{query.id}, of {dialogue.id}", time=own[0].query.time)
            asked.append(
                Example(query, dialogue.memories, {}, extra={"group": _group(dialogue, own[0])})
            )
        if asked:
            moved.append((dialogue, asked))
    return moved


def _group(dialogue: Dialogue, example: Example) -> str:
    group = example.extra.get("group")
    return group if isinstance(group, str) else dialogue.id


def data_digest(files: Collection[Path]) -> str:
    """sha256 over files, or over the ``*.jsonl`` of folders, in name order."""
    digest = hashlib.sha256()
    for path in files:
        inside = jsonl_files(path) if path.is_dir() else [path]
        for file in inside:
            with file.open("rb") as handle:
                digest.update(hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()


def model_digest(reranker: Reranker, folder: Path | None) -> str:
    """sha256 of all that a score depends on: the weights' folder, or the name of a hub model,
    and the card without what is fitted on scores."""
    card = {k: v for k, v in asdict(reranker.card).items() if k not in _DECIDED}
    digest = hashlib.sha256(json.dumps(card, sort_keys=True).encode())
    files = [p for p in sorted(folder.rglob("*")) if p.is_file()] if folder else []
    for file in files:
        if file.name not in ("labkit.json", "README.md"):
            digest.update(file.relative_to(folder).as_posix().encode() if folder else b"")
            with file.open("rb") as handle:
                digest.update(hashlib.file_digest(handle, "sha256").digest())
    if folder is None:
        digest.update(reranker.name.encode())
    digest.update(f"{late_sha256(reranker.student)}{reranker.placement}".encode())
    return digest.hexdigest()


def score_file(
    reranker: Reranker,
    data: Path,
    selection: Selection,
    *,
    store: Path,
    model_sha256: str,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    on_note: Callable[[str], None] | None = None,
) -> ScoredData:
    """Score the candidates of a file's queries, or read what was scored before.

    Args:
        reranker: the model.
        data: any file that :func:`labkit.sources.read_dialogues` reads.
        selection: which queries and candidates.
        store: folder of what was scored; made where missing.
        model_sha256: of :func:`model_digest`.
        on_progress: gets how many queries are scored, of how many.
        on_note: gets what the reader of the file has to say.

    Raises:
        InputError: the file cannot be read, or no query is chosen.
    """
    chosen = selection.of(read_dialogues(data, on_note=on_note))
    total = sum(len(examples) for _, examples in chosen)
    if total == 0 and selection.elsewhere is not None:
        return ScoredData([])  # one dialogue alone has no other
    if total == 0:
        which = json.dumps({k: v for k, v in asdict(selection).items() if v is not None})
        raise InputError(f"{data} holds no query for {which}, expected at least one")
    chosen_by = {k: v for k, v in asdict(selection).items() if k != "elsewhere" or v is not None}
    key = json.dumps([model_sha256, data_digest([data]), chosen_by], sort_keys=True)
    path = store / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.jsonl"
    done = _read_store(path)
    on_progress(len(done), total)
    if len(done) < total:
        store.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as handle:
            for scored in _score(reranker, chosen, selection, skip=len(done)):
                handle.write(json.dumps(asdict(scored), ensure_ascii=False) + "\n")
                handle.flush()
                done.append(scored)
                on_progress(len(done), total)
    return ScoredData(done)


def _score(
    reranker: Reranker,
    chosen: Sequence[tuple[Dialogue, list[Example]]],
    selection: Selection,
    *,
    skip: int,
) -> Iterator[ScoredQuery]:
    for dialogue, examples in chosen:
        left, skip = examples[skip:], max(0, skip - len(examples))
        stage = FirstStage(dialogue.memories, selection.method)
        if left:
            stage.prepare([example.query for example in left])
        for example in left:
            memories = stage.candidates(example.query, selection.candidates)
            labels = tuple(example.label(memory.id) for memory in memories)
            scores = reranker.score_groups([(example.query, memories)])[0]
            yield ScoredQuery(
                id=example.id,
                group=_group(dialogue, example),
                kind=example.query.kind,
                log_odds=tuple(scores.log_odds.tolist()),
                labels=labels,
                lost=len(example.relevant) - sum(label >= RELEVANT for label in labels),
                logits=None if scores.logits is None else tuple(scores.logits.tolist()),
            )


def _read_store(path: Path) -> list[ScoredQuery]:
    """What a run wrote; a last line that it did not finish is cut off the file."""
    if not path.is_file():
        return []
    raw = path.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if len(whole) < len(raw):
        os.truncate(path, len(whole))
    found = []
    for line in whole.decode("utf-8").split("\n")[:-1]:  # an id may hold other line ends
        item: dict[str, Any] = json.loads(line)
        for name in ("log_odds", "labels", "logits"):
            if item.get(name) is not None:
                item[name] = tuple(item[name])
        found.append(ScoredQuery(**item))
    return found
