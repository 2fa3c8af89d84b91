from __future__ import annotations

from pathlib import Path

from labkit.training.curves import curves, write_curves

ROWS = [
    {"stage": "start", "step": 0, "dev": {"map": 0.3, "sets": {"a": 0.2, "b": 0.4}}},
    {"stage": "bce", "step": 5, "loss": 0.7, "loss_bce": 0.7},
    {"stage": "bce", "step": 10, "dev": {"map": 0.4, "sets": {"a": 0.3, "b": 0.5}}},
    {"stage": "infonce", "step": 4, "loss": 1.1, "loss_bce": 0.5, "loss_infonce": 0.6},
    {"stage": "infonce", "step": 4, "dev": {"map": 0.5, "sets": {"a": 0.4, "b": 0.6}}},
]


def test_stages_follow_each_other_along_the_steps() -> None:
    drawn = {trace.name: (list(trace.x), list(trace.y)) for trace in curves(ROWS, "x").data}
    assert drawn["bce"] == ([5, 14], [0.7, 0.5])
    assert drawn["infonce"] == ([14], [0.6])
    assert drawn["a"] == ([0, 10, 14], [0.2, 0.3, 0.4])
    assert drawn["mean"] == ([0, 10, 14], [0.3, 0.4, 0.5])


def test_the_page_needs_no_network(tmp_path: Path) -> None:
    write_curves(ROWS, tmp_path / "curves.html", "a run")
    page = (tmp_path / "curves.html").read_text()
    assert "Training run: a run" in page and "<script src=" not in page


def test_a_run_that_has_just_begun_can_be_drawn() -> None:
    assert len(curves(ROWS[:1], "x").data) == 3
