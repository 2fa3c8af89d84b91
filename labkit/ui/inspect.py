"""The Inspect tab: one query, its candidates in both orders, and what a threshold keeps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from labkit.errors import InputError
from labkit.ui.bench import Bench
from labkit.ui.bump import bump_chart, caption
from labkit.ui.drawn import drawn
from labkit.ui.inspect_data import (
    OWN,
    Form,
    dialogue_choices,
    first_example,
    form_of,
    opening,
    query_choices,
    stepped,
    view,
)
from labkit.ui.library import Collection, Library, examples_of
from labkit.ui.selection import DEPTH, MAX_DEPTH, Selection
from labkit.ui.sidebar import Sidebar

# The event reaches table.js without a server; a null is what an emptied number box sends.
SEND_THRESHOLD = """(value) => {
    window.dispatchEvent(new CustomEvent("labkit:threshold", { detail: value }));
}"""


@dataclass(frozen=True)
class InspectTab:
    """Its components that other tabs may fill: to open a query here is to set them."""

    query: Any
    threshold: Any


def build_inspect(
    lab: gr.Blocks,
    sidebar: Sidebar,
    notice: Any,
    library: Library,
    bench: Bench,
    start: tuple[str, str, str],
) -> InspectTab:
    """Lay the tab out, filled with the ranking of ``start`` (collection, dialogue, query)."""
    collection, name, query_name = start
    dialogue = library.dialogue(collection, name)
    form = form_of(examples_of(dialogue).get(query_name))
    selection = Selection(
        collection, name, query_name, sidebar.method.value, sidebar.depth.value, sidebar.model.value
    )
    first = view(library, bench, selection, form)

    with gr.Row(elem_id="lk-pick"):
        query = gr.Dropdown(query_choices(dialogue), value=query_name, label="Query", scale=8)
        previous = gr.Button("‹ Previous", scale=0, min_width=96, elem_classes="lk-step")
        following = gr.Button("Next ›", scale=0, min_width=96, elem_classes="lk-step")
    with gr.Row(elem_id="lk-top"):
        with gr.Column(scale=5, min_width=300):
            asked = drawn(first.asked, "asked.js", elem_id="lk-asked")
            question = gr.Textbox(
                form.question,
                label="Question: change it or type your own, then press Enter",
                elem_id="lk-question",
                max_lines=3,
            )
            with gr.Accordion("Context, date and instruction", open=False):
                context = gr.Textbox(
                    form.context, label="Context, one  Speaker: text  a line", lines=3, max_lines=8
                )
                with gr.Row():
                    date = gr.Textbox(
                        form.date, label="Query date", placeholder="2026-03-14", min_width=120
                    )
                    instruction = gr.Textbox(
                        form.instruction, label="Instruction", scale=2, min_width=160
                    )
            rerank = gr.Button("Rerank", variant="primary", size="sm")
        with gr.Column(scale=6, min_width=340):
            chart = gr.Plot(
                bump_chart(first.table["rows"]),
                show_label=False,
                container=False,
                elem_id="lk-bump",
            )
            chart_note = drawn(
                caption(first.table["rows"], selection), "line.js", elem_id="lk-bump-note"
            )
    starting = round(bench.threshold(bench.models[0]), 2)
    with gr.Row(elem_id="lk-decide"):
        threshold = gr.Slider(
            0, 1, value=starting, step=0.01, label="Threshold", buttons=[], scale=4, min_width=220,
            info="keep from this probability on",
        )  # fmt: skip
        with gr.Column(scale=7, min_width=320):
            drawn(None, "counts.js", elem_id="lk-counts")
    table = drawn(first.table, "table.js", elem_id="lk-candidates", threshold=starting)

    # --- what the handlers read and fill ---------------------------------------------------------

    how = [sidebar.method, sidebar.depth, sidebar.model]
    selected = [sidebar.collection, sidebar.dialogue, query, *how]
    fields = [question, context, date, instruction]
    views = [asked, table, chart, chart_note, notice]
    outputs = [sidebar.collection, sidebar.dialogue, query, *fields, *views]

    # A handler answers with updates by component; those that it does not name stay as they are.

    def drawn_views(selection: Selection, form: Form) -> dict[Any, Any]:
        shown = view(library, bench, selection, form)
        rows = shown.table["rows"]
        return {
            asked: shown.asked,
            table: shown.table,
            chart: bump_chart(rows),
            chart_note: caption(rows, selection),
            notice: "",
        }

    def opened(selection: Selection) -> dict[Any, Any]:
        """All of the page for a selection, the form filled with its query."""
        dialogue = library.dialogue(selection.collection, selection.dialogue)
        form = form_of(examples_of(dialogue).get(selection.example or OWN))
        return {
            query: gr.update(choices=query_choices(dialogue), value=selection.example or OWN),
            question: form.question,
            context: form.context,
            date: form.date,
            instruction: form.instruction,
            **drawn_views(selection, form),
        }

    def selection_of(values: tuple[Any, ...]) -> Selection:
        collection, name, query_name, method, depth, model = values
        depth = min(max(int(depth or DEPTH), 1), MAX_DEPTH)
        return Selection(collection, name or "", query_name or OWN, method, depth, model)

    def reported(handler: Callable[..., dict[Any, Any]]) -> Callable[..., dict[Any, Any]]:
        """What a person did wrong is one line on the page; what was shown stays."""

        def handle(*values: Any) -> dict[Any, Any]:
            try:
                return handler(*values)
            except InputError as error:
                return {notice: str(error)}

        return handle

    # --- handlers: what was chosen, then the page for it -----------------------------------------

    def open_collection(
        collection: Collection, choices: Any, rest: tuple[Any, ...]
    ) -> dict[Any, Any]:
        name = next(iter(collection.dialogues))
        chosen = first_example(collection.dialogues[name])
        return {
            sidebar.collection: choices,
            sidebar.dialogue: gr.update(choices=dialogue_choices(collection), value=name),
            **opened(selection_of((collection.key, name, chosen, *rest))),
        }

    def choose_collection(*values: Any) -> dict[Any, Any]:
        collection = library.collection(values[0])
        return open_collection(collection, gr.skip(), values[3:])

    def choose_dialogue(*values: Any) -> dict[Any, Any]:
        chosen = first_example(library.dialogue(values[0], values[1] or ""))
        return opened(selection_of((*values[:2], chosen, *values[3:])))

    def choose_query(*values: Any) -> dict[Any, Any]:
        return opened(selection_of(values))

    def step(places: int) -> Callable[..., dict[Any, Any]]:
        def stepped_query(*values: Any) -> dict[Any, Any]:
            dialogue = library.dialogue(values[0], values[1] or "")
            chosen = stepped(dialogue, values[2] or OWN, places)
            return opened(selection_of((*values[:2], chosen, *values[3:])))

        return stepped_query

    def rerank_form(*values: Any) -> dict[Any, Any]:
        return drawn_views(selection_of(values[:6]), Form(*(text or "" for text in values[6:])))

    def choose_model(*values: Any) -> dict[Any, Any]:
        return {sidebar.model_note: bench.note(values[5]), **rerank_form(*values)}

    def brought(collection: Collection, values: tuple[Any, ...]) -> dict[Any, Any]:
        # Earlier uploads are not listed again: the server does not know whose they were.
        fixed = [(each.title, key) for key, each in library.fixed.items()]
        choices = gr.update(
            choices=[*fixed, (collection.title, collection.key)], value=collection.key
        )
        return open_collection(collection, choices, values)

    def add_file(path: str, *values: Any) -> dict[Any, Any]:
        file = Path(path)
        try:
            return brought(library.add_file(file, file.name), values)
        finally:
            # Somebody's conversation: it is in memory now, or of no use.
            with suppress(OSError):
                file.unlink()

    def add_text(text: str, *values: Any) -> dict[Any, Any]:
        return brought(library.add_text(text or ""), values)

    def open_link(request: gr.Request) -> dict[Any, Any]:
        params = dict(request.query_params)
        if not params.get("dialogue"):
            return {notice: ""}
        collection, name, chosen = opening(library, params)
        choices = gr.update(choices=dialogue_choices(library.collection(collection)), value=name)
        rest = (sidebar.method.value, sidebar.depth.value, sidebar.model.value)
        return {
            sidebar.collection: collection,
            sidebar.dialogue: choices,
            **opened(selection_of((collection, name, chosen, *rest))),
        }

    # --- events: every one is named, and none is an API (labkit.serving is for programs) ---------

    def listen(event: Any, handler: Any, inputs: list[Any], name: str, into: Any = None) -> None:
        event(
            reported(handler),
            inputs,
            into or outputs,
            api_name=name,
            api_visibility="private",
            trigger_mode="always_last",
            concurrency_id="model",
            concurrency_limit=1,
            show_progress="minimal",
            show_progress_on=[table],
        )

    listen(sidebar.collection.input, choose_collection, selected, "choose_collection")
    listen(sidebar.dialogue.input, choose_dialogue, selected, "choose_dialogue")
    listen(query.input, choose_query, selected, "choose_query")
    listen(previous.click, step(-1), selected, "previous_query")
    listen(following.click, step(1), selected, "next_query")
    everything = [*selected, *fields]
    listen(sidebar.method.input, rerank_form, everything, "choose_first_stage")
    listen(sidebar.depth.submit, rerank_form, everything, "choose_depth")
    listen(sidebar.depth.blur, rerank_form, everything, "leave_depth")
    with_note = [*outputs, sidebar.model_note]
    listen(sidebar.model.input, choose_model, everything, "choose_model", with_note)
    for name, event in {
        "rerank": rerank.click,
        "rerank_question": question.submit,
        "rerank_date": date.submit,
        "rerank_instruction": instruction.submit,
    }.items():
        listen(event, rerank_form, everything, name)
    listen(sidebar.file.upload, add_file, [sidebar.file, *how], "open_file")
    listen(sidebar.read_pasted.click, add_text, [sidebar.pasted, *how], "open_pasted_chat")
    lab.load(
        open_linked(open_link, notice), None, outputs, api_name="open_link",
        api_visibility="private", concurrency_id="model", concurrency_limit=1,
        show_progress="hidden",
    )  # fmt: skip
    threshold.change(
        None, [threshold], None, js=SEND_THRESHOLD, api_name="move_threshold",
        api_visibility="private",
    )  # fmt: skip
    return InspectTab(query, threshold)


def open_linked(
    handler: Callable[[gr.Request], dict[Any, Any]], notice: Any
) -> Callable[[gr.Request], dict[Any, Any]]:
    """As ``reported``, with the annotation by which Gradio knows to pass the request."""

    def handle(request: gr.Request) -> dict[Any, Any]:
        try:
            return handler(request)
        except InputError as error:
            return {notice: str(error)}

    return handle
