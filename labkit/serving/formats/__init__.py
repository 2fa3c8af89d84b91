"""The rerank APIs that clients already speak, one a file: requests, responses, routes."""

from __future__ import annotations
