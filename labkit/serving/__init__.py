"""The server (``labkit serve``), the hooks of memory systems, and the MCP tools.

:mod:`~labkit.serving.batching` scores what several requests want together,
:mod:`~labkit.serving.gate` stands between the network and the application,
:mod:`~labkit.serving.formats` holds one file for each rerank API that clients already speak, and
:mod:`~labkit.serving.hooks` one for each memory system.
"""

from __future__ import annotations
