"""Premise: a small run of the real command; the numbers of the claim come from the full one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from labkit.teachers import evidence
from labkit.teachers.evidence import (
    ENSEMBLE,
    METHODS,
    calibration_error,
    claim,
    main,
    make_world,
    measures,
    run,
)


def test_the_truth_itself_is_without_fault() -> None:
    world = make_world(40, np.random.default_rng(0))
    found = measures(world.truth, world, np.random.default_rng(0))
    for perfect in ("error", "ece", "brier", "cross_query", "query_bias", "no_answer"):
        assert found[perfect] == pytest.approx(0)
    assert found["tau"] == pytest.approx(1) and found["tau_order"] == pytest.approx(1)
    rng = np.random.default_rng(1)
    untied = world.truth + 1e-6 * rng.random(len(world.truth))
    raw = measures(untied, world, rng)
    # raw tau-b stays under its ceiling even for a perfect order, for the truth is full of ties
    assert raw["tau_raw"] == pytest.approx(raw["tau_raw_ceiling"], abs=1e-6)
    assert raw["tau_raw_ceiling"] < 0.9


def test_calibration_error_is_the_weighted_gap_of_bins() -> None:
    labels, truth = np.array([0.05, 0.05, 0.95, 0.95]), np.array([0.0, 0.1, 0.5, 0.9])
    assert calibration_error(labels, truth) == pytest.approx(0.125)


def test_a_world_has_queries_without_an_answer_and_at_most_four_relevant() -> None:
    world = make_world(200, np.random.default_rng(0))
    relevant = np.bincount(world.items.query, world.truth >= 0.6, minlength=200)
    assert set(relevant) == {0, 1, 2, 3, 4}


def test_every_method_spends_the_same_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    spent: list[int] = []
    asked, graded = evidence.Asked.verdicts, evidence.Asked.grades

    def verdicts(self: evidence.Asked, calls: list, rng: np.random.Generator) -> object:  # type: ignore[type-arg]
        spent.append(len(calls))
        return asked(self, calls, rng)

    def grades(self: evidence.Asked, item: np.ndarray, *rest: object) -> object:
        spent.append(len(item))
        return graded(self, item, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(evidence.Asked, "verdicts", verdicts)
    monkeypatch.setattr(evidence.Asked, "grades", grades)
    totals = []
    for method in METHODS:
        spent.clear()
        run(8, ENSEMBLE, queries=6, seed=0, methods=[method])
        first, anchors, *rest = spent
        # a method either uses the shared verdicts and grades or asks for as many of its own
        if method == "this fit, two rounds":
            totals.append(sum(rest) + anchors)
        elif method == "single best teacher":
            totals.append(sum(rest))
        elif method == "pointwise grading":
            totals.append(anchors + sum(rest))
        else:
            assert not rest
            totals.append(first + anchors)
    assert max(totals) - min(totals) <= 1


def test_the_command_writes_the_table_the_figure_and_every_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["--seeds", "2", "--queries", "12", "--comparisons", "2", "--no-scenarios"]
    main([*small, "--out", str(tmp_path)])
    result = json.loads((tmp_path / "evidence.json").read_text())
    assert result["teachers_are"] == "simulated"
    assert all(t["name"].startswith("simulated:") for t in result["teachers"])
    assert set(result["comparisons"]) == {"2", "8"}
    eight = result["comparisons"]["8"]
    assert set(eight) == set(METHODS)
    assert claim(eight, "tau_order")["against"].keys() == set(METHODS[3:])
    ours = {k: np.mean(v["this fit"]["error"]) for k, v in result["comparisons"].items()}
    assert ours["2"] > ours["8"]
    table = (tmp_path / "evidence.md").read_text()
    assert "Simulated teachers" in table and all(f"| {name} |" in table for name in METHODS)
    spec = json.loads((tmp_path / "evidence.figure.json").read_text())
    claims = spec["layout"]["shapes"]
    assert [shape["y0"] for shape in claims] == [0.05, 0.9]
    assert all(shape["line"]["width"] > 0 and shape["opacity"] == 1 for shape in claims), "seen"
    assert len(spec["data"]) == 2 * len(METHODS)
    assert "simulated" in (tmp_path / "evidence.html").read_text().lower()
    assert "written to" in capsys.readouterr().out


def test_the_same_seed_gives_the_same_numbers() -> None:
    one, two = (run(4, ENSEMBLE, queries=8, seed=5, methods=["this fit"]) for _ in range(2))
    assert one == two
