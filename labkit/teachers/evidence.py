"""Does the fit work? Simulated teachers, known truth, every method on the same budget.

Run as: python -m labkit.teachers.evidence --seeds 20 --out DIR

It writes evidence.json (every number), evidence.md (the table) and evidence.html (the figure).
All teachers are simulated: this shows that the arithmetic recovers what is there under the errors
that were put in, not that any real teacher errs so.

The world: queries with 0 to 4 relevant of about 24 memories, labels at the middle of the five
levels. The budget: ``comparisons a memory`` k means n k / 2 calls for a query of n memories; every
method has these, and besides the same grades of the same few memories (``GRADED`` a query, by each
teacher, chosen by plain Bradley-Terry's order). Pointwise grading spends the calls of the
comparisons on grades.

Measures, on labels after the map to [0, 1] (truth is graded, so each is the graded form):
ECE = mean |mean label - mean truth| over ten bins of the label, weighted; Brier = mean squared
error; tau = Kendall's tau-b within a query between the level of the label and the level of the
truth (mean over queries whose truth has two levels); tau_order = share of pairs with different
truth in the right order less the share in the wrong one, which needs no levels; tau-b of the raw
label has a ceiling well under 1, for truth is full of ties, and is given with its ceiling;
cross_query = share of pairs of memories of different queries and different levels that the labels
order wrongly; query_bias = root mean square over queries of the mean error of a query's labels;
no_answer = share of queries without an answer (their best memories are at 0.5) with some label
>= 0.6, no_answer_sure with some label >= 0.8.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau  # type: ignore[import-untyped]
from scipy.stats import t as student

from labkit.evaluation.agreement import levels
from labkit.records import NEGATIVE_KINDS, RELEVANT
from labkit.teachers.fit import Fit, fit
from labkit.teachers.labels import label
from labkit.teachers.schedule import Comparison, schedule, second_round, to_grade
from labkit.teachers.simulated import SimulatedTeacher
from labkit.teachers.summary import calibration_error
from labkit.teachers.verdicts import Floats, Grades, Indices, Items, Verdicts, summed

COMPARISONS = (2, 4, 8, 16)
GRADED = 4

ENSEMBLE = (
    SimulatedTeacher(
        "simulated:mild",
        noise=0.12,
        position_bias=0.05,
        length_bias=0.02,
        blind_spots={"superseded": 0.3, "hearsay": 0.3, "planned_not_done": 0.2},
        sharpness=2.5,
        leniency=0.06,
        query_leniency=0.08,
    ),
    SimulatedTeacher(
        "simulated:firm",
        noise=0.14,
        position_bias=-0.05,
        length_bias=0.03,
        blind_spots={"wrong_time": 0.3, "wrong_quantity": 0.3, "reversed_cause": 0.2},
        sharpness=4.0,
        leniency=-0.06,
        query_leniency=0.08,
    ),
    SimulatedTeacher(
        "simulated:hasty",
        noise=0.2,
        position_bias=0.15,
        length_bias=0.04,
        blind_spots={"same_topic": 0.3, "question_echo": 0.3, "wrong_entity": 0.2},
        sharpness=6.0,
        query_leniency=0.1,
    ),
)
"""Three noisy, biased teachers. Noise is per call, in label units; one level is 0.2.

Of pairs of memories of a query whose levels differ, they get 9, 10 and 17 % wrong (of neighbouring
levels 15, 16 and 25 %), and say the same of both orders in 7, 10 and 25 %. Their leniencies sum to
0: what all teachers share no method here can see, which the scenario "all lenient" shows.
"""


def louder(teachers: Sequence[SimulatedTeacher], times: float) -> tuple[SimulatedTeacher, ...]:
    """The same teachers with ``times`` the noise of each call; biases as they are."""
    return tuple(replace(teacher, noise=teacher.noise * times) for teacher in teachers)


# --- the world -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class World:
    """n items with their true labels [n], lengths in characters [n] and negative kinds."""

    items: Items
    truth: Floats
    lengths: Floats
    kinds: dict[int, str]


def make_world(queries: int, rng: np.random.Generator, memories: int = 24) -> World:
    """Queries with 0 to 4 relevant of ``memories`` give or take 4; the five levels."""
    sizes = rng.integers(memories - 4, memories + 5, queries)
    items = Items.of({f"q{q}": [f"m{i}" for i in range(n)] for q, n in enumerate(sizes)})
    truth = rng.choice([0.1, 0.3, 0.5], size=len(items.memories), p=[0.6, 0.28, 0.12])
    for q in range(queries):
        relevant = int(rng.integers(0, 5))
        chosen = items.start[q] + rng.permutation(sizes[q])[:relevant]
        truth[chosen] = rng.choice([0.7, 0.9], size=relevant)
    lengths = 120 * 2.0 ** rng.normal(0, 0.8, len(truth))
    hard = np.flatnonzero((truth < RELEVANT) & (rng.random(len(truth)) < 0.5))
    drawn = rng.choice(len(NEGATIVE_KINDS), len(hard))
    kinds = {int(i): NEGATIVE_KINDS[k] for i, k in zip(hard, drawn, strict=True)}
    return World(items, truth, lengths, kinds)


@dataclass(frozen=True, slots=True)
class Asked:
    """Simulated teachers in one world: what they perceive [T, n], their drift by query [T, Q]."""

    world: World
    teachers: tuple[SimulatedTeacher, ...]
    perceived: Floats
    drift: Floats

    @staticmethod
    def of(world: World, teachers: Sequence[SimulatedTeacher], rng: np.random.Generator) -> Asked:
        n = len(world.truth)
        perceived = [
            t.perceived(world.truth, world.lengths, t.spots(world.kinds, n)) for t in teachers
        ]
        drift = rng.standard_normal((len(teachers), len(world.items.queries)))
        return Asked(world, tuple(teachers), np.array(perceived), drift)

    def verdicts(self, calls: Sequence[Comparison], rng: np.random.Generator) -> Verdicts:
        index = self.world.items.index()
        number = {teacher.name: t for t, teacher in enumerate(self.teachers)}
        first = np.array([index[c.query, c.first] for c in calls], dtype=np.intp)
        second = np.array(
            [index[c.second_query or c.query, c.second] for c in calls], dtype=np.intp
        )
        asked = np.array([number[c.teacher] for c in calls], dtype=np.intp)
        said = np.zeros(len(calls))
        for t, teacher in enumerate(self.teachers):
            mine = asked == t
            seen = self.perceived[t]
            said[mine] = teacher.preferences(seen[first[mine]], seen[second[mine]], rng)
        return Verdicts(
            self.world.items,
            tuple(number),
            first,
            second,
            asked,
            (said + 1) / 2,
            np.ones(len(calls)),
        )

    def grades(self, item: Indices, teacher: Indices, rng: np.random.Generator) -> Grades:
        given = np.zeros(len(item))
        query = self.world.items.query
        for t, each in enumerate(self.teachers):
            mine = teacher == t
            drift = self.drift[t][query[item[mine]]]
            given[mine] = each.grades(self.perceived[t][item[mine]], drift, rng)
        names = tuple(each.name for each in self.teachers)
        return Grades(self.world.items, names, item, teacher, given)


def _joined(one: Verdicts, two: Verdicts) -> Verdicts:
    return replace(
        one,
        first=np.concatenate([one.first, two.first]),
        second=np.concatenate([one.second, two.second]),
        teacher=np.concatenate([one.teacher, two.teacher]),
        outcome=np.concatenate([one.outcome, two.outcome]),
        weight=np.concatenate([one.weight, two.weight]),
    )


# --- the baselines -------------------------------------------------------------------------------


def win_rate(verdicts: Verdicts) -> Floats:
    """Majority vote: share of its meetings that a memory won, a tie counting half (Copeland).

    Each verdict is one vote, whatever its strength. The rate is (wins + 1) / (meetings + 2).
    """
    n = len(verdicts.items.memories)
    won = (np.sign(verdicts.outcome - 0.5) + 1) / 2
    wins = np.bincount(verdicts.first, won, minlength=n)
    wins = wins + np.bincount(verdicts.second, 1 - won, minlength=n)
    met = np.bincount(verdicts.first, minlength=n) + np.bincount(verdicts.second, minlength=n)
    rate: Floats = (wins + 1) / (met + 2)
    return rate


def elo(verdicts: Verdicts, rng: np.random.Generator, step: float = 0.3) -> Floats:
    """Online Elo: one pass over the verdicts in random order, soft outcomes.

    ``step`` is K in units of log-odds (0.3 is about K = 52 on the chess scale). From 0.3 to 1 the
    results are level here (tau over untied pairs .856, .860, .848 at .3, .6, 1); beyond, worse.
    """
    rating = [0.0] * len(verdicts.items.memories)
    order = rng.permutation(len(verdicts))
    for i, j, outcome in zip(
        verdicts.first[order].tolist(),
        verdicts.second[order].tolist(),
        verdicts.outcome[order].tolist(),
        strict=True,
    ):
        gain = step * (outcome - 1 / (1 + np.exp(rating[j] - rating[i])))
        rating[i] += gain
        rating[j] -= gain
    return np.array(rating)


def scores_to_labels(scores: Floats, grades: Grades, rounds: int = 20) -> Floats:
    """Labels for a method that gives only scores, from the same grades as everybody's.

    One monotone map for all queries (isotonic regression, smoothed over a tenth of the scores) and
    an offset for each query, shrunk by what the grades' noise calls for.
    """
    from sklearn.isotonic import IsotonicRegression

    items = grades.items
    query = items.query
    count = len(items.queries)
    mean = np.bincount(query, scores, minlength=count) / np.maximum(items.sizes, 1)
    x = scores - mean[query]
    x = x / max(float(x.std()), 1e-9)
    leniency = np.bincount(grades.teacher, grades.grade) / np.bincount(grades.teacher)
    target = grades.grade - (leniency - leniency.mean())[grades.teacher]
    offset, of = np.zeros(count), query[grades.item]
    grid = np.linspace(-4, 6, 401)
    per_query = np.maximum(np.bincount(of, minlength=count), 1)
    for _ in range(rounds):
        at = x[grades.item] + offset[of]
        steps = IsotonicRegression(out_of_bounds="clip").fit(at, target).predict(grid)
        kernel = np.exp(-0.5 * (np.arange(-40, 41) / 12) ** 2)
        smooth = np.convolve(np.pad(steps, 40, mode="edge"), kernel / kernel.sum(), "valid")
        slope = np.maximum(np.gradient(smooth, grid), 0)
        residual = target - np.interp(at, grid, smooth)
        rise = np.interp(at, grid, slope)
        noise = float(residual.var())
        pull = np.bincount(of, rise * (residual + rise * offset[of]), minlength=count) / noise
        weight = np.bincount(of, rise**2, minlength=count) / noise
        # variance of offsets by moments: of the queries' mean residuals
        drift = np.bincount(of, residual + rise * offset[of], minlength=count) / per_query
        steep = max(float(rise.mean()), 1e-3)
        spread = max(float(drift.var()) - noise / float(per_query.mean()), 1e-4) / steep**2
        offset = 0.5 * offset + 0.5 * pull / (weight + 1 / spread)
    return np.clip(np.interp(x + offset[query], grid, smooth), 0, 1)


def pointwise(grades: Grades) -> Floats:
    """Mean grade of each memory, leniency of teachers removed, shrunk to its query's mean.

    The shrinkage is the best linear one for the variances within and between memories.
    """
    items, n = grades.items, len(grades.items.memories)
    query, count = items.query, len(items.queries)
    leniency = np.bincount(grades.teacher, grades.grade) / np.bincount(grades.teacher)
    value = grades.grade - (leniency - leniency.mean())[grades.teacher]
    times = np.bincount(grades.item, minlength=n)
    mean = np.bincount(grades.item, value, minlength=n) / np.maximum(times, 1)
    centre = summed(query, mean * times, count)
    centre = centre / np.maximum(np.bincount(query, times, minlength=count), 1)
    noise = float(((value - mean[grades.item]) ** 2).sum() / max(1, (times - 1).clip(0).sum()))
    seen = times > 0
    between = float(((mean - centre[query]) ** 2)[seen].mean() - (noise / times[seen]).mean())
    between = max(between, 1e-3)
    share = between / (between + noise / np.maximum(times, 1)) * seen
    return np.clip(centre[query] + share * (mean - centre[query]), 0, 1)


# --- measures ------------------------------------------------------------------------------------


def measures(labels: Floats, world: World, rng: np.random.Generator) -> dict[str, float]:
    """Every measure of the module's docstring."""
    items, truth = world.items, world.truth
    taus, orders, raw, ceiling = [], [], [], []
    for q in range(len(items.queries)):
        mine = slice(items.start[q], items.start[q + 1])
        said, is_ = labels[mine], levels(truth[mine] + 1e-9)
        if len(np.unique(is_)) < 2:
            continue
        tau = kendalltau(levels(said), is_).statistic
        taus.append(0.0 if np.isnan(tau) else float(tau))  # all labels on one level: no order
        i, j = np.triu_indices(len(is_), 1)
        untied = is_[i] != is_[j]
        agree = np.sign(said[i] - said[j]) * np.sign(is_[i] - is_[j])
        orders.append(float(agree[untied].mean()))
        raw.append(float(np.nan_to_num(kendalltau(said, is_).statistic)))
        ceiling.append(float(np.sqrt(untied.mean())))
    count = len(items.queries)
    error = labels - truth
    bias = np.bincount(items.query, error, minlength=count) / items.sizes
    i, j = rng.integers(0, len(truth), (2, 40_000))
    other = (items.query[i] != items.query[j]) & (truth[i] != truth[j])
    agree = np.sign(labels[i] - labels[j]) * np.sign(truth[i] - truth[j])
    top, best = np.zeros(count), np.zeros(count)
    np.maximum.at(top, items.query, labels)
    np.maximum.at(best, items.query, truth)
    none = best < RELEVANT
    return {
        "error": float(np.abs(error).mean()),
        "ece": calibration_error(labels, truth),
        "brier": float((error**2).mean()),
        "tau": float(np.mean(taus)),
        "tau_order": float(np.mean(orders)),
        "tau_raw": float(np.mean(raw)),
        "tau_raw_ceiling": float(np.mean(ceiling)),
        "cross_query": float((1 - agree[other]).mean() / 2),
        "query_bias": float(np.sqrt((bias**2).mean())),
        "no_answer": float((top[none] >= RELEVANT).mean()) if none.any() else float("nan"),
        "no_answer_sure": float((top[none] >= 0.8).mean()) if none.any() else float("nan"),
    }


# --- one run -------------------------------------------------------------------------------------

METHODS = (
    "this fit",
    "this fit, two rounds",
    "this fit, teachers taken as alike",
    "plain Bradley-Terry",
    "majority vote",
    "online Elo",
    "single best teacher",
    "pointwise grading",
)


def first_round(
    items: Items, names: Sequence[str], comparisons: int, seed: int
) -> list[Comparison]:
    """The schedule of k comparisons a memory; k = 2 has one order only, the rest both."""
    both = comparisons > 2
    cycles = comparisons // (4 if both else 2)
    return schedule(items, names, cycles=cycles, both_orders=both, seed=seed)


def run(
    comparisons: int,
    teachers: Sequence[SimulatedTeacher],
    *,
    queries: int,
    seed: int,
    methods: Sequence[str] = METHODS,
) -> dict[str, dict[str, float]]:
    """All methods in one simulated world; measures by method."""
    rng = np.random.default_rng([seed, comparisons])
    world = make_world(queries, np.random.default_rng(seed))
    asked = Asked.of(world, teachers, np.random.default_rng([seed, 1]))
    items, names = world.items, [teacher.name for teacher in teachers]
    index = items.index()
    verdicts = asked.verdicts(first_round(items, names, comparisons, seed), rng)
    alike = fit(verdicts, estimate_teachers=False, prior_sd=1.5)
    chosen = np.array([index[pair] for pair in to_grade(items, alike.utilities, per_query=GRADED)])
    count = len(teachers)
    anchors = asked.grades(np.repeat(chosen, count), np.tile(np.arange(count), len(chosen)), rng)

    def ours() -> Floats:
        return label(fit(verdicts), anchors).labels

    def two_rounds() -> Floats:
        if comparisons < 8:
            return ours()
        start = asked.verdicts(first_round(items, names, comparisons // 2, seed), rng)
        begun = fit(start)
        more = second_round(
            begun,
            label(begun, anchors).standard_errors,
            names,
            budget=len(verdicts) - len(start),
        )
        return label(fit(_joined(start, asked.verdicts(more, rng))), anchors).labels

    def taken_as_alike() -> Floats:
        return label(alike, anchors).labels

    def single_best() -> Floats:
        best = min(range(count), key=lambda t: teachers[t].noise)
        calls = [
            replace(c, teacher=names[best]) for c in first_round(items, names, comparisons, seed)
        ]
        fitted: Fit = fit(asked.verdicts(calls, rng))
        # the same number of grades, all by the one teacher
        repeated = np.repeat(chosen, count)
        return label(fitted, asked.grades(repeated, np.full(len(repeated), best), rng)).labels

    def graded_only() -> Floats:
        # one call a comparison, dealt evenly to memories and teachers, and the anchors' grades
        calls = len(verdicts)
        item = np.resize(np.arange(len(items.memories)), calls)
        lap = np.arange(calls) // len(items.memories)
        more = asked.grades(item, (item + lap) % count, rng)
        return pointwise(
            Grades(
                items,
                anchors.teachers,
                np.concatenate([anchors.item, more.item]),
                np.concatenate([anchors.teacher, more.teacher]),
                np.concatenate([anchors.grade, more.grade]),
            )
        )

    found: dict[str, Callable[[], Floats]] = {
        "this fit": ours,
        "this fit, two rounds": two_rounds,
        "this fit, teachers taken as alike": taken_as_alike,
        "plain Bradley-Terry": lambda: scores_to_labels(alike.utilities, anchors),
        "majority vote": lambda: scores_to_labels(win_rate(verdicts), anchors),
        "online Elo": lambda: scores_to_labels(elo(verdicts, rng), anchors),
        "single best teacher": single_best,
        "pointwise grading": graded_only,
    }
    return {
        name: measures(found[name](), world, np.random.default_rng([seed, 2])) for name in methods
    }


# --- many runs -----------------------------------------------------------------------------------

SCENARIOS: dict[str, tuple[SimulatedTeacher, ...]] = {
    "half the noise": louder(ENSEMBLE, 0.5),
    "1.5 times the noise": louder(ENSEMBLE, 1.5),
    "twice the noise": louder(ENSEMBLE, 2.0),
    "no biases, noise only": tuple(
        replace(t, position_bias=0, length_bias=0, blind_spots={}, leniency=0, query_leniency=0)
        for t in ENSEMBLE
    ),
    "yes-or-no verdicts": tuple(replace(t, yes_or_no=True) for t in ENSEMBLE),
    "all lenient by 0.1": tuple(replace(t, leniency=t.leniency + 0.1) for t in ENSEMBLE),
    "all blind to the same": tuple(
        replace(t, blind_spots=ENSEMBLE[0].blind_spots) for t in ENSEMBLE
    ),
    "the best teacher sees all": (replace(ENSEMBLE[0], blind_spots={}), *ENSEMBLE[1:]),
}
"""What else could be so, at 8 comparisons a memory; where the claim may break."""

RIVALS = METHODS[3:]
OURS = "this fit"
SHOWN = ("ece", "tau_order", "tau", "brier", "error", "cross_query", "no_answer_sure")


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean over seeds and half the width of its 95 % interval (Student's t)."""
    each = np.asarray(values, dtype=float)
    if len(each) < 2:
        return float(each.mean()), float("nan")
    half = student.ppf(0.975, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each))
    return float(each.mean()), float(half)


Runs = dict[str, dict[str, list[float]]]
"""method -> measure -> one value a seed."""


def runs(
    comparisons: int,
    teachers: Sequence[SimulatedTeacher],
    seeds: Sequence[int],
    queries: int,
    methods: Sequence[str] = METHODS,
) -> Runs:
    """:func:`run` for each seed."""
    found: Runs = {name: {} for name in methods}
    for seed in seeds:
        once = run(comparisons, teachers, queries=queries, seed=seed, methods=methods)
        for name, values in once.items():
            for measure, value in values.items():
                found[name].setdefault(measure, []).append(value)
    return found


def claim(found: Runs, tau: str) -> dict[str, Any]:
    """Whether the claim holds: ECE <= .05 and tau >= .90, and better than each baseline on both.

    "Better" = the 95 % interval of the paired difference over seeds leaves 0 out.
    """
    ece, order = interval(found[OURS]["ece"])[0], interval(found[OURS][tau])[0]
    against = {}
    for rival in RIVALS:
        gaps = {}
        for measure, sign in (("ece", 1.0), (tau, -1.0)):
            gap = sign * (np.array(found[rival][measure]) - np.array(found[OURS][measure]))
            mean, half = interval(gap.tolist())
            gaps[measure] = {"better_by": mean, "half_width": half, "better": mean - half > 0}
        against[rival] = gaps
    better = all(gap["better"] for gaps in against.values() for gap in gaps.values())
    return {
        "tau_is": tau,
        "ece": ece,
        "tau": order,
        "ece_holds": ece <= 0.05,
        "tau_holds": order >= 0.90,
        "beats_every_baseline_on_both": better,
        "holds": ece <= 0.05 and order >= 0.90 and better,
        "against": against,
    }


def _row(name: str, values: dict[str, list[float]]) -> str:
    cells = []
    for measure in SHOWN:
        mean, half = interval(values[measure])
        cells.append(f"{mean:.3f} ± {half:.3f}")
    return f"| {name} | " + " | ".join(cells) + " |"


def table(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    head = "| method | " + " | ".join(SHOWN) + " |\n" + "|---" * (len(SHOWN) + 1) + "|"
    seeds, queries = result["seeds"], result["queries"]
    lines = [
        "# Simulated teachers: what the fit recovers",
        "",
        f"Simulated teachers, simulated worlds; {len(seeds)} seeds (from {seeds[0]}), {queries} "
        "queries each, mean ± half of the 95 % interval over seeds. Lower is better but for tau.",
        "tau_order: pairs whose truth differs; tau: tau-b on the five levels; see the docstring of",
        "labkit/teachers/evidence.py for each measure and for the noise and biases.",
    ]
    for comparisons, found in result["comparisons"].items():
        lines += ["", f"## {comparisons} comparisons a memory", "", head]
        lines += [_row(name, values) for name, values in found.items()]
    lines += ["", "## The claim, at 8 comparisons a memory", ""]
    lines += [
        "| scenario | tau is | ECE | tau | ECE <= .05 | tau >= .90 | not shown to be better than |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, both in result["claims"].items():
        for each in both:
            short = {"ece": "ECE"}
            lost = []
            for rival, gaps in each["against"].items():
                level = [short.get(m, "tau") for m, gap in gaps.items() if not gap["better"]]
                if level:
                    lost.append(f"{rival} ({', '.join(level)})")
            lines.append(
                f"| {name} | {each['tau_is']} | {each['ece']:.3f} | {each['tau']:.3f} | "
                f"{'yes' if each['ece_holds'] else 'NO'} | {'yes' if each['tau_holds'] else 'NO'} "
                f"| {', '.join(lost) or 'none'} |"
            )
    for name, found in result["scenarios"].items():
        lines += ["", f"## {name}, 8 comparisons a memory", "", head]
        lines += [_row(method, values) for method, values in found.items()]
    return "\n".join(lines) + "\n"


_COLOURS = dict(
    zip(
        METHODS,
        ("#0b5fa5", "#5aa2d6", "#9cc4e0", "#7a7a7a", "#b2762e", "#8c564b", "#3c8d5a", "#a04a7f"),
        strict=True,
    )
)


def figure(result: dict[str, Any]) -> Any:
    """A Plotly figure: ECE and tau against comparisons a memory, one line a method."""
    from plotly.subplots import make_subplots

    drawn = make_subplots(
        rows=1, cols=2, subplot_titles=("ECE of the label", "tau over pairs that differ")
    )
    for name in METHODS:
        for column, measure in enumerate(("ece", "tau_order"), 1):
            points = [interval(each[name][measure]) for each in result["comparisons"].values()]
            drawn.add_scatter(
                x=[int(k) for k in result["comparisons"]],
                y=[round(mean, 4) for mean, _ in points],
                error_y={"array": [round(half, 4) for _, half in points], "thickness": 1},
                name=name,
                legendgroup=name,
                showlegend=column == 1,
                mode="lines+markers",
                line={"color": _COLOURS[name], "width": 3 if name == OURS else 1.5},
                row=1,
                col=column,
            )
    for column, target in ((1, 0.05), (2, 0.9)):
        # simple_white draws shapes without a line, and at a third of their colour.
        line = {"color": "#666", "dash": "dot", "width": 1.5}
        drawn.add_hline(y=target, line=line, opacity=1, row=1, col=column)
    drawn.update_xaxes(type="log", tickvals=list(COMPARISONS), title="comparisons a memory")
    drawn.update_layout(
        title="Simulated teachers: label calibration and order, by method (dotted: the claim)",
        template="simple_white",
        legend={"orientation": "h", "y": -0.25},
    )
    return drawn


def evidence(
    seeds: Sequence[int],
    queries: int,
    *,
    comparisons: Sequence[int] = COMPARISONS,
    scenarios: bool = True,
) -> dict[str, Any]:
    """Everything that the command writes, as JSON; the claim is of 8 comparisons a memory."""
    started = time.perf_counter()
    compared = {str(k): runs(k, ENSEMBLE, seeds, queries) for k in sorted({*comparisons, 8})}
    others = {}
    if scenarios:
        methods = (OURS, *RIVALS)
        others = {
            name: runs(8, teachers, seeds, queries, methods) for name, teachers in SCENARIOS.items()
        }
    claims = {
        name: [claim(found, tau) for tau in ("tau_order", "tau")]
        for name, found in {"the three teachers": compared["8"], **others}.items()
    }
    return {
        "teachers": [asdict(teacher) for teacher in ENSEMBLE],
        "teachers_are": "simulated",
        "seeds": list(seeds),
        "queries": queries,
        "graded_memories_a_query": GRADED,
        "comparisons": compared,
        "scenarios": others,
        "claims": claims,
        "seconds": round(time.perf_counter() - started, 1),
    }


def write(result: dict[str, Any], out: Path) -> None:
    """evidence.json, evidence.md, and the figure as a Plotly spec and a page."""
    out.mkdir(parents=True, exist_ok=True)
    drawn = figure(result)
    texts = {
        "evidence.json": json.dumps(result, indent=1),
        "evidence.md": table(result),
        "evidence.figure.json": drawn.to_json(),
        # the page takes Plotly from its CDN; the spec draws without a network in the lab
        "evidence.html": drawn.to_html(include_plotlyjs="cdn"),
    }
    for name, text in texts.items():
        partial = out / f".{name}.partial"
        partial.write_text(text, encoding="utf-8")
        partial.replace(out / name)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m labkit.teachers.evidence",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=10, help="how many worlds (default 10)")
    parser.add_argument("--first-seed", type=int, default=0, help="the first seed (default 0)")
    parser.add_argument("--queries", type=int, default=100, help="in each world (default 100)")
    parser.add_argument(
        "--comparisons",
        type=int,
        nargs="+",
        choices=COMPARISONS,
        default=COMPARISONS,
        help="a memory; 8 always among them (default 2 4 8 16)",
    )
    parser.add_argument("--no-scenarios", action="store_true", help="only the three teachers")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    given = parser.parse_args(arguments)
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    result = evidence(
        seeds,
        given.queries,
        comparisons=given.comparisons,
        scenarios=not given.no_scenarios,
    )
    write(result, given.out)
    print("## The claim" + table(result).split("## The claim")[1].split("\n## ")[0])
    print(f"{result['seconds']} s; written to {given.out}")


if __name__ == "__main__":
    main()
