"""Figures of the Runs tab: curves over steps, and benchmarks with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from labkit.evaluation.report import Table
from labkit.ui.charts import COLOURS, DASHES, MARKS, RULE, laid_out, literal
from labkit.ui.runs_data import Line

HEIGHT = 350
POINTS_DRAWN = 400
"""Of a line; of a longer one every k-th."""


def curves(lines: Sequence[Line], stages: Mapping[str, int], title: str) -> go.Figure:
    """One line each, told apart by colour, dash and mark; stages begin at the dotted lines."""
    figure = go.Figure()
    for place, line in enumerate(lines):
        step = -(-len(line.points) // POINTS_DRAWN) or 1
        points = line.points[::step]
        colour = COLOURS[place % len(COLOURS)]
        figure.add_trace(
            go.Scatter(
                x=[x for x, _ in points],
                y=[y for _, y in points],
                name=literal(line.name),
                mode="lines+markers",
                line={"color": colour, "dash": DASHES[place % len(DASHES)], "width": 2},
                marker={"symbol": MARKS[place % len(MARKS)], "size": 7, "color": colour},
                hovertemplate=f"{literal(line.name)}, step %{{x}}: %{{y:.4f}}<extra></extra>",
            )
        )
    for name, step in stages.items():
        figure.add_vline(x=step, line={"color": RULE, "width": 1, "dash": "dot"})
        figure.add_annotation(
            x=step, y=1.01, yref="paper", text=literal(name), showarrow=False,
            xanchor="left", yanchor="bottom", font={"size": 11},
        )  # fmt: skip
    laid_out(
        figure,
        height=HEIGHT,
        showlegend=True,
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
        margin={"l": 52, "r": 12, "t": 40, "b": 100},
    )
    figure.update_xaxes(title="optimiser step", rangemode="tozero")
    figure.update_yaxes(title=literal(title))
    return figure


def quality(tables: Sequence[Table], measure: str) -> go.Figure:
    """A point a row with its 95 % interval, the rows of one table together, in its order."""
    figure = go.Figure()
    names: list[str] = []
    for place, table in enumerate(tables):
        numbers = [summary.overall[measure] for summary in table.summaries]
        labels = [f"{s.name}  (n = {s.counted:,})" for s in table.summaries]
        if len(tables) > 1:
            labels = [f"{place + 1}. {label}" for label in labels]
        names += labels
        figure.add_trace(
            go.Scatter(
                x=[number.value for number in numbers],
                y=[literal(label) for label in labels],
                mode="markers",
                marker={
                    "size": 10,
                    "color": COLOURS[place % len(COLOURS)],
                    "symbol": MARKS[place % len(MARKS)],
                },
                error_x={
                    "array": [number.interval[1] - number.value for number in numbers],
                    "arrayminus": [number.value - number.interval[0] for number in numbers],
                    "color": RULE,
                    "thickness": 1.5,
                },
                hovertemplate="%{y}: %{x:.3f}<extra></extra>",
                showlegend=False,
            )
        )
    laid_out(
        figure, height=70 + 30 * max(2, len(names)), margin={"l": 10, "r": 16, "t": 8, "b": 44}
    )
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_xaxes(title=f"{measure}, with 95 % intervals over queries")
    return figure
