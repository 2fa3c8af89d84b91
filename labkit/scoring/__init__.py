"""From a student to scores: batches, the shared prefix, and the public Reranker."""

from __future__ import annotations
