"""The whole page: what tabs share, and the tabs. One function builds it, one serves it."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

# Before Gradio is imported: it would tell its makers that it started.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from labkit.annotation.queue import Plan
from labkit.annotation.store import Store
from labkit.annotation.users import Users
from labkit.errors import InputError
from labkit.loopback import is_loopback
from labkit.ui.agreement import build_agreement
from labkit.ui.annotate import build_annotate
from labkit.ui.annotate_data import Desk, teacher_labels
from labkit.ui.bench import Bench
from labkit.ui.disagreements import build_disagreements
from labkit.ui.inspect import build_inspect
from labkit.ui.labelled import Labelled
from labkit.ui.library import MAX_UPLOAD_BYTES, Library
from labkit.ui.runs import build_runs
from labkit.ui.scores import Scores
from labkit.ui.shared import build_shared
from labkit.ui.theme import text_of, theme
from labkit.ui.threshold import build_threshold

PORTS_TRIED = 100
HOUR = 3_600
RUNS = Path("runs")
"""Where ``labkit train`` and ``labkit eval`` are told to write in all examples."""


def build_lab(
    library: Library,
    bench: Bench,
    store: Store | None = None,
    folders: Sequence[Labelled] = (),
    *,
    runs: Path = RUNS,
    team: Sequence[str] = (),
) -> gr.Blocks:
    """The page, with a first ranking in it already.

    Args:
        store: of annotations; without one the tabs that write are left out.
        folders: teachers' labels to hold students against.
        runs: the folder of training runs and evaluations.
        team: the annotators, where they are known; see :class:`labkit.annotation.queue.Plan`.
    """
    # Uploaded files are removed once read; this removes what a broken-off upload left.
    with gr.Blocks(
        title="labkit", fill_width=True, analytics_enabled=False, delete_cache=(HOUR, HOUR)
    ) as lab:
        shared = build_shared(lab, library, bench)
        scores = Scores(bench)
        # A tab's id is its label in small letters: lab.js tells by the label which one is open.
        with shared.tabs:
            with gr.Tab("Inspect", id="inspect") as tab:
                build_inspect(lab, shared, tab)
            with gr.Tab("Threshold", id="threshold") as tab:
                build_threshold(lab, shared, tab, scores)
            if store is not None:
                plan = Plan(team=tuple(team))
                desk = Desk(library, bench, scores, store, plan, teacher_labels(folders))
                with gr.Tab("Disagreements", id="disagreements") as tab:
                    build_disagreements(shared, tab, scores, store, folders)
                with gr.Tab("Annotate", id="annotate") as tab:
                    build_annotate(shared, tab, desk)
                with gr.Tab("Agreement", id="agreement") as tab:
                    build_agreement(shared, tab, desk)
            with gr.Tab("Runs", id="runs") as tab:
                build_runs(shared, tab, runs)
    return lab


def launch_options() -> dict[str, Any]:
    """How the lab is launched, in the app and in tests alike."""
    return {
        "theme": theme(),
        "css": text_of("lab.css", "annotate.css", "compare.css"),
        "head": f"<style>{text_of('narrow.css')}</style>",
        "js": text_of("lab.js"),
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
        "max_file_size": MAX_UPLOAD_BYTES,
        "quiet": True,
        "share": False,
    }


def free_port(host: str, port: int) -> int:
    """``port``, or the next one that nobody listens on.

    Raises:
        InputError: the host is none of this machine's, or no port is free.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + PORTS_TRIED, 65_536)):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except (socket.gaierror, UnicodeError):
                raise InputError(f"--host {host} is no address, expected 127.0.0.1") from None
            except PermissionError:
                continue
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    raise InputError(
                        f"--host {host} is not an address of this machine, expected 127.0.0.1"
                    ) from None
                continue
            return candidate
    raise InputError(f"--port {port}: no port from there on is free, expected another --port")


def login_of(users: Users) -> Callable[[str, str], Awaitable[bool]]:
    """The users as Gradio asks for them. A hash takes its time, and others are served meanwhile."""

    async def may_enter(name: str, password: str) -> bool:
        return await asyncio.to_thread(users.are, name, password)

    return may_enter


def serve(
    library: Library,
    bench: Bench,
    host: str,
    port: int,
    *,
    store: Store | None = None,
    folders: Sequence[Labelled] = (),
    runs: Path = RUNS,
    users: Users | None = None,
) -> None:
    """Build the page and serve it until the process is interrupted.

    Raises:
        InputError: the host is none of this machine's; no port is free; or others could reach it
            and anybody would be let in.
    """
    if users is None and not is_loopback(host):
        raise InputError(
            f"--host {host} lets others in and nobody would have to log in, expected --auth FILE "
            "(make it: labkit annotations user NAME --file FILE), or --host 127.0.0.1"
        )
    chosen = free_port(host, port)
    team = users.names if users is not None else ()
    lab = build_lab(library, bench, store, folders, runs=runs, team=team)
    if chosen != port:
        print(f"port {port} is taken, using {chosen}")
    lab.launch(
        server_name=host,
        server_port=chosen,
        prevent_thread_lock=True,
        auth=None if users is None else login_of(users),
        **launch_options(),
    )
    print(f"labkit is at http://{host}:{chosen}  (stop it with Ctrl+C)", flush=True)
    lab.block_thread()
