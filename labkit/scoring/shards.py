"""A scoring run over many Examples: shards of the data in, one Parquet file a shard out.

A shard is a run of Examples of one file. Its scores depend on the shard and the model alone, not on
the shards before it, the process or the machine, and its file appears whole or not at all. So
whatever is killed and done again, each pair stands in the files once, and an engine that spreads
shards over machines writes what :class:`LocalEngine` writes: byte for byte on processors of one
kind with as many threads, else within the rounding of float32. ``manifest.json`` says of which
data, model and shards they are; a folder of another run is refused. One command at a time works in
a folder.

A file holds one row a pair, in the order of the Examples and their memories:

    example       int64   place of the Example among all lines (rows) of the data, from 0
    id, memory_id string  the Example's and the memory's
    log_odds      double  the model's own
    probability   double  calibrated, where the model's card knows how
    answerable    double  probability that any memory of the Example answers; null without a model
    truncated     bool    whether the memory was too long to be read to its end
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from labkit.assets import assets_path
from labkit.errors import InputError
from labkit.evaluation.results import code_version
from labkit.evaluation.rivals import Student
from labkit.files import UNFINISHED, expect_folder, whole_file, write_whole
from labkit.records import Example, from_dataset, json_of_line, json_sha256, parse_example
from labkit.retrieval import minilm, token_vectors
from labkit.scoring.reranker import Reranker

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
MANIFEST = "manifest.json"

_SHARD_BYTES = 2**20
_FEWEST, _MOST = 16, 10_000

_KEY, _COUNTS = b"labkit.run", b"labkit.counts"
"""Metadata of a file of scores: the run it belongs to, and what was read for it."""


# --- the plan ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of the data; ``examples`` counts lines that are not blank, or rows."""

    name: str
    bytes: int
    sha256: str
    examples: int


@dataclass(frozen=True, slots=True)
class Shard:
    """Examples [``first``, ``first + examples``) of the data, bytes (rows) [``start``, ``end``) of
    the file ``file``."""

    number: int
    file: str
    start: int
    end: int
    first: int
    examples: int

    @property
    def name(self) -> str:
        """Of the file with its scores."""
        return f"scores-{self.number:05d}.parquet"


def data_files(data: Path) -> list[Path]:
    """The file itself, or the ``*.jsonl`` and ``*.parquet`` files of a folder in name order.

    Raises:
        InputError: there is no such file.
    """
    if data.is_dir():
        found = sorted(p for p in data.iterdir() if p.suffix in (".jsonl", ".parquet"))
        if not found:
            raise InputError(f"{data} holds no .jsonl and no .parquet file, expected Examples")
        return found
    if not data.is_file():
        raise InputError(f"{data}: no such file, expected Example JSONL or Parquet, or a folder")
    return [data]


def plan(data: Path, count: int | None = None) -> tuple[list[DataFile], list[Shard]]:
    """The files of the data and its shards, of like size; reads all of it once.

    Args:
        count: shards in all: fewer where there are fewer Examples, and at least one a file. None
            is one for each MiB, but at least 16 and at most 10,000.
    """
    paths = data_files(data)
    sizes = [path.stat().st_size for path in paths]
    total = max(sum(sizes), 1)
    wanted = count or min(max(total // _SHARD_BYTES, _FEWEST), _MOST)
    files: list[DataFile] = []
    shards: list[Shard] = []
    first = 0
    for path, size in zip(paths, sizes, strict=True):
        parts = max(1, round(wanted * size / total))
        cuts, digest = _cut_rows(path, parts) if _is_parquet(path) else _cut_lines(path, parts)
        for start, end, examples in cuts:
            shards.append(Shard(len(shards), path.name, start, end, first, examples))
            first += examples
        files.append(DataFile(path.name, size, digest, sum(examples for *_, examples in cuts)))
    if not first:
        raise InputError(f"{data} holds no line, expected Examples")
    return files, shards


def _is_parquet(path: Path) -> bool:
    return path.suffix == ".parquet"


def _cut_lines(path: Path, parts: int) -> tuple[list[tuple[int, int, int]], str]:
    """(start, end, Examples) of each part in bytes, and the hash of the file."""
    size = path.stat().st_size
    digest = hashlib.sha256()
    cuts: list[tuple[int, int, int]] = []
    start = place = examples = 0
    due = 1
    with path.open("rb") as handle:
        for raw in handle:
            digest.update(raw)
            place += len(raw)
            examples += bool(raw.strip())
            if examples and place * parts >= due * size:
                cuts.append((start, place, examples))
                start, examples, due = place, 0, place * parts // size + 1
    if examples:
        cuts.append((start, place, examples))
    return cuts, digest.hexdigest()


def _cut_rows(path: Path, parts: int) -> tuple[list[tuple[int, int, int]], str]:
    """(start, end, Examples) of each part in rows, and the hash of the file."""
    rows = _parquet(path).metadata.num_rows
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    ends = sorted({round(rows * (part + 1) / parts) for part in range(parts)} - {0})
    starts = [0, *ends[:-1]]
    return [(a, b, b - a) for a, b in zip(starts, ends, strict=True)], digest


def _parquet(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: {reason}; expected a Parquet file of Examples") from None


def read_shard(
    folder: Path, shard: Shard, on_bad: Callable[[InputError], None] | None = None
) -> Iterator[tuple[int, Example]]:
    """The Examples of a shard, each with its place in the data.

    Raises:
        InputError: one cannot be used and ``on_bad`` is None; else the error goes there.
    """
    path = folder / shard.file
    for place, read in _rows(path, shard) if _is_parquet(path) else _lines(path, shard):
        try:
            yield place, read()
        except InputError as error:
            located = InputError(f"{path}: Example {place + 1} of the data: {error}")
            if on_bad is None:
                raise located from None
            on_bad(located)


def _lines(path: Path, shard: Shard) -> Iterator[tuple[int, Callable[[], Example]]]:
    place = shard.first
    with path.open("rb") as handle:
        handle.seek(shard.start)
        while handle.tell() < shard.end:
            raw = handle.readline()
            if raw.strip():
                yield place, lambda raw=raw: parse_example(json_of_line(raw))  # type: ignore[misc]
                place += 1


def _rows(path: Path, shard: Shard) -> Iterator[tuple[int, Callable[[], Example]]]:
    file = _parquet(path)
    low = 0
    for group in range(file.metadata.num_row_groups):
        high = low + file.metadata.row_group(group).num_rows
        start, end = max(low, shard.start), min(high, shard.end)
        if start < end:
            rows = file.read_row_group(group).slice(start - low, end - start).to_pylist()
            for i, row in enumerate(rows):
                yield shard.first + start - shard.start + i, lambda row=row: _example(row)  # type: ignore[misc]
        low = high


def _example(row: dict[str, Any]) -> Example:
    try:
        return next(from_dataset([row]))
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{type(error).__name__} {error}; expected the columns that "
            "labkit.records.to_dataset(...).to_parquet(...) writes"
        ) from None


# --- a shard -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker must know of the run beside its shard.

    Attributes:
        folder: of the data.
        out: where files of scores go.
        key: of the run.
        skip_bad: leave out Examples that cannot be used, and count them.
    """

    folder: Path
    out: Path
    key: str
    skip_bad: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """A finished shard. ``processor_seconds`` are this process's, all threads together."""

    shard: int
    examples: int
    pairs: int
    skipped: int
    processor_seconds: float = 0.0


def score_shard(reranker: Reranker, job: Job, shard: Shard) -> Scored:
    """Score a shard and write its file.

    Raises:
        InputError: an Example cannot be used and the job skips none.
    """
    import pyarrow.parquet as pq

    began = time.process_time()
    # A vector's last digits depend on which texts were run together with it.
    minilm.forget()
    token_vectors.forget()
    skipped: list[InputError] = []
    columns = _Columns()
    examples = 0
    for place, example in read_shard(job.folder, shard, skipped.append if job.skip_bad else None):
        columns.add(place, example, reranker)
        examples += 1
    counts = {"examples": examples, "pairs": len(columns), "skipped": len(skipped)}
    table = columns.table().replace_schema_metadata(
        {_KEY: job.key.encode(), _COUNTS: json.dumps(counts).encode()}
    )
    with whole_file(job.out / shard.name) as handle:
        pq.write_table(table, handle, compression="zstd")
    return Scored(shard.number, **counts, processor_seconds=time.process_time() - began)


class _Columns:
    def __init__(self) -> None:
        self._examples: list[int] = []
        self._ids: list[str] = []
        self._memories: list[str] = []
        self._log_odds: list[np.ndarray[Any, np.dtype[np.float64]]] = []
        self._probabilities: list[np.ndarray[Any, np.dtype[np.float64]]] = []
        self._answerable: list[float | None] = []
        self._truncated: list[bool] = []

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, place: int, example: Example, reranker: Reranker) -> None:
        memories = example.memories
        if not memories:
            return
        ranking = reranker.rerank(example.query, memories)
        # From best first back to the order of the Example.
        order = np.argsort(np.array(ranking.first_stage_ranks))
        self._examples += [place] * len(memories)
        self._ids += [example.id] * len(memories)
        self._memories += [memory.id for memory in memories]
        self._log_odds.append(np.array(ranking.log_odds)[order])
        self._probabilities.append(np.array(ranking.probabilities)[order])
        self._answerable += [ranking.answerable] * len(memories)
        self._truncated += [memory.id in ranking.truncated for memory in memories]

    def table(self) -> pa.Table:
        import pyarrow as pa

        none = np.zeros(0)
        return pa.table(
            {
                "example": pa.array(self._examples, pa.int64()),
                "id": pa.array(self._ids, pa.string()),
                "memory_id": pa.array(self._memories, pa.string()),
                "log_odds": np.concatenate([none, *self._log_odds]),
                "probability": np.concatenate([none, *self._probabilities]),
                "answerable": pa.array(self._answerable, pa.float64()),
                "truncated": pa.array(self._truncated, pa.bool_()),
            }
        )


def _finished(job: Job, shard: Shard) -> Scored | None:
    """What a file of scores says of itself; None where there is none, or it is of no use."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_schema(job.out / shard.name).metadata or {}
        if metadata.get(_KEY) != job.key.encode():
            return None
        scored = Scored(shard.number, **json.loads(metadata[_COUNTS]))
        return None if scored.skipped and not job.skip_bad else scored
    except (OSError, pa.ArrowException):
        return None


# --- engines -------------------------------------------------------------------------------------


class Engine(Protocol):
    """Who scores shards, and where."""

    @property
    def name(self) -> str: ...

    @property
    def workers(self) -> int: ...

    def identity(self) -> dict[str, Any]:
        """All that the scores of its model depend on."""
        ...

    def run(self, job: Job, shards: Sequence[Shard]) -> Iterable[Scored]:
        """Score the shards; a shard is given when its file is there."""
        ...


class LocalEngine:
    """Shard after shard in this process, with all the threads that torch takes."""

    name = "local"
    workers = 1

    def __init__(self, reranker: Reranker, source: str) -> None:
        self._reranker = reranker
        self._source = source

    def identity(self) -> dict[str, Any]:
        return identity_of(self._reranker, self._source)

    def run(self, job: Job, shards: Sequence[Shard]) -> Iterator[Scored]:
        for shard in shards:
            yield score_shard(self._reranker, job, shard)


def identity_of(reranker: Reranker, source: str) -> dict[str, Any]:
    """All that the scores of a model depend on; ``source`` is where it was loaded from."""
    return Student(reranker, source).identity()


def absolute_source(source: str) -> str:
    """A model's source as any working directory can load it."""
    embedded = "/" not in source and (assets_path() / "models" / source).is_dir()
    return str(Path(source).resolve()) if not embedded and Path(source).is_dir() else source


# --- a run ---------------------------------------------------------------------------------------

Progress = Callable[[int, int], None]


def score_data(
    data: Path,
    out: Path,
    engine: Engine,
    *,
    shards: int | None = None,
    skip_bad: bool = False,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Score all Examples of ``data`` into ``out``; what is there of the same run is kept.

    Args:
        data: Example JSONL, Parquet as ``to_dataset(...).to_parquet`` writes it, or a folder.
        out: a folder, made where missing.
        shards: see :func:`plan`; None takes what a run that is gone on with has.
        on_progress: called with (Examples done, all of them) after each shard.

    Returns:
        the manifest as written. ``runs`` has an entry for each run that came to its end: engine,
        pairs and shards that it scored, seconds on the clock and of the processor.

    Raises:
        InputError: the data or the model cannot be used, or ``out`` holds another run.
    """
    expect_folder(out)
    before = _read_manifest(out)
    if before is not None:
        shards = shards or before["shards_asked"]
    files, parts = plan(data, shards)
    # Not --skip-bad: a shard without a bad line is the same with it and without.
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "data": [asdict(file) for file in files],
        "model": engine.identity(),
        "shards": len(parts),
    }
    manifest["key"] = json_sha256(manifest)
    if before is not None:
        _same_run(out, before, manifest)
    folder = data if data.is_dir() else data.parent
    job = Job(folder.resolve(), out.resolve(), manifest["key"], skip_bad)
    done = {shard.number: _finished(job, shard) for shard in parts}
    left = [shard for shard in parts if done[shard.number] is None]
    if before is not None and before["complete"] and not left:
        return before
    manifest |= {
        "shards_asked": shards,
        "complete": False,
        "code": code_version(),
        "runs": [] if before is None else before["runs"],
    }
    path = out / MANIFEST
    _write(path, manifest)
    total = sum(shard.examples for shard in parts)
    count = total - sum(shard.examples for shard in left)
    if on_progress is not None:
        on_progress(count, total)
    began, mine = time.perf_counter(), []
    for scored in engine.run(job, left):
        done[scored.shard] = scored
        mine.append(scored)
        count += parts[scored.shard].examples
        if on_progress is not None:
            on_progress(count, total)
    whole = [scored for scored in done.values() if scored is not None]
    assert len(whole) == len(parts)
    if mine:
        run = {
            "engine": engine.name,
            "workers": engine.workers,
            "shards": len(mine),
            "pairs": sum(scored.pairs for scored in mine),
            "seconds": round(time.perf_counter() - began, 3),
            "processor_seconds": round(sum(s.processor_seconds for s in mine), 3),
        }
        manifest["runs"] = [*manifest["runs"], run]
    manifest |= {
        "complete": True,
        "examples": sum(scored.examples for scored in whole),
        "pairs": sum(scored.pairs for scored in whole),
        "skipped": sum(scored.skipped for scored in whole),
        "files": [_described(out, shard) for shard in parts],
    }
    _write(path, manifest)
    for leftover in out.glob(f"{UNFINISHED}*"):
        leftover.unlink()
    return manifest


def _write(path: Path, manifest: dict[str, Any]) -> None:
    write_whole(path, [json.dumps(manifest, indent=2, ensure_ascii=False), "\n"])


def _described(out: Path, shard: Shard) -> dict[str, Any]:
    with (out / shard.name).open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return {"name": shard.name, "sha256": digest}


def _read_manifest(out: Path) -> dict[str, Any] | None:
    path = out / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise InputError(
                f"{path} has format {manifest['format']!r}, expected {FORMAT}: another --out"
            )
        for name in ("key", "data", "model", "shards", "shards_asked", "runs", "complete"):
            manifest[name]
    except FileNotFoundError:
        if any(out.glob("scores-*.parquet")):
            raise InputError(
                f"{out} holds scores and no {MANIFEST}, expected an empty folder or an earlier run"
            ) from None
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: {error!r}; expected a manifest that labkit score wrote: another --out"
        ) from None
    return manifest


_PARTS = {
    "data": "other data",
    "model": "another model, device or precision",
    "shards": "another number of shards",
}


def _same_run(out: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    if before["key"] != now["key"]:
        differs = [said for name, said in _PARTS.items() if before.get(name) != now[name]]
        raise InputError(
            f"{out} holds scores of {' and '.join(differs) or 'another run'}, expected an empty "
            "folder or the same run: choose another --out"
        )
