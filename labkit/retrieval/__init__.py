"""First stage: from all memories of a dialogue to the candidates that a reranker reads."""

from __future__ import annotations
