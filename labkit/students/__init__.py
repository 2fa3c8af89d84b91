"""The models that score a memory for a query, in log-odds.

Two families read a query and a memory together: :mod:`~labkit.students.encoder` (a cross-encoder
with one logit) and :mod:`~labkit.students.decoder` (Qwen3-Reranker, "yes" against "no").
:mod:`~labkit.students.cosine` compares the packaged MiniLM's vectors. :mod:`~labkit.students.load`
tells them apart.
"""

from __future__ import annotations
