"""``labkit serve``"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated

import typer

from labkit.cli.mcp import require_mcp
from labkit.cli.shared import DEFAULT_MODEL, Device, Dtype, Model, load_reranker, note
from labkit.errors import InputError
from labkit.loopback import is_loopback

KEY_VARIABLE = "LABKIT_API_KEY"


def serve(
    model: Model = DEFAULT_MODEL,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 for any.")
    ] = 8080,
    api_key_file: Annotated[
        Path | None,
        typer.Option(help=f"A file with the key that callers must name; else {KEY_VARIABLE}."),
    ] = None,
    lab: Annotated[bool, typer.Option("--lab", help="Mount the lab at /lab.")] = False,
    mcp: Annotated[
        bool, typer.Option("--mcp", help="Answer the Model Context Protocol at /mcp.")
    ] = False,
    max_documents: Annotated[int, typer.Option(min=1, help="Most documents of a request.")] = 1000,
    max_waiting: Annotated[
        int, typer.Option(min=1, help="Most documents that wait; beyond, 429 with Retry-After.")
    ] = 8192,
    max_body_mb: Annotated[float, typer.Option(min=0.001, help="Longest body, MiB; 413.")] = 4.0,
    seconds: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds for a request; then 504.")
    ] = 30.0,
    read_seconds: Annotated[
        float, typer.Option("--read-timeout", min=0.1, help="Seconds for it to arrive; then 408.")
    ] = 10.0,
    device: Device = None,
    dtype: Dtype = None,
) -> None:
    """Serve the rerank APIs of Cohere, Jina, vLLM, TEI and MemOS.

    One JSON line a request goes to stderr, without any text of it. Ctrl+C or SIGTERM lets what is
    being answered finish.
    """  # fmt: skip
    from labkit.serving.app import LAB, build_app
    from labkit.serving.limits import MEGABYTE, Limits
    from labkit.serving.server import listen, run

    if mcp:
        require_mcp()
    if not host:
        raise InputError("--host is empty, expected an address such as 127.0.0.1 or 0.0.0.0")
    for name, value in (
        ("--max-body-mb", max_body_mb), ("--timeout", seconds), ("--read-timeout", read_seconds),
    ):  # fmt: skip
        if not math.isfinite(value):
            raise InputError(f"{name} is {value:g}, expected a finite number")
    key = _key(api_key_file)
    if lab and key is None and not is_loopback(host):
        raise InputError(
            f"--lab on --host {host} without a key would let everybody in, expected "
            f"--api-key-file, {KEY_VARIABLE}, or --host 127.0.0.1"
        )
    limits = Limits(
        body_bytes=int(max_body_mb * MEGABYTE),
        documents=max_documents,
        waiting=max_waiting,
        seconds=seconds,
        read_seconds=read_seconds,
    )
    listening = listen(host, port)
    reranker = load_reranker(model, device, dtype)
    app = build_app(
        reranker, limits, key=key, lab=model if lab else None, mcp=mcp, local=is_loopback(host)
    )
    shown = f"[{host}]" if ":" in host else host
    note(
        f"serving at http://{shown}:{listening.getsockname()[1]}"
        + (f", the lab at {LAB}" if lab else "")
        + (", MCP at /mcp" if mcp else "")
        + (", with a key" if key else ", without a key")
    )
    run(app, limits, listening)


def _key(file: Path | None) -> str | None:
    where = KEY_VARIABLE if file is None else f"--api-key-file {file}"
    try:
        text = os.environ.get(KEY_VARIABLE, "") if file is None else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{where}: {error}, expected a file with the key") from None
    key = text.strip()
    if file is None and not text:
        return None
    if not key or not key.isascii() or any(c.isspace() for c in key):
        raise InputError(f"{where} holds no key, expected one word in ASCII")
    return key
