"""All that turns a student's scores into decisions, fitted in one go and written to its card.

The named operating points, and what each is for:

* ``balanced``: the best F1. No promise.
* ``careful``: the highest threshold that drops at most :data:`ALPHA` of the needed evidence in
  expectation, for whoever would rather read too much than miss something.
* ``lean``: memories that are kept are mostly right, for a small context. The lowest threshold whose
  precision is at least :data:`PRECISION` with confidence :data:`CONFIDENCE`; where the model has
  none, the threshold with the greatest precision that can be promised, and the card says which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from labkit.errors import InputError
from labkit.evaluation.measures import auroc
from labkit.scoring import abstention, calibration
from labkit.scoring.calibration import Choice, QueryAware, calibrated, probability
from labkit.scoring.conformal import evidence_threshold, precision_thresholds
from labkit.scoring.scored import Floats, ScoredData
from labkit.scoring.thresholds import DRAWS, F1, Unit, find_threshold, held
from labkit.students.card import Card

ALPHA = 0.05
PRECISION = 0.9
CONFIDENCE = 0.9


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was fitted.

    Attributes:
        choice: the calibration and its cross-validation.
        abstention: None where there is too little to learn from, or the scores do not tell.
        abstention_auroc: by cross-validation, with a 95 % interval over queries; None where it
            could not be fitted.
        probabilities: [n] of the pairs that the thresholds were found on, calibrated by a map that
            had not seen them, or whose order does not depend on them.
        thresholds: by name.
        points: by name: rule, promise, and what was measured.
        notes: one line on each thing that could not be had.
    """

    choice: Choice
    abstention: abstention.Abstention | None
    abstention_auroc: tuple[float, float, float] | None
    probabilities: Floats
    thresholds: dict[str, float]
    points: dict[str, dict[str, Any]]
    notes: tuple[str, ...] = field(default=())


def decide(
    data: ScoredData,
    deciding: ScoredData | None = None,
    abstaining: ScoredData | None = None,
    elsewhere: ScoredData | None = None,
    *,
    methods: Sequence[str] = tuple(calibration.METHODS),
    unit: Unit = "query",
    on_step: Callable[[str], None] = lambda step: None,
) -> Decisions:
    """Fit the calibration on ``data``, the operating points on ``deciding``, abstention on a third.

    Without ``deciding`` all comes from ``data``. Much of what a calibration may be fitted on, such
    as simulated lives, holds other questions without an answer than people ask. The promises stay
    exact where the map only rises with the log-odds. A map that reads the query is then taken as
    cross-validation had it, from folds that had not seen the pairs; that is fair but no longer
    exact, and the points say so.

    Args:
        data: held-out queries.
        deciding: other held-out queries.
        abstaining: queries for abstention alone, among them many that nothing answers: few data
            sets hold enough of them. Those of ``deciding``, else of ``data``, where not given.
        elsewhere: for abstention too, queries of other dialogues on the memories of these.
        methods: the calibrations to choose from.
        unit: what the promises are about.
        on_step: gets the name of each step.

    Raises:
        InputError: too little data for a calibration, or a query that is in both: a promise about
            queries that the map has seen is not exact.
    """
    if deciding is not None:
        _different(data, deciding)
    choice = calibration.choose(data, methods, on_method=lambda name: on_step(f"fitting {name}"))
    reads_query = isinstance(choice.calibration, QueryAware)
    on = data if deciding is None else deciding
    if deciding is None and reads_query:
        log_odds = choice.held_out[choice.method]
    else:
        log_odds = calibrated(choice.calibration, on)
    p = probability(log_odds)
    on_step("thresholds")
    thresholds, points, notes = _points(p, on, unit, exact=deciding is not None or not reads_query)
    on_step("abstention")
    fitted: abstention.Abstention | None = None
    told: tuple[float, float, float] | None = None
    asked = on if abstaining is None else abstaining
    try:
        model = abstention.fit(asked, elsewhere)
    except InputError as error:
        notes.append(f"no abstention: {error}")
    else:
        told = _auroc(model.held_out, asked)
        if told[1] > 0.5:
            fitted = model.abstention
        else:
            notes.append(
                "no abstention: the scores do not tell whether anything answers (AUROC "
                f"{told[0]:.3f}, 95 % {told[1]:.3f} to {told[2]:.3f})"
            )
    return Decisions(choice, fitted, told, p, thresholds, points, tuple(notes))


def _different(data: ScoredData, deciding: ScoredData) -> None:
    """A query is known by all that was scored of it: names may repeat from file to file."""
    seen = set(data.queries)
    both = [query.id for query in deciding.queries if query in seen]
    if both:
        raise InputError(
            f"{len(both):,} of {len(deciding):,} queries to decide on are those that the "
            f"calibration is fitted on (the first is {both[0]}), expected others; without any, "
            "both are fitted on the same, and the card says what that is worth"
        )


def _points(
    p: Floats, data: ScoredData, unit: Unit, *, exact: bool
) -> tuple[dict[str, float], dict[str, dict[str, Any]], list[str]]:
    thresholds: dict[str, float] = {}
    points: dict[str, dict[str, Any]] = {}
    notes: list[str] = []

    def add(name: str, threshold: float, **facts: Any) -> None:
        thresholds[name] = threshold
        points[name] = {**facts, "on_its_data": _rounded(asdict(held(p, data, threshold)))}

    best = find_threshold(p, data, F1, unit=unit)
    add(
        "balanced",
        best.threshold,
        rule="best F1 over all pairs",
        promise=None,
        n=best.units,
        unit=unit,
        intervals={name: _rounded(list(ends)) for name, ends in best.intervals.items()},
    )
    try:
        careful = evidence_threshold(p, data, ALPHA, unit=unit)
    except InputError as error:
        notes.append(f"no threshold careful: {error}")
    else:
        add(
            "careful",
            careful.threshold,
            rule="conformal risk control",
            promise=f"at most {ALPHA:g} of the needed evidence among the candidates is dropped, "
            f"in expectation over exchangeable {'queries' if unit == 'query' else 'dialogues'}",
            exact=exact,
            alpha=ALPHA,
            n=careful.n,
            unit=unit,
        )
    tested = precision_thresholds(p, data, CONFIDENCE, unit=unit)
    enough = [one for one in tested if one.certified >= PRECISION]
    lean = min(enough, key=lambda one: one.threshold, default=None) or max(
        tested, key=lambda one: one.certified, default=None
    )
    if lean is None or lean.certified <= 0:
        notes.append("no threshold lean: no precision can be promised on this data")
    else:
        least = PRECISION if enough else float(np.floor(lean.certified * 1000) / 1000)
        add(
            "lean",
            lean.threshold,
            rule="Learn then Test, Hoeffding-Bentkus"
            + ("" if enough else f"; a precision of {PRECISION:g} is not attainable"),
            promise=f"precision of at least {least:g}, in the mean over "
            f"{'queries' if unit == 'query' else 'dialogues'} that keep something, "
            f"with confidence {CONFIDENCE:g}",
            exact=exact,
            precision=least,
            confidence=CONFIDENCE,
            n=lean.n,
            unit=unit,
        )
    return thresholds, points, notes


def _rounded(value: Any) -> Any:
    """Numbers as a card shows them; NaN, which JSON does not have, as null."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return None if value != value else round(value, 4)


def _auroc(p: Floats, data: ScoredData) -> tuple[float, float, float]:
    rng = np.random.default_rng(0)
    q = len(data)
    weights = np.stack([np.bincount(rng.integers(0, q, q), minlength=q) for _ in range(DRAWS)])
    low, high = np.nanquantile(auroc(p, data.answerable, weights), [0.025, 0.975])
    return float(auroc(p, data.answerable)), float(low), float(high)


def decided(card: Card, decisions: Decisions, provenance: dict[str, Any]) -> Card:
    """The card with these decisions in place of its own.

    ``provenance`` says what they were fitted on; it goes beside the calibration.
    """
    choice = decisions.choice
    fitted = {
        **provenance,
        "log_loss_by_cross_validation": _rounded(choice.log_loss),
        "chosen": choice.method,
    }
    told = decisions.abstention_auroc
    return replace(
        card,
        calibration={**calibration.to_json(choice.calibration), "fitted": fitted},
        abstention={}
        if decisions.abstention is None
        else {
            **abstention.to_json(decisions.abstention),
            "auroc_by_cross_validation": _rounded(list(told or ())),
        },
        thresholds=dict(decisions.thresholds),
        operating_points=dict(decisions.points),
    )
