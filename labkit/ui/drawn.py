"""Parts of a page that our own JavaScript draws from plain data."""

from __future__ import annotations

from typing import Any

import gradio as gr

from labkit.ui.theme import text_of


def drawn(value: Any, *scripts: str, elem_id: str, **options: Any) -> gr.HTML:
    """A component that shows ``value`` (any JSON) by the function ``draw`` of ``scripts``.

    The template stays empty on purpose. Gradio renders a template with Handlebars and evaluates
    the result as a JavaScript template literal: a memory with ``${...}`` in its text would run,
    escaped or not (gradio 6.31.0). So no text enters a template; it enters the page as a text
    node, by the one function in dom.js.
    """
    return gr.HTML(
        value,
        html_template="",
        js_on_load=text_of("dom.js", *scripts, "on_load.js"),
        apply_default_css=False,
        elem_id=elem_id,
        **options,
    )
