"""Figures of calibration and of promises, as pages that need no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.evaluation.measures import expected_calibration_error, reliability
from labkit.files import write_whole
from labkit.scoring.scored import Floats
from labkit.scoring.simulation import Simulated

_BLUE, _GREY = "#0072b2", "#a8b3c2"


def reliability_diagram(
    probabilities: Mapping[str, Floats], hit: NDArray[np.bool_], *, title: str, bins: int = 15
) -> Any:
    """Promised probability against the share that came true: one panel for each name.

    Args:
        probabilities: [n] by name, such as before and after.
        hit: [n], whether the pair is relevant.
        title: of the page.
        bins: of equal width; below each panel, how many pairs each holds, on a log scale.
    """
    from plotly.subplots import make_subplots

    y = hit.astype(np.float64)
    names = [
        f"{name}: ECE {expected_calibration_error(p, y, bins=bins):.3f}"
        for name, p in probabilities.items()
    ]
    drawn = make_subplots(
        rows=2,
        cols=len(names),
        row_heights=[0.75, 0.25],
        vertical_spacing=0.06,
        shared_xaxes=True,
        subplot_titles=names,
    )
    for column, p in enumerate(probabilities.values(), 1):
        found = reliability(p, y, bins=bins)
        middle = [one.promised for one in found]
        drawn.add_scatter(
            x=[0, 1], y=[0, 1], mode="lines", line={"color": _GREY, "dash": "dot"},
            hoverinfo="skip", row=1, col=column,
        )  # fmt: skip
        drawn.add_scatter(
            x=middle,
            y=[one.observed for one in found],
            error_y={
                "array": [one.interval[1] - one.observed for one in found],
                "arrayminus": [one.observed - one.interval[0] for one in found],
                "thickness": 1,
            },
            mode="lines+markers",
            line={"color": _BLUE},
            customdata=[one.count for one in found],
            hovertemplate="promised %{x:.3f}, came %{y:.3f}<br>%{customdata} pairs<extra></extra>",
            row=1,
            col=column,
        )
        drawn.add_bar(
            x=[(one.low + one.high) / 2 for one in found],
            y=[one.count for one in found],
            width=[one.high - one.low for one in found],
            marker={"color": _GREY},
            hovertemplate="%{y} pairs<extra></extra>",
            row=2,
            col=column,
        )
    drawn.update_xaxes(range=[0, 1])
    drawn.update_xaxes(title="probability given", row=2)
    drawn.update_yaxes(range=[0, 1], row=1)
    drawn.update_yaxes(title="share relevant (95 %)", row=1, col=1)
    drawn.update_yaxes(type="log", row=2)
    drawn.update_yaxes(title="pairs", row=2, col=1)
    drawn.update_layout(template="simple_white", showlegend=False, title=title)
    return drawn


def simulation_figure(found: Sequence[Simulated], *, title: str) -> Any:
    """How the risk fell out over the draws, with the promise and without, one panel each."""
    from plotly.subplots import make_subplots

    drawn = make_subplots(rows=1, cols=len(found), subplot_titles=[one.promise for one in found])
    for column, one in enumerate(found, 1):
        evidence = column == 1
        for name, values, colour in (
            ("with the promise", one.risks, _BLUE),
            ("plain threshold", one.plain_risks, _GREY),
        ):
            drawn.add_histogram(
                x=values, name=name, legendgroup=name, showlegend=evidence,
                marker={"color": colour}, opacity=0.65, nbinsx=50, row=1, col=column,
            )  # fmt: skip
        drawn.add_vline(  # simple_white draws shapes without a line
            x=one.level if evidence else 0, line={"color": "#333", "width": 2, "dash": "dot"},
            opacity=1, row=1, col=column,
        )  # fmt: skip
    drawn.update_xaxes(title="share of evidence dropped", col=1)
    drawn.update_xaxes(title="precision there less the precision promised", col=2)
    drawn.update_yaxes(title="draws", col=1)
    drawn.update_layout(
        template="simple_white", barmode="overlay", title=title, legend={"orientation": "h"}
    )
    return drawn


def write_page(figure: Any, path: Path) -> None:
    """Write a figure as one HTML file that holds all it needs."""
    write_whole(path, [figure.to_html(include_plotlyjs=True, full_html=True)])
