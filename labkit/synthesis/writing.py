"""Writes lives to disk: sharded, so that a killed run goes on where it was, with the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from labkit.errors import InputError
from labkit.files import expect_folder, write_whole
from labkit.records import RELEVANT, Example, example_to_json, parse_example
from labkit.synthesis.sessions import conversation_to_json, converse
from labkit.synthesis.simulate import VERSION, simulate
from labkit.synthesis.splits import SPLITS, Seen, Split

SHARD = 20
"""Lives in a shard: what a kill costs at most."""

DIALOGUES = "dialogues"
_COUNTED = (
    "dialogues",
    "discarded",
    "examples",
    "instruction_kinds",
    "kinds",
    "labels",
    "negative_kinds",
)
# Have no part in what a life says, so a change of theirs leaves unfinished shards as they are.
_NOT_OF_LIVES = frozenset({
    "diversity.py", "importing.py", "inspect.py", "judge.py", "mining.py", "page.py",
    "surface.py", "writer.py", "writer_replies.py",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written: counts by split, kind and negative kind, and how to make it again.

    ``discarded`` counts the questions that the solver rejected, by reason, and what was left out
    of a split because another holds its text. ``dialogues`` counts sessions and turns.
    """

    lives: int
    seed: int
    version: int
    examples: dict[str, int]
    memories: int
    dialogues: dict[str, int]
    kinds: dict[str, int]
    negative_kinds: dict[str, int]
    instruction_kinds: dict[str, int]
    labels: dict[str, int]
    discarded: dict[str, int]
    sha256: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"


def _shard(seed: int, start: int, stop: int, path: Path) -> None:
    lines: dict[str, list[str]] = {name: [] for name in (*SPLITS, DIALOGUES)}
    discarded: Counter[str] = Counter()
    for index in range(start, stop):
        life = simulate(seed, index)
        discarded.update(life.discarded)
        lines[life.split] += (_line(example_to_json(e)) for e in life.dialogue.examples)
        lines[DIALOGUES].append(_line(conversation_to_json(life, converse(life))))
    for name, written in lines.items():
        write_whole(path.with_suffix(f".{name}"), written)
    # Written last: it stands for the whole shard.
    write_whole(path.with_suffix(".done"), [json.dumps(discarded, sort_keys=True)])


# --- joining: no text of one split in another ----------------------------------------------------


def _texts(examples: Iterable[Example]) -> Iterator[str]:
    for example in examples:
        yield example.query.text
        yield from (memory.text for memory in example.memories)


def _without(
    examples: Sequence[Example], leaking: set[str], counts: Counter[str]
) -> Iterator[Example]:
    """The Examples that need none of the ``leaking`` texts, and no memory that is one.

    A pair that differs in its instruction stays or goes as a whole.
    """
    gone: set[str] = set()
    lost: set[object] = set()
    for example in examples:
        dropped = {memory.id for memory in example.memories if memory.text in leaking}
        readings = example.extra.get("readings", ())
        needed = example.relevant.union(*readings)
        if example.query.text in leaking:
            counts["asked in another split"] += 1
        elif needed & dropped:
            counts["evidence stands in another split"] += 1
        else:
            continue
        gone.add(example.id)
        lost.add(example.extra.get("pair", example.id))
    for example in examples:
        if example.id in gone:
            continue
        if example.extra.get("pair") in lost:
            counts["the other of its pair was left out"] += 1
            continue
        kept = tuple(memory for memory in example.memories if memory.text not in leaking)
        if len(kept) == len(example.memories):
            yield example
            continue
        ids = {memory.id for memory in kept}
        yield replace(
            example,
            memories=kept,
            labels={id_: label for id_, label in example.labels.items() if id_ in ids},
            negative_kinds={i: kind for i, kind in example.negative_kinds.items() if i in ids},
        )


def _count(example: Example, split: str, counts: dict[str, Counter[str]]) -> None:
    counts["examples"][split] += 1
    counts["kinds"][example.query.kind or ""] += 1
    counts["negative_kinds"].update(example.negative_kinds.values())
    counts["instruction_kinds"][str(example.extra.get("instruction_kind", "none"))] += 1
    counts["labels"].update(f"{label:g}" for label in example.labels.values())
    counts["labels"]["relevant"] += sum(v >= RELEVANT for v in example.labels.values())


class _Joiner:
    """Joins shards into files, test first; what is in test stays out of dev, both out of train.

    A text that occurs elsewhere, or nearly so (as ``find_leaks`` has it), is left out of the
    larger split. Holds the texts of dev and test, and one shard; never those of train.
    """

    def __init__(self, shards: Sequence[Path], out: Path) -> None:
        self.shards, self.out = shards, out
        self.held: dict[str, Seen] = {"test": Seen(), "dev": Seen()}
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in _COUNTED}

    def _leaking(self, split: str, texts: Iterable[str]) -> set[str]:
        before = {"test": (), "dev": ("test",), "train": ("test", "dev")}[split]
        distinct = list(dict.fromkeys(texts))
        return {text for name in before for text in self.held[name].leaking(distinct)}

    def examples(self, split: Split) -> str:
        """Write the file of a split, and remember its texts; the sha256 of the file."""
        return self._written(f"{split}.jsonl", self._examples(split))

    def _examples(self, split: Split) -> Iterator[str]:
        for path in self.shards:
            with path.with_suffix(f".{split}").open(encoding="utf-8") as lines:
                examples = [parse_example(json.loads(line)) for line in lines]
            leaking = self._leaking(split, _texts(examples))
            kept = list(_without(examples, leaking, self.counts["discarded"]))
            if split in self.held:
                self.held[split].add(_texts(kept))
            for example in kept:
                _count(example, split, self.counts)
                yield _line(example_to_json(example))

    def dialogues(self) -> str:
        """Write the conversations, after all splits; the sha256 of the file."""
        return self._written(f"{DIALOGUES}.jsonl", self._dialogues())

    def _dialogues(self) -> Iterator[str]:
        for path in self.shards:
            with path.with_suffix(f".{DIALOGUES}").open(encoding="utf-8") as lines:
                lives = [json.loads(line) for line in lines]
            leaking = {
                split: self._leaking(
                    split, (t for life in lives if life["split"] == split for t in _said(life))
                )
                for split in SPLITS
            }
            for life in lives:
                self._free(life, leaking[life["split"]])
                yield _line(life)

    def _free(self, life: dict[str, Any], leaking: set[str]) -> None:
        counts = self.counts["dialogues"]
        left: set[str] = set()
        for session in life["sessions"]:
            session["turns"] = [turn for turn in session["turns"] if turn["text"] not in leaking]
            left.update(turn["id"] for turn in session["turns"])
        memories = [memory for memory in life["memories"] if memory["text"] not in leaking]
        self.counts["discarded"]["memories that stand in another split"] += len(
            life["memories"]
        ) - len(memories)
        for memory in memories:
            # A summary may outlive the turn that it was made of; then it has no source.
            memory["source"] = [id_ for id_ in memory["source"] if id_ in left]
        life["sessions"] = [session for session in life["sessions"] if session["turns"]]
        life["memories"] = memories
        counts["memories"] += len(memories)
        counts["sessions"] += len(life["sessions"])
        counts["turns"] += len(left)

    def _written(self, name: str, lines: Iterator[str]) -> str:
        digest = hashlib.sha256()
        target = self.out / name
        temporary = self.shards[0].with_name(f"{name}.joined")  # goes with the shards
        with temporary.open("wb") as file:
            for line in lines:
                data = line.encode()
                digest.update(data)
                file.write(data)
        os.replace(temporary, target)
        return digest.hexdigest()


def _said(life: dict[str, Any]) -> Iterator[str]:
    for session in life["sessions"]:
        yield from (turn["text"] for turn in session["turns"])
    yield from (memory["text"] for memory in life["memories"])


def write_lives(
    n: int, seed: int, out: Path, on_progress: Callable[[int, int], None] | None = None
) -> Summary:
    """Write ``n`` simulated lives into ``out``: train, dev, test, dialogues and a summary.

    ``train.jsonl``, ``dev.jsonl`` and ``test.jsonl`` hold Examples; no query or memory text of one
    is in another, or nearly so. ``dialogues.jsonl`` holds one life a line: the sessions of turns
    that its memories came from. ``summary.json`` counts all, and what was left out.

    A killed run leaves its finished shards in ``out/.parts-*``; the same call takes them up and
    writes the same bytes as one that was never stopped. The files appear at the end, each whole.

    Args:
        n: number of lives; life ``i`` is the same whatever ``n`` is, less what then stands in
            another split.
        seed: of all lives.
        out: a folder, made where missing.
        on_progress: called with (lives done, ``n``) after every shard.

    Raises:
        InputError: ``n`` is not positive, or ``out`` is no folder.
    """
    if n < 1:
        raise InputError(f"lives is {n}, expected 1 or more")
    expect_folder(out)
    # The code's own hash: shards of an older generator must not be mixed in.
    parts = out / f".parts-v{VERSION}-{_fingerprint()}-s{seed}"
    parts.mkdir(parents=True, exist_ok=True)
    shards = []
    for start in range(0, n, SHARD):
        stop = min(start + SHARD, n)
        path = parts / f"{start:08d}-{stop:08d}.part"
        if not path.with_suffix(".done").exists():
            _shard(seed, start, stop, path)
        shards.append(path)
        if on_progress is not None:
            on_progress(stop, n)
    joiner = _Joiner(shards, out)
    sums: dict[str, str] = {}
    for split in reversed(SPLITS):
        sums[f"{split}.jsonl"] = joiner.examples(split)
    sums[f"{DIALOGUES}.jsonl"] = joiner.dialogues()
    counts = joiner.counts
    for path in shards:
        counts["discarded"].update(
            json.loads(path.with_suffix(".done").read_text(encoding="utf-8"))
        )
    summary = Summary(
        lives=n,
        seed=seed,
        version=VERSION,
        memories=counts["dialogues"].pop("memories"),
        sha256=sums,
        **{name: dict(sorted(counts[name].items())) for name in _COUNTED},
    )
    text = json.dumps(summary.to_json(), indent=2, sort_keys=True)
    write_whole(out / "summary.json", [text, "\n"])
    shutil.rmtree(parts)
    return summary


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        if path.name not in _NOT_OF_LIVES:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
