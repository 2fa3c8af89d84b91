"""Adapters for memory systems and retrieval frameworks, one a file.

Each takes a :class:`~labkit.serving.hooks.guard.Guard`: which reranker, what to do when it fails.
"""

from __future__ import annotations
