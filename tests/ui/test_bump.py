from __future__ import annotations

from typing import Any

from labkit.ui.bump import SHOWN, bump_chart, caption, top_rows
from labkit.ui.charts import literal
from labkit.ui.selection import Selection


def rows(first: list[int], relevant: set[int]) -> list[dict[str, Any]]:
    return [
        {
            "id": f"m{i}",
            "rank": i + 1,
            "first": place,
            "relevant": i in relevant,
            "text": f"<b>memory</b> {i} &amp; ${{x}}",
            "kind": "",
            "probability": "0.100",
        }
        for i, place in enumerate(first)
    ]


def test_a_relevant_memory_is_shown_wherever_it_came() -> None:
    many = rows(list(range(1, 41)), {38})
    shown = top_rows(many)
    assert len(shown) == SHOWN
    assert [row["rank"] for row in shown] == [*range(1, SHOWN), 39]


def test_places_are_evenly_spaced_and_never_shared() -> None:
    traces = bump_chart(rows([3, 1, 40, 2], {2})).data
    for side in (0, 1):
        assert sorted(trace.y[side] for trace in traces) == [0, 1, 2, 3]
    last = traces[-1]  # the relevant one lies on top, and has more than a colour of its own
    assert (last.marker.symbol, last.text[0].strip()) == ("diamond", "✓ 40")
    assert {trace.marker.symbol for trace in traces[:-1]} == {"circle"}


def test_memory_text_is_no_markup_for_plotly() -> None:
    assert literal("<a href='x'>&lt;") == "&lt;a href='x'&gt;&amp;lt;"
    (trace,) = bump_chart(rows([1], set())).data
    assert "<b>" not in trace.text[1]
    assert "<b>" not in trace.hovertext[0]


def test_nothing_to_show_is_no_error() -> None:
    assert not bump_chart([]).data
    assert caption([], Selection("c", "d", "", "fused", 5, "m")) == ""
