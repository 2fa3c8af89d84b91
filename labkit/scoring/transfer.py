"""How a card's probabilities, thresholds and abstention hold on data that they were not fitted on.

Brier score, log loss and ECE are of "the memory is relevant", a yes or no.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.evaluation.measures import (
    auroc,
    brier,
    expected_calibration_error,
    log_loss,
    precision_at_recall,
)
from labkit.scoring import abstention, calibration
from labkit.scoring.calibration import probability
from labkit.scoring.scored import Floats, ScoredData
from labkit.scoring.thresholds import F1, Held, held, threshold_for
from labkit.students.card import Card


@dataclass(frozen=True, slots=True)
class Quality:
    """What probabilities are worth: ECE in 15 bins of equal width and of equal mass, mean squared
    error, log loss in nats, and their mean."""

    ece: float
    ece_mass: float
    brier: float
    log_loss: float
    mean: float

    @staticmethod
    def of(probabilities: Floats, hit: NDArray[np.bool_]) -> Quality:
        y = hit.astype(np.float64)
        return Quality(
            ece=expected_calibration_error(probabilities, y),
            ece_mass=expected_calibration_error(probabilities, y, equal_mass=True),
            brier=brier(probabilities, y),
            log_loss=log_loss(probabilities, y),
            mean=float(np.mean(probabilities)) if len(y) else float("nan"),
        )


@dataclass(frozen=True, slots=True)
class AbstentionQuality:
    """``with_answer`` and ``without`` count the queries; ``precision`` is that of answering, at the
    threshold where nine in ten answerable queries are answered."""

    auroc: float
    precision: float
    quality: Quality
    with_answer: int
    without: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """A card on some data.

    Attributes:
        queries, pairs: how many.
        base_rate: share of the pairs that is relevant.
        bare: of the logistic function of the model's own log-odds.
        calibrated: of the card's probabilities.
        points: by name, the threshold and what it does.
        best: the threshold of the best F1 on this data, which nobody could know, and what it does.
        abstention: None where the card has none, or all queries are of one sort.
    """

    queries: int
    pairs: int
    base_rate: float
    bare: Quality
    calibrated: Quality
    points: dict[str, tuple[float, Held]]
    best: tuple[float, Held] | None
    abstention: AbstentionQuality | None

    def to_json(self) -> dict[str, Any]:
        """For ``json.dumps``; NaN becomes null."""

        def plain(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: plain(one) for key, one in value.items()}
            if isinstance(value, list | tuple):
                return [plain(one) for one in value]
            return None if isinstance(value, float) and value != value else value

        result: dict[str, Any] = plain(asdict(self))
        return result


def transfer(card: Card, data: ScoredData) -> Transfer:
    """Measure a card on scored data."""
    log_odds = calibration.calibrated(calibration.from_json(card.calibration), data)
    p = probability(log_odds)
    best = threshold_for(p, data, F1) if data.relevant.any() else None
    return Transfer(
        queries=len(data),
        pairs=len(p),
        base_rate=float(data.relevant.mean()) if len(p) else float("nan"),
        bare=Quality.of(probability(data.log_odds), data.relevant),
        calibrated=Quality.of(p, data.relevant),
        points={name: (t, held(p, data, t)) for name, t in card.thresholds.items()},
        best=None if best is None else (best, held(p, data, best)),
        abstention=_abstention(card, data),
    )


def _abstention(card: Card, data: ScoredData) -> AbstentionQuality | None:
    model = abstention.from_json(card.abstention)
    hit = data.answerable
    if model is None or hit.all() or not hit.any():
        return None
    p = abstention.answerable(model, data)
    return AbstentionQuality(
        auroc=float(auroc(p, hit)),
        precision=float(precision_at_recall(p, hit, 0.9)),
        quality=Quality.of(p, hit),
        with_answer=int(hit.sum()),
        without=int((~hit).sum()),
    )
