"""How far annotators agree among themselves, and with teachers and students; what to settle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.annotation.consensus import Decision, decide
from labkit.annotation.events import LABELS, Event
from labkit.annotation.store import Store
from labkit.evaluation.agreement import agreement
from labkit.records import LEVELS, RELEVANT

Floats = NDArray[np.float64]
Interval = tuple[float, float]

# --- Krippendorff's alpha ------------------------------------------------------------------------


def _coincidences(ratings: ArrayLike, size: int) -> Floats:
    """[units, size, size]: within each unit, pairs of values of different raters, each weighted so
    that a unit with m values counts m."""
    values = np.asarray(ratings, dtype=float)
    given = ~np.isnan(values)
    counts = np.zeros((values.shape[1], size))
    np.add.at(counts, (np.nonzero(given)[1], values[given].astype(int)), 1.0)
    pairs = counts[:, :, None] * counts[:, None, :]
    steps = np.arange(size)
    pairs[:, steps, steps] -= counts
    m = counts.sum(1)
    found: Floats = pairs / np.maximum(m - 1, 1)[:, None, None]
    return found


def _alpha(coincidences: Floats) -> Floats:
    """Ordinal alpha of coincidence matrices [..., size, size]."""
    n = coincidences.sum(-1)
    upto = n.cumsum(-1)
    # From the middle of one value's places to the middle of the other's.
    middle = upto - n / 2
    distance = (middle[..., :, None] - middle[..., None, :]) ** 2
    observed = (coincidences * distance).sum((-1, -2))
    expected = (n[..., :, None] * n[..., None, :] * distance).sum((-1, -2))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = 1 - (n.sum(-1) - 1) * observed / expected
    return np.where(expected > 0, found, np.nan)


@dataclass(frozen=True, slots=True)
class Alpha:
    """Krippendorff's alpha for ordered values, with a 95 % interval over resampled groups.

    1 is full agreement, 0 what chance would give; NaN where nobody shares a unit, or all values
    are one. ``units`` counts those that two or more rated, ``values`` what they said of them.
    """

    alpha: float
    interval: Interval
    units: int
    values: int

    @property
    def known(self) -> bool:
        return not np.isnan(self.alpha)

    def __str__(self) -> str:
        return with_interval(self.alpha, self.interval)


def with_interval(value: float, interval: Interval) -> str:
    """A value with its 95 % interval, as far as they are known."""
    if np.isnan(value):
        return "not known"
    if np.isnan(interval[0]):
        return f"{value:.3f} (interval not known)"
    return f"{value:.3f} (95 % {interval[0]:.3f} to {interval[1]:.3f})"


def krippendorff_alpha(
    ratings: ArrayLike,
    *,
    groups: Sequence[object] | None = None,
    size: int = len(LEVELS),
    draws: int = 2000,
    seed: int = 0,
) -> Alpha:
    """Alpha with the ordinal metric (Krippendorff, Computing Krippendorff's Alpha-Reliability,
    2011).

    Args:
        ratings: [raters, units], whole numbers from 0 to size - 1, NaN where a rater said nothing.
        groups: of each unit, what it must not be parted from when the bootstrap draws; items of
            one query are not independent. Each unit its own where not given.
    """
    each = _coincidences(ratings, size)
    rated = each.sum((-1, -2)) > 0
    each = each[rated]
    names = range(len(rated)) if groups is None else groups
    of = [name for name, keep in zip(names, rated.tolist(), strict=True) if keep]
    index = {name: place for place, name in enumerate(dict.fromkeys(of))}
    whole = np.zeros((len(index), size, size))
    np.add.at(whole, [index[name] for name in of], each)
    rng = np.random.default_rng(seed)
    interval = (float("nan"), float("nan"))
    if len(index) > 1:
        times = rng.multinomial(len(index), np.full(len(index), 1 / len(index)), size=draws)
        drawn = _alpha(np.tensordot(times.astype(float), whole, axes=1))
        drawn = drawn[~np.isnan(drawn)]
        if len(drawn):
            low, high = np.quantile(drawn, [0.025, 0.975])
            interval = (float(low), float(high))
    total = each.sum(0)
    return Alpha(float(_alpha(total)), interval, len(each), round(float(total.sum())))


# --- who agrees with whom ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Readers:
    """Two readers of the same items.

    ``kappa`` has quadratic weights over the five levels, its 95 % interval is over resampled
    queries; ``kappa_relevant`` is of relevant or not. All are NaN where there is nothing to agree
    about.
    """

    first: str
    second: str
    items: int
    queries: int
    kappa: float
    interval: Interval
    kappa_relevant: float


Labels = Mapping[str, float]
"""Item -> label in [0, 1], as one reader gave them."""


def compare(
    first: str, second: str, a: Labels, b: Labels, query: Mapping[str, str]
) -> Readers | None:
    """Two readers over the items that both labelled; None where there is none.

    Args:
        query: of each item.
    """
    shared: dict[str, list[str]] = {}
    for item in a:
        if item in b:
            shared.setdefault(query[item], []).append(item)
    if not shared:
        return None
    readings = [([a[i] for i in items], [b[i] for i in items]) for items in shared.values()]
    found = agreement(readings, draws=500)
    return Readers(
        first, second, found.pairs, found.queries, found.kappa, found.interval,
        found.kappa_relevant,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Calls:
    """How often a model calls relevant what people do, and not what they do not.

    ``found`` of ``relevant`` items that people call relevant, ``rejected`` of ``irrelevant``. But
    for what was requested, the data had called all of them not relevant: the first are its false
    negatives.
    """

    model: str
    found: int
    relevant: int
    rejected: int
    irrelevant: int


@dataclass(frozen=True, slots=True)
class Report:
    """Agreement of all that was judged.

    Attributes:
        alpha: of all annotators.
        annotators: each two of them.
        models: what people decided against teachers and each student, and these against one
            another.
        models_at_random: the same over the random control alone. A queue seeks out where models
            err, so only this says how they do on all negatives.
        calls: see Calls.
    """

    alpha: Alpha
    annotators: tuple[Readers, ...]
    models: tuple[Readers, ...]
    models_at_random: tuple[Readers, ...]
    calls: tuple[Calls, ...]


PEOPLE, TEACHERS = "people", "teachers"


def report(standing: Iterable[Event], *, threshold: float = 0.5) -> Report:
    """Agreement from what stands (:meth:`Store.standing`).

    Teachers and students are taken as each event has them: what they said when the item was
    judged; of several events, the last.

    Args:
        threshold: on a student's probability, for Calls.
    """
    events = [event for event in standing if event.kind != "skip"]
    query = {event.item: event.query for event in events}
    each: dict[str, dict[str, float]] = {}
    models: dict[str, dict[str, float]] = {}
    control: set[str] = set()
    for event in events:
        if event.kind == "label" and event.level is not None:
            each.setdefault(event.annotator, {})[event.item] = LABELS[event.level]
        if event.sampler == "random":
            control.add(event.item)
        if event.teacher_label is not None:
            models.setdefault(TEACHERS, {})[event.item] = event.teacher_label
        if event.probability is not None:
            models.setdefault(event.model or "student", {})[event.item] = event.probability
    decisions = decide(events).values()
    people = {d.item: d.label for d in decisions if d.label is not None}
    readers: dict[str, Labels] = {PEOPLE: people, **dict(sorted(models.items()))}

    def among(of: Mapping[str, Labels], keep: Callable[[str], bool]) -> tuple[Readers, ...]:
        kept = {name: {i: v for i, v in said.items() if keep(i)} for name, said in of.items()}
        found = (
            compare(one, two, kept[one], kept[two], query) for one, two in combinations(kept, 2)
        )
        return tuple(each for each in found if each is not None)

    return Report(
        alpha=annotators_alpha(events),
        annotators=among(dict(sorted(each.items())), lambda item: True),
        models=among(readers, lambda item: True),
        models_at_random=among(readers, control.__contains__),
        calls=tuple(
            _calls(name, said, people, RELEVANT if name == TEACHERS else threshold)
            for name, said in sorted(models.items())
        ),
    )


def annotators_alpha(standing: Iterable[Event]) -> Alpha:
    """Alpha of all annotators' levels; items of one query stay together."""
    labels = [event for event in standing if event.kind == "label"]
    query = {event.item: event.query for event in labels}
    column = {item: i for i, item in enumerate(query)}
    row = {name: i for i, name in enumerate(dict.fromkeys(e.annotator for e in labels))}
    ratings = np.full((len(row), len(column)), np.nan)
    for event in labels:
        ratings[row[event.annotator], column[event.item]] = event.level
    return krippendorff_alpha(ratings, groups=list(query.values()))


def _calls(model: str, said: Labels, people: Labels, threshold: float) -> Calls:
    shared = [(people[i] >= RELEVANT, said[i] >= threshold) for i in said if i in people]
    return Calls(
        model,
        found=sum(true and called for true, called in shared),
        relevant=sum(true for true, _ in shared),
        rejected=sum(not true and not called for true, called in shared),
        irrelevant=sum(not true for true, _ in shared),
    )


# --- what to settle ------------------------------------------------------------------------------


def to_adjudicate(standing: Iterable[Event]) -> list[Decision]:
    """The items on which annotators differ and that nobody settled, the worst first.

    Undecided before decided by majority, then those that some call relevant and some do not, then
    by how many levels they are apart, then in the order in which they were first judged.
    """
    differ = [
        decision
        for decision in decide(standing).values()
        if decision.adjudication is None and len({vote.level for vote in decision.votes}) > 1
    ]
    return sorted(differ, key=lambda d: (d.how != "undecided", not d.divided, -d.spread))


def adjudicate(
    store: Store,
    decision: Decision,
    *,
    id_: str,
    annotator: str,
    level: int | None,
    note: str | None = None,
    negative_kind: str | None = None,
    guidelines: str | None = None,
) -> Event:
    """Settle an item, over all votes; the last adjudication holds.

    Args:
        level: 0 to 4; None: it cannot be told.

    Raises:
        InputError: it could not be stored.
    """
    one = (*decision.votes, *(() if decision.adjudication is None else (decision.adjudication,)))[0]
    return store.append(
        Event(
            id=id_,
            item=decision.item,
            query=decision.query,
            memory=decision.memory,
            content_sha256=one.content_sha256,
            annotator=annotator,
            kind="adjudication",
            level=level,
            note=note or None,
            negative_kind=negative_kind or None,
            guidelines=guidelines,
            blind=False,  # who settles has read what the others said
        )
    )


def called(level: int | None) -> str:
    """The name of a level, or that it cannot be told."""
    return "cannot tell" if level is None else LEVELS[-1 - level][1]


@dataclass(frozen=True, slots=True)
class Step:
    """One event of an item's history, and whether it was undone later."""

    event: Event
    undone: bool


def history(store: Store, item: str) -> list[Step]:
    """All that was done to an item, in order."""
    events = store.events(item=item)
    gone = {(event.undo_of, event.annotator) for event in events if event.undo_of is not None}
    return [Step(event, (event.id, event.annotator) in gone) for event in events]


def report_to_json(found: Report) -> dict[str, Any]:
    """The report as JSON; what is not a number is null."""

    def number(value: float) -> float | None:
        return None if np.isnan(value) else round(value, 4)

    def readers(each: Readers) -> dict[str, Any]:
        return {
            "first": each.first,
            "second": each.second,
            "items": each.items,
            "queries": each.queries,
            "kappa": number(each.kappa),
            "interval": [number(end) for end in each.interval],
            "kappa_relevant": number(each.kappa_relevant),
        }

    return {
        "alpha": {
            "alpha": number(found.alpha.alpha),
            "interval": [number(end) for end in found.alpha.interval],
            "units": found.alpha.units,
            "values": found.alpha.values,
        },
        "annotators": [readers(each) for each in found.annotators],
        "models": [readers(each) for each in found.models],
        "models_at_random": [readers(each) for each in found.models_at_random],
        "calls": [
            {
                "model": each.model,
                "found": each.found,
                "relevant": each.relevant,
                "rejected": each.rejected,
                "irrelevant": each.irrelevant,
            }
            for each in found.calls
        ],
    }
