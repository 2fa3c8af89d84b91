"""The notebooks: built from their sources, clean to read, and running from top to bottom."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from notebooks.build import PLOTLY, figures, read_source, run, sources

SOURCES = sources()
EACH = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)

MOST_BYTES = 300_000

NOT_FOR_READERS = {
    "a path of a machine": re.compile(
        r"/(?:home|root|tmp|Users|work|usr|opt|mnt|content)/|[A-Z]:\\\\?(?:Users|Program)"
        r"|site-packages|\.py:\d+"
    ),
    "a clock": re.compile(r"\b\d\d:\d\d:\d\d\b|Wall time|CPU times|\bETA\b|\b\d+(?:\.\d+)? ?ms\b"),
    "a progress bar": re.compile(r"\bit/s\b|s/it\b|\d%\||[━█▏▎▍▌▋▊▉]{2}"),
    "an address in memory": re.compile(r"\bat 0x[0-9a-f]{6,}"),
}


def built(source: Path) -> Any:
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def shown(notebook: Any) -> list[str]:
    """The texts of all outputs; pictures and Plotly's JSON are looked at elsewhere."""
    texts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            texts.append(output.get("text", ""))
            data = output.get("data", {})
            texts += [data[kind] for kind in ("text/plain", "text/markdown") if kind in data]
    return texts


def problems(notebook: Any) -> list[str]:
    """What a reader should not have to see in the outputs."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type in ("stream", "error"):
                found.append(f"{output.output_type}: {output.get('text', output.get('evalue'))}")
            elif "application/vnd.jupyter.widget-view+json" in output.data:
                found.append("a widget, such as a progress bar")
    for what, pattern in NOT_FOR_READERS.items():
        found += [
            f"{what}: {match[0]!r}" for text in shown(notebook) if (match := pattern.search(text))
        ]
    return found


def test_there_are_nine_notebooks_in_order() -> None:
    assert [path.name[:2] for path in SOURCES] == [f"{number:02d}" for number in range(1, 10)]


@EACH
def test_a_notebook_holds_the_cells_of_its_source(source: Path) -> None:
    wanted, there = read_source(source), built(source)
    assert [(cell.cell_type, cell.source) for cell in there.cells] == [
        (cell.cell_type, cell.source) for cell in wanted.cells
    ], f"{source.stem} was edited since it was built: python notebooks/build.py {source.name[:2]}"


@EACH
def test_a_notebook_was_run_from_top_to_bottom(source: Path) -> None:
    code = [cell for cell in built(source).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


@EACH
def test_outputs_hold_nothing_of_the_machine_and_no_clock(source: Path) -> None:
    assert problems(built(source)) == []


@EACH
def test_a_notebook_is_small(source: Path) -> None:
    assert source.with_suffix(".ipynb").stat().st_size < MOST_BYTES


@EACH
def test_every_figure_has_few_points_and_a_picture_for_those_who_do_not_run_javascript(
    source: Path,
) -> None:
    bundles = list(figures(built(source)))
    assert bundles
    for bundle in bundles:
        assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
        for trace in bundle[PLOTLY]["data"]:
            # a long column of numbers would be packed into base64, under bdata
            for axis in ("x", "y"):
                values = trace.get(axis) or []
                assert "bdata" in values or len(values) <= 300


@EACH
def test_a_notebook_ends_with_its_claim_as_an_assert_and_an_exercise(source: Path) -> None:
    cells = read_source(source).cells
    assert cells[-1].cell_type == "markdown" and cells[-1].source.startswith("## Exercise")
    claim = cells[-2]
    assert claim.cell_type == "code" and claim.source.count("assert ") >= 2
    assert cells[0].source.startswith(f"# {int(source.name[:2])}. ")
    assert "you can" in " ".join(cells[0].source.split())


@EACH
def test_prose_types_no_result(source: Path) -> None:
    """Premise: a decimal in a Markdown cell is a result that no cell computed.

    Allowed are arXiv numbers, and those with one decimal: they define something (0.6, the least
    label of a relevant memory; sizes of models).
    """
    defined = re.compile(r"arXiv\s\d{4}\.\d{4,5}|arxiv\.org/abs/\d{4}\.\d{4,5}|\b0\.6\b|\b0\.6B\b")
    for cell in read_source(source).cells:
        if cell.cell_type == "markdown":
            code_free = re.sub(r"`[^`]*`|\$[^$]*\$|^    .*$", "", cell.source, flags=re.M)
            plain = defined.sub("", code_free)
            assert re.findall(r"(?<![\d.])\d*\.\d{2,}\b", plain) == [], cell.source


@pytest.fixture(scope="session")
def working_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, as for a reader: a notebook may go on with what the one before it made."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.mark.slow
@EACH
def test_a_notebook_runs_from_top_to_bottom(
    source: Path, working_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABKIT_FAST", "1")
    fresh = run(read_source(source), working_folder, timeout=600)
    assert problems(fresh) == []
    there = built(source)
    for mine, theirs in zip(fresh.cells, there.cells, strict=True):
        kinds = [sorted(o.get("data", {}).keys() - {"image/png"}) for o in mine.get("outputs", ())]
        assert kinds == [
            sorted(o.get("data", {}).keys() - {"image/png"}) for o in theirs.get("outputs", ())
        ]
