"""The Annotate tab: one memory at a time, one key to judge it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from labkit.annotation.guidelines import load_guidelines
from labkit.errors import InputError
from labkit.ui.annotate_data import Asked, Desk, annotator_of, around, cards, open_queue, save
from labkit.ui.annotate_data import start as start_of
from labkit.ui.drawn import drawn
from labkit.ui.endpoints import endpoint
from labkit.ui.selection import Place
from labkit.ui.shared import Shared


def build_annotate(shared: Shared, tab: Any, desk: Desk) -> None:
    """Lay the tab out; its script asks for everything else once somebody looks at it."""
    with gr.Accordion("Guidelines: read them first", open=False, elem_id="lk-guidelines"):
        gr.Markdown(load_guidelines().text)
    page = drawn(None, "call.js", "outbox.js", "annotate.js", elem_id="lk-annotate")

    shared.tells(tab, page, name="show_annotate")

    def inspected(detail: Mapping[str, Any]) -> Place:
        place = desk.place(*(str(detail.get(key)) for key in ("collection", "query", "memory")))
        if place is None:
            raise InputError("this memory is no longer in the data")
        return place

    shared.opens(page.inspect, inspected, name="inspect_card")

    def of_annotator(
        answer: Callable[[Desk, str, Asked], dict[str, Any]],
    ) -> Callable[[str | None, Asked], dict[str, Any]]:
        return lambda login, asked: answer(desk, annotator_of(login, asked), asked)

    def begun(login: str | None, asked: Asked) -> dict[str, Any]:
        return start_of(desk, str(asked.get("collection")), str(asked.get("model")), login)

    endpoint("annotate_start", begun)
    endpoint("annotate_open", of_annotator(open_queue))
    endpoint("annotate_cards", of_annotator(cards))
    endpoint("annotate_around", of_annotator(around))
    endpoint("annotate_save", of_annotator(save))
