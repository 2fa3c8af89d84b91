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
# # 7. Benchmarks and rivals
#
# "My reranker is better" is a claim about data, candidates, measures and chance. After this
# notebook you can
#
# * put rankers into one table that compares like with like,
# * add a rival of your own in a dozen lines,
# * tell a difference from luck: intervals, a randomisation test, a correction for many looks,
# * see what a ranker makes of the dialogue, by taking it away.

# %%
from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
from IPython.display import Markdown, display

from labkit.evaluation.benchmarks import BENCHMARKS, Asked, read_benchmark
from labkit.evaluation.measures import parse_measure, ranking_value
from labkit.evaluation.report import grid, kind_table, main_table, tables_of
from labkit.evaluation.results import Row
from labkit.evaluation.rivals import Outcome, Question, Student
from labkit.evaluation.run import Plan, evaluate
from labkit.evaluation.significance import holm, randomisation_test
from labkit.records import RELEVANT, parse_time
from labkit.retrieval.first_stage import FirstStage
from labkit.scoring.reranker import Reranker

FAST = os.environ.get("LABKIT_FAST") == "1"
pio.renderers.default, pio.templates.default = "plotly_mimetype", "plotly_white"


def say(text: str) -> None:
    """Show a sentence whose numbers were computed just now."""
    display(Markdown(text))


# %% [markdown]
# ## A benchmark is a protocol
#
# A number means something only with: what is asked, what the candidates are, what counts as
# relevant. Two papers that report "LoCoMo" may have ranked turns or extracted memories, of one
# session or of all; their numbers cannot be compared. labkit's protocols say it:

# %%
say(
    grid(
        ("name", "candidates", "relevant"),
        [(b.name, b.candidates, b.relevant) for b in BENCHMARKS.values()],
    ).markdown()
)

# %% [markdown]
# Three of them come with labkit. Here are two: the authored lives (their test split) and the hard
# cases, nine kinds in which words and meaning part.

# %%
whole = read_benchmark(BENCHMARKS["lives"], "test", None)
benchmarks = [
    replace(whole, dialogues=whole.dialogues[:3]) if FAST else whole,
    read_benchmark(BENCHMARKS["hardcases"], "all", None, limit=20 if FAST else None, seed=1),
]
say(
    f"{'Fast' if FAST else 'Full'} setting: "
    + "; ".join(f"{asked.title}, {asked.queries} questions" for asked in benchmarks)
    + "."
)

# %% [markdown]
# ## Rivals
#
# Everybody gets the same candidates in the same order, from the same first stage. A rival says in
# which order it would put them. That is the whole interface, so let us write one: *newest first
# among what is alike*. It takes the candidates' order and lifts recent memories.

# %%


class Recency:
    """Adds a point for every year that a memory is younger, to the reciprocal of its rank."""

    name = "recency"

    def identity(self) -> dict[str, Any]:
        """All that the order depends on."""
        return {"family": "rule", "source": self.name, "weight": 0.02}

    def rank(self, questions: Sequence[Question], done: Callable[[int, Outcome], None]) -> None:
        """Order the candidates of every question."""
        for number, (_, memories) in enumerate(questions):
            years = np.array([parse_time(m.time).year if m.time else 0 for m in memories])
            worth = 1 / (60 + np.arange(len(memories))) + 0.02 * (years - years.max(initial=0))
            done(number, Outcome(tuple(np.argsort(-worth, kind="stable").tolist())))


CANDIDATES = 8 if FAST else 50
rivals = [
    Student(Reranker.load("minilm-cosine"), "minilm-cosine"),
    Student(Reranker.load("mini"), "mini"),
    Recency(),
]


def rows_of(asked: Asked) -> list[Row]:
    """First stages and rivals on one benchmark."""
    plan = Plan(methods=("fused", "bm25", "dense"), rivals=rivals, candidates=CANDIDATES)
    return evaluate(asked, plan)


results = {asked.title: rows_of(asked) for asked in benchmarks}

# %% [markdown]
# ## Measures
#
# *MAP* was in notebook 1. *nDCG* counts graded labels, less the lower they stand. And two that are
# easily mixed up: `R_any@5`, is *any* needed memory among the first five, and `R_all@5`, are *all*
# of them. A reranker can raise the first and lower the second, by filling the top with neighbours
# of one piece of evidence. Written out:

# %%


def ndcg(labels: np.ndarray, every: np.ndarray, k: int) -> float:
    """Discounted gain over the best that is possible."""

    def gain(ranked: np.ndarray) -> float:
        return sum(label / np.log2(rank + 2) for rank, label in enumerate(ranked[:k]))

    return float(gain(labels) / gain(np.sort(every)[::-1]))


for rows in results.values():
    for query in rows[0].queries:
        judged = query.judged()
        if judged.relevant:
            found = int((judged.labels[:5] >= RELEVANT).sum())
            assert ranking_value(parse_measure("R_any@5"), judged) == float(found > 0)
            complete = float(found == judged.relevant)
            assert ranking_value(parse_measure("R_all@5"), judged) == complete
            ours = ndcg(judged.labels, judged.every, 10)
            assert abs(ranking_value(parse_measure("nDCG@10"), judged) - ours) < 1e-12

MEASURES = ("MAP", "nDCG@10", "R_any@5", "R_all@5")
tables = {title: tables_of(rows, MEASURES)[0] for title, rows in results.items()}
for title, table in tables.items():
    say(f"**{title}**\n\n{main_table(table, MEASURES).markdown()}")

# %% [markdown]
# The brackets are 95 % intervals over resampled questions; a star marks a difference from the first
# row beyond chance, corrected for the number of rows (below). As a picture:

# %%
figure = go.Figure()
for title, table in tables.items():
    numbers = [summary.overall["MAP"] for summary in table.summaries]
    figure.add_scatter(
        y=[summary.name for summary in table.summaries],
        x=[number.value for number in numbers],
        error_x={
            "array": [number.interval[1] - number.value for number in numbers],
            "arrayminus": [number.value - number.interval[0] for number in numbers],
        },
        mode="markers",
        name=title,
    )
figure.update_layout(
    title="MAP with 95 % intervals",
    xaxis={"range": [0, 1]},
    yaxis={"autorange": "reversed"},
    margin={"l": 170, "t": 50},
    legend={"orientation": "h", "y": -0.15},
)
figure.show()

# %% [markdown]
# ## By kind
#
# A mean hides where the gain is. MAP by kind of question, with how many there are: with so few of a
# kind, look and do not conclude.

# %%
for title, table in tables.items():
    say(f"**{title}**\n\n{kind_table(table, 'MAP').markdown()}")

# %% [markdown]
# ## Difference or luck?
#
# Two rankers, the same questions. If it did not matter which of the two a value came from, we could
# swap them in any question, and the difference in means would be one of many that chance makes. So
# swap at random, often, and count how often the difference is at least as large as the real one
# (Fisher; Smucker, Allan and Carterette 2007):

# %%


def p_value(first: np.ndarray, second: np.ndarray, flips: int = 10_000, seed: int = 0) -> float:
    """Share of random swaps with at least the real difference."""
    difference = second - first
    signs = np.random.default_rng(seed).choice([-1, 1], (flips, len(difference)))
    as_far = (np.abs(signs @ difference) >= abs(difference.sum()) - 1e-12).sum()
    return float((as_far + 1) / (flips + 1))


def values(row: Row) -> np.ndarray:
    """Average precision of every question that has an answer."""
    judged = [query.judged() for query in row.queries]
    return np.array([ranking_value(parse_measure("MAP"), one) for one in judged if one.relevant])


lives_rows = results[benchmarks[0].title]
baseline = values(lives_rows[0])
mini = values(next(row for row in lives_rows if row.name.endswith("> mini")))
ours, theirs = p_value(baseline, mini), randomisation_test(baseline, mini)
assert abs(ours - theirs) < 0.02
say(
    f"mini against the first stage on {benchmarks[0].title}: MAP {mini.mean():.3f} and "
    f"{baseline.mean():.3f}, p = {theirs:.3f} over {len(mini)} questions."
)

# %% [markdown]
# Look at twenty rivals and one will shine by luck. Holm's correction (1979) raises each p-value by
# how many are looked at together: the smallest times n, the next times n - 1, and so on.

# %%


def corrected(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction."""
    order = np.argsort(p_values)
    raised = np.asarray(p_values)[order] * np.arange(len(p_values), 0, -1)
    result = np.empty(len(p_values))
    result[order] = np.minimum(1, np.maximum.accumulate(raised))
    return result.tolist()


tested = [randomisation_test(baseline, values(row)) for row in lives_rows[1:]]
assert np.allclose(corrected(tested), holm(tested))
say(
    grid(
        ("against fused", "p", "corrected"),
        [
            (row.name, f"{p:.3f}", f"{q:.3f}")
            for row, p, q in zip(lives_rows[1:], tested, corrected(tested), strict=True)
        ],
    ).markdown()
)

# %% [markdown]
# Does the test cry wolf? Let two rankers be equally good: each question's two values come from one
# bag. A test at 5 % should then find a "difference" in about 5 % of the trials.

# %%
rng = np.random.default_rng(0)
TRIALS = 200 if FAST else 1000
false_alarms = []
for _ in range(TRIALS):
    bag = rng.permutation(np.concatenate([baseline, mini]))
    one, two = bag[: len(mini)], bag[len(mini) :]
    false_alarms.append(randomisation_test(one, two, flips=400) < 0.05)
alarm = float(np.mean(false_alarms))
say(f"False alarms: {alarm:.1%} of {TRIALS} trials.")

# %% [markdown]
# ## What does it make of the dialogue?
#
# Take the context away and rank again. A reranker that uses it should get worse.

# %%
asked_with = {"kinds": {"coreference"}, "limit": 12 if FAST else None}
with_context = read_benchmark(BENCHMARKS["lives"], "test", None, **asked_with)
few = Plan(methods=("bm25",), rivals=rivals[1:2], withheld=("context",), candidates=CANDIDATES)
rows = evaluate(with_context, few)
say(
    f"{with_context.queries} coreference questions of the test lives:\n\n"
    + main_table(tables_of(rows, ("MAP", "R_all@5"))[0], ("MAP", "R_all@5")).markdown()
)

# %% [markdown]
# ## Language models, hub models, your own data
#
#     labkit eval mine.jsonl --model mini --model BAAI/bge-reranker-v2-m3 --out runs/mine
#     labkit eval mine.jsonl --model openai:NAME,mode=listwise,prices=0.15/0.6 --out runs/mine
#     labkit report runs/mine --html page.html
#
# The command line adds calibration, abstention, tokens, cost and time to the table. A run that is
# stopped goes on from where it was.
#
# ## The claim
#
# All rerankers had the same candidates, so none can have found what the first stage lost; a ranker
# that shuffles is told from the first stage; and the test raises false alarms about as often as it
# says.

# %%
for rows in results.values():
    among = parse_measure(f"R@{CANDIDATES}")
    reranked = [row for row in rows if row.name == "fused" or ">" in row.name]
    recalls = [[ranking_value(among, q.judged()) for q in row.queries] for row in reranked]
    assert all(np.array_equal(recalls[0], other, equal_nan=True) for other in recalls[1:])


def shuffled_precision(asked: Asked) -> np.ndarray:
    """Average precision of a random order."""
    found = []
    for dialogue in asked.dialogues:
        for example in dialogue.examples:
            if example.relevant:
                hits = rng.permutation([example.label(m.id) >= RELEVANT for m in example.memories])
                ranks = np.flatnonzero(hits) + 1
                found.append((np.arange(1, len(ranks) + 1) / ranks).mean())
    return np.array(found)


chance = shuffled_precision(benchmarks[0])
assert len(FirstStage(benchmarks[0].dialogues[0].memories).memories) > CANDIDATES
assert randomisation_test(chance, baseline) < 0.01
assert alarm < 0.11

# %% [markdown]
# ## Exercise
#
# Write a rival that first keeps the best eight by the student and then orders these by date, newest
# first. On which kinds does it win? Is the difference beyond chance, after correction for all the
# rivals that you tried before it?
