"""Lives: the authored corpus of ``assets/lives``, one life a JSON line.

``python -m labkit.sources.lives assets/lives`` prints its counts as Markdown; with ``--write`` they
also replace the ones in the folder's data card.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any, Literal, TypeVar

from labkit.errors import InputError
from labkit.records import (
    LEVELS,
    Dialogue,
    Example,
    Memory,
    Turn,
    expect_list,
    expect_object,
    expect_text,
    level_of,
    parse_labels,
    parse_lines,
    parse_memories,
    parse_negative_kinds,
    parse_query,
    parse_time,
    shown,
)
from labkit.sources.talk import after_each_other

Split = Literal["train", "dev", "test"]
T = TypeVar("T", Memory, Turn)

_QUERY_KEYS = frozenset(
    ("id", "kind", "context", "query", "query_time", "instruction")
    + ("labels", "negative_kinds", "why")
)


@dataclass(frozen=True, slots=True)
class Shares:
    """How ids divide into splits: ``parts`` of their sum, told by the first ``width`` bytes of a
    hash. Neither may change for ids in use: what was trained on would turn up in test."""

    parts: tuple[tuple[Split, int], ...]
    width: int


AUTHORED = Shares((("train", 70), ("dev", 15), ("test", 15)), width=8)


def split_of(id_: str, shares: Shares = AUTHORED) -> Split:
    """The split that an id (of a life, an article, a conversation) belongs to.

    It depends on the id alone, so it stays when others are added, and what has one id is never
    divided. By default as the authored lives: about 70 % train, 15 % dev, 15 % test.
    """
    digest = hashlib.sha256(id_.encode("utf-8", "replace")).digest()
    place = int.from_bytes(digest[: shares.width], "big") % sum(part for _, part in shares.parts)
    for split, part in shares.parts:
        if place < part:
            return split
        place -= part
    raise AssertionError("parts sum up to more than any place")


def jsonl_files(folder: Path) -> list[Path]:
    """The ``*.jsonl`` files of a folder in the order of their names.

    Raises:
        InputError: there is none.
    """
    files = sorted(path for path in folder.glob("*.jsonl") if path.is_file())
    if not files:
        raise InputError(f"{folder}: a folder without *.jsonl files, expected lives, one a line")
    return files


def read_lives(
    path_or_folder: str | os.PathLike[str],
    on_bad: Callable[[InputError], None] | None = None,
) -> Iterator[Dialogue]:
    """Stream the lives of a JSONL file, or of all ``*.jsonl`` of a folder in name order.

    One query becomes one Example over all memories of its life, the later ones too; its id is
    ``LIFE-QUERY``. The speaker "owner" becomes the owner's name, in memories and in context. Where
    a life is a ``talk``, its memories are the turns of a chat, and each that was said on the day of
    the one before follows that one.

    Raises:
        InputError: a line cannot be used and ``on_bad`` is None (else the error goes there and the
            line is left out), a life's id comes twice, or the path cannot be read.
    """
    path = Path(path_or_folder)
    seen: set[str] = set()

    def parse(value: object) -> Dialogue:
        life = parse_life(value)
        if life.id in seen:
            raise InputError(f"id {shown(life.id)} comes a second time, expected each life once")
        seen.add(life.id)
        return life

    for file in jsonl_files(path) if path.is_dir() else [path]:
        yield from parse_lines(file, parse, on_bad=on_bad)


def parse_life(value: object) -> Dialogue:
    """Build a life from a decoded JSON object; see :func:`read_lives`."""
    item = expect_object(value, "the line")
    id_ = expect_text(item.get("id"), "id", least=1)
    owner = expect_text(item.get("owner"), "owner", least=1)
    memories = _named(parse_memories(item.get("memories"), "memories"), owner)
    if item.get("talk"):
        days = groupby(memories, key=lambda memory: (memory.time or "")[:10])
        memories = tuple(turn for _, said in days for turn in after_each_other(said))
    examples = tuple(
        _example(expect_object(query, f"queries[{i}]"), f"queries[{i}]", id_, memories, owner)
        for i, query in enumerate(expect_list(item.get("queries"), "queries"))
    )
    for query_id, times in Counter(example.id for example in examples).items():
        if times > 1:
            raise InputError(f"queries give {shown(query_id)} {times} times, expected once")
    return Dialogue(id_, expect_text(item.get("title"), "title", least=1), memories, examples)


def _example(
    item: Mapping[str, Any], where: str, life: str, memories: tuple[Memory, ...], owner: str
) -> Example:
    ids = [memory.id for memory in memories]
    try:
        query = parse_query(item, kind_key="kind")
        why = item.get("why")
        return Example(
            query=replace(query, id=f"{life}-{query.id}", context=_named(query.context, owner)),
            memories=memories,
            labels=parse_labels(item.get("labels") or {}, ids, "labels"),
            negative_kinds=parse_negative_kinds(
                item.get("negative_kinds") or {}, ids, "negative_kinds"
            ),
            why=None if why is None else expect_text(why, "why") or None,
            extra={key: item[key] for key in item if key not in _QUERY_KEYS},
        )
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _named(said: Iterable[T], owner: str) -> tuple[T, ...]:
    return tuple(replace(s, speaker=owner) if s.speaker == "owner" else s for s in said)


# --- the counts of the data card -----------------------------------------------------------------


def counts(lives: Iterable[Dialogue]) -> str:
    """The data card's tables, in Markdown: size, split, kinds, levels and negative kinds."""
    lives = list(lives)
    examples = [example for life in lives for example in life.examples]
    memories = [memory for life in lives for memory in life.memories]
    words = sorted(len(memory.text.split()) for memory in memories) or [0]
    labels = [label for e in examples for label in e.labels.values() if label > 0]
    pairs = sum(len(e.memories) for e in examples)
    levels = Counter(level_of(label) for label in labels)
    levels[LEVELS[-1][1]] += pairs - len(labels)
    kinds = Counter(kind for e in examples for kind in e.negative_kinds.values())
    by_split = {name: [x for x in lives if split_of(x.id) == name] for name in _SPLITS}
    totals = [
        ("lives", len(lives)),
        ("memories", len(memories)),
        ("queries", len(examples)),
        ("labelled pairs of query and memory", pairs),
        ("words a memory: least, median, most", f"{words[0]}, {median(words):g}, {words[-1]}"),
        ("queries with a context", sum(bool(e.query.context) for e in examples)),
        ("queries with an instruction", sum(bool(e.query.instruction) for e in examples)),
        ("queries with no relevant memory", sum(not e.relevant for e in examples)),
        ("queries asked before the life's last memory", sum(map(_mid_life, examples))),
    ]
    splits = [
        (name, len(part), sum(len(x.memories) for x in part), sum(len(x.examples) for x in part))
        for name, part in by_split.items()
    ]
    return "\n\n".join(
        (
            _table(("what", "count"), totals),
            _table(("split", "lives", "memories", "queries"), splits),
            _table(("kind of query", "queries"), Counter(_kind(e) for e in examples).most_common()),
            _table(("level of a pair", "pairs"), [(name, levels[name]) for _, name in LEVELS]),
            _table(("negative kind", "pairs"), kinds.most_common()),
        )
    )


_SPLITS: tuple[Split, ...] = ("train", "dev", "test")
_COUNTS = re.compile(r"(?<=<!-- counts -->\n).*?(?=\n<!-- end of counts -->)", re.DOTALL)


def _kind(example: Example) -> str:
    return example.query.kind or "not given"


def _mid_life(example: Example) -> bool:
    asked = example.query.time
    if asked is None:
        return False
    # Dates only: of the day itself it is not known what came first.
    last = max((parse_time(m.time).date() for m in example.memories if m.time), default=None)
    return last is not None and parse_time(asked).date() < last


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cells)} |"

    body = [
        line(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row) for row in rows
    ]
    rule = line(["---"] + ["---:"] * (len(head) - 1))
    return "\n".join([line(head), rule, *body])


def _main(arguments: Sequence[str]) -> None:
    if not arguments or arguments[1:] not in ([], ["--write"]):
        raise InputError("usage: python -m labkit.sources.lives FOLDER [--write]")
    table = counts(read_lives(arguments[0]))
    print(table)
    if "--write" in arguments:
        card = Path(arguments[0]) / "README.md"
        card.write_text(_COUNTS.sub(lambda _: table, card.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    try:
        _main(sys.argv[1:])
    except InputError as problem:
        sys.exit(str(problem))
