"""sentence-transformers: a student as a ``CrossEncoder``, with all that belongs to its score.

What ``labkit export`` writes loads as a stock ``CrossEncoder`` too, which then gives the bare
logit: without the similarity that the embedded student adds, without calibration, without the
budgets of each field. Here the scoring is ours and the interface theirs::

    model = CrossEncoder(modules=[StudentModule(Reranker.load())])
    model.rank("Who fixed the roof?", ["Ana did.", "It rains."])

Saved with ``save_pretrained``, it loads by its path with ``trust_remote_code=True``, which
sentence-transformers asks for where a module is not its own; labkit has to be installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers.base.modules import Module

from labkit.records import Memory, Query
from labkit.scoring.calibration import QueryAware
from labkit.scoring.reranker import Reranker


class StudentModule(Module):  # type: ignore[misc]
    """Gives the calibrated log-odds of pairs, of which ``predict`` makes probabilities.

    A calibration that reads all candidates of a query has no place in an interface of single
    pairs; a student with one gives its own log-odds.
    """

    config_keys: list[str] = []
    num_labels = 1

    def __init__(self, reranker: Reranker) -> None:
        super().__init__()
        self.reranker = reranker
        self.calibrated = not isinstance(reranker.calibration, QueryAware)

    def preprocess(self, inputs: Sequence[Sequence[str]], **how: Any) -> dict[str, Any]:
        """Pairs as they are: tokens belong to the student."""
        return {"pairs": [(str(query), str(text)) for query, text in inputs]}

    def forward(self, features: dict[str, Any], **how: Any) -> dict[str, Any]:
        groups: dict[str, list[int]] = {}
        for place, (query, _) in enumerate(features["pairs"]):
            groups.setdefault(query, []).append(place)
        scored = self.reranker.score_groups(
            [
                (Query(query), [Memory(str(i), features["pairs"][i][1]) for i in places])
                for query, places in groups.items()
            ]
        )
        scores = np.zeros(len(features["pairs"]))
        for places, each in zip(groups.values(), scored, strict=True):
            log_odds = each.log_odds
            scores[places] = self.reranker.calibration(log_odds) if self.calibrated else log_odds
        features["scores"] = torch.tensor(scores, dtype=torch.float32).unsqueeze(1)
        return features

    def save(self, output_path: str, *args: Any, **how: Any) -> None:
        self.reranker.student.save(Path(output_path))

    @classmethod
    def load(
        cls, model_name_or_path: str, subfolder: str = "", **how: Mapping[str, Any]
    ) -> StudentModule:
        return cls(Reranker.load(Path(model_name_or_path) / subfolder))
