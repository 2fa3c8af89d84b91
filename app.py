"""Start the lab: ``python app.py [--data FILE] [--model NAME_OR_FOLDER] [--auth FILE] ...``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from labkit.errors import InputError

NOTES_SHOWN = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="app.py", description="The lab, in the browser.")
    parser.add_argument(
        "--data", type=Path, metavar="FILE",
        help="dialogues to show beside the bundled lives: LoCoMo JSON, Example or lives JSONL, "
        "a chat export or text with speakers",
    )  # fmt: skip
    parser.add_argument("--model", help="embedded model, checkpoint folder or hub id to rank with")
    parser.add_argument(
        "--labels", type=Path, metavar="FOLDER",
        help="teachers' labels to hold students against, as labkit label --out writes them; else "
        "those of two weak teachers that come with the lab",
    )  # fmt: skip
    parser.add_argument(
        "--runs", type=Path, metavar="FOLDER", default=Path("runs"),
        help="training runs and evaluations to compare (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--auth", type=Path, metavar="FILE",
        help="who may log in; labkit annotations user NAME --file FILE writes it",
    )  # fmt: skip
    parser.add_argument(
        "--store", metavar="WHERE",
        help="where annotations are kept: an SQLite file or a PostgreSQL URL; else "
        "LABKIT_DATABASE_URL, else annotations.sqlite in the user's data folder",
    )  # fmt: skip
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=7860, help="first port to try (%(default)s)")
    arguments = parser.parse_args()
    if not 1 <= arguments.port <= 65_535:
        parser.error(f"--port is {arguments.port}, expected 1 to 65535")

    # Not at the top: --help and a mistyped path should not wait for torch and gradio.
    from labkit.annotation.store import Store
    from labkit.annotation.users import read_users
    from labkit.ui.bench import Bench, embedded_models
    from labkit.ui.labelled import bundled_labels, read_labelled, with_queries_of
    from labkit.ui.library import open_library

    notes: list[str] = []
    try:
        users = None if arguments.auth is None else read_users(arguments.auth)
        library = open_library(arguments.data, on_note=notes.append)
        for note in notes[:NOTES_SHOWN]:
            print(f"note: {note}")
        if len(notes) > NOTES_SHOWN:
            print(f"note: and {len(notes) - NOTES_SHOWN} more such")
        bench = Bench([*([arguments.model] if arguments.model else []), *embedded_models()])
        bench.reranker(bench.models[0])

        labels = arguments.labels or bundled_labels()
        folders = [] if labels is None else [read_labelled(labels)]
        library = with_queries_of(folders, library)

        from labkit.ui.lab import serve

        with Store(arguments.store) as store:
            serve(
                library, bench, arguments.host, arguments.port,
                store=store, folders=folders, runs=arguments.runs, users=users,
            )  # fmt: skip
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
