"""``labkit serve``"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from labkit.cli.mcp import require_mcp
from labkit.cli.shared import DEFAULT_MODEL, Device, Dtype, Model, load_reranker, note
from labkit.errors import InputError

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
    key = _key(api_key_file)
    limits = Limits(
        body_bytes=int(max_body_mb * MEGABYTE),
        documents=max_documents,
        waiting=max_waiting,
        seconds=seconds,
        read_seconds=read_seconds,
    )
    listening = listen(host, port)
    reranker = load_reranker(model, device, dtype)
    app = build_app(reranker, limits, key=key, lab=model if lab else None, mcp=mcp)
    shown = f"[{host}]" if ":" in host else host
    note(
        f"serving at http://{shown}:{listening.getsockname()[1]}"
        + (f", the lab at {LAB}" if lab else "")
        + (", MCP at /mcp" if mcp else "")
        + (", with a key" if key else ", without a key")
    )
    run(app, limits, listening)


def _key(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(KEY_VARIABLE) or None
    try:
        key = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--api-key-file {file}: {error}, expected a file with the key") from None
    if not key or not key.isascii() or any(c.isspace() for c in key):
        raise InputError(f"--api-key-file {file}, expected one word in ASCII")
    return key
