"""Result files as Markdown, and as the tables between the marks of a README.

No number of a table is typed: ``labkit report`` writes it, from files that ``labkit eval`` wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from labkit.errors import InputError
from labkit.evaluation.measures import RANKING, parse_measure
from labkit.evaluation.results import Row
from labkit.evaluation.summary import MEASURES, SCORES, Number, Summary, summarise

LEVEL = 0.05
"""A corrected p-value below this gets a star."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that may be compared, with their summaries; the first row is the baseline."""

    rows: tuple[Row, ...]
    summaries: tuple[Summary, ...]

    @property
    def title(self) -> str:
        return self.rows[0].benchmark


def tables_of(
    rows: Sequence[Row], measures: Sequence[str] = (*MEASURES, *SCORES), *, seed: int = 0
) -> list[Table]:
    """Rows grouped by what may be compared; of two with the same name the first one counts."""
    groups: dict[str, dict[str, Row]] = {}
    for row in rows:
        groups.setdefault(row.table, {}).setdefault(row.name, row)
    return [
        Table(tuple(group.values()), tuple(summarise([*group.values()], measures, seed=seed)))
        for group in groups.values()
    ]


# --- cells ---------------------------------------------------------------------------------------


def cell(value: float | None, digits: int = 3) -> str:
    """``.427`` as papers write it; a dash for what is not there."""
    if value is None or value != value:
        return "-"
    text = f"{value:.{digits}f}"
    return text[1:] if text.startswith("0.") else text.replace("-0.", "-.", 1)


def milliseconds(seconds: float) -> str:
    """``12`` or, below ten, ``3.4``."""
    if seconds != seconds:
        return "-"
    value = seconds * 1000
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def starred(number: Number) -> str:
    """A value, with a star where it differs from the first row's beyond chance."""
    return cell(number.value) + ("*" if number.p is not None and number.p < LEVEL else "")


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of a table, to be written as Markdown or as HTML."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        rule = ["---"] + ["---:"] * (len(self.head) - 1)
        return "\n".join(map(_markdown_line, (self.head, rule, *self.rows)))


def _markdown_line(cells: Iterable[str]) -> str:
    # The name of a file or a model is not ours: a bar would end the cell, a tag would be one.
    plain = (one.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ") for one in cells)
    return f"| {' | '.join(plain)} |"


def grid(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Grid:
    return Grid(tuple(head), tuple(tuple(row) for row in rows))


def has(summary: Summary, measure: str) -> bool:
    """Whether a row has a value of a measure."""
    return measure in summary.overall and summary.overall[measure].value == (
        summary.overall[measure].value
    )


# --- Markdown ------------------------------------------------------------------------------------


def markdown(tables: Sequence[Table]) -> str:
    """All tables with what they were made from."""
    return "\n\n".join(["# Evaluation", *(_section(table) for table in tables)]) + "\n"


def _section(table: Table) -> str:
    parts = [f"## {table.title}", *facts(table)]
    for caption, cells in grids(table):
        parts += [caption, cells.markdown()]
    for name, problems in mended(table):
        parts += [f"Mended for {name}, with the number of queries: {problems}."]
    return "\n\n".join([*parts, f"Command: `{table.rows[0].command}`"])


def grids(table: Table) -> Iterator[tuple[str, Grid]]:
    """The tables that have something to say, each with a line that introduces it."""
    summary = table.summaries[0]
    ranking = [name for name in summary.overall if parse_measure(name).name in RANKING]
    scores = [name for name in summary.overall if name not in ranking]
    if summary.counted:
        yield "How well what is needed comes first:", main_table(table, ranking)
    with_scores = [s for s in table.summaries if any(has(s, name) for name in scores)]
    if with_scores:
        yield (
            "What the probabilities are worth, over all queries (lower is better, but for AUROC):",
            grid(
                ("probabilities of", *scores),
                ((s.name, *(bracketed(s.overall[name]) for name in scores)) for s in with_scores),
            ),
        )
    yield "What a query costs, a reranker beyond its first stage:", cost_table(table)
    if len(kinds_of(table)) > 1:
        preferred = [name for name in ("MAP", "nDCG@10", "R_all@5") if name in ranking]
        for name in preferred or ranking[:1]:
            yield f"{name} by kind:", kind_table(table, name)


def mended(table: Table) -> Iterator[tuple[str, str]]:
    """Rows of which something had to be mended, and what."""
    for summary in table.summaries:
        if summary.problems:
            yield summary.name, ", ".join(f"{what} ({n})" for what, n in summary.problems.items())


def facts(table: Table) -> list[str]:
    """What was asked, how it was measured, and of what: a paragraph each."""
    row, summary = table.rows[0], table.summaries[0]
    sample = row.data["sample"]
    drawn = f", {sample['limit']} drawn with seed {sample['seed']}" if sample["limit"] else ""
    kinds = f", kinds {', '.join(sample['kinds'])}" if sample["kinds"] else ""
    versions = sorted({f"{r.code['labkit']}, {r.code['source_sha256'][:12]}" for r in table.rows})
    counted = f"{summary.counted:,} with a relevant memory: ranking measures are means over these"
    if not summary.counted:
        counted = "none with a relevant memory, so no ranking has a quality here"
    return [
        row.protocol["about"],
        f"Candidates: {row.protocol['candidates']}; the best {row.settings['candidates']} of "
        f"{row.settings['first_stage']} are reranked. Relevant: {row.protocol['relevant']}.",
        f"{summary.queries:,} queries{drawn}{kinds}, {counted}. In brackets 95 % intervals over "
        f"resampled queries; a star: differs from {row.name} (paired randomisation test, "
        f"p < {LEVEL:g} after Holm's correction over the rows).",
        f"Data {row.data['file']}, sha256 {row.data['sha256'][:16]}; labkit {'; '.join(versions)}.",
    ]


def bracketed(number: Number) -> str:
    """A value with its interval."""
    low, high = number.interval
    return starred(number) + (f" [{cell(low)}, {cell(high)}]" if low == low else "")


def main_table(table: Table, measures: Sequence[str]) -> Grid:
    """One line a row, one column a measure."""
    return grid(
        ("ranked by", *measures),
        ((s.name, *(bracketed(s.overall[name]) for name in measures)) for s in table.summaries),
    )


def cost_table(table: Table) -> Grid:
    """Latency, tokens and cost of a query, by row."""
    some_tokens = any(s.tokens for s in table.summaries)
    head = ["row", "ms p50", "ms p95"] + (["tokens read", "written", "cost"] * some_tokens)

    def line(s: Summary) -> Iterator[str]:
        yield from (s.name, *(milliseconds(one) for one in s.seconds))
        if some_tokens:
            read, written = s.tokens or (float("nan"), float("nan"))
            yield from (f"{one:,.0f}" if one == one else "-" for one in (read, written))
            yield "-" if s.cost is None else f"{s.cost:.2g}"

    return grid(head, map(line, table.summaries))


def kinds_of(table: Table) -> dict[str, int]:
    """The kinds of query, each with its queries that have a relevant memory, where it has any."""
    return {kind: n for kind, (n, _) in table.summaries[0].per_kind.items() if n}


def kind_table(table: Table, measure: str) -> Grid:
    """A measure by kind: one line a kind, one column a row."""
    return grid(
        ("kind", "n", *(s.name for s in table.summaries)),
        (
            (kind, str(n), *(cell(s.per_kind[kind][1][measure]) for s in table.summaries))
            for kind, n in kinds_of(table).items()
        ),
    )


# --- a README's tables ---------------------------------------------------------------------------

_BLOCK = re.compile(
    r"(?P<open><!-- eval (?P<what>[^\n]*?) -->\n).*?(?P<close><!-- end of eval -->)", re.DOTALL
)

MARKS = "<!-- eval BENCHMARK MEASURE ... --> and <!-- end of eval -->"


def fill(text: str, rows: Sequence[Row]) -> tuple[str, int]:
    """The text with every block between marks rendered anew, and how many there were.

    A block is opened by a line such as ``<!-- eval locomo MAP nDCG@10 -->`` and closed by
    ``<!-- end of eval -->``; what stands between them is replaced. Columns that are no measures:
    ``n``, ``ms`` (median latency). ``<!-- eval locomo MAP by kind -->`` has a line for each kind of
    query and a column for each row of results.

    Raises:
        InputError: a block names a benchmark that the results do not have, or no measure.
    """
    count = 0

    def rendered(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        title, *columns = match["what"].split() or [""]
        wanted = [row for row in rows if row.benchmark == title]
        if not wanted:
            titles = ", ".join(sorted({row.benchmark for row in rows}))
            raise InputError(f"a block asks for {title!r}, expected one of {titles}")
        render = block
        if columns[-2:] == ["by", "kind"]:
            render, columns = block_by_kind, columns[:-2]
        return f"{match['open']}{render(wanted, columns or list(MEASURES))}\n{match['close']}"

    return _BLOCK.sub(rendered, text), count


def block(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """One compact table of a benchmark."""
    columns = [name if name in _COLUMNS else str(parse_measure(name)) for name in columns]
    table = _one_table(rows, [name for name in columns if name not in _COLUMNS])
    lines = (
        (s.name, *(_COLUMNS[c](s) if c in _COLUMNS else starred(s.overall[c]) for c in columns))
        for s in table.summaries
    )
    return grid(("ranked by", *columns), lines).markdown()


def block_by_kind(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """One compact table of a benchmark and one measure, a line a kind of query."""
    if len(columns) != 1:
        raise InputError(f"a block by kind has {len(columns)} measures, expected one")
    table = _one_table(rows, columns)
    return kind_table(table, str(parse_measure(columns[0]))).markdown()


def _one_table(rows: Sequence[Row], measures: Sequence[str]) -> Table:
    tables = tables_of(rows, [str(parse_measure(name)) for name in measures])
    if len(tables) > 1:
        raise InputError(
            f"the results of {rows[0].benchmark} are of {len(tables)} different runs (data, "
            "candidates or first stage), expected one: name one folder"
        )
    return tables[0]


_COLUMNS: dict[str, Callable[[Summary], str]] = {
    "n": lambda summary: f"{summary.counted:,}",
    "ms": lambda summary: milliseconds(summary.seconds[0]),
}


def to_json(tables: Sequence[Table]) -> list[dict[str, Any]]:
    """For machines: one object a row."""
    return [
        {"benchmark": table.title, "data_sha256": row.data["sha256"], **summary.to_json()}
        for table in tables
        for row, summary in zip(table.rows, table.summaries, strict=True)
    ]
