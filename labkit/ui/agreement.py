"""The Agreement tab: how far people, teachers and student agree, what to settle, and the export."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr

from labkit.ui.agreement_data import (
    export_zip,
    opened,
    overview,
    settle,
    threshold_of,
    unsettle,
)
from labkit.ui.annotate_data import Asked, Desk, annotator_of
from labkit.ui.drawn import drawn
from labkit.ui.endpoints import endpoint
from labkit.ui.shared import Shared, Updates

EXPORTS_KEPT = 4


def build_agreement(shared: Shared, tab: Any, desk: Desk) -> None:
    """Lay the tab out; its script asks for everything once somebody looks at it."""
    page = drawn(None, "call.js", "agreement.js", elem_id="lk-agreement")
    with gr.Row(elem_id="lk-export"):
        only = gr.Checkbox(False, label="only corrected queries", container=False, scale=0)
        button = gr.Button("Export as training data", size="sm", scale=0, min_width=200)
        said = drawn(
            "The same as labkit annotations export: Example JSONL, a datasets folder, the log and "
            "a data card; labkit train takes it, labkit annotations import merges it.",
            "line.js",
            elem_id="lk-exported",
        )
    file = gr.File(label="Exported", visible=False, elem_id="lk-export-file")

    shared.tells(tab, page, name="show_agreement")

    # Gradio copies the file when it is shown; a few folders are kept for those who export at once.
    folders: deque[TemporaryDirectory[str]] = deque()

    def exported(collection: str, only_corrected: bool) -> Updates:
        folder = TemporaryDirectory(prefix="labkit-export-")
        folders.append(folder)
        if len(folders) > EXPORTS_KEPT:
            folders.popleft().cleanup()
        archive, text = export_zip(
            desk, collection, Path(folder.name), only_corrected=bool(only_corrected)
        )
        return {file: gr.update(value=str(archive), visible=True), said: f"{text}."}

    shared.listen(
        button.click,
        exported,
        [shared.collection, only],
        [file, said],
        name="export_annotations",
        concurrency_id="export",
        progress_on=[said],
    )

    def numbers(login: str | None, asked: Asked) -> dict[str, Any]:
        threshold = threshold_of(desk, str(asked.get("model")))
        return {**overview(desk, str(asked.get("collection")), threshold), "login": login}

    endpoint("agreement_open", numbers)
    endpoint("agreement_item", lambda login, asked: opened(desk, asked))
    endpoint(
        "agreement_settle", lambda login, asked: settle(desk, annotator_of(login, asked), asked)
    )
    endpoint(
        "agreement_unsettle", lambda login, asked: unsettle(desk, annotator_of(login, asked), asked)
    )
