"""The import of one published set: read, split by group, kept apart, negatives mined, written."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit import __version__
from labkit.errors import InputError
from labkit.files import expect_folder, write_whole
from labkit.records import Example, Memory, shown, write_examples
from labkit.sources.corpora import CORPORA
from labkit.sources.lives import split_of
from labkit.sources.published import set_files
from labkit.synthesis.mining import OnProgress, Pool, mine_negatives
from labkit.synthesis.splits import GENERATED, SPLITS, Seen, Split

# --- splits --------------------------------------------------------------------------------------


def split(example: Example) -> Split:
    """train, dev or test (8 : 1 : 1) by the hash of ``group`` in the Example's extra.

    A group is what shares its texts (article, conversation, persona, page), so a question's split
    is that of all it has to do with, whatever the seed.

    Raises:
        InputError: the Example names no group.
    """
    group = example.extra.get("group")
    if not isinstance(group, str) or not group:
        raise InputError(f"{example.id}: group is {shown(group)}, expected what it belongs to")
    return split_of(group, GENERATED)


def _texts(examples: Iterable[Example]) -> Iterator[str]:
    before: tuple[Memory, ...] | None = None
    for example in examples:
        yield example.query.text
        if example.memories is not before:  # the questions of a dialogue share one tuple
            before = example.memories
            yield from (memory.text for memory in before)


def split_apart(
    examples: Iterable[Example], left_out: Counter[str] | None = None
) -> dict[Split, list[Example]]:
    """The Examples by split, without a query or memory text that two splits share.

    Groups keep most texts apart; what recurs all the same ("Oh my God!", a question from a
    template, boilerplate of reports), exactly or as a near-duplicate, stays in test, then in dev:
    elsewhere such a memory leaves its Example, and an Example goes whose query is such a text, or
    which has lost all of its evidence, or all of its near misses. ``left_out`` counts both.
    """
    counts: Counter[str] = Counter() if left_out is None else left_out
    parts: dict[Split, list[Example]] = {name: [] for name in SPLITS}
    for example in examples:
        parts[split(example)].append(example)
    seen = Seen()
    for name in reversed(SPLITS):
        leaking = seen.leaking(_texts(parts[name]))
        if leaking:
            parts[name] = list(_without(parts[name], leaking, counts))
        if name != SPLITS[0]:
            seen.add(_texts(parts[name]))
    return parts


def _without(
    examples: Iterable[Example], texts: set[str], counts: Counter[str]
) -> Iterator[Example]:
    # The questions of a dialogue share one tuple of memories; so do they afterwards.
    before: tuple[Memory, ...] | None = None
    kept: tuple[Memory, ...] = ()
    for example in examples:
        if example.query.text in texts:
            counts["questions asked in another split"] += 1
            continue
        if example.memories is not before:
            before = example.memories
            kept = tuple(memory for memory in before if memory.text not in texts)
            if len(kept) == len(before):
                kept = before
            counts["memories that stand in another split"] += len(before) - len(kept)
        if kept is before:
            yield example
            continue
        ids = {memory.id for memory in kept}
        # Of an answer as of a near miss: without it the question is another one.
        if any(needed and not needed & ids for needed in (example.relevant, {*example.labels})):
            counts["questions whose evidence stands in another split"] += 1
            continue
        yield replace(
            example,
            memories=kept,
            labels={id_: label for id_, label in example.labels.items() if id_ in ids},
            negative_kinds={i: kind for i, kind in example.negative_kinds.items() if i in ids},
        )


# --- the import of a set -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Negatives:
    """How negatives are mined; see :func:`labkit.synthesis.mining.mine_negatives`."""

    per_query: int = 15
    random_negatives: int = 4
    margin: float = 0.05
    max_memories: int = 32


def import_corpus(
    name: str,
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    negatives: Negatives = Negatives(),  # noqa: B008 (frozen)
    limit: int | None = None,
    seed: int = 0,
    on_progress: OnProgress = lambda what, i, n: None,
    on_note: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Write ``train.jsonl``, ``dev.jsonl``, ``test.jsonl`` and ``summary.json`` into ``out``.

    The set is read, split by group, freed of texts that two splits share, and only then are
    negatives mined, each split's from its own memories. Every file appears whole or not at all, the
    summary last: a folder with one is complete. The same arguments give the same bytes.

    Args:
        name: a key of :data:`labkit.sources.corpora.CORPORA`.
        path: the set's folder, or its file.
        limit: import so many questions, drawn by the seed from all; negatives then come from the
            dialogues that these belong to.

    Returns:
        The summary: counts by split, kind and negative kind, what was left out and why, and what
        was read (names, sha256, licence).

    Raises:
        InputError: no such set, its licence forbids training, or the path does not hold it.
    """
    corpus = CORPORA.get(name)
    if corpus is None:
        known = ", ".join(key for key, one in CORPORA.items() if one.may_train)
        raise InputError(f"there is no set {name!r}, expected one of {known}")
    if corpus.read is None or not corpus.may_train:
        raise InputError(
            f"{name} ({corpus.licence}) may not train a model: {corpus.why_not}; expected a set "
            "whose licence permits it"
        )
    if limit is not None and limit < 1:
        raise InputError(f"limit is {limit}, expected at least 1")
    source, target = Path(path), Path(out)
    notes: list[str] = []

    def note(line: str) -> None:
        notes.append(line)
        if on_note is not None:
            on_note(line)

    expect_folder(target)
    on_progress("reading", 0, 0)
    examples = [e for dialogue in corpus.read(source, on_note=note) for e in dialogue.examples]
    if limit is not None and limit < len(examples):
        drawn = set(random.Random(f"{seed}:{name}").sample(range(len(examples)), limit))
        examples = [example for i, example in enumerate(examples) if i in drawn]
    left_out: Counter[str] = Counter()
    on_progress("splitting", 0, 0)
    parts = split_apart(examples, left_out)
    total = sum(map(len, parts.values()))
    del examples
    (target / "summary.json").unlink(missing_ok=True)
    splits = {}
    done = 0
    for split_name, part in parts.items():
        tally = _Tally()

        def counted(mined: Iterable[Example], tally: _Tally = tally, done: int = done) -> Any:
            for i, example in enumerate(mined, done + 1):
                tally.add(example)
                on_progress("mining", i, total)
                yield example

        mined = mine_negatives(
            part,
            Pool(_memories(part), on_progress),
            per_query=negatives.per_query if corpus.mined else 0,
            random_negatives=negatives.random_negatives if corpus.mined else 0,
            margin=negatives.margin,
            max_memories=negatives.max_memories,
            seed=seed,
            labelled_in_full=corpus.labelled_in_full,
            left_out=left_out,
        )
        file = target / f"{split_name}.jsonl"
        write_examples(file, counted(mined))
        done += len(part)
        splits[split_name] = {**tally.to_json(), "sha256": _sha256(file)}
        part.clear()
    summary = {
        "set": name,
        "licence": corpus.licence,
        "source": corpus.source,
        "labkit": __version__,
        "seed": seed,
        "limit": limit,
        "negatives": {
            "per_query": negatives.per_query if corpus.mined else 0,
            "random_negatives": negatives.random_negatives if corpus.mined else 0,
            "margin": negatives.margin,
            "max_memories": negatives.max_memories,
        },
        "read": {"path": source.name, "files": _digests(source, corpus.files)},
        "notes": len(notes),
        "left_out": {why: n for why, n in sorted(left_out.items()) if n},
        "splits": splits,
    }
    text = json.dumps(summary, ensure_ascii=False, indent=2)
    write_whole(target / "summary.json", [text, "\n"])
    return summary


def _memories(examples: Iterable[Example]) -> Iterator[Memory]:
    before: tuple[Memory, ...] | None = None
    for example in examples:
        if example.memories is not before:
            before = example.memories
            yield from before


class _Tally:
    """What one split holds."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()
        self._negatives: Counter[str] = Counter()
        self._groups: set[str] = set()
        self._memories: list[int] = []
        self._relevant: list[int] = []

    def add(self, example: Example) -> None:
        self._kinds[example.query.kind or "not given"] += 1
        self._negatives.update(example.negative_kinds.values())
        self._groups.add(example.extra["group"])
        self._memories.append(len(example.memories))
        self._relevant.append(len(example.relevant))

    def to_json(self) -> dict[str, Any]:
        sizes = self._memories
        return {
            "examples": len(sizes),
            "groups": len(self._groups),
            "with_relevant": sum(n > 0 for n in self._relevant),
            "without_relevant": sum(n == 0 for n in self._relevant),
            "relevant_pairs": sum(self._relevant),
            "memories_per_query": (
                {"least": min(sizes), "mean": round(sum(sizes) / len(sizes), 2), "most": max(sizes)}
                if sizes
                else None
            ),
            "kinds": dict(sorted(self._kinds.items())),
            "negative_kinds": dict(sorted(self._negatives.items())),
        }


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _digests(source: Path, patterns: tuple[str, ...]) -> dict[str, str]:
    """sha256 by name of what was read; the sessions beside a file of Memora count as one."""
    digests = {}
    for file in set_files(source, *patterns):
        name = file.name if file == source else str(file.relative_to(source))
        digests[name] = _sha256(file)
        beside = sorted((file.parent / "conversations").glob("*.json"))
        if beside:
            lines = "".join(f"{_sha256(one)}  {one.name}\n" for one in beside)
            digests[f"{name}: conversations"] = hashlib.sha256(lines.encode()).hexdigest()
    return digests
