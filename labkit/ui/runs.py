"""The Runs tab: training runs with their curves, and evaluations, each compared side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from labkit.errors import InputError
from labkit.evaluation.report import Table
from labkit.ui import evaluations_data, runs_data
from labkit.ui.drawn import drawn
from labkit.ui.evaluations_data import Results, benchmarks_of, compared, measures_of
from labkit.ui.kept import Kept
from labkit.ui.runs_charts import curves, quality
from labkit.ui.runs_data import (
    Run,
    chosen_of,
    dev_lines,
    dev_names,
    dev_note,
    find,
    loss_lines,
    loss_names,
    read_run,
    stage_marks,
)
from labkit.ui.shared import OPEN_TAB, Shared, Updates

TABLES_KEPT = 16


def build_runs(shared: Shared, tab: Any, folder: Path) -> None:
    """Lay the tab out; the folder is read whenever somebody looks."""
    results = Results()
    tables: Kept[tuple[Any, ...], list[Table]] = Kept(TABLES_KEPT)

    gr.Markdown("### Training runs")
    runs = drawn({"rows": [], "empty": ""}, "ticked.js", elem_id="lk-runs")
    # Choices change with what is ticked, so pickers take any value and another one means the first:
    # Gradio would refuse an event that was under way with the choices before.
    with gr.Row(elem_classes="lk-controls"):
        loss = gr.Dropdown([], allow_custom_value=True, label="Loss", min_width=160, visible=False)
        dev = gr.Dropdown(
            [], allow_custom_value=True, label="Dev measure", min_width=160, visible=False
        )
    with gr.Row():
        with gr.Column(min_width=340):
            losses = gr.Plot(
                None, show_label=False, container=False, visible=False, elem_id="lk-losses"
            )
            loss_note = drawn("", "line.js", elem_id="lk-losses-note")
        with gr.Column(min_width=340):
            looks = gr.Plot(
                None, show_label=False, container=False, visible=False, elem_id="lk-looks"
            )
            dev_text = drawn("", "line.js", elem_id="lk-looks-note")
    details = drawn([], "tables.js", elem_id="lk-run-tables")

    gr.Markdown("### Evaluations")
    evaluations = drawn({"rows": [], "empty": ""}, "ticked.js", elem_id="lk-evaluations")
    with gr.Row(elem_classes="lk-controls"):
        benchmark = gr.Dropdown(
            [], allow_custom_value=True, label="Benchmark", min_width=160, visible=False
        )
        measure = gr.Dropdown(
            [], allow_custom_value=True, label="Measure", min_width=140, visible=False
        )
    bars = gr.Plot(None, show_label=False, container=False, visible=False, elem_id="lk-quality")
    reports = drawn([], "tables.js", elem_id="lk-eval-tables")

    ticked_runs: Any = gr.State([])
    ticked_evaluations: Any = gr.State([])
    run_views = [ticked_runs, runs, loss, dev, losses, loss_note, looks, dev_text, details]
    eval_views = [ticked_evaluations, evaluations, benchmark, measure, bars, reports]

    # --- training runs ----------------------------------------------------------------------------

    def read_runs(names: Sequence[str]) -> list[Run]:
        found = find(folder).runs
        return [read_run(found[name], name) for name in chosen_of(found, names)]

    def draw_runs(names: Sequence[str], by_loss: str | None, by_dev: str | None) -> Updates:
        """Every run in the list; curves and tables of those that are ticked."""
        found = find(folder).runs
        every = [read_run(path, name) for name, path in found.items()]
        ticked = [name for name in names if name in found]
        chosen = read_runs(ticked)
        listed = {
            "rows": runs_data.overview(every),
            "ticked": ticked,
            "heads": [["recipe", "recipe"], ["base", "base"], ["seed", "seed"],
                      ["map", "dev MAP, before → after [95 % of the difference]"]],
            "caption": f"{len(every)} training run{'s' if len(every) != 1 else ''} in {folder}. "
            "Tick one to see its curves, several to compare them.",
            "empty": "" if every else runs_data.no_runs(folder),
        }  # fmt: skip
        shown = [run for run in chosen if run.rows]
        by_loss, by_dev = _one_of(loss_names(shown), by_loss), _one_of(dev_names(shown), by_dev)
        marks = stage_marks(shown)
        notes = "; ".join(map(dev_note, shown))
        return {
            ticked_runs: ticked,
            runs: listed,
            loss: gr.update(choices=loss_names(shown), value=by_loss, visible=bool(shown)),
            dev: gr.update(choices=dev_names(shown), value=by_dev, visible=bool(shown)),
            losses: gr.update(
                value=curves(loss_lines(shown, by_loss), marks, "loss") if shown else None,
                visible=bool(shown),
            ),
            looks: gr.update(
                value=curves(dev_lines(shown, by_dev), marks, _axis(by_dev)) if shown else None,
                visible=bool(shown),
            ),
            loss_note: "Loss on the training queries, as the optimiser saw it." if shown else "",
            dev_text: f"{notes}." if shown else "",
            details: runs_data.tables_of(chosen) if chosen else [],
        }

    # --- evaluations ------------------------------------------------------------------------------

    def draw_evaluations(names: Sequence[str], wanted: str | None, by: str | None) -> Updates:
        found = find(folder).evaluations
        every = [results.evaluation(path, name) for name, path in found.items()]
        ticked = evaluations_data.chosen_names(found, names)
        chosen = [each for each in every if each.name in ticked]
        offered = benchmarks_of(chosen)
        which = _one_of(offered, wanted) if offered else None
        listed = {
            "rows": evaluations_data.overview(every),
            "ticked": ticked,
            "heads": [["benchmarks", "benchmarks"]],
            "caption": f"{len(every)} folder{'s' if len(every) != 1 else ''} of labkit eval in "
            f"{folder}. Tick one to see its tables, several to set them side by side.",
            "empty": "" if every else evaluations_data.no_evaluations(folder),
        }
        reported: list[Table] = []
        if which is not None:
            rows = [row for each in chosen for row in each.rows if row.benchmark == which]
            key = (which, *ticked, *(id(row) for row in rows))
            reported = tables.get_or_make(key, lambda: compared(chosen, which))
        measures = measures_of(reported[0]) if reported else []
        by = _one_of(measures, by) if measures else None
        return {
            ticked_evaluations: ticked,
            evaluations: listed,
            benchmark: gr.update(choices=offered, value=which, visible=len(offered) > 0),
            measure: gr.update(choices=measures, value=by, visible=by is not None),
            bars: gr.update(
                value=quality(reported, by) if by is not None else None, visible=by is not None
            ),
            reports: evaluations_data.tables_of(reported),
        }

    # --- events -----------------------------------------------------------------------------------

    def look(
        open_tab: str, before: list[str], before_evaluations: list[str], *values: Any
    ) -> Updates:
        """Read the folder anew; the newest is ticked where nobody has ticked anything yet."""
        if open_tab != tab.id:
            return {}
        by_loss, by_dev, which, by = values
        found = find(folder)
        ticked = before or _newest(found.runs)
        ticked_too = before_evaluations or _newest(found.evaluations)
        return {
            **draw_runs(ticked, by_loss, by_dev),
            **draw_evaluations(ticked_too, which, by),
        }

    shared.listen(
        partial(gr.on, [tab.select]), look,
        [shared.open_tab, ticked_runs, ticked_evaluations, loss, dev, benchmark, measure],
        [*run_views, *eval_views], name="draw_runs", js=OPEN_TAB, concurrency_id="runs",
        progress_on=[details],
    )  # fmt: skip
    for name, event in {"choose_loss": loss.input, "choose_dev_measure": dev.input}.items():
        shared.listen(
            event, draw_runs, [ticked_runs, loss, dev], run_views, name=name, concurrency_id="runs"
        )
    for name, event in {
        "choose_benchmark": benchmark.input,
        "choose_measure": measure.input,
    }.items():
        shared.listen(
            event, draw_evaluations, [ticked_evaluations, benchmark, measure], eval_views,
            name=name, concurrency_id="runs",
        )  # fmt: skip

    def ticking(listed: gr.HTML, draw: Any, inputs: list[Any], views: list[Any], name: str) -> None:
        def handle(event: gr.EventData, *values: Any) -> Updates:
            told = event._data or {}
            names = told.get("names")
            try:
                chosen = [str(each) for each in names] if isinstance(names, list) else []
                updates = draw(chosen, *values)
                updates[listed]["answers"] = told.get("asked")
                return {shared.notice: "", **updates}
            except InputError as error:
                return {shared.notice: str(error)}

        # Gradio's always_last sends the event of the tick before again, not the last one (6.31.0).
        listed.ticked(
            handle, inputs, [*views, shared.notice], api_name=name, api_visibility="private",
            trigger_mode="multiple", concurrency_id="runs", concurrency_limit=1,
            show_progress="hidden",
        )  # fmt: skip

    ticking(runs, draw_runs, [loss, dev], run_views, "tick_runs")
    ticking(evaluations, draw_evaluations, [benchmark, measure], eval_views, "tick_evaluations")


def _one_of(offered: Sequence[str], wanted: str | None) -> str:
    return next((name for name in offered if name == wanted), offered[0])


def _newest(found: Mapping[str, Path]) -> list[str]:
    """The one that was written last; none where there is none."""

    def written(name: str) -> float:
        try:
            return max(each.stat().st_mtime for each in (found[name], *found[name].iterdir()))
        except OSError:
            return 0.0

    return [max(found, key=written)] if found else []


def _axis(name: str) -> str:
    return "MAP on the dev queries" if name == runs_data.EVERY else f"{name}, dev queries"
