"""The Inspect tab: one query, its candidates in both orders, and what a threshold keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from labkit.ui.bump import bump_chart, caption
from labkit.ui.drawn import drawn
from labkit.ui.inspect_data import Form, form_of, view
from labkit.ui.library import examples_of
from labkit.ui.selection import OWN, Selection, selection_of
from labkit.ui.shared import Shared, Updates


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
            rerank = gr.Button("Rerank", variant="primary", size="sm")
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
    table = drawn(
        first.table, "table.js", elem_id="lk-candidates", threshold=shared.threshold.value
    )

    fields = [question, context, date, instruction]
    views = [asked, table, chart, chart_note]
    # The dialogue and query that the fields were filled from: another model, or another first
    # stage, leaves in them what somebody typed.
    asked_of = gr.State((start.collection, start.dialogue, start.example))

    def drawn_views(selection: Selection, form: Form) -> Updates:
        shown = view(library, bench, selection, form)
        rows = shown.table["rows"]
        return {
            asked: shown.asked,
            table: shown.table,
            chart: bump_chart(rows),
            chart_note: caption(rows, selection),
        }

    def draw(selection: Selection, before: Any, *texts: str | None) -> Updates:
        place = (selection.collection, selection.dialogue, selection.example)
        if place == before:
            return drawn_views(selection, Form(*(text or "" for text in texts)))
        dialogue = library.dialogue(selection.collection, selection.dialogue)
        form = form_of(examples_of(dialogue).get(selection.example or OWN))
        return {
            asked_of: place,
            question: form.question,
            context: form.context,
            date: form.date,
            instruction: form.instruction,
            **drawn_views(selection, form),
        }

    shared.shows(
        tab, draw, [asked_of, *fields], [asked_of, *fields, *views], name="draw_inspect",
        key=lambda selection: replace(selection, memory=""), drawn_at_start=True,
        progress_on=[table],
    )  # fmt: skip

    def rerank_form(*values: Any) -> Updates:
        form = Form(*(text or "" for text in values[7:]))
        return drawn_views(selection_of(*values[:7]), form)

    for name, event in {
        "rerank": rerank.click,
        "rerank_question": question.submit,
        "rerank_date": date.submit,
        "rerank_instruction": instruction.submit,
    }.items():
        shared.listen(
            event, rerank_form, [*shared.selected, *fields], views, name=name, progress_on=[table]
        )
