"""The bump chart: how the top memories moved from the first stage to the reranked order."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from labkit.ui.charts import literal
from labkit.ui.one_line import one_line
from labkit.ui.selection import Selection
from labkit.ui.theme import GREY, LINE_GREY, RELEVANT_COLOUR, SANS

SHOWN = 12
SLOT_HEIGHT = 24
LABEL_LENGTH = 36


def top_rows(rows: Sequence[dict[str, Any]], most: int = SHOWN) -> list[dict[str, Any]]:
    """The best of either order; a relevant memory always, wherever it came."""
    wanted = sorted(rows, key=lambda row: (not row["relevant"], min(row["rank"], row["first"])))
    return sorted(wanted[:most], key=lambda row: row["rank"])


def caption(rows: Sequence[dict[str, Any]], selection: Selection) -> str:
    """What the chart shows, for below it; empty where there is nothing to show."""
    if not rows:
        return ""
    return (
        f"{min(SHOWN, len(rows))} of {len(rows)} candidates: the best of either order, by rank. "
        f"First stage {selection.method}, model {Path(selection.model).name}. "
        "Relevant: blue, thick, diamond, ✓."
    )


def bump_chart(rows: Sequence[dict[str, Any]]) -> go.Figure:
    """Two columns, one line a memory; relevant ones in colour, thick and with a diamond.

    Places are evenly spaced and carry the true rank, so a memory from far below keeps its number
    and takes no more room than another.
    """
    shown = top_rows(rows)
    left = {row["id"]: i for i, row in enumerate(sorted(shown, key=lambda row: row["first"]))}
    figure = go.Figure()
    # Relevant ones last, so that they lie on top.
    for right, row in sorted(enumerate(shown), key=lambda pair: bool(pair[1]["relevant"])):
        relevant = bool(row["relevant"])
        colour = RELEVANT_COLOUR if relevant else LINE_GREY
        mark = "✓ " if relevant else ""
        label = one_line(row["text"], LABEL_LENGTH)
        kind = f" · {row['kind']}" if row["kind"] else ""
        hover = "<br>".join(
            literal(line)
            for line in (
                f"first stage {row['first']}, reranked {row['rank']}, "
                f"probability {row['probability']}{kind}",
                *textwrap.wrap(row["text"], 64)[:8],
            )
        )
        figure.add_trace(
            go.Scatter(
                x=[0, 1],
                y=[left[row["id"]], right],
                mode="lines+markers+text",
                line={"color": colour, "width": 3 if relevant else 1.25},
                marker={
                    "color": colour,
                    "symbol": "diamond" if relevant else "circle",
                    "size": 11 if relevant else 6,
                },
                text=[f"{mark}{row['first']} ", f" {row['rank']}  {mark}{literal(label)}"],
                textposition=["middle left", "middle right"],
                textfont={"color": RELEVANT_COLOUR if relevant else GREY, "size": 12},
                cliponaxis=False,
                hoverinfo="text",
                hovertext=[hover, hover],
            )
        )
    figure.update_layout(
        showlegend=False,
        height=58 + SLOT_HEIGHT * max(len(shown), 4),
        margin={"l": 40, "r": 262, "t": 34, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": SANS, "size": 12, "color": GREY},
        hoverlabel={"font": {"family": SANS, "size": 12}, "align": "left"},
        hovermode="closest",
        dragmode=False,
    )
    figure.update_xaxes(
        range=[-0.02, 1.02],
        tickvals=[0, 1],
        ticktext=["first stage", "reranked"],
        side="top",
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_yaxes(
        range=[max(len(shown), 4) - 0.5, -0.5], visible=False, fixedrange=True, zeroline=False
    )
    return figure
