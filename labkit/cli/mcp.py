"""``labkit mcp``"""

from __future__ import annotations

from importlib.util import find_spec

from labkit.cli.shared import DEFAULT_MODEL, Device, Dtype, Model, load_reranker
from labkit.errors import InputError


def require_mcp() -> None:
    if find_spec("mcp") is None:
        raise InputError(
            'the package mcp is not installed; mend it with: pip install "labkit[mcp]"'
        )


def mcp(model: Model = DEFAULT_MODEL, device: Device = None, dtype: Dtype = None) -> None:
    """Serve reranking as a tool over the Model Context Protocol, on stdin and stdout.

    For assistants that start their own tools. Over HTTP: labkit serve --mcp.
    """  # fmt: skip
    require_mcp()
    from labkit.serving.batching import Batcher
    from labkit.serving.limits import Limits
    from labkit.serving.mcp import build_mcp

    limits = Limits()
    batcher = Batcher(
        load_reranker(model, device, dtype), waiting=limits.waiting, seconds=limits.seconds
    )
    batcher.start()
    try:
        build_mcp(batcher, limits).run("stdio")
    finally:
        batcher.close()
