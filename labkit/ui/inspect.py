"""The Inspect tab: one query, its candidates in both orders, and what a threshold keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from labkit.errors import InputError
from labkit.records import Memory, Query
from labkit.scoring.reranker import Reranker
from labkit.ui.bump import bump_chart, caption
from labkit.ui.drawn import drawn
from labkit.ui.inspect_data import Form, asked_now, form_of, view
from labkit.ui.library import examples_of
from labkit.ui.occlusion import Unit, occlusion, why_of
from labkit.ui.selection import OWN, Place, Selection, selection_of
from labkit.ui.shared import Shared, Updates
from labkit.ui.what_if import edited, withheld


def build_inspect(lab: gr.Blocks, shared: Shared, tab: Any) -> None:
    """Lay the tab out, filled with the ranking of the selection that the lab starts with."""
    library, bench, start = shared.library, shared.bench, shared.start
    dialogue = library.dialogue(start.collection, start.dialogue)
    form = form_of(examples_of(dialogue).get(start.example or OWN))
    first = view(library, bench, start, form)

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
            with gr.Row(elem_classes="lk-controls"):
                rerank = gr.Button("Rerank", variant="primary", size="sm", min_width=90)
                switch_off = gr.Button(
                    "Withhold context, date, instruction", size="sm", min_width=220
                )
            rival = gr.Dropdown(
                [("no other model", ""), *((name, name) for name in bench.models)],
                value="",
                label="Beside it",
                elem_id="lk-beside",
            )
        with gr.Column(scale=6, min_width=340):
            chart = gr.Plot(
                bump_chart(first.table["rows"]),
                show_label=False,
                container=False,
                elem_id="lk-bump",
            )
            chart_note = drawn(
                caption(first.table["rows"], start), "line.js", elem_id="lk-bump-note"
            )
    parts = drawn({}, "withheld.js", elem_id="lk-withheld")
    table = drawn(first.table, "cut.js", "row_detail.js", "table.js", elem_id="lk-candidates")
    detail = drawn({"memory": start.memory}, "detail.js", elem_id="lk-detail")

    fields = [question, context, date, instruction]
    views = [asked, table, chart, chart_note, parts]
    # The dialogue and query that the fields were filled from: another model, or another first
    # stage, leaves in them what somebody typed.
    asked_of = gr.State((start.collection, start.dialogue, start.example))

    def drawn_views(selection: Selection, form: Form, rival: str | None) -> Updates:
        shown = view(library, bench, selection, form, rival or "")
        rows = shown.table["rows"]
        return {
            asked: shown.asked,
            table: shown.table,
            chart: bump_chart(rows),
            chart_note: caption(rows, selection),
            parts: {},
        }

    def draw(selection: Selection, before: Any, rival: str | None, *texts: str | None) -> Updates:
        place = (selection.collection, selection.dialogue, selection.example)
        if place == before:
            return drawn_views(selection, Form(*(text or "" for text in texts)), rival)
        dialogue = library.dialogue(selection.collection, selection.dialogue)
        form = form_of(examples_of(dialogue).get(selection.example or OWN))
        return {
            asked_of: place,
            question: form.question,
            context: form.context,
            date: form.date,
            instruction: form.instruction,
            **drawn_views(selection, form, rival),
        }

    shared.shows(
        tab, draw, [asked_of, rival, *fields], [asked_of, *fields, *views], name="draw_inspect",
        key=lambda selection: replace(selection, memory=""), drawn_at_start=True,
        progress_on=[table],
    )  # fmt: skip

    def rerank_form(*values: Any) -> Updates:
        form = Form(*(text or "" for text in values[8:]))
        return drawn_views(selection_of(*values[:7]), form, values[7])

    everything = [*shared.selected, rival, *fields]
    for name, event in {
        "rerank": rerank.click,
        "rerank_question": question.submit,
        "rerank_date": date.submit,
        "rerank_instruction": instruction.submit,
        "choose_beside": rival.input,
    }.items():
        shared.listen(event, rerank_form, everything, views, name=name, progress_on=[table])

    # --- what if ---------------------------------------------------------------------------------

    def asked_by(values: tuple[Any, ...]) -> tuple[Any, ...]:
        """Model, query, candidates, and the example whose labels hold."""
        selection = selection_of(*values[:7])
        form = Form(*(text or "" for text in values[7:]))
        found = asked_now(library, bench, selection, form)
        return bench.reranker(selection.model), *found

    def withhold(*values: Any) -> Updates:
        return {parts: withheld(*asked_by(values))}

    form_now = [*shared.selected, *fields]
    shared.listen(
        switch_off.click, withhold, form_now, [parts], name="withhold_parts", progress_on=[parts]
    )

    def show_memory(selection: Selection) -> Updates:
        return {detail: {"memory": selection.memory}}

    shared.shows(
        tab, show_memory, (), [detail], name="show_memory", drawn_at_start=True,
        concurrency_id="choose",
    )  # fmt: skip

    def find(sent: dict[str, Any], collection: str, dialogue: str, query: str) -> Place:
        return Place(collection, dialogue, query or OWN, str(sent.get("id", "")))

    shared.opens(
        table.pick, find, [shared.collection, shared.dialogue, shared.query], name="pick_memory",
        tab=None,
    )  # fmt: skip

    def answers(event: Any, answer: Callable[..., Updates], name: str) -> None:
        """As ``shared.listen``, for an event by which the table sends what it is about."""

        def handle(sent: gr.EventData, *values: Any) -> Updates:
            try:
                return {shared.notice: "", **answer(dict(sent._data or {}), *asked_by(values))}
            except InputError as error:
                return {shared.notice: str(error)}

        event(
            handle, form_now, [detail, shared.notice], api_name=name, api_visibility="private",
            trigger_mode="once", concurrency_id="model", concurrency_limit=1,
            show_progress="minimal", show_progress_on=[table],
        )  # fmt: skip

    def explain(
        sent: dict[str, Any], reranker: Reranker, query: Query, candidates: Sequence[Memory], _: Any
    ) -> Updates:
        id_ = str(sent.get("id", ""))
        memory = next((memory for memory in candidates if memory.id == id_), None)
        if memory is None:
            raise InputError("this memory is not among the candidates any more")
        unit: Unit = "sentence" if sent.get("unit") == "sentence" else "word"
        found = occlusion(reranker, query, memory, unit)
        return {detail: {"memory": id_, "why": why_of(found, unit, reranker.name)}}

    def rescore(
        sent: dict[str, Any], reranker: Reranker, query: Query, candidates: Sequence[Memory], _: Any
    ) -> Updates:
        id_ = str(sent.get("id", ""))
        found = edited(reranker, query, candidates, id_, str(sent.get("text", "")))
        return {detail: {"memory": id_, "edit": found}}

    answers(table.why, explain, "explain_memory")
    answers(table.edit, rescore, "rescore_memory")
