"""The whole page: what tabs share, and the tabs. One function builds it, one serves it."""

from __future__ import annotations

import os
import socket
from typing import Any

# Before Gradio is imported: it would tell its makers that it started.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from labkit.errors import InputError
from labkit.ui.bench import Bench
from labkit.ui.inspect import build_inspect
from labkit.ui.library import MAX_UPLOAD_BYTES, Library
from labkit.ui.scores import Scores
from labkit.ui.shared import build_shared
from labkit.ui.theme import text_of, theme
from labkit.ui.threshold import build_threshold

PORTS_TRIED = 100
HOUR = 3_600


def build_lab(library: Library, bench: Bench) -> gr.Blocks:
    """The page, with a first ranking in it already."""
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
    return lab


def launch_options() -> dict[str, Any]:
    """How the lab is launched, in the app and in tests alike."""
    return {
        "theme": theme(),
        "css": text_of("lab.css"),
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
            except socket.gaierror:
                raise InputError(f"--host {host} is no address, expected 127.0.0.1") from None
            except PermissionError:
                continue
            except OSError as error:
                if error.errno == 99:  # EADDRNOTAVAIL
                    raise InputError(
                        f"--host {host} is not an address of this machine, expected 127.0.0.1"
                    ) from None
                continue
            return candidate
    raise InputError(f"--port {port}: no port from there on is free, expected another --port")


def serve(library: Library, bench: Bench, host: str, port: int) -> None:
    """Build the page and serve it until the process is interrupted."""
    lab = build_lab(library, bench)
    chosen = free_port(host, port)
    if chosen != port:
        print(f"port {port} is taken, using {chosen}")
    lab.launch(server_name=host, server_port=chosen, prevent_thread_lock=True, **launch_options())
    print(f"labkit is at http://{host}:{chosen}  (stop it with Ctrl+C)", flush=True)
    lab.block_thread()
