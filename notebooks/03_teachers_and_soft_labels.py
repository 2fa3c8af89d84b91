# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3. Teachers and soft labels
#
# A teacher is a large model that is asked: *which of these two memories answers the question
# better?* Comparing two is easier than grading one, for models as for people. But teachers have
# habits, and they contradict themselves. After this notebook you can
#
# * measure a teacher's position bias and count its circles,
# * turn many noisy comparisons into one order by a fit of a dozen lines (Bradley and Terry 1952),
# * put these orders on one scale from 0 to 1 that means the same on every question, and check it.
#
# **The teachers here are simulated.** They know the true label and get it wrong in known ways, so
# that we can see what the fit recovers. Nothing below says how good any real model is; for that,
# `labkit label FILE --teacher openai:NAME` asks real ones and its `summary.json` shows the same
# measures.

# %%
from __future__ import annotations

import os
from itertools import combinations

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
from IPython.display import Markdown, display
from scipy.optimize import minimize
from scipy.special import expit

from labkit.evaluation.report import grid
from labkit.records import RELEVANT
from labkit.sources.lives import read_lives, split_of
from labkit.students.load import assets_path
from labkit.teachers.evidence import ENSEMBLE
from labkit.teachers.fit import fit
from labkit.teachers.labels import label
from labkit.teachers.schedule import schedule, to_grade
from labkit.teachers.summary import against_gold, calibration_error, pairs_of, triads
from labkit.teachers.verdicts import Grade, Grades, Items, Verdict, Verdicts

FAST = os.environ.get("LABKIT_FAST") == "1"
pio.renderers.default, pio.templates.default = "plotly_mimetype", "plotly_white"
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"


def say(text: str) -> None:
    """Show a sentence whose numbers were computed just now."""
    display(Markdown(text))


# %% [markdown]
# ## Questions whose labels we know
#
# Questions of the authored lives, twelve memories each: those that matter and some that do not.

# %%
rng = np.random.default_rng(0)
lives = [one for one in read_lives(assets_path() / "lives") if split_of(one.id) == "dev"]
examples = [example for one in lives[: 5 if FAST else 14] for example in one.examples]
chosen: dict[str, list[str]] = {}
truths, sizes, kinds = [], [], {}
for example in examples:
    marked = sorted(example.labels.keys() | example.negative_kinds.keys())
    others = [memory.id for memory in example.memories if memory.id not in marked]
    ids = (marked + rng.permutation(others).tolist())[:12]
    chosen[example.id] = ids
    text = {memory.id: memory.text for memory in example.memories}
    for id_ in ids:
        if id_ in example.negative_kinds:
            kinds[len(truths)] = example.negative_kinds[id_]
        truths.append(example.label(id_))
        sizes.append(len(text[id_]))
items = Items.of(chosen)
truth, lengths = np.array(truths), np.array(sizes, dtype=float)
say(
    f"{'Fast' if FAST else 'Full'} setting: {len(examples)} questions, {len(truth)} memories to "
    f"label, {int((truth >= RELEVANT).sum())} of them relevant."
)

# %% [markdown]
# ## Three simulated teachers
#
# Each takes a memory for worth its true label, plus something for its length, plus something for a
# kind of hard negative that it is blind to. A verdict adds a liking for the memory shown first, and
# noise. Preferences lie between -1 (the second, by all means) and 1 (the first).

# %%
seen = {t.name: t.perceived(truth, lengths, t.spots(kinds, len(truth))) for t in ENSEMBLE}
index = items.index()


def ask(cycles: int, every_teacher: bool = False) -> list[Verdict]:
    """What the teachers say of a schedule of pairs, each in both orders."""
    calls = schedule(
        items, [t.name for t in ENSEMBLE], cycles=cycles, every_teacher=every_teacher, seed=1
    )
    said = []
    for teacher in ENSEMBLE:
        mine = [call for call in calls if call.teacher == teacher.name]
        worth = seen[teacher.name]
        first = np.array([index[call.query, call.first] for call in mine])
        second = np.array([index[call.query, call.second] for call in mine])
        heard = teacher.preferences(worth[first], worth[second], rng)
        for call, preference in zip(mine, heard.tolist(), strict=True):
            kind = "ok" if preference else "tied"
            pair = call.query, call.first, call.second
            said.append(Verdict(*pair, call.teacher, preference, kind))
    return said


verdicts = Verdicts.of(ask(cycles=2), items)
say(
    f"{len(verdicts)} comparisons in all, {2 * len(verdicts) / len(truth):.0f} a memory. The pairs "
    "form a connected graph: every memory meets four others, each in both orders."
)

# %% [markdown]
# ## Position bias
#
# Ask for (A, B) and for (B, A). A teacher without a habit gives opposite answers, and their sum is
# nothing. What is left over when the memories change places is habit and noise; the mean over many
# pairs is the habit.

# %%
asked_twice = Verdicts.of(ask(cycles=2, every_teacher=True), items)
twice = {name: pairs_of(asked_twice, t) for t, name in enumerate(asked_twice.teachers)}
habits = {name: float(np.nanmean(pairs.habit)) for name, pairs in twice.items()}
figure = go.Figure()
for name, pairs in twice.items():
    grouped = np.round(pairs.habit[pairs.both], 1)
    values, counts = np.unique(grouped, return_counts=True)
    figure.add_scatter(x=values, y=counts / counts.sum(), name=name, mode="lines+markers")
figure.add_vline(x=0, line={"dash": "dot", "color": "#333"})
figure.update_layout(
    title="What is left of a preference when the two memories change places",
    xaxis_title="preference for the first place",
    yaxis_title="share of pairs",
    legend={"orientation": "h", "y": -0.25},
)
figure.show()
rows = [
    (
        teacher.name,
        f"{teacher.position_bias:+.2f}",
        f"{habits[teacher.name]:+.3f}",
        f"{twice[teacher.name].against.mean():.1%}",
    )
    for teacher in ENSEMBLE
]
say(
    grid(
        ("teacher", "bias built in (label units)", "habit measured", "contradicts itself"), rows
    ).markdown()
)

# %% [markdown]
# ## Circles
#
# A beats B, B beats C, C beats A: no order can please such a teacher. Counted by hand, three
# memories at a time:

# %%


def circles_by_hand(better: set[tuple[int, int]]) -> tuple[int, int]:
    """Triads in which all three pairs were decided, and how many go in a circle."""
    nodes = sorted({i for pair in better for i in pair})
    beside = {i: {j for pair in better if i in pair for j in pair if j != i} for i in nodes}
    complete = circles = 0
    for i in nodes:
        for j, k in combinations(sorted(n for n in beside[i] if n > i), 2):
            if k in beside[j]:
                complete += 1
                wins = [sum((a, b) in better for b in (i, j, k)) for a in (i, j, k)]
                circles += wins == [1, 1, 1]
    return complete, circles


rows = []
for name, pairs in twice.items():
    decided = pairs.preference != 0
    better = {
        (int(low), int(high)) if p > 0 else (int(high), int(low))
        for low, high, p in zip(
            pairs.low[decided], pairs.high[decided], pairs.preference[decided], strict=True
        )
    }
    complete, circles = circles_by_hand(better)
    assert (complete, circles) == triads(pairs, asked_twice)
    rows.append((name, str(complete), str(circles), f"{circles / complete:.1%}"))
say(grid(("teacher", "triads", "circles", "share"), rows).markdown())

# %% [markdown]
# ## The fit
#
# Bradley and Terry's model: every memory has a utility $u$, and
#
# $$P(i \text{ preferred to } j) = \frac{1}{1 + e^{-(u_i - u_j)}}$$
#
# A preference $p$ counts as the outcome $(p + 1) / 2$. We look for the utilities that make the
# outcomes most likely; a normal prior keeps them finite. That is all:

# %%


def bradley_terry(verdicts: Verdicts, prior_sd: float = 1.0) -> np.ndarray:
    """Utilities of greatest posterior density."""
    i, j, outcome = verdicts.first, verdicts.second, verdicts.outcome
    n = len(verdicts.items.memories)

    def loss(u: np.ndarray) -> tuple[float, np.ndarray]:
        s = u[i] - u[j]
        value = (np.logaddexp(0, s) - outcome * s).sum() + (u**2).sum() / (2 * prior_sd**2)
        slope = expit(s) - outcome
        gradient = np.bincount(i, slope, n) - np.bincount(j, slope, n) + u / prior_sd**2
        return float(value), gradient

    return minimize(loss, np.zeros(n), jac=True, method="L-BFGS-B", tol=1e-12).x


mine = bradley_terry(verdicts)
plain = fit(verdicts, estimate_teachers=False, graded=False)
assert np.abs(mine - plain.utilities).max() < 1e-3

# %% [markdown]
# ## Teachers differ
#
# labkit's fit has more numbers for each teacher: how steeply its verdicts follow the utilities
# (*reliability*), its habit (*position bias*) and how far it scatters (*dispersion*), found by EM
# beside the utilities:
#
# $$P(i \text{ preferred to } j) = \sigma(a_t (u_i - u_j) + b_t)$$

# %%
fitted = fit(verdicts)
known = {t.name: t for t in ENSEMBLE}
rows = [
    (
        name,
        f"{known[name].noise:.2f}",
        f"{fitted.teachers.reliability[t]:.2f} ± {fitted.reliability_errors[t]:.2f}",
        f"{fitted.teachers.dispersion[t]:.2f}",
        f"{known[name].position_bias:+.2f}",
        f"{fitted.teachers.position_bias[t]:+.2f} ± {fitted.position_bias_errors[t]:.2f}",
    )
    for t, name in enumerate(verdicts.teachers)
]
head = ("teacher", "noise built in", "steepness", "spread", "bias built in", "bias found")
say(
    grid(head, rows).markdown()
    + "\n\nBuilt in and found are in different units; compare signs and order. *Steepness* is how "
    "strongly a teacher words a difference, *spread* how far its verdicts scatter around what its "
    "steepness says (1 would be coin flips)."
)

# %% [markdown]
# Whose order is best? Of all pairs of one question whose true labels differ: the share that is
# ordered rightly.

# %%


def in_order(scores: np.ndarray) -> float:
    """Share of pairs with different truth that the scores order alike, mean over questions."""
    return against_gold(np.clip(scores, 0, 1), truth, items.query)["in_order"]


def squashed(utilities: np.ndarray) -> np.ndarray:
    """Utilities into [0, 1], order kept."""
    return expit(utilities)


alone = {
    name: in_order(squashed(bradley_terry(verdicts.chosen(verdicts.teacher == t))))
    for t, name in enumerate(verdicts.teachers)
}
orders = {
    **{f"{name} alone": value for name, value in alone.items()},
    "all, plain Bradley-Terry": in_order(squashed(mine)),
    "all, teachers estimated": in_order(squashed(fitted.utilities)),
}
figure = go.Figure(go.Bar(x=list(orders.values()), y=list(orders), orientation="h"))
figure.update_layout(
    title="Pairs in the right order", xaxis={"range": [0.5, 1]}, margin={"l": 190, "t": 50}
)
figure.show()
say("; ".join(f"{name} {value:.3f}" for name, value in orders.items()) + ".")

# %% [markdown]
# ## From an order to a label
#
# Comparisons within a question say which memory is best. They cannot say whether the best is any
# good: a question without an answer looks like one with a perfect answer. So every teacher also
# grades a few memories of each question, from 0 to 1. Grades are noisy and drift from question to
# question, but they share one scale. `label` fits one rising curve from utility to label for all
# questions at once.

# %%
names = list(verdicts.teachers)
graded = to_grade(items, fitted.utilities, per_query=4)
places = np.array([index[pair] for pair in graded])
grades = []
for teacher in ENSEMBLE:
    drift = rng.standard_normal(len(items.queries))[items.query[places]]
    given = teacher.grades(seen[teacher.name][places], drift, rng)
    grades += [
        Grade(query, memory, teacher.name, float(g))
        for (query, memory), g in zip(graded, given, strict=True)
    ]
with_grades = label(fitted, Grades.of(grades, items))
without = label(fitted)
figure = go.Figure()
figure.add_scatter(
    x=with_grades.map.utilities,
    y=with_grades.map.labels,
    mode="lines+markers",
    line={"color": BLUE},
    name="curve from utility to label",
)
figure.update_layout(
    title="One curve for all questions", xaxis_title="utility", yaxis_title="label"
)
figure.show()

# %% [markdown]
# **Are the labels calibrated?** Of the memories labelled about 0.7, is the mean truth about 0.7?

# %%


def bins(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean label and mean truth in ten bins of the label."""
    place = np.minimum((labels * 10).astype(int), 9)
    used = np.unique(place)
    return (
        np.array([labels[place == b].mean() for b in used]),
        np.array([truth[place == b].mean() for b in used]),
    )


variants = {
    "no grades: levels assumed": (without.labels, ORANGE),
    "with grades": (with_grades.labels, BLUE),
}
figure = go.Figure()
figure.add_scatter(x=[0, 1], y=[0, 1], name="ideal", mode="lines", line={"dash": "dot"})
for name, (labels, colour) in variants.items():
    given, came = bins(labels)
    figure.add_scatter(x=given, y=came, name=name, mode="lines+markers", line={"color": colour})
figure.update_layout(
    title="Labels against the truth", xaxis_title="mean label", yaxis_title="mean truth"
)
figure.show()
ece = {name: calibration_error(labels, truth) for name, (labels, _) in variants.items()}
say("Calibration error: " + ", ".join(f"{name} {value:.3f}" for name, value in ece.items()) + ".")

# %% [markdown]
# **Do they know what they do not know?** Each label has a standard error. Where it is large, the
# label should be further from the truth.

# %%
errors = with_grades.standard_errors
wrong = np.abs(with_grades.labels - truth)
quarter = np.digitize(errors, np.quantile(errors, [0.25, 0.5, 0.75]))
by_quarter = [float(wrong[quarter == q].mean()) for q in range(4)]
figure = go.Figure(
    go.Bar(x=["surest quarter", "second", "third", "least sure"], y=by_quarter, marker_color=GREEN)
)
figure.update_layout(title="Mean distance of a label from the truth, by its standard error")
figure.show()
say(
    f"Mean distance from the truth: {by_quarter[0]:.3f} in the surest quarter, {by_quarter[3]:.3f} "
    "in the least sure one. `labkit train` gives sure labels more weight (next notebook)."
)

# %% [markdown]
# ## What is known of real pipelines
#
# MemReranker ([arXiv 2605.06132](https://arxiv.org/abs/2605.06132)) names several LLM teachers
# whose comparisons become five-level scores; its prompts and its map to [0, 1] are not published,
# so labkit's are its own. The schedule of random cycles is zELO's
# ([arXiv 2509.12541](https://arxiv.org/abs/2509.12541)), which also notes that utilities of one
# question sum to 0 and say nothing across questions. What all teachers get wrong alike, no fit can
# see.
#
# ## The claim
#
# From teachers that are biased and contradict themselves, the fit makes labels that order memories
# better than any one of them, and that mean what they say.

# %%
assert orders["all, teachers estimated"] > max(alone.values())
assert orders["all, teachers estimated"] >= orders["all, plain Bradley-Terry"] - 0.005
assert ece["with grades"] < 0.06 and ece["with grades"] < ece["no grades: levels assumed"]
assert by_quarter[3] > by_quarter[0]
hasty = verdicts.teachers.index("simulated:hasty")
assert fitted.teachers.position_bias[hasty] == max(fitted.teachers.position_bias)

# %% [markdown]
# ## Exercise
#
# Make all three teachers lenient alike (`dataclasses.replace(teacher, leniency=0.2)`). Which of the
# figures shows it? None: find out how many gold labels it takes to see it, by comparing mean label
# and mean truth on a random sample.
