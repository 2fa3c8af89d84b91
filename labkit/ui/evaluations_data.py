"""What the Runs tab shows of evaluations: folders of ``labkit eval``, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit.errors import InputError
from labkit.evaluation.report import Table as ReportTable
from labkit.evaluation.report import facts, grids, has, mended
from labkit.evaluation.report import tables_of as report_tables
from labkit.evaluation.results import SUFFIX, Row, read_row
from labkit.ui.kept import Kept
from labkit.ui.runs_data import Table

FILES_KEPT = 200
MEASURES_DRAWN = ("MAP", "nDCG@10", "MRR", "R_all@5")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A folder as it stands: what can be read, and what cannot.

    ``under_way`` counts rows that were begun and not finished.
    """

    name: str
    rows: tuple[Row, ...]
    under_way: int
    problems: tuple[str, ...]


class Results:
    """Reads result files, each once as long as it does not change."""

    def __init__(self) -> None:
        self._kept: Kept[tuple[str, int, int], Row] = Kept(FILES_KEPT)

    def evaluation(self, path: Path, name: str) -> Evaluation:
        """Read a folder; never fails."""
        rows, problems, under_way = [], [], 0
        for file in sorted(path.glob("*/*")):
            if file.name.endswith(".journal"):
                under_way += 1
            elif file.name.endswith(SUFFIX):
                try:
                    stat = file.stat()
                    key = (str(file), stat.st_mtime_ns, stat.st_size)
                    rows.append(self._kept.get_or_make(key, lambda file=file: read_row(file)))  # type: ignore[misc]
                except (InputError, OSError) as error:
                    reason = str(error).replace(f"{file}: ", "")
                    problems.append(f"{file.parent.name}/{file.name}: {reason}")
        rows.sort(key=lambda row: (row.benchmark, row.place))
        return Evaluation(name, tuple(rows), under_way, tuple(problems))


def overview(evaluations: Sequence[Evaluation]) -> list[dict[str, Any]]:
    """A line a folder, for the list."""
    return [
        {
            "name": each.name,
            "status": _status(each),
            "state": "finished" if each.rows else "unreadable",
            "benchmarks": ", ".join(
                f"{benchmark} ({count} row{'s' if count > 1 else ''}, n = {queries:,})"
                for benchmark, (count, queries) in _benchmarks(each).items()
            ),
            "problems": list(each.problems),
        }
        for each in evaluations
    ]


def _benchmarks(evaluation: Evaluation) -> dict[str, tuple[int, int]]:
    counts = Counter(row.benchmark for row in evaluation.rows)
    queries = {row.benchmark: len(row.queries) for row in evaluation.rows}
    return {name: (count, queries[name]) for name, count in counts.items()}


def _status(evaluation: Evaluation) -> str:
    if evaluation.under_way:
        return f"not finished: {evaluation.under_way} of its rows under way or broken off"
    if evaluation.problems:
        return "partly damaged" if evaluation.rows else "cannot be read"
    return "finished"


def benchmarks_of(evaluations: Sequence[Evaluation]) -> list[str]:
    """The benchmarks of the chosen folders."""
    return sorted({row.benchmark for each in evaluations for row in each.rows})


def compared(evaluations: Sequence[Evaluation], benchmark: str) -> list[ReportTable]:
    """The rows of all chosen folders on one benchmark, in a table each of what may be compared.

    Rows of one name and different numbers are told apart by their folder; the same row in two
    folders stands once.
    """
    found: dict[tuple[str, str], tuple[str, Row]] = {}
    for each in evaluations:
        for row in each.rows:
            if row.benchmark == benchmark:
                found.setdefault((row.table, row.key), (each.name, row))
    names = Counter((row.table, row.name) for _, row in found.values())
    rows = [
        replace(row, name=f"{row.name} ({folder})") if names[row.table, row.name] > 1 else row
        for folder, row in found.values()
    ]
    return report_tables(rows)


def tables_of(tables: Sequence[ReportTable]) -> list[dict[str, Any]]:
    """The report's tables as the page draws them."""
    found = []
    for number, table in enumerate(tables, 1):
        several = f" ({number} of {len(tables)} that cannot be compared)" if len(tables) > 1 else ""
        about = " ".join([*facts(table), f"Command: {table.rows[0].command}"])
        for place, (caption, cells) in enumerate(grids(table)):
            title = f"{table.title}{several}: {caption.rstrip(':')}"
            note = about if place == 0 else ""
            found.append(Table(title, note, cells.head, cells.rows).to_json())
        for name, problems in mended(table):
            line = f"Mended for {name}, with the number of queries: {problems}."
            found.append(Table(f"{table.title}{several}: mended", line, (), ()).to_json())
    return found


def measures_of(table: ReportTable) -> list[str]:
    """The measures that the figure can show of a table."""
    return [name for name in MEASURES_DRAWN if has(table.summaries[0], name)]


def no_evaluations(folder: Path) -> str:
    """What the list says where there is none."""
    return (
        f"No evaluation in {folder}. This makes one:  "
        f"labkit eval --benchmark lives:test --model mini --out {folder / 'eval'}"
    )


def chosen_names(found: Mapping[str, Path], names: Sequence[str]) -> list[str]:
    """The names that are there, in the order of the list."""
    return [name for name in found if name in set(names)]
