"""Any reranker as a teacher: a cross-encoder of the hub, a folder, one of our own students.

The one place where the line is crossed: a teacher stands left of students and scoring, and this
teacher is a student. It is loaded inside the function, through the public class.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit  # type: ignore[import-untyped]

from labkit.llm.store import CallStore
from labkit.records import Example
from labkit.rendering import RENDERING_VERSION
from labkit.students.late import late_sha256
from labkit.teachers.scored import ScoredTeacher
from labkit.teachers.verdicts import Floats

if TYPE_CHECKING:
    from labkit.scoring.reranker import Reranker

PREFIX = "reranker:"


def reranker_teacher(
    source: str, store: CallStore | None = None, *, device: str | None = None
) -> ScoredTeacher:
    """A teacher that compares log-odds; its grade is the probability.

    Both are worth what the reranker's calibration is worth.

    Args:
        source: embedded name, checkpoint folder or hub id.

    Raises:
        InputError: there is no such model, or it cannot score pairs.
    """
    from labkit.scoring.reranker import Reranker

    reranker = Reranker.load(source, device=device)

    def scores(example: Example) -> Floats:
        ranking = reranker.rerank(example.query, example.memories)
        # By way of the probabilities: they are calibrated, where the checkpoint knows how.
        p = np.clip(np.array(ranking.probabilities), 1e-12, 1 - 1e-12)
        of = dict(zip((m.id for m in ranking.memories), logit(p), strict=True))
        return np.array([of[memory.id] for memory in example.memories])

    name = PREFIX + reranker.name
    return ScoredTeacher(name, scores, 1.0, name + _identity(source, reranker), expit, store)


def _identity(source: str, reranker: Reranker) -> str:
    """What tells this checkpoint from another of its name."""
    late = late_sha256(reranker.student)
    digest = hashlib.sha256(repr((RENDERING_VERSION, reranker.card, late)).encode())
    folder = Path(source)
    if folder.is_dir():
        weights = sorted(p for p in folder.iterdir() if p.suffix in (".safetensors", ".bin"))
        for path in weights:
            with path.open("rb") as handle:
                digest.update(hashlib.file_digest(handle, "sha256").digest())
    else:
        config = getattr(getattr(reranker.student, "model", None), "config", None)
        digest.update(str(getattr(config, "_commit_hash", None)).encode())
    if reranker.placement is not None:
        digest.update(str(reranker.placement.dtype).encode())
    return digest.hexdigest()
