"""What can stand beside the API in one process: the lab."""

from __future__ import annotations

from fastapi import FastAPI

from labkit.ui.bench import Bench, embedded_models
from labkit.ui.lab import build_lab, launch_options
from labkit.ui.library import open_library

USER = "labkit"


def mount_lab(app: FastAPI, path: str, model: str, key: str | None) -> None:
    """The lab at ``path`` with the bundled lives; with a ``key``, for who names it as password."""
    import gradio as gr

    bench = Bench([model, *embedded_models()])
    lab = build_lab(open_library(None), bench)
    options = {k: v for k, v in launch_options().items() if k not in ("quiet", "share")}
    gr.mount_gradio_app(app, lab, path, auth=None if key is None else (USER, key), **options)
