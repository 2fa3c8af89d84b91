"""Runs the notebooks and writes what people open: ``NN_name.ipynb`` from ``NN_name.py``.

    python notebooks/build.py            (all of them; or: python notebooks/build.py 01 06)

Sources are edited, notebooks are built. Each runs from top to bottom with ``LABKIT_FAST=1``, unless
the variable says otherwise. A figure is kept twice: as Plotly's JSON, which JupyterLab and VS Code
draw, and as a PNG of it, which GitHub shows. The PNG is made here, with Chromium; to run or read a
notebook nobody needs that.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from PIL import Image

FOLDER = Path(__file__).parent
PLOTLY = "application/vnd.plotly.v1+json"
WIDTH, HEIGHT = 760, 420


def sources() -> list[Path]:
    """The notebooks' sources in order."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.py"))


def read_source(path: Path) -> Any:
    """The notebook of a source, without outputs; its cells are named by their places."""
    notebook = jupytext.read(path, fmt="py:percent")
    for number, cell in enumerate(notebook.cells, 1):
        cell.id = f"cell-{number:02d}"
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def run(notebook: Any, folder: Path, *, timeout: int | None = None) -> Any:
    """Run all cells in ``folder``, without a hub, in the fast setting where nothing else is said.

    Args:
        timeout: seconds that a cell may take.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    settings = {"LABKIT_FAST": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    os.environ.update({name: os.environ.get(name, value) for name, value in settings.items()})
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when each cell began and ended
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def figures(notebook: Any) -> Iterator[dict[str, Any]]:
    """The MIME bundles that hold a figure."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if PLOTLY in output.get("data", {}):
                yield output["data"]


def add_pictures(notebook: Any) -> None:
    """Put a PNG beside every figure."""
    bundles = list(figures(notebook))
    if not bundles:
        return
    from playwright.sync_api import sync_playwright
    from plotly.offline import get_plotlyjs

    sys.path.insert(0, str(FOLDER.parent))
    from tests.ui.chromium import FLAGS, find_chromium

    draw = """async ([figure, width, height]) => {
        const node = document.createElement("div");
        await Plotly.newPlot(node, figure.data, figure.layout);
        return Plotly.toImage(node, {format: "png", width, height, scale: 1});
    }"""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(driver), args=FLAGS)
        page = browser.new_page()
        page.add_script_tag(content=get_plotlyjs())
        for bundle in bundles:
            layout = bundle[PLOTLY]["layout"]
            size = [layout.get("width", WIDTH), layout.get("height", HEIGHT)]
            picture = page.evaluate(draw, [json.loads(json.dumps(bundle[PLOTLY])), *size])
            bundle["image/png"] = small(base64.b64decode(picture.partition(",")[2]))
        browser.close()


def small(picture: bytes) -> str:
    """A PNG of few colours, in base64: a third of the bytes for what is lines on white."""
    packed = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(48).save(packed, "PNG", optimize=True)
    return base64.encodebytes(packed.getvalue()).decode()


def build(path: Path) -> None:
    """Run one source and write its notebook."""
    notebook = run(read_source(path), FOLDER)
    add_pictures(notebook)
    text = nbformat.writes(notebook) + "\n"
    target = path.with_suffix(".ipynb")
    part = target.with_suffix(".part")
    part.write_text(re.sub(r"\n+\Z", "\n", text), encoding="utf-8")
    part.replace(target)
    print(f"{target.name}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    wanted = sys.argv[1:]
    for source in sources():
        if not wanted or source.name[:2] in wanted:
            build(source)
