"""The sidebar: which data, dialogue, first stage, model and operating point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from labkit.retrieval.first_stage import METHODS
from labkit.ui.bench import Bench
from labkit.ui.drawn import drawn
from labkit.ui.library import Library
from labkit.ui.pickers import dialogue_choices
from labkit.ui.points import point_choices, point_note, starting_point
from labkit.ui.selection import DEPTH, MAX_DEPTH, Place

STAGE_LABELS = {"fused": "fused", "bm25": "BM25", "dense": "dense", "none": "none"}
FORMATS = "LoCoMo JSON, Example or lives JSONL, chat export JSON, text with speakers; up to 16 MiB."


@dataclass(frozen=True)
class Sidebar:
    """Its components, for the tabs to listen to and to fill."""

    collection: Any
    dialogue: Any
    method: Any
    depth: Any
    model: Any
    model_note: Any
    point: Any
    point_note: Any
    file: Any
    pasted: Any
    read_pasted: Any


def build_sidebar(library: Library, bench: Bench, start: Place) -> Sidebar:
    """Lay it out, opened at one place."""
    card = bench.reranker(bench.models[0]).card
    name, _ = starting_point(card)
    fixed = [(each.title, key) for key, each in library.fixed.items()]
    with gr.Sidebar(width=272, elem_id="lk-sidebar"):
        gr.Markdown("## Data")
        collection_picker = gr.Dropdown(
            fixed, value=start.collection, label="Collection", allow_custom_value=True
        )
        dialogue_picker = gr.Dropdown(
            dialogue_choices(library.collection(start.collection)),
            value=start.dialogue,
            label="Dialogue",
            allow_custom_value=True,  # as the query's, see shared.py
        )
        with gr.Accordion("Bring your own", open=False):
            drawn(f"{FORMATS} It stays in this process's memory.", "line.js", elem_id="lk-formats")
            file = gr.UploadButton("Open a file", size="sm", type="filepath")
            pasted = gr.Textbox(
                label="Or paste a chat",
                placeholder="Ana: the roof leaks again\nBo: since when?",
                lines=4,
                max_lines=8,
            )
            read_pasted = gr.Button("Read the pasted chat", size="sm")
        gr.Markdown("## First stage")
        method = gr.Radio(
            [(STAGE_LABELS[each], each) for each in METHODS],
            value="fused",
            label="Candidates by",
        )
        depth = gr.Number(
            DEPTH, label="Depth", info="candidates reranked", precision=0, minimum=1,
            maximum=MAX_DEPTH,
        )  # fmt: skip
        gr.Markdown("## Model")
        model = gr.Dropdown(list(bench.models), value=bench.models[0], label="Reranker")
        model_note = drawn(bench.note(bench.models[0]), "line.js", elem_id="lk-model-note")
        gr.Markdown("## Operating point")
        point = gr.Radio(point_choices(card), value=name, label="Keep from", elem_id="lk-point")
        said = drawn(point_note(card, name), "line.js", elem_id="lk-point-note")
    return Sidebar(
        collection_picker, dialogue_picker, method, depth, model, model_note, point, said, file,
        pasted, read_pasted,
    )  # fmt: skip
