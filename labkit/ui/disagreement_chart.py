"""The scatter of labels against student probabilities, with its quadrants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from labkit.records import RELEVANT, Example
from labkit.ui.charts import RULE, laid_out, literal
from labkit.ui.disagreements_data import Quadrant, Weighed, memory_of, quadrant_names
from labkit.ui.one_line import one_line

MATTERING = 1_000
OTHERS = 500
"""Points drawn: so many that matter most, and so many of the others, drawn by lot."""

HOVER_LENGTH = 90
HEIGHT = 430

# Colour and shape tell the quadrants apart; those that agree stand back.
LOOK: dict[Quadrant, dict[str, Any]] = {
    "dropped": {"color": "#8795aa", "symbol": "circle", "size": 5, "opacity": 0.45},
    "kept": {"color": "#009E73", "symbol": "circle-open", "size": 7, "opacity": 0.8},
    "missed": {"color": "#D55E00", "symbol": "triangle-down", "size": 9, "opacity": 0.85},
    "extra": {"color": "#0072B2", "symbol": "diamond", "size": 8, "opacity": 0.85},
}
# Where the counts stand: above and below all points.
_CORNERS: dict[Quadrant, tuple[float, float, str]] = {
    "dropped": (-0.02, -0.06, "left"),
    "kept": (1.02, 1.06, "right"),
    "missed": (1.02, -0.06, "right"),
    "extra": (-0.02, 1.06, "left"),
}


def drawn_places(count: int) -> list[int]:
    """Which of so many pairs, sorted by what matters, become points; in order."""
    if count <= MATTERING + OTHERS:
        return list(range(count))
    others = np.random.default_rng(0).choice(count - MATTERING, OTHERS, replace=False)
    return [*range(MATTERING), *sorted((others + MATTERING).tolist())]


def chart_note(count: int, whose: str, jittered: bool) -> str:
    """What the chart leaves out, and how to use it; for below it."""
    thinned = (
        f"{MATTERING + OTHERS:,} of {count:,} points: the {MATTERING:,} that matter most and "
        f"{OTHERS} of the others, drawn with seed 0; the counts are of all. "
        if count > MATTERING + OTHERS
        else ""
    )
    spread = "Equal labels are spread sideways a little. " if jittered else ""
    return (
        f"{thinned}{spread}Click a point to open it. Dotted: relevant ({whose}) and the threshold "
        "(student)."
    )


def scatter(shown: Weighed, examples: Mapping[str, Example], whose: str) -> go.Figure:
    """Label across, probability up; ``customdata`` of a point is [query, memory]."""
    names = quadrant_names(whose)
    places = drawn_places(len(shown))
    # Gold labels have few values, so their points would hide each other.
    spread = np.random.default_rng(1).uniform(-0.014, 0.014, len(shown))
    figure = go.Figure()
    counts = shown.counts()
    for quadrant, look in LOOK.items():
        mine = [i for i in places if shown.quadrants[i] == quadrant]
        pairs = [shown.pairs[i] for i in mine]
        jitter = [float(spread[i]) if not shown.pairs[i].error else 0.0 for i in mine]
        figure.add_trace(
            go.Scatter(
                x=[round(p.label + by, 4) for p, by in zip(pairs, jitter, strict=True)],
                y=[round(p.probability, 4) for p in pairs],
                name=f"{names[quadrant]} ({counts[quadrant]:,})",
                mode="markers",
                marker=look,
                customdata=[[p.query, p.memory] for p in pairs],
                hoverinfo="text",
                hovertext=[
                    _hover(examples[p.query], p.memory, p.label, p.error, p.probability, whose)
                    for p in pairs
                ],
            )
        )
        x, y, anchor = _CORNERS[quadrant]
        figure.add_annotation(
            x=x, y=y, xanchor=anchor, yanchor="middle", showarrow=False,
            text=f"{names[quadrant]}: {counts[quadrant]:,}", font={"size": 12},
        )  # fmt: skip
    line = {"color": RULE, "width": 1.25, "dash": "dot"}
    figure.add_vline(x=RELEVANT, line=line)
    figure.add_hline(y=shown.threshold, line=line)
    axis = {"tickvals": [0, 0.2, 0.4, 0.6, 0.8, 1], "fixedrange": True}
    laid_out(figure, height=HEIGHT, showlegend=False, dragmode=False)
    figure.update_xaxes(title=f"label ({whose})", range=[-0.03, 1.03], **axis)
    figure.update_yaxes(title="probability (student)", range=[-0.1, 1.1], **axis)
    return figure


def _hover(
    example: Example, memory: str, label: float, error: float, probability: float, whose: str
) -> str:
    """Memory and question, cut; Plotly would read their tags, so they are taken literally."""
    uncertain = f" ± {error:.2f}" if error else ""
    lines = (
        f"{whose} {label:.2f}{uncertain}, student {probability:.3f}",
        one_line(memory_of(example, memory).text, HOVER_LENGTH),
        f"asked: {one_line(example.query.text, HOVER_LENGTH)}",
    )
    return "<br>".join(literal(line) for line in lines)
