"""The Threshold tab: what one number does over a whole split, and what can be promised for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from labkit.errors import InputError
from labkit.scoring.decisions import ALPHA
from labkit.scoring.diagrams import reliability_diagram
from labkit.ui.drawn import drawn
from labkit.ui.inspect_data import form_of, view
from labkit.ui.kept import Kept
from labkit.ui.library import examples_of
from labkit.ui.points import CUSTOM
from labkit.ui.scores import Scores
from labkit.ui.selection import OWN, Place, Selection, selection_of
from labkit.ui.shared import Shared, Updates
from labkit.ui.theme import GREY, SANS
from labkit.ui.threshold_data import (
    SAMPLES,
    Measured,
    Sample,
    chart_of,
    measured,
    numbers,
    promise,
    sample_of,
    splits_in,
    strip_of,
)

NO_RIVAL = ""
MEASURED_KEPT = 8
LEAST_ALPHA, MOST_ALPHA = 0.01, 0.5


def build_threshold(lab: gr.Blocks, shared: Shared, tab: Any, scores: Scores) -> None:
    """Lay the tab out; nothing is computed before it is looked at."""
    library, bench = shared.library, shared.bench
    start = library.collection(shared.start.collection)
    offered = splits_in(start)
    rivals = [(name, name) for name in bench.models]
    rival_at_start = next((name for name in bench.models[1:]), NO_RIVAL)
    with gr.Row(elem_classes="lk-controls"):
        which = gr.Dropdown(
            offered,
            value=offered[0][1] if offered else None,
            label="Queries of",
            min_width=140,
            allow_custom_value=True,  # as the query's, see shared.py
        )
        size = gr.Dropdown(SAMPLES, value=SAMPLES[0][1], label="How many", min_width=110)
        rival = gr.Dropdown(
            [*rivals, ("no other", NO_RIVAL)],
            value=rival_at_start,
            label="Beside it",
            min_width=150,
        )
        score = gr.Button("Score them", variant="primary", size="sm", scale=0, min_width=120)
    state = drawn({"message": ""}, "progress.js", elem_id="lk-scoring")
    table = drawn({}, "split_numbers.js", elem_id="lk-split-numbers")
    charts = drawn(
        {"models": [], "empty": ""}, "cut.js", "chart.js", "curves.js", elem_id="lk-curves"
    )
    reliability = gr.Plot(
        None, show_label=False, container=False, visible=False, elem_id="lk-reliability"
    )
    reliability_note = drawn("", "line.js", elem_id="lk-reliability-note")
    with gr.Column(visible=False, elem_id="lk-promising") as promising:
        gr.Markdown("### A promise: how much of the needed evidence may be dropped?")
        with gr.Row(elem_classes="lk-controls"):
            alpha = gr.Slider(
                LEAST_ALPHA, MOST_ALPHA, value=ALPHA, step=0.01, label="Alpha", buttons=[],
                info="largest share dropped, in expectation", min_width=220,
            )  # fmt: skip
            use = gr.Button("Use its threshold", size="sm", scale=0, min_width=150)
        promised = drawn({"message": ""}, "promise.js", elem_id="lk-promise")
    strip = drawn({"rows": [], "empty": ""}, "cut.js", "chart.js", "strip.js", elem_id="lk-strip")

    asked = [which, size, rival]
    arrays: Kept[tuple[str, str, str, int | None], Measured] = Kept(MEASURED_KEPT)

    def sample_for(selection: Selection, split: str | None, size: int) -> Sample:
        collection = library.collection(selection.collection)
        if split not in collection.splits.values():
            raise InputError(f"{collection.title} has no labelled queries to measure on")
        return sample_of(collection, split, size, selection.method, selection.depth)  # type: ignore[arg-type]

    def models_of(selection: Selection, rival: str | None) -> list[str]:
        return list(dict.fromkeys([selection.model, *([rival] if rival else [])]))

    def arrays_of(model: str, sample: Sample) -> Measured | None:
        """What is scored already; None where it is not."""
        found = scores.kept(model, sample.batch)
        if found is None:
            return None
        key = (model, sample.batch.key, sample.batch.method, sample.batch.depth)
        return arrays.get_or_make(
            key, lambda: measured(model, bench.reranker(model).card, found, sample)
        )

    def shown(
        selection: Selection, sample: Sample, rival: str | None, alpha: float, threshold: float
    ) -> Updates:
        """The whole tab for what is scored; an invitation where it is not."""
        models = models_of(selection, rival)
        every = [arrays_of(model, sample) for model in models]
        ready = [one for one in every if one is not None]
        if len(ready) < len(every):
            missing = " and ".join(m for m, one in zip(models, every, strict=True) if one is None)
            return {
                state: {
                    "message": f"Not scored yet: {missing} on {sample.title} (first stage "
                    f"{selection.method}, depth {selection.depth}). Press Score them; what is "
                    "scored is kept on this machine, so it takes its time only once."
                },
                **blank(),
            }
        head = ready[0]
        first_stage = f"first stage {selection.method}, depth {selection.depth}"
        where = f"{sample.title}, {first_stage}"
        return {
            state: {"message": ""},
            table: numbers(ready, threshold, where),
            charts: {"models": [chart_of(one, where) for one in ready], "empty": ""},
            reliability: gr.update(value=reliability_of(ready), visible=True),
            reliability_note: f"{where}; n = {len(head.data.relevant):,} pairs. A point is a bin "
            "of 15 of equal width with its 95 % interval (Wilson); below, how many pairs it holds. "
            "On the dotted line a probability is what it says.",
            promising: gr.update(visible=True),
            promised: promise_of(head, alpha, sample),
        }

    def blank() -> Updates:
        return {
            table: {},
            charts: {"models": [], "empty": ""},
            reliability: gr.update(value=None, visible=False),
            reliability_note: "",
            promising: gr.update(visible=False),
            promised: {"message": ""},
        }

    def promise_of(one: Measured, alpha: float, sample: Sample) -> dict[str, Any]:
        try:
            return promise(one, alpha, sample)
        except InputError as error:
            return {"message": f"No promise: {error}."}

    views = [state, table, charts, reliability, reliability_note, promising, promised]

    def draw(
        selection: Selection,
        split: str | None,
        size: int,
        rival: str | None,
        alpha: float,
        threshold: float | None,
    ) -> Updates:
        choices = splits_in(library.collection(selection.collection))
        names = [name for _, name in choices]
        if split not in names:
            split = names[0] if names else None
        picked = {which: gr.update(choices=choices, value=split)}
        try:
            sample = sample_for(selection, split, size)
        except InputError as error:
            return {**picked, **blank(), state: {"message": f"{error}."}}
        return {**picked, **shown(selection, sample, rival, alpha, threshold or 0.0)}

    everything = [*asked, alpha, shared.threshold]
    shared.shows(
        tab, draw, everything, [which, *views], name="draw_threshold",
        key=lambda s: (s.collection, s.method, s.depth, s.model), progress_on=[state],
        concurrency_id="threshold",
    )  # fmt: skip

    def choose(*values: Any) -> Updates:
        return draw(selection_of(*values[:7]), *values[7:])

    for name, event in {
        "choose_split": which.input,
        "choose_size": size.input,
        "choose_rival": rival.input,
    }.items():
        shared.listen(
            event, choose, [*shared.selected, *everything], [which, *views], name=name,
            concurrency_id="threshold", progress_on=[state],
        )  # fmt: skip

    # --- scoring: long, so it says how far it is, and goes on where it stopped -------------------

    def score_them(*values: Any) -> Iterator[Updates]:
        try:
            selection = selection_of(*values[:7])
            split, size, rival, alpha, threshold = values[7:]
            sample = sample_for(selection, split, size)
            for model in models_of(selection, rival):
                for said in scores.scoring(model, sample.batch):
                    yield {state: said}
            yield {shared.notice: "", **shown(selection, sample, rival, alpha, threshold or 0.0)}
        except InputError as error:
            yield {shared.notice: str(error), state: {"message": ""}}

    score.click(
        score_them,
        [*shared.selected, *everything],
        [*views, shared.notice],
        api_name="score_split",
        api_visibility="private",
        concurrency_id="scores",
        concurrency_limit=1,
        show_progress="hidden",
    )

    # --- what the slider and the dial move --------------------------------------------------------

    def move(event: gr.EventData, *values: Any) -> Updates:
        try:
            selection = selection_of(*values[:7])
            split, size, rival = values[7:]
            sample = sample_for(selection, split, size)
            ready = [arrays_of(model, sample) for model in models_of(selection, rival)]
            threshold = float((event._data or {})["threshold"])
        except (InputError, KeyError, TypeError, ValueError):
            return {table: gr.skip()}  # of a page that has moved on
        where = f"{sample.title}, first stage {selection.method}, depth {selection.depth}"
        return {table: numbers([one for one in ready if one is not None], threshold, where)}

    table.moved(
        move,
        [*shared.selected, *asked],
        [table],
        api_name="count_split",
        api_visibility="private",
        # The page waits till the slider rests; always_last would send the event before again.
        trigger_mode="multiple",
        concurrency_id="threshold",
        concurrency_limit=1,
        show_progress="hidden",
    )

    def promise_for(*values: Any) -> dict[str, Any] | None:
        selection = selection_of(*values[:7])
        split, size, alpha = values[7:]
        sample = sample_for(selection, split, size)
        one = arrays_of(selection.model, sample)
        return None if one is None else promise_of(one, alpha, sample)

    def dial(*values: Any) -> Updates:
        return {promised: promise_for(*values) or {"message": ""}}

    def use_promised(*values: Any) -> Updates:
        found = promise_for(*values) or {}
        if "threshold" not in found:
            raise InputError("nothing is promised yet, expected scored queries and an alpha")
        return {
            shared.threshold: found["threshold"],
            shared.point: CUSTOM,
            shared.point_note: f"The promise of the Threshold tab: at most {found['alpha']:g} of "
            f"the evidence dropped, found on {found['fitted']}.",
        }

    dialled = [*shared.selected, which, size, alpha]
    shared.listen(
        alpha.change, dial, dialled, [promised], name="dial_alpha", concurrency_id="threshold"
    )
    shared.listen(
        use.click, use_promised, dialled, [shared.threshold, shared.point, shared.point_note],
        name="use_promise", concurrency_id="threshold",
    )  # fmt: skip

    # --- the query that is looked at --------------------------------------------------------------

    def draw_strip(selection: Selection) -> Updates:
        dialogue = library.dialogue(selection.collection, selection.dialogue)
        example = examples_of(dialogue).get(selection.example or OWN)
        if example is None:
            return {strip: {"rows": [], "empty": "No query is chosen: choose one in Inspect."}}
        found = view(library, bench, selection, form_of(example)).table
        return {strip: strip_of(found["rows"], found["question"], found["caption"])}

    shared.shows(
        tab, draw_strip, (), [strip], name="draw_strip",
        key=lambda selection: replace(selection, memory=""), progress_on=[strip],
    )  # fmt: skip

    def find(detail: dict[str, Any], collection: str, dialogue: str, query: str) -> Place:
        return Place(collection, dialogue, query or OWN, str(detail.get("memory", "")))

    shared.opens(
        strip.open, find, [shared.collection, shared.dialogue, shared.query], name="open_of_strip"
    )


def reliability_of(models: list[Measured]) -> Any:
    """A panel for each model and sort of probabilities."""
    # In two lines: side by side in a narrow window the titles would run into each other.
    panels = {f"{one.model}<br>{kind}": p for one in models for kind, p in one.kinds()}
    drawn = reliability_diagram(panels, models[0].data.relevant, title="")
    drawn.update_layout(
        height=330,
        margin={"l": 50, "r": 10, "t": 40, "b": 40},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": SANS, "size": 11, "color": GREY},
    )
    drawn.update_annotations(font_size=11)
    drawn.update_yaxes(dtick=1, row=2)  # decades alone: the panels are low
    return drawn
