"""Where what ships with the package lies."""

from __future__ import annotations

from pathlib import Path


def assets_path() -> Path:
    """``assets/``: inside the package when it was installed as a wheel, else beside it."""
    package = Path(__file__).parent
    inside = package / "assets"
    return inside if inside.is_dir() else package.parent / "assets"
