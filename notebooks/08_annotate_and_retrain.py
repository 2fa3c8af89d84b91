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
# # 8. Annotate and retrain
#
# Labels have holes. The worst is the *false negative*: a memory that answers and is labelled as if
# it did not, so that training punishes the student for being right. After this notebook you can
#
# * find the pairs that people should read, instead of reading all,
# * store judgements so that none is lost, counted twice, or silently changed,
# * measure how far two annotators agree, settle where they do not,
# * export what they said as training data, train on it, and measure what it was worth.
#
# **The annotators here are simulated**: they know the truth and slip now and then. In the app
# (`python app.py`) the same functions stand behind the buttons.

# %%
from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import datasets
import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
from IPython.display import Markdown, display

from labkit.annotation.agreement import adjudicate, annotators_alpha, to_adjudicate
from labkit.annotation.events import LABELS
from labkit.annotation.export import export, read_splits
from labkit.annotation.queue import Plan, build_queue, judge, negatives, standing_of, undo
from labkit.annotation.store import Store
from labkit.evaluation.measures import log_loss
from labkit.evaluation.report import grid
from labkit.records import RELEVANT, Example, write_examples
from labkit.rendering import render_memory
from labkit.retrieval.first_stage import FirstStage
from labkit.scoring import calibration
from labkit.scoring.calibration import probability
from labkit.scoring.reranker import Reranker
from labkit.scoring.scored import ScoredData, ScoredQuery
from labkit.sources.lives import read_lives, split_of
from labkit.students.load import assets_path
from labkit.training.recipe import load_recipe
from labkit.training.run import train

FAST = os.environ.get("LABKIT_FAST") == "1"
pio.renderers.default, pio.templates.default = "plotly_mimetype", "plotly_white"
datasets.disable_progress_bars()
WORK = Path("runs/notebook-08")
shutil.rmtree(WORK, ignore_errors=True)


def say(text: str) -> None:
    """Show a sentence whose numbers were computed just now."""
    display(Markdown(text))


# %% [markdown]
# ## Data with holes
#
# Questions of the dev lives with the candidates of a first stage. We know the labels, so we can
# hide some: about a third of the relevant memories lose theirs. That is what mined data look like.

# %%
rng = np.random.default_rng(0)
lives = [life for life in read_lives(assets_path() / "lives") if split_of(life.id) == "dev"]
lives = lives[:8] if FAST else lives
CANDIDATES = 10 if FAST else 20


def narrowed(example: Example, stage: FirstStage) -> Example:
    """The example with the first stage's candidates, and what is relevant beside them."""
    best = {memory.id for memory in stage.candidates(example.query, CANDIDATES)}
    kept = best | example.relevant
    return replace(
        example,
        memories=tuple(memory for memory in example.memories if memory.id in kept),
        labels={id_: label for id_, label in example.labels.items() if id_ in kept},
        negative_kinds={id_: kind for id_, kind in example.negative_kinds.items() if id_ in kept},
    )


true: dict[str, list[Example]] = {"train": [], "dev": []}
for number, life in enumerate(lives):
    stage = FirstStage(life.memories, "fused")
    split = "train" if number % 4 else "dev"
    true[split] += [narrowed(example, stage) for example in life.examples]

hidden: set[tuple[str, str]] = set()
holed = []
for example in true["train"]:
    gone = {id_ for id_ in sorted(example.relevant) if rng.random() < 0.35}
    hidden |= {(example.id, id_) for id_ in gone}
    labels = {id_: label for id_, label in example.labels.items() if id_ not in gone}
    holed.append(replace(example, labels=labels))
write_examples(WORK / "data" / "train.jsonl", holed)
write_examples(WORK / "data" / "dev.jsonl", true["dev"])
splits = read_splits(WORK / "data")
relevant = sum(len(example.relevant) for example in true["train"])
say(
    f"{'Fast' if FAST else 'Full'} setting: {len(holed)} questions to correct, "
    f"{len(true['dev'])} to check on. {len(hidden)} of {relevant} relevant memories are hidden."
)

# %% [markdown]
# ## What should people read?
#
# Where the student and the label are furthest apart, one of them is wrong. As a rule, in two lines:

# %%
reranker = Reranker.load()
log_odds: dict[tuple[str, str], float] = {}
for examples in (holed, true["dev"]):
    for example in examples:
        scores = reranker.score(example.query, example.memories)
        for memory, score in zip(example.memories, scores.tolist(), strict=True):
            log_odds[example.id, memory.id] = score
probabilities = {pair: float(probability(np.array([score]))[0]) for pair, score in log_odds.items()}

items = negatives(splits["train"], probabilities=probabilities)
furthest = sorted(items, key=lambda item: -abs(item.label - item.probability))[:20]

only = Plan(size=20, overlap=0, shares={"disagreement": 1.0})
assert {i.id for i in build_queue(items, "ana", only).items} == {i.id for i in furthest}

# %% [markdown]
# A queue mixes that rule with others: the student's best above the threshold, those next to it, and
# negatives *at random*. The last are the control: only they say how many false negatives there are
# in all, because the others were sought out. Two annotators share a part, so that agreement can be
# measured.

# %%
TEAM = ("ana", "bo")
plan = Plan(size=90 if FAST else 250, overlap=30 if FAST else 80, team=TEAM, seed=1)
queues = {name: build_queue(items, name, plan) for name in TEAM}
say(
    f"{len(items)} pairs are labelled as not relevant; each annotator reads "
    f"{len(queues['ana'].items)} of them, {plan.overlap} of which both read."
)

# %% [markdown]
# ## Judging
#
# One of five levels, with an id made when the card is shown: sent twice, it counts once. Nothing is
# ever changed; an undo is an event too.

# %%
truth = {(e.id, m.id): e.label(m.id) for e in true["train"] for m in e.memories}
store = Store(WORK / "annotations.sqlite")
for name, queue in queues.items():
    for place, item in enumerate(queue.items):
        level = LABELS.index(truth[item.example.id, item.memory.id])
        if rng.random() < 0.08:  # a slip to a neighbouring level
            level = int(np.clip(level + rng.choice([-1, 1]), 0, 4))
        judge(store, queue, item, id_=f"{name}-{place}", kind="label", level=level)

first = queues["ana"].items[0]
before = len(store.events())
judge(store, queues["ana"], first, id_="ana-0", kind="label", level=store.get("ana-0").level)
assert len(store.events()) == before  # the second click on the same card

last = undo(store, queues["ana"], id_="ana-undo")
assert len(store.events()) == before + 1 and last.item not in standing_of(store, "ana")
_ = judge(store, queues["ana"], queues["ana"].get(last.item), id_="ana-again", level=last.level)

# %% [markdown]
# How good is the rule? Read the pairs in its order, and count the false negatives that turn up.
# Reading at random finds them evenly.

# %%
by_rule = sorted(items, key=lambda item: -abs(item.label - item.probability))
false = [truth[item.example.id, item.memory.id] >= RELEVANT for item in by_rule]
read = list(range(0, len(items) + 1, max(1, len(items) // 20)))
found = [sum(false[:count]) for count in read]
figure = go.Figure()
figure.add_scatter(x=read, y=found, name="where student and label differ", mode="lines+markers")
figure.add_scatter(
    x=[0, len(items)], y=[0, sum(false)], name="at random", mode="lines", line={"dash": "dot"}
)
figure.update_layout(
    title="False negatives found by pairs read",
    xaxis_title="pairs read",
    yaxis_title="false negatives found",
    legend={"orientation": "h", "y": -0.25},
)
figure.show()
fifth = len(items) // 5
early, even = sum(false[:fifth]), sum(false) / 5
say(
    f"The first fifth of the pairs, {fifth} of {len(items)}, holds {early} of the {sum(false)} "
    f"false negatives; at random it would hold {even:.1f}."
)
example_found = next(
    (
        item
        for queue in queues.values()
        for item in queue.items
        if (item.example.id, item.memory.id) in hidden
    ),
    None,
)
if example_found is not None:
    say(
        f"One that was found: **{example_found.example.query.text}**\n\n> "
        f"{render_memory(example_found.memory)}\n\nThe label said {example_found.label:.1f}, the "
        f"student {example_found.probability:.2f}."
    )

# %% [markdown]
# ## Do they agree?
#
# Krippendorff's alpha (ordinal): 1 is full agreement, 0 what chance would give. Where they differ,
# somebody settles it; here somebody who knows.

# %%
alpha = annotators_alpha(store.standing())
differ = to_adjudicate(store.standing())
for place, decision in enumerate(differ):
    level = LABELS.index(truth[decision.query, decision.memory])
    adjudicate(store, decision, id_=f"settled-{place}", annotator="carla", level=level)
say(
    f"alpha = {alpha}, over {alpha.units} pairs that both read. They differed on {len(differ)} "
    f"pairs, all settled since: {len(to_adjudicate(store.standing()))} left."
)

# %% [markdown]
# ## Export
#
# The corrected Examples, with the former labels beside the new ones, the log, and a data card.

# %%
summary = export(store, splits, WORK / "corrected")
say(
    grid(
        ("what", "count"),
        [
            ("labels that people gave", str(summary["labels_replaced"])),
            ("on another level than before", str(summary["changed"])),
            ("false negatives found", str(summary["false_negatives_found"])),
            ("hidden in all", str(len(hidden))),
        ],
    ).markdown()
)
corrected = {e.id: e for e in read_splits(WORK / "corrected")["train"]}

# %% [markdown]
# ## What was it worth?
#
# The quickest part of a student to train again is the one that gives its scores a meaning: slope
# and shift (notebook 6). Fitted on labels with holes it learns that nothing is ever certain. We fit
# it three times, and ask each how surprised it is (log loss) by questions with all their labels.

# %%


def scored(examples: list[Example]) -> ScoredData:
    """The student's scores with the labels of these examples."""
    return ScoredData(
        ScoredQuery(
            id=e.id,
            group=e.id.rsplit("-q", 1)[0],
            kind=e.query.kind,
            log_odds=tuple(log_odds[e.id, m.id] for m in e.memories),
            labels=tuple(e.label(m.id) for m in e.memories),
        )
        for e in examples
    )


check = scored(true["dev"])
training = {
    "labels with holes": holed,
    "corrected": [corrected[e.id] for e in holed],
    "all labels": true["train"],
}
surprise, level = {}, {}
for name, examples in training.items():
    fitted = calibration.fit("platt", scored(examples))
    p = probability(fitted(check.log_odds))
    surprise[name] = log_loss(p, check.relevant.astype(float))
    level[name] = float(p[check.relevant].mean())
say(
    grid(
        ("fitted on", "log loss on unseen questions", "mean probability of what is relevant"),
        [(name, f"{surprise[name]:.4f}", f"{level[name]:.3f}") for name in training],
    ).markdown()
)
figure = go.Figure(go.Bar(x=list(level), y=list(level.values())))
figure.update_layout(title="Mean probability that relevant memories get, on unseen questions")
figure.show()

# %% [markdown]
# ## Train a student on it
#
# The exported folder is what `labkit train` takes:
#
#     labkit train mini --data lives=corrected ...
#
# Here a tiny random model runs through it, to show that the loop closes. It is far too small to
# learn what a question and a memory have in common: look at the fact that it runs, not at its MAP.

# %%
lines: list[str] = []
recipe = load_recipe("tiny", ["stages.bce.steps=10", "stages.infonce.steps=5"])
result = train(
    recipe, {"lives": str(WORK / "corrected")}, WORK / "tiny", report=lines.append, device="cpu"
)
say(f"{result.verdict}")

# %% [markdown]
# ## The claim
#
# The student points people at false negatives far better than chance does; what they find goes
# back into training data; and scores fitted on corrected labels say more of what is relevant on
# questions that nobody corrected.

# %%
assert early > 1.3 * even
assert summary["false_negatives_found"] > 0.3 * len(hidden)
assert level["labels with holes"] < level["corrected"]
assert surprise["corrected"] < surprise["labels with holes"] + 0.005
assert (WORK / "corrected" / "train.jsonl").is_file() and (WORK / "tiny" / "report.json").is_file()
store.close()

# %% [markdown]
# ## Exercise
#
# Give the queue `shares={"random": 1.0}` and the same number of pairs. How many false negatives are
# found? How many pairs would have to be read at random to find as many as above?
