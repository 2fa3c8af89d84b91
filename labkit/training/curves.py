"""The log of a run as curves, in one HTML file that needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labkit.files import write_whole

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def curves(rows: Sequence[dict[str, Any]], title: str) -> Any:
    """A Plotly figure: each loss, and MAP of each dev set, over the steps of all stages in turn."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    starts, end = stage_starts(rows)
    figure = make_subplots(
        rows=2,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.08,
        subplot_titles=("loss on the training queries", "MAP on the dev queries"),
    )
    train = [row for row in rows if "loss" in row]
    losses = sorted({key for row in train for key in row if key.startswith("loss_")})
    looks = [row for row in rows if "dev" in row]
    sets = sorted({name for row in looks for name in row["dev"]["sets"]})

    def line(place: int, name: str, points: list[tuple[int, float]], row: int) -> None:
        style = {"color": _COLOURS[place % 6], "dash": _DASHES[place % 6]}
        figure.add_trace(
            go.Scatter(
                x=[x for x, _ in points],
                y=[y for _, y in points],
                name=name,
                mode="lines+markers" if row == 2 else "lines",
                line=style,
                legend="legend" if row == 1 else "legend2",
            ),
            row=row,
            col=1,
        )

    for place, key in enumerate(losses):
        points = [(starts[r["stage"]] + r["step"], r[key]) for r in train if key in r]
        line(place, key.removeprefix("loss_"), points, 1)
    for place, name in enumerate([*sets, "mean"]):
        values = [
            (starts[r["stage"]] + r["step"], r["dev"]["sets"].get(name, r["dev"]["map"]))
            for r in looks
        ]
        line(place, name, values, 2)
    for stage, start in starts.items():
        if stage != "start":
            figure.add_vline(x=start, line={"color": "#888", "width": 1})
            figure.add_annotation(
                x=start, y=1, yref="paper", text=f" {stage}", showarrow=False, xanchor="left"
            )
    figure.update_xaxes(title_text="optimiser step", row=2, col=1, range=[0, max(1, end)])
    figure.update_layout(
        title=f"Training run: {title}",
        template="plotly_white",
        height=760,
        legend={"y": 1, "yanchor": "top"},
        legend2={"y": 0.45, "yanchor": "top"},
    )
    return figure


def stage_starts(rows: Sequence[dict[str, Any]]) -> tuple[dict[str, int], int]:
    """The step of the run at which each stage begins, and the last step of all."""
    starts: dict[str, int] = {}
    at = longest = 0
    for row in rows:
        if row["stage"] not in starts:
            at += longest
            longest = 0
            starts[row["stage"]] = at
        longest = max(longest, row["step"])
    return starts, at + longest


def write_curves(rows: Sequence[dict[str, Any]], path: Path, title: str) -> None:
    """Write :func:`curves` as HTML with Plotly inside."""
    figure = curves(rows, title)
    page = figure.to_html(
        include_plotlyjs=True,
        config={"displaylogo": False, "modeBarButtonsToRemove": ["sendChartToCloud"]},
    )
    write_whole(path, [page])
