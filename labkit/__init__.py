"""An open lab for reranking agent memories.

The rooms follow one line: dialogue, memories, query, candidates, judgements, soft labels, student,
scores, decisions, annotations. Importing the package loads neither torch nor gradio.
"""

from __future__ import annotations

__version__ = "0.1.0"
