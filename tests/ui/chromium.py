"""Chromium for the tests and the screenshots: the system's, or playwright's own."""

from __future__ import annotations

import shutil
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
