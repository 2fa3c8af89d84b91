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
        _cascade(found["cascade"]) if "cascade" in found else "",
        _decoder(found["decoder"]) if "decoder" in found else "",
        _cold(found["cold"]) if "cold" in found else "",
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
            f"**{cell['memories']} memories, {cell['context']} context, {_threads(cell)}** "
            f"({cell['tokens']} tokens, the longest pair {cell['longest']}; {cell['gigaflops']} "
            "GFLOP)"
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


def _cascade(found: Mapping[str, Any]) -> str:
    fit, seen = found["found"], found["measured"]
    rows = [
        [name, str(each["n"]), f"{each['skipped']:.0%}", f"{each['dropped']:.3f}"]
        for name, each in (("found on", fit), ("measured on", seen))
    ]
    title = (
        f"**Cascade at threshold {found['threshold']}**: below a cosine of {fit['cut']:.3f} "
        f"nothing is scored; promised: at most {fit['alpha']:g} of what is kept is lost, on average"
    )
    return _table(title, ["dev queries", "number", "candidates not scored", "lost"], rows)


def _decoder(found: Mapping[str, Any]) -> str:
    rows = []
    for name, row in found["ways"].items():
        (extrapolated,) = (value for key, value in row.items() if key.startswith("extrapolated_"))
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
        f"**{found['layers']} layers of Qwen3-Reranker-0.6B's shape, random weights, "
        f"{_threads(found)}**: prefix of {found['prefix_tokens']} tokens, {found['candidates']} "
        f"memories of {found['memory_tokens']:.0f}; sharing saves {found['ideal_of_sharing']:.2f} "
        f"times the tokens and {found['worth_of_sharing']:.2f} times the time; "
        f"{found['share_of_floor']:.0%} of the floor"
    )
    head = ["way", "p50 ms", "times as fast", "largest error", "28 layers, s (extrapolated)"]
    return _table(title, head, rows)


def _cold(found: Mapping[str, Any]) -> str:
    rows = [
        [
            name,
            f"{row['wall_seconds']:.2f}",
            f"{row['processor_seconds']:.2f}",
            str(row["peak_megabytes"]),
            f"{row['share_of_peers_wall']:.2f}",
        ]
        for name, row in found["ways"].items()
    ]
    title = (
        f"**Cold: one query, {found['memories']} memories, process start included, "
        f"{_threads(found)}**"
    )
    head = ["process", "seconds", "processor seconds", "peak MB", "of the peer's seconds"]
    return _table(title, head, rows)


def _scale(found: Mapping[str, Any]) -> str:
    pairs = zip(found["memories"], found["seconds"], strict=True)
    rows = [
        [f"{count:,}", f"{seconds:.2f}", f"{1000 * seconds / count:.2f}"]
        for count, seconds in pairs
    ]
    title = (
        f"**Seconds against memories, float32, {_threads(found)}, nothing kept**: they grow with "
        f"the memories to the power of {found['exponent']:.2f}"
    )
    return _table(title, ["memories", "seconds", "ms each"], rows)


def _threads(found: Mapping[str, Any]) -> str:
    return f"{found['threads']} thread{'s' if found['threads'] > 1 else ''}"


def page(found: Mapping[str, Any]) -> str:
    """One HTML page with plots; it needs no network."""
    import plotly.graph_objects as go

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
        scale = found["scale"]
        figure = go.Figure()
        figure.add_scatter(
            x=scale["memories"],
            y=scale["seconds"],
            mode="lines+markers",
            marker_color=_COLOURS[0],
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
