"""Result files: one row of one benchmark, with all that is needed to measure it again.

Per query the ranks of the memories with a label above 0, and the probabilities of the candidates:
every measure can be taken from that, also one that nobody asked for at the time. A file is written
whole. While a row is being made, what is finished stands in a journal beside it, a line a query.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from labkit import __version__
from labkit.errors import InputError
from labkit.evaluation.measures import Judged, parse_measure, ranking_value
from labkit.files import write_whole

FORMAT = 1
SUFFIX = ".result.json"
SHOWN = ("MAP", "MRR", "nDCG@10", "R_any@5", "R_all@5")


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What one row made of one query.

    Attributes:
        ranked: how many memories were ranked: all of them, candidates first.
        gains: (1-based rank, label) of each memory whose label is above 0.
        probabilities: of the candidates, in ranked order; empty where the row gives none.
        ids: of the first ten ranked, to look at.
    """

    id: str
    kind: str
    ranked: int
    gains: tuple[tuple[int, float], ...]
    ids: tuple[str, ...]
    probabilities: tuple[float, ...] = ()
    answerable: float | None = None
    seconds: float | None = None
    truncated: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    problem: str | None = None

    def judged(self) -> Judged:
        labels = np.zeros(self.ranked)
        for rank, label in self.gains:
            labels[rank - 1] = label
        return Judged(labels, labels, np.array(self.probabilities), self.answerable)

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> Self:
        values = {name: item[name] for name in cls.__slots__}
        values |= {"gains": tuple((rank, label) for rank, label in item["gains"])}
        for name in ("ids", "probabilities"):
            values[name] = tuple(item[name])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: a ranker on a benchmark.

    Attributes:
        name: as tables show it.
        benchmark: title of the benchmark, with its split.
        protocol: what the benchmark says of itself.
        data: sha256 of what was asked, name of the file, sample (kinds, limit, seed), counts.
        settings: candidates, the first stage that fed them, what was withheld.
        ranker: what the scores depend on, card and weights included.
        code: version and hash of labkit, versions of what it stands on.
        command: as it was typed.
        place: where it stood among the rows of its run; the first one is the baseline.
    """

    name: str
    benchmark: str
    protocol: Mapping[str, Any]
    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    ranker: Mapping[str, Any]
    command: str
    place: int
    code: Mapping[str, Any]
    queries: tuple[QueryResult, ...] = ()

    @property
    def key(self) -> str:
        """The same for rows whose numbers must be the same."""
        return _key([FORMAT, self.data["sha256"], self.settings, self.ranker])

    @property
    def table(self) -> str:
        """The same for rows that may stand in one table: same queries, same candidates."""
        settings = {k: v for k, v in self.settings.items() if k != "withheld"}
        return _key([self.benchmark, self.data["sha256"], settings])

    def header(self) -> dict[str, Any]:
        names = [name for name in self.__slots__ if name != "queries"]
        return {"format": FORMAT, "key": self.key, **{name: getattr(self, name) for name in names}}


def _key(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


@cache
def code_version() -> dict[str, Any]:
    """labkit's version, the hash of its source, and the versions that scores depend on."""
    from importlib.metadata import version

    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(file.relative_to(package).as_posix().encode())
        digest.update(file.read_bytes())
    return {
        "labkit": __version__,
        "source_sha256": digest.hexdigest(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        **{name: version(name) for name in ("torch", "transformers", "numpy", "bm25s")},
    }


# --- files ---------------------------------------------------------------------------------------


def file_of(out: Path, row: Row) -> Path:
    """Where a row's result belongs below the folder of a run."""

    def plain(text: str) -> str:
        return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-.")[:60] or "row"

    # Without a dot the folder cannot be the data file itself, which may lie in ``out`` too.
    folder = plain(row.benchmark).replace(".", "-")
    # Two names may come to the same plain one, so a bit of the name's hash tells them apart.
    return out / folder / f"{plain(row.name)}-{_key(row.name)[:6]}{SUFFIX}"


def write_row(path: Path, row: Row) -> None:
    """Write a result; it appears whole or not at all."""

    def parts() -> Iterator[str]:
        yield json.dumps(row.header(), ensure_ascii=False, indent=1)[:-2] + ',\n "queries": [\n'
        last = len(row.queries) - 1
        for i, query in enumerate(row.queries):
            item = {**query.to_json(), "values": _values(query)}
            text = json.dumps(item, ensure_ascii=False, allow_nan=False)
            yield f"  {text}{',' if i < last else ''}\n"
        yield " ]\n}\n"

    write_whole(path, parts())


def _values(query: QueryResult) -> dict[str, float] | None:
    """The ranking measures that a person looks for in the file; nothing reads them back."""
    judged = query.judged()
    if not judged.relevant:
        return None
    return {name: round(ranking_value(parse_measure(name), judged), 6) for name in SHOWN}


def read_row(path: Path) -> Row:
    """Read a result file.

    Raises:
        InputError: it cannot be read, or is none of this version.
    """
    try:
        item = json.loads(path.read_text(encoding="utf-8"))
        if item.pop("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        item.pop("key")
        queries = tuple(QueryResult.from_json(query) for query in item.pop("queries"))
        return Row(queries=queries, **item)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: {error}; expected a result that this version of labkit eval wrote"
        ) from None


def read_rows(folders: Sequence[Path]) -> list[Row]:
    """All results below the folders (or files), those of a run in the order of its table.

    Raises:
        InputError: a path is not there, a file is damaged, or there is no result at all.
    """
    rows: list[Row] = []
    for folder in folders:
        if not folder.exists():
            raise InputError(f"{folder}: no such folder, expected what labkit eval --out wrote")
        files = [folder] if folder.is_file() else sorted(folder.rglob(f"*{SUFFIX}"))
        found = [read_row(file) for file in files]
        rows += sorted(found, key=lambda row: (row.benchmark, row.place))
    if not rows:
        raise InputError(
            f"{', '.join(map(str, folders))}: no {SUFFIX} in it, expected what labkit eval --out "
            "wrote"
        )
    return rows


# --- a row in the making -------------------------------------------------------------------------


class Journal:
    """The finished queries of a row that is being made, appended a line each.

    A journal of another key is begun anew; a last line that was torn is dropped.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.done: dict[int, QueryResult] = dict(self._lines(key))
        kept = [{"key": key}, *(self._item(i, result) for i, result in self.done.items())]
        write_whole(path, map(self._line, kept))
        self._handle = path.open("a", encoding="utf-8")

    def _lines(self, key: str) -> Iterator[tuple[int, QueryResult]]:
        if not self.path.is_file():
            return
        with self.path.open(encoding="utf-8") as handle:
            try:
                if json.loads(handle.readline()).get("key") != key:
                    return
                for line in handle:
                    item = json.loads(line)
                    yield int(item["index"]), QueryResult.from_json(item["result"])
            except (ValueError, KeyError, TypeError, AttributeError):
                return

    @staticmethod
    def _item(index: int, result: QueryResult) -> dict[str, Any]:
        return {"index": index, "result": result.to_json()}

    @staticmethod
    def _line(item: Mapping[str, Any]) -> str:
        return json.dumps(item, ensure_ascii=False, allow_nan=False) + "\n"

    def add(self, index: int, result: QueryResult) -> None:
        self.done[index] = result
        self._handle.write(self._line(self._item(index, result)))
        self._handle.flush()

    def close(self, *, finished: bool) -> None:
        self._handle.close()
        if finished:
            self.path.unlink(missing_ok=True)
