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
# # 1. The problem
#
# An assistant remembers. Ask it something and it has to find, among hundreds of things that it was
# told, the few that hold the answer. After this notebook you can
#
# * say what a query, a memory and a label are,
# * rank the memories of a query by words (BM25) and by meaning (a sentence encoder),
# * show, with numbers, three things that both get wrong.
#
# The rest of the series repairs them: 02 and 03 make training data, 04 and 05 train a small
# reranker, 06 gives its scores a meaning, 07 compares, 08 lets people correct it, 09 takes it to a
# GPU.

# %%
from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
from IPython.display import Markdown, display

from labkit.evaluation.measures import average_precision
from labkit.evaluation.report import grid
from labkit.records import RELEVANT, Example
from labkit.rendering import render_memory, render_search
from labkit.retrieval.bm25 import BM25
from labkit.retrieval.dense import Dense
from labkit.retrieval.first_stage import FirstStage
from labkit.retrieval.minilm import embed
from labkit.sources.lives import read_lives, split_of
from labkit.sources.locomo import read_locomo
from labkit.students.load import assets_path

FAST = os.environ.get("LABKIT_FAST") == "1"
pio.renderers.default, pio.templates.default = "plotly_mimetype", "plotly_white"


def say(text: str) -> None:
    """Show a sentence whose numbers were computed just now."""
    display(Markdown(text))


# %% [markdown]
# ## The data
#
# labkit comes with *lives*: invented people, about forty dated memories each, and twelve questions
# about them. For every question somebody said how useful every memory is, from 0 (irrelevant) to 1
# (contains the answer). A memory is *relevant* from 0.6 on.
#
# In the full setting this notebook uses [LoCoMo](https://arxiv.org/abs/2402.17753) (Maharana et al.
# 2024) where its file `runs/locomo10.json` is there. Its licence is CC BY-NC, so labkit does not
# carry it.

# %%
LOCOMO = Path("runs/locomo10.json")
if not FAST and LOCOMO.is_file():
    dialogues = list(read_locomo(LOCOMO, on_note=lambda note: None))
else:
    lives = read_lives(assets_path() / "lives")
    dialogues = [life for life in lives if split_of(life.id) in ("dev", "test")]
    dialogues = dialogues[:12] if FAST else dialogues
asked = [example for dialogue in dialogues for example in dialogue.examples if example.relevant]
memories = sum(len(dialogue.memories) for dialogue in dialogues)
say(
    f"{'Fast' if FAST else 'Full'} setting: {len(dialogues)} dialogues with {memories} memories "
    f"and {len(asked)} questions that have an answer; on average "
    f"{np.mean([len(e.relevant) for e in asked]):.1f} of "
    f"{np.mean([len(e.memories) for e in asked]):.0f} memories are relevant."
)

# %% [markdown]
# One question, with the memories that are relevant and those that only look like it. The last
# column says how a memory fools: an old number, the wrong person, a plan that came to nothing.

# %%
example = next(e for e in asked if len(e.negative_kinds) >= 4 and not e.query.context)


def listed(example: Example) -> str:
    """The telling memories of an example as a table."""
    telling = [
        m for m in example.memories if example.label(m.id) > 0 or m.id in example.negative_kinds
    ]
    telling.sort(key=lambda memory: -example.label(memory.id))
    rows = [
        (
            render_memory(memory),
            f"{example.label(memory.id):.1f}",
            "" if memory.id in example.relevant else example.negative_kinds.get(memory.id, ""),
        )
        for memory in telling
    ]
    return grid(("memory", "label", "how it fools"), rows).markdown()


say(f"**{example.query.text}** (asked on {example.query.time})\n\n{listed(example)}")

# %% [markdown]
# ## Two ways to rank
#
# **BM25** (Robertson and Zaragoza 2009) counts shared words, rare ones more. **A sentence encoder**
# turns each text into a vector; the cosine of two vectors says how alike two texts are in topic.
# Both are what people use as a first stage. Written out, the second is three lines, and labkit's
# `Dense` is nothing else:

# %%
texts = [render_memory(memory) for memory in example.memories]
question = embed([render_search(example.query)])[0]
cosines = embed(texts) @ question

assert np.allclose(cosines, Dense(texts).search(render_search(example.query)), atol=1e-5)
assert len(BM25(texts).search(render_search(example.query))) == len(texts)

# %% [markdown]
# *Average precision* says how high the relevant memories stand: at the rank of each of them, take
# the share of relevant ones so far, and average. 1 is perfect. Over many questions the mean is
# called MAP.

# %%


def precision_of(order: np.ndarray, example: Example) -> float:
    """Average precision of an order of an example's memories, written out."""
    hits = [example.label(example.memories[i].id) >= RELEVANT for i in order]
    found = [sum(hits[: rank + 1]) / (rank + 1) for rank, hit in enumerate(hits) if hit]
    return sum(found) / len(example.relevant)


by_kind: dict[str, dict[str, list[float]]] = {}
for method in ("bm25", "dense", "fused"):
    by_kind[method] = defaultdict(list)
    for dialogue in dialogues:
        stage = FirstStage(dialogue.memories, method)
        stage.prepare([e.query for e in dialogue.examples])
        for e in dialogue.examples:
            if e.relevant:
                order = stage.order(e.query)
                labels = [e.label(e.memories[i].id) for i in order]
                value = precision_of(order, e)
                assert abs(value - average_precision(labels, len(e.relevant))) < 1e-12
                by_kind[method]["all"].append(value)
                by_kind[method][e.query.kind or "other"].append(value)

kinds = sorted(by_kind["bm25"], key=lambda kind: np.mean(by_kind["dense"][kind]))
names = {"bm25": "BM25 (words)", "dense": "MiniLM (meaning)", "fused": "both, fused"}
figure = go.Figure(
    [
        go.Bar(name=names[m], y=kinds, x=[np.mean(by_kind[m][k]) for k in kinds], orientation="h")
        for m in by_kind
    ]
)
figure.update_layout(
    title="Mean average precision by kind of question",
    xaxis={"title": "MAP", "range": [0, 1]},
    height=520,
    legend={"orientation": "h", "y": -0.15},
    margin={"l": 110, "t": 50},
)
figure.show()
overall = {method: float(np.mean(by_kind[method]["all"])) for method in by_kind}
say(
    f"Over all questions: BM25 {overall['bm25']:.3f}, MiniLM {overall['dense']:.3f}, both fused by "
    f"their ranks {overall['fused']:.3f}."
)

# %% [markdown]
# ## First fault: what sounds alike beats what answers
#
# How often does a memory that was marked as a fooling one stand above the best relevant one?

# %%
above: dict[str, list[bool]] = defaultdict(list)
for dialogue in dialogues:
    stage = FirstStage(dialogue.memories, "dense")
    for e in dialogue.examples:
        if e.relevant:
            rank = {e.memories[i].id: place for place, i in enumerate(stage.order(e.query))}
            best = min(rank[id_] for id_ in e.relevant)
            for id_, kind in e.negative_kinds.items():
                if e.label(id_) < RELEVANT:
                    above[kind].append(rank[id_] < best)
shares = {kind: float(np.mean(seen)) for kind, seen in above.items() if len(seen) >= 5}
fooled = sorted(shares, key=shares.__getitem__)
if fooled:
    figure = go.Figure(go.Bar(x=[shares[k] for k in fooled], y=fooled, orientation="h"))
    figure.update_layout(
        title="Share of fooling memories that MiniLM ranks above every relevant one",
        xaxis={"range": [0, 1]},
        margin={"l": 130, "t": 50},
    )
    figure.show()
    say(
        f"The worst kind is *{fooled[-1].replace('_', ' ')}*: {shares[fooled[-1]]:.0%} of these "
        "memories stand above everything that answers. A cosine knows what two texts are about. It "
        "does not know which of two statements holds."
    )

# %% [markdown]
# ## Second fault: a score is no probability
#
# Suppose we keep the memories whose cosine is above a threshold. Each line below is one question:
# where its best relevant memory and its best irrelevant one score. If one threshold could serve all
# questions, a vertical line would part the two colours.

# %%
best_relevant, best_other = [], []
for e in asked:
    vectors = embed([render_search(e.query), *(render_memory(m) for m in e.memories)])
    scores = vectors[1:] @ vectors[0]
    hit = np.array([e.label(m.id) >= RELEVANT for m in e.memories])
    best_relevant.append(float(scores[hit].max()))
    best_other.append(float(scores[~hit].max()))
shown = np.argsort(best_relevant)[:: max(1, len(asked) // 40)]
figure = go.Figure()
for name, values, colour in (
    ("best relevant memory", best_relevant, "#0072b2"),
    ("best irrelevant memory", best_other, "#d55e00"),
):
    figure.add_scatter(
        x=[round(values[i], 3) for i in shown],
        y=list(range(len(shown))),
        mode="markers",
        name=name,
        marker={"color": colour},
    )
figure.update_layout(
    title="No line parts the colours",
    xaxis_title="cosine",
    yaxis_title="questions, one a row",
    legend={"orientation": "h", "y": -0.2},
)
figure.show()

# %% [markdown]
# Let us find the best threshold with the answers in hand, which nobody has in life, and see what it
# does. *Precision*: the share of what we keep that is relevant. *Recall*: the share of what is
# relevant that we keep.

# %%
scores_all, hits_all = [], []
for e in asked:
    vectors = embed([render_search(e.query), *(render_memory(m) for m in e.memories)])
    scores_all.append(vectors[1:] @ vectors[0])
    hits_all.append(np.array([e.label(m.id) >= RELEVANT for m in e.memories]))
scores, hits = np.concatenate(scores_all), np.concatenate(hits_all)


def precision_recall(threshold: float) -> tuple[float, float]:
    """Precision and recall of keeping what scores at least the threshold."""
    kept = scores >= threshold
    return float((kept & hits).sum() / max(1, kept.sum())), float((kept & hits).sum() / hits.sum())


def f1(threshold: float) -> float:
    """Their harmonic mean."""
    precision, recall = precision_recall(threshold)
    return 2 * precision * recall / max(1e-9, precision + recall)


best_threshold = max(np.linspace(0, 1, 101), key=f1)
precision, recall = precision_recall(best_threshold)
nothing = float(np.mean([(s < best_threshold).all() for s in scores_all]))
say(
    f"The best threshold is {best_threshold:.2f}. Of what it keeps, {precision:.0%} is relevant; "
    f"of what is relevant it keeps {recall:.0%}; and for {nothing:.0%} of the questions, all of "
    "which have an answer, it keeps nothing at all."
)

# %% [markdown]
# ## Third fault: "he", "that place", "and in March?"
#
# Some questions cannot be understood without the talk before them. Here is one.

# %%
coreference = [e for e in asked if e.query.context]
if coreference:
    e = coreference[0]
    talk = "\n".join(f"> {turn.speaker}: {turn.text}\n>" for turn in e.query.context)
    say(f"{talk}\n> **{e.query.text}**\n\n{listed(e)}")
    with_talk, without = [], []
    for e in coreference:
        stage = FirstStage(e.memories, "dense")
        with_talk.append(precision_of(stage.order(e.query), e))
        without.append(precision_of(stage.order(replace(e.query, context=())), e))
    say(
        f"There are {len(coreference)} questions with such a talk. MiniLM's MAP on them is "
        f"{np.mean(without):.3f} where it reads the question alone, and {np.mean(with_talk):.3f} "
        "where it reads talk and question as one text: the talk says who is meant, and brings "
        f"other topics with it. Over all questions it is {overall['dense']:.3f}."
    )

# %% [markdown]
# ## What we want instead
#
# A *reranker* reads question and memory together and says how probable it is that this memory is
# what the question needs. That is the idea of MemReranker
# ([arXiv 2605.06132](https://arxiv.org/abs/2605.06132)), whose recipe this series follows.
#
# The claim of this notebook, as a test: the first stage finds things, but neither way of ranking
# comes near to perfect, and even the best threshold on its score, chosen with all answers known, is
# wrong about more than every other memory that it keeps.

# %%
assert 0.1 < overall["bm25"] < 0.75 and 0.1 < overall["dense"] < 0.75
assert precision < 0.5 and recall < 0.75

# %% [markdown]
# ## Exercise
#
# `FirstStage(memories, "fused")` adds 1 / (60 + rank) over the two orders. Change the 60
# (`labkit.retrieval.first_stage.RRF_K`), or weigh the two orders differently. For which kinds of
# question does it help? Does any weight lift *update* and *temporal*? Why can it not?
