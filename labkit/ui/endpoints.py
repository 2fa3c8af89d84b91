"""The events that a page's own script asks by name; see ``call.js``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from labkit.errors import InputError

Answer = Callable[[str | None, Mapping[str, Any]], Mapping[str, Any]]
"""``answer(login, asked)``: who is logged in, None where nobody can be; and the page's JSON."""


def endpoint(name: str, answer: Answer) -> None:
    """Let a page's script ask for ``answer``. What a person did wrong comes back as ``error``.

    It is named and is no API. Gradio's queue is left out: it would forget what waits in it when the
    server dies, and a script that is told at once can send it again.
    """

    def handle(asked: dict[str, Any], request: gr.Request) -> dict[str, Any]:
        try:
            return dict(answer(request.username, asked))
        except InputError as error:
            return {"error": str(error)}

    gr.api(handle, api_name=name, api_visibility="private", queue=False, concurrency_limit=None)
