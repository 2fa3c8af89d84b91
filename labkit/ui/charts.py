"""What all Plotly figures of the lab share: grounds, fonts, colours that hold in light and dark."""

from __future__ import annotations

import html
from typing import Any

import plotly.graph_objects as go

from labkit.ui.theme import GREY, SANS

# Of Okabe and Ito's colours the four that have a contrast of 3 to 1 with white and with the dark
# page; lines of the same colour differ by dash and mark.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
DASHES = ("solid", "dash", "dot", "dashdot")
MARKS = ("circle", "diamond", "square", "triangle-up", "x", "star")
GRID = "rgba(128,140,160,0.28)"
RULE = "#808ca0"


def literal(text: str) -> str:
    """Text that Plotly shows as it is: it reads tags and entities otherwise."""
    return html.escape(text, quote=False)


def laid_out(figure: go.Figure, *, height: int, **layout: Any) -> go.Figure:
    """Transparent grounds, hairlines, the page's font; then what is given."""
    axis = {
        "gridcolor": GRID,
        "linecolor": RULE,
        "zeroline": False,
        "ticks": "",
        "title": {"font": {"size": 12}, "standoff": 8},
    }
    figure.update_layout(
        template="none",
        height=height,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": SANS, "size": 12, "color": GREY},
        hoverlabel={
            "font": {"family": SANS, "size": 12, "color": "white"},
            "bgcolor": "#1e293b",
            "bordercolor": RULE,
            "align": "left",
        },
        hovermode="closest",
        margin={"l": 52, "r": 12, "t": 28, "b": 44},
        xaxis=axis,
        yaxis=axis,
    )
    figure.update_layout(**layout)
    return figure
