"""Result files as one HTML page with plots; it needs no network, Plotly's script is inside."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from labkit.evaluation.measures import Judged, Scored, reliability
from labkit.evaluation.report import Grid, Table, facts, grids, has, kinds_of, mended
from labkit.evaluation.results import Row

# Okabe and Ito's colours, told apart by most people whose eyes confuse red and green.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#667085"

_STYLE = """
body { font: 15px/1.5 'IBM Plex Sans', system-ui, sans-serif; color: #1d2939; margin: 2rem auto;
  max-width: 68rem; padding: 0 1rem; }
h2 { margin-top: 3rem; border-top: 1px solid #d0d5dd; padding-top: 1.5rem; }
p { max-width: 48rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0 1.5rem; }
th, td { padding: .2rem .7rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid #eaecf0; }
th:first-child, td:first-child { text-align: left; }
th { color: #667085; font-weight: 500; }
code { background: #f2f4f7; padding: .1rem .3rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
"""


def page(tables: Sequence[Table]) -> Iterator[str]:
    """The parts of the page, to be written one after another."""
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Evaluation</title><style>{_STYLE}</style>\n<script>"
    )
    yield get_plotlyjs()
    yield "</script></head><body>\n<h1>Evaluation</h1>\n"
    for table in tables:
        yield from _section(table)
    yield "</body></html>\n"


def _section(table: Table) -> Iterator[str]:
    yield f"<h2>{html.escape(table.title)}</h2>\n"
    for paragraph in facts(table):
        yield f"<p>{html.escape(paragraph)}</p>\n"
    for caption, cells in grids(table):
        yield f'<p>{html.escape(caption)}</p>\n<div class="wide">{_table(cells)}</div>\n'
    for name, problems in mended(table):
        yield f"<p>Mended for {html.escape(name)}: {html.escape(problems)}.</p>\n"
    for figure in figures(table):
        yield figure.to_html(full_html=False, include_plotlyjs=False) + "\n"
    yield f"<p>Command: <code>{html.escape(table.rows[0].command)}</code></p>\n"


def _table(cells: Grid) -> str:
    def line(tag: str, texts: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in texts) + "</tr>"

    body = "".join(line("td", row) for row in cells.rows)
    return f"<table><thead>{line('th', cells.head)}</thead><tbody>{body}</tbody></table>"


def figures(table: Table) -> Iterator[go.Figure]:
    """Quality with intervals, quality by kind, quality against time, and reliability."""
    measure = next((m for m in ("nDCG@10", "MAP") if has(table.summaries[0], m)), None)
    if measure is not None:
        yield quality_figure(table, measure)
        if len(kinds_of(table)) > 1:
            yield kind_figure(table, measure)
        if sum(s.seconds[0] == s.seconds[0] for s in table.summaries) > 1:
            yield time_figure(table, measure)
    for row in table.rows:
        if any(query.probabilities for query in row.queries):
            yield reliability_figure(row)


def _literal(text: str) -> str:
    """Text that Plotly shows as it is: it reads tags and entities otherwise."""
    return html.escape(text, quote=False)


def _laid_out(figure: go.Figure, title: str, *, height: int = 360) -> go.Figure:
    figure.update_layout(
        template="plotly_white",
        title=title,
        height=height,
        colorway=COLOURS,
        font={"family": "'IBM Plex Sans', system-ui, sans-serif"},
        margin={"l": 60, "r": 20, "t": 60, "b": 50},
        legend={"orientation": "h", "y": -0.2},
    )
    return figure


def quality_figure(table: Table, measure: str) -> go.Figure:
    """One point a row with its interval, in the order of the table."""
    numbers = [s.overall[measure] for s in table.summaries]
    names = [_literal(s.name) for s in table.summaries]
    figure = go.Figure(
        go.Scatter(
            x=[n.value for n in numbers],
            y=names,
            mode="markers",
            marker={"size": 9, "color": COLOURS[0]},
            error_x={
                "array": [n.interval[1] - n.value for n in numbers],
                "arrayminus": [n.value - n.interval[0] for n in numbers],
                "color": GREY,
                "thickness": 1.2,
            },
        )
    )
    figure.update_yaxes(autorange="reversed", automargin=True)
    return _laid_out(
        figure, f"{measure}, with 95 % intervals", height=140 + 34 * len(table.summaries)
    )


def kind_figure(table: Table, measure: str) -> go.Figure:
    """One line a row over the kinds of query."""
    kinds = kinds_of(table)
    traces = [
        go.Scatter(
            x=[f"{_literal(kind)} ({n})" for kind, n in kinds.items()],
            y=[s.per_kind[kind][1][measure] for kind in kinds],
            name=_literal(s.name),
            mode="markers",
            marker={"size": 9},
        )
        for s in table.summaries
    ]
    figure = go.Figure(traces)
    figure.update_yaxes(rangemode="tozero")
    return _laid_out(figure, f"{measure} by kind (queries with a relevant memory)", height=440)


def time_figure(table: Table, measure: str) -> go.Figure:
    """Quality against the median time of a query."""
    timed = [s for s in table.summaries if s.seconds[0] == s.seconds[0] and s.seconds[0] > 0]
    traces = [
        go.Scatter(
            x=[s.seconds[0] * 1000],
            y=[s.overall[measure].value],
            name=_literal(s.name),
            mode="markers",
            marker={"size": 11},
        )
        for s in timed
    ]
    figure = go.Figure(traces)
    figure.update_xaxes(type="log", title="milliseconds a query, median")
    return _laid_out(figure, f"{measure} against time", height=420)


def reliability_figure(row: Row) -> go.Figure:
    """What the probabilities promised and what came, in bins of equal mass, with the pairs below.

    A point on the diagonal means that of the pairs given 30 % three tenths are relevant.
    """
    judged: list[Judged] = [query.judged() for query in row.queries]
    scored = Scored.of(judged)
    bins = reliability(scored.probabilities, scored.labels, equal_mass=True)
    figure = go.Figure(
        go.Scatter(
            x=[0, 1], y=[0, 1], mode="lines", line={"color": GREY, "dash": "dot"}, showlegend=False
        )
    )
    figure.add_scatter(
        x=[b.promised for b in bins],
        y=[b.observed for b in bins],
        mode="markers+lines",
        marker={"size": 8, "color": COLOURS[0]},
        line={"color": COLOURS[0], "width": 1},
        error_y={
            "array": [b.interval[1] - b.observed for b in bins],
            "arrayminus": [b.observed - b.interval[0] for b in bins],
            "color": GREY,
            "thickness": 1.2,
        },
        customdata=np.array([[b.count] for b in bins]),
        hovertemplate="promised %{x:.3f}, came %{y:.3f}, %{customdata[0]} pairs<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(title="mean probability", range=[-0.02, 1.02], constrain="domain")
    figure.update_yaxes(
        title="share relevant", range=[-0.02, 1.02], scaleanchor="x", constrain="domain"
    )
    name = _literal(row.name)
    return _laid_out(
        figure,
        f"Reliability of {name}: {len(scored.labels):,} pairs, bins of equal mass",
        height=460,
    )
