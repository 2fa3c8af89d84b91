"""Chromium for the tests and the screenshots: the system's, or playwright's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium(driver: Any) -> str | None:
    """/usr/bin/chromium, chromium on PATH, or the one that playwright downloaded."""
    candidates = ("/usr/bin/chromium", shutil.which("chromium"), driver.chromium.executable_path)
    return next((path for path in candidates if path and Path(path).exists()), None)


@contextmanager
def open_page(browser: Any, *, height: int, patience: int) -> Iterator[Any]:
    """A page 1280 pixels wide, in a context of its own, that waits ``patience`` milliseconds."""
    context = browser.new_context(viewport={"width": 1280, "height": height})
    page = context.new_page()
    page.set_default_timeout(patience)
    yield page
    context.close()


@contextmanager
def served(lab: Any, port: int) -> Iterator[str]:
    """A lab as the app launches it, from a free port from ``port`` on; its address."""
    from labkit.ui.lab import free_port, launch_options

    _, url, _ = lab.launch(
        server_name="127.0.0.1",
        server_port=free_port("127.0.0.1", port),
        prevent_thread_lock=True,
        **launch_options(),
    )
    yield url
    lab.close()
