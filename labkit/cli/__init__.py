"""The command line: ``labkit VERB ...``, one file a verb, each thin.

Heavy packages are imported inside the verbs, so that ``labkit --help`` is quick.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from labkit import __version__
from labkit.cli.annotations import app as annotation
from labkit.cli.bench import bench
from labkit.cli.benchmarks import app as benchmarks
from labkit.cli.calibrate import calibrate
from labkit.cli.doctor import doctor
from labkit.cli.evaluate import evaluate
from labkit.cli.label import label
from labkit.cli.mcp import mcp
from labkit.cli.report import report
from labkit.cli.rerank import rerank
from labkit.cli.score import score
from labkit.cli.serve import serve
from labkit.cli.shared import note
from labkit.cli.synth import app as synth
from labkit.cli.synth import import_set
from labkit.cli.threshold import threshold
from labkit.cli.train import export, train
from labkit.errors import InputError

app = typer.Typer(
    help="An open lab for reranking agent memories.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(rerank)
app.command()(score)
app.command("eval")(evaluate)
app.command()(report)
app.add_typer(benchmarks, name="benchmarks")
app.command()(bench)
app.add_typer(synth, name="synth")
app.command("import")(import_set)
app.command()(label)
app.command()(train)
app.command()(export)
app.command()(calibrate)
app.command()(threshold)
app.add_typer(annotation, name="annotations")
app.command()(serve)
app.command()(mcp)
app.command()(doctor)


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """An open lab for reranking agent memories."""
    if version:
        print(__version__)
        raise typer.Exit


def main() -> None:
    """Entry point: one line on stderr and exit code 2 for input that cannot be used."""
    try:
        app()
    except InputError as error:
        note(f"labkit: {error}")
        sys.exit(2)
    except BrokenPipeError:
        # The reader (head, less) has left; what it wanted, it has.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        note("labkit: stopped")
        sys.exit(130)
