"""The benchmark's numbers as tables and as a page with plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_COLOURS = ("#0072b2", "#56b4e9", "#009e73", "#d55e00", "#cc79a7", "#e69f00", "#a8b3c2", "#7f7f7f")


def markdown(found: Mapping[str, Any]) -> str:
    """Tables of all parts that were measured."""
    parts = [
        _encoder(found.get("encoder", ())),
        _quality(found.get("quality", ())),
        _decoder(found.get("decoder", ())),
        _cold(found.get("cold", ())),
        _scale(found["scale"]) if "scale" in found else "",
    ]
    return "\n".join(part for part in parts if part)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [title, "", "| " + " | ".join(head) + " |"]
    lines.append("| --- |" + " ---: |" * (len(head) - 1))
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.0f}" if seconds >= 0.1 else f"{1000 * seconds:.1f}"


def _times(row: Mapping[str, Any]) -> str:
    each = row["times_as_fast_as_peer"]["wall"]
    return f"{each['median']:.2f} ({each['low']:.2f} to {each['high']:.2f})"


def _encoder(cells: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for cell in cells:
        rows = [
            [
                name,
                *(_milliseconds(row["wall_seconds"][p]) for p in ("p50", "p95", "p99")),
                f"{row['pairs_per_second']:.0f}",
                _times(row),
                "-" if row["largest_error"] is None else f"{row['largest_error']:.1e}",
                f"{row['share_of_floor']:.0%}" if "share_of_floor" in row else "-",
            ]
            for name, row in cell["ways"].items()
        ]
        title = (
            f"**{cell['memories']} memories, {cell['context']} context, {cell['threads']} "
            f"thread{'s' if cell['threads'] > 1 else ''}** ({cell['tokens']} tokens, the longest "
            f"pair {cell['longest']}; {cell['gigaflops']} GFLOP)"
        )
        head = ["way", "p50 ms", "p95 ms", "p99 ms", "pairs/s"]
        head += ["times as fast", "largest error", "of the floor"]
        parts.append(_table(title, head, rows))
    return "\n".join(parts)


def _quality(rows: Sequence[Mapping[str, Any]]) -> str:
    cells = [
        [
            row["precision"],
            f"{row['MAP']:.4f}",
            f"{row['largest_error']:.3f}",
            f"{row['rms_error']:.4f}",
        ]
        for row in rows
    ]
    title = f"**MAP on {rows[0]['queries']} queries of the authored dev lives**" if rows else ""
    return _table(title, ["precision", "MAP", "largest error", "root mean square"], cells)


def _decoder(cells: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for cell in cells:
        rows = []
        for name, row in cell["ways"].items():
            (extrapolated,) = (
                value for key, value in row.items() if key.startswith("extrapolated_")
            )
            rows.append(
                [
                    name,
                    _milliseconds(row["wall_seconds"]["p50"]),
                    _times(row),
                    f"{row['largest_error']:.1e}",
                    f"{extrapolated:.1f}",
                ]
            )
        title = (
            f"**{cell['layers']} layers of Qwen3-Reranker-0.6B's shape, random weights, "
            f"{cell['threads']} thread{'s' if cell['threads'] > 1 else ''}**: prefix of "
            f"{cell['prefix_tokens']} tokens, {cell['candidates']} memories of "
            f"{cell['memory_tokens']:.0f}; sharing saves {cell['ideal_of_sharing']:.2f} times the "
            f"tokens and {cell['worth_of_sharing']:.2f} times the time; "
            f"{cell['share_of_floor']:.0%} of the floor"
        )
        head = ["way", "p50 ms", "times as fast", "largest error", "28 layers, s (extrapolated)"]
        parts.append(_table(title, head, rows))
    return "\n".join(parts)


def _cold(cells: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for cell in cells:
        rows = [
            [
                name,
                f"{row['wall_seconds']:.2f}",
                f"{row['processor_seconds']:.2f}",
                str(row["peak_megabytes"]),
                f"{row['share_of_peers_wall']:.2f}",
            ]
            for name, row in cell["ways"].items()
        ]
        title = (
            f"**Cold: one query, {cell['memories']} memories, process start included, "
            f"{cell['threads']} thread{'s' if cell['threads'] > 1 else ''}**"
        )
        head = ["process", "seconds", "processor seconds", "peak MB", "of the peer's seconds"]
        parts.append(_table(title, head, rows))
    return "\n".join(parts)


def _scale(found: Mapping[str, Any]) -> str:
    precisions = list(found["exponent"])
    counts = sorted({row["memories"] for row in found["rows"]})
    seconds = {(row["precision"], row["memories"]): row["seconds"] for row in found["rows"]}
    rows = [[f"{n:,}", *(f"{seconds[p, n]:.2f}" for p in precisions)] for n in counts]
    rows.append(["exponent", *(f"{found['exponent'][p]:.2f}" for p in precisions)])
    title = f"**Seconds against memories, {found['threads']} threads, nothing kept**"
    return _table(title, ["memories", *precisions], rows)


def page(found: Mapping[str, Any]) -> str:
    """One HTML page with plots; it needs no network."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    cells = found.get("encoder", [])
    figures = []
    if cells:
        names = [f"{c['memories']}, {c['context']}, {c['threads']} threads" for c in cells]
        figure = go.Figure()
        ways = list(dict.fromkeys(way for cell in cells for way in cell["ways"]))
        for i, way in enumerate(ways):
            of_way = [
                (n, c["ways"][way]) for n, c in zip(names, cells, strict=True) if way in c["ways"]
            ]
            middle = [1000 * row["wall_seconds"]["p50"] for _, row in of_way]
            above = [
                1000 * row["wall_seconds"]["p95"] - m
                for (_, row), m in zip(of_way, middle, strict=True)
            ]
            figure.add_bar(
                name=way,
                x=[name for name, _ in of_way],
                y=middle,
                error_y={"type": "data", "array": above, "arrayminus": [0] * len(above)},
                marker_color=_COLOURS[i % len(_COLOURS)],
            )
        figure.update_layout(
            title="Milliseconds of one query, median and 95th percentile",
            yaxis={"type": "log", "title": "ms"},
            xaxis={"title": "memories, context, threads"},
        )
        figures.append(figure)
    if "scale" in found:
        figure = make_subplots()
        for i, precision in enumerate(found["scale"]["exponent"]):
            rows = [row for row in found["scale"]["rows"] if row["precision"] == precision]
            figure.add_scatter(
                name=f"{precision}, exponent {found['scale']['exponent'][precision]:.2f}",
                x=[row["memories"] for row in rows],
                y=[row["seconds"] for row in rows],
                mode="lines+markers",
                marker_color=_COLOURS[i],
            )
        figure.update_layout(
            title="Seconds against memories",
            xaxis={"type": "log", "title": "memories"},
            yaxis={"type": "log", "title": "seconds"},
        )
        figures.append(figure)
    bodies = [
        figure.update_layout(template="plotly_white").to_html(
            full_html=False, include_plotlyjs=number == 0
        )
        for number, figure in enumerate(figures)
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>labkit bench</title><body>'
        + "".join(bodies)
        + "</body></html>\n"
    )
