"""``labkit report``"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from labkit.cli.shared import AsJson, note
from labkit.errors import InputError


def report(
    folders: Annotated[
        list[Path], typer.Argument(help="What labkit eval --out wrote: folders, or result files.")
    ],
    markdown: Annotated[
        Path | None, typer.Option(help="Write Markdown to this file instead of the terminal.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with plots to this file; it works offline.")
    ] = None,
    readme: Annotated[
        Path | None,
        typer.Option(
            help="Fill the tables of this file between <!-- eval BENCHMARK MEASURE ... --> and "
            "<!-- end of eval -->."
        ),
    ] = None,
    measure: Annotated[
        list[str] | None, typer.Option(help="A measure, such as R_all@5; again for more.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the intervals and the tests.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Render results as Markdown, as a page with plots, or into the tables of a README.

    Any measure can be taken from results that are there: nothing is run again.
    """
    from labkit.evaluation.measures import parse_measure
    from labkit.evaluation.report import MARKS, fill, tables_of, to_json
    from labkit.evaluation.report import markdown as as_markdown
    from labkit.evaluation.results import read_rows
    from labkit.evaluation.summary import MEASURES, SCORES
    from labkit.files import write_whole

    names = [str(parse_measure(name)) for name in measure or (*MEASURES, *SCORES)]
    rows = read_rows(folders)
    if readme is not None:
        try:
            text = readme.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{readme}: {error}; expected a text file with {MARKS}") from None
        filled, count = fill(text, rows)
        if not count:
            raise InputError(f"{readme} has no table to fill, expected {MARKS}")
        write_whole(readme, [filled])
        note(f"{count} tables of {readme} filled")
        if markdown is None and html is None and not as_json:
            return
    tables = tables_of(rows, names, seed=seed)
    if html is not None:
        from labkit.evaluation.page import page

        write_whole(html, page(tables))
        note(f"{html} written")
    if markdown is not None:
        write_whole(markdown, [as_markdown(tables)])
        note(f"{markdown} written")
    if as_json:
        print(json.dumps(to_json(tables)))
    elif markdown is None and html is None:
        print(as_markdown(tables), end="")
