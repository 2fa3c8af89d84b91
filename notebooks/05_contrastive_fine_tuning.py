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
# # 5. Contrastive fine-tuning
#
# Pointwise training looks at one memory at a time. What decides a ranking is a difference: the
# answer against what only sounds like it. After this notebook you can
#
# * write InfoNCE down, with the guard against false negatives,
# * see which memories it pulls on, and what it says nothing about,
# * measure what it changed, against what the same number of pointwise steps would have changed.

# %%
from __future__ import annotations

import os
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import torch
from IPython.display import Markdown, display

from labkit.evaluation.measures import average_precision
from labkit.evaluation.report import grid
from labkit.records import RELEVANT, Example, write_examples
from labkit.retrieval.first_stage import FirstStage
from labkit.scoring.reranker import Reranker
from labkit.sources.lives import split_of
from labkit.synthesis.simulate import life_id, simulate_life
from labkit.synthesis.splits import GENERATED
from labkit.training.losses import LABEL_MARGIN, InfoNCE, bce
from labkit.training.recipe import Adapter, Base, Development, Groups, Recipe, Stage
from labkit.training.run import train

FAST = os.environ.get("LABKIT_FAST") == "1"
pio.renderers.default, pio.templates.default = "plotly_mimetype", "plotly_white"
WORK = Path("runs/notebook-05")
shutil.rmtree(WORK, ignore_errors=True)
BLUE, ORANGE = "#0072b2", "#d55e00"


def say(text: str) -> None:
    """Show a sentence whose numbers were computed just now."""
    display(Markdown(text))


# %% [markdown]
# ## The loss
#
# Take one relevant memory with score $s_+$ and the irrelevant ones of the same question with scores
# $s_i$. How probable is it that a draw by softmax picks the relevant one?
#
# $$\ell = -\log \frac{e^{s_+ / t}}{e^{s_+ / t} + \sum_i e^{s_i / t}}$$
#
# (van den Oord et al. 2018, [arXiv 1807.03748](https://arxiv.org/abs/1807.03748)). Other relevant
# memories of the question are not rivals. And a memory whose label comes near that of the relevant
# one is left out too: it may be a false negative.

# %%


def infonce(scores: torch.Tensor, labels: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    """Mean over the relevant memories of one question."""
    terms = []
    for s, y in zip(scores, labels, strict=True):
        rivals = scores[(labels < RELEVANT) & (labels <= y - LABEL_MARGIN)]
        if y >= RELEVANT and len(rivals):
            together = torch.cat([s[None], rivals]) / temperature
            terms.append(torch.logsumexp(together, 0) - s / temperature)
    return torch.stack(terms).mean()


scores = torch.tensor([2.0, 1.5, 0.3, -1.0, 1.9])
labels = torch.tensor([1.0, 0.7, 0.5, 0.0, 0.3])
one_query, ones = torch.zeros(5, dtype=torch.long), torch.ones(5)
for temperature in (1.0, 0.3):
    theirs = InfoNCE(temperature)(scores, labels, one_query, ones).mean()
    assert torch.allclose(infonce(scores, labels, temperature), theirs, atol=1e-6)

# %% [markdown]
# What it says nothing about: the level. Add the same number to all scores of a question and
# nothing changes, whatever the number. That is why the recipe lets a share of cross-entropy go on
# beside it. (A stage with `no_answer: true` does more: "nothing answers" is one more candidate,
# with a score of 0, that the answer has to beat. The formula here is without it.)

# %%
assert torch.allclose(infonce(scores + 5, labels), infonce(scores, labels), atol=1e-5)
higher, as_it_was = (bce(z, labels, one_query, ones).mean() for z in (scores + 5, scores))
moved = float(higher - as_it_was)
say(f"After adding 5 to all scores InfoNCE is the same; cross-entropy has changed by {moved:+.2f}.")

# %% [markdown]
# ## Data
#
# Simulated lives, because there we know for certain how every hard negative fools.

# %%
CANDIDATES = 6 if FAST else 24
counts = {"train": 2 if FAST else 300, "dev": 1 if FAST else 14}
examples: dict[str, list[Example]] = {"train": [], "dev": []}
lives: dict[str, int] = defaultdict(int)
for index in range(40 if FAST else 400):
    split = split_of(life_id(9, index), GENERATED)
    if split in examples and lives[split] < counts[split]:
        lives[split] += 1
        life = simulate_life(9, index)
        stage = FirstStage(life.memories, "bm25")
        for e in life.examples:
            if e.relevant:
                ranked = [m.id for m in stage.candidates(e.query) if m.id not in e.relevant]
                hard = sorted(ranked, key=lambda id_: id_ not in e.negative_kinds)
                kept = {*e.relevant, *hard[: CANDIDATES - len(e.relevant)]}
                examples[split].append(
                    replace(
                        e,
                        memories=tuple(m for m in e.memories if m.id in kept),
                        labels={i: v for i, v in e.labels.items() if i in kept},
                        negative_kinds={i: v for i, v in e.negative_kinds.items() if i in kept},
                    )
                )
for split in examples:
    examples[split] = examples[split][: 24 if FAST else None]
    write_examples(WORK / "sim" / f"{split}.jsonl", examples[split])
say(
    f"{'Fast' if FAST else 'Full'} setting: {len(examples['train'])} questions to learn from, "
    f"{len(examples['dev'])} held out."
)

# %% [markdown]
# ## Where it pulls
#
# Take the scores of the student that notebook 4 left (or, if that was not run, the likeness that
# it began with), and ask both losses for their gradient. How does the pull on the three hardest
# negatives, those of the highest scores, divide among them?

# %%
before_folder = Path("runs/notebook-04/run/stages/bce/student")
if not before_folder.is_dir():
    before_folder = None
start = Reranker.load(before_folder or "minilm-cosine", device="cpu")
pulls: dict[str, list[np.ndarray]] = defaultdict(list)
for e in examples["train"]:
    z = torch.tensor(start.score(e.query, e.memories), dtype=torch.float32)
    y = torch.tensor([e.label(m.id) for m in e.memories])
    negative = (y < LABEL_MARGIN).numpy()
    if negative.sum() < 3:
        continue
    for name, loss in (
        ("cross-entropy", lambda z, y: bce(z, y, torch.zeros(len(z)), torch.ones(len(z))).mean()),
        ("InfoNCE", infonce),
    ):
        free = z.clone().requires_grad_(True)
        loss(free, y).backward()
        pull = free.grad.abs().numpy()[negative]
        by_score = pull[np.argsort(-z.numpy()[negative])][:3]
        pulls[name].append(by_score / by_score.sum())
figure = go.Figure()
for name, colour in (("cross-entropy", ORANGE), ("InfoNCE", BLUE)):
    figure.add_scatter(
        x=[1, 2, 3],
        y=np.mean(pulls[name], axis=0).tolist(),
        name=name,
        mode="lines+markers",
        line={"color": colour},
    )
figure.update_layout(
    title="Share of the pull on a question's three hardest negatives",
    xaxis={"title": "negative, hardest first", "dtick": 1},
    yaxis={"title": "share", "rangemode": "tozero"},
)
figure.show()
hardest = {name: float(np.mean(shares, axis=0)[0]) for name, shares in pulls.items()}
say(
    "Of the pull on the three hardest negatives, the hardest feels "
    f"{hardest['InfoNCE']:.0%} with InfoNCE and {hardest['cross-entropy']:.0%} with cross-entropy."
)

# %% [markdown]
# ## Training: two runs from one start
#
# Any training changes something. So two students start from the same place and take the same steps
# over the same groups: one by cross-entropy alone, one by InfoNCE with half a share of
# cross-entropy.

# %%
steps = 12 if FAST else 400


def run(name: str, losses: dict[str, float]) -> Reranker:
    """Train one stage; the student as the stage left it, whether it was kept or not."""
    recipe = Recipe(
        name=name,
        seed=7,
        base=Base(str(before_folder or "minilm"), similarity=True),
        adapter=Adapter(rank=32, alpha=64.0),
        groups=Groups(positives=1, negatives=4) if FAST else Groups(positives=2, negatives=6),
        stages={
            "stage": Stage(
                mix={"sim": 1.0},
                losses=losses,
                steps=steps,
                queries_per_step=5 if FAST else 32,
                learning_rate=2e-3 if FAST else 2.5e-4,
            )
        },
        development=Development(
            sets=("sim",), queries=8 if FAST else 150, candidates=CANDIDATES, every=steps
        ),
    )
    train(recipe, {"sim": str(WORK / "sim")}, WORK / name, device="cpu")
    return Reranker.load(WORK / name / "stages" / "stage" / "student", device="cpu")


students = {
    "before": start,
    "cross-entropy": run("bce", {"bce": 1.0}),
    "InfoNCE": run("infonce", {"infonce": 1.0, "bce": 0.5}),
}

# %% [markdown]
# ## What it changed
#
# The *margin* of a hard negative: score of the question's best relevant memory, less its own. Below
# zero, it stands above everything that answers.

# %%
margins: dict[str, dict[str, dict[str, list[float]]]] = {}
precision: dict[str, dict[str, float]] = {}
for name, student in students.items():
    margins[name], precision[name] = {}, {}
    for split, asked in examples.items():
        by_kind: dict[str, list[float]] = defaultdict(list)
        values = []
        for e in asked:
            z = student.score(e.query, e.memories)
            hits = np.array([m.id in e.relevant for m in e.memories])
            for m, score in zip(e.memories, z.tolist(), strict=True):
                if m.id in e.negative_kinds and m.id not in e.relevant:
                    by_kind[e.negative_kinds[m.id]].append(float(z[hits].max() - score))
            ranked = [e.label(e.memories[i].id) for i in np.argsort(-z, kind="stable")]
            values.append(average_precision(ranked, len(e.relevant)))
        margins[name][split] = by_kind
        precision[name][split] = float(np.mean(values))


def pooled(name: str, split: str) -> np.ndarray:
    """The margins of all kinds."""
    return np.concatenate([np.array(v) for v in margins[name][split].values()])


rows = [
    (
        name,
        *(
            text
            for split in examples
            for text in (
                f"{pooled(name, split).mean():.2f}",
                f"{(pooled(name, split) > 0).mean():.0%}",
                f"{precision[name][split]:.3f}",
            )
        ),
    )
    for name in students
]
head = [
    f"{what}, {where}"
    for where in ("trained on", "held out")
    for what in ("margin", "below", "MAP")
]
say(
    grid(("student", *head), rows).markdown()
    + "\n\n*below*: share of the hard negatives that stand below the best relevant memory."
)

# %%


def moved_by(name: str, kind: str) -> float:
    """How far the mean margin of a kind moved, on the questions that were trained on."""
    after, before = margins[name]["train"][kind], margins["before"]["train"][kind]
    return float(np.mean(after) - np.mean(before))


often = [kind for kind, values in margins["before"]["train"].items() if len(values) >= 5]
kinds = sorted(often, key=lambda kind: moved_by("InfoNCE", kind))
figure = go.Figure()
for name, colour in (("cross-entropy", ORANGE), ("InfoNCE", BLUE)):
    figure.add_bar(
        name=name,
        y=kinds,
        x=[moved_by(name, kind) for kind in kinds],
        orientation="h",
        marker={"color": colour},
    )
figure.update_layout(
    title="How the mean margin moved, by kind of hard negative (questions trained on)",
    margin={"l": 130, "t": 50},
    height=480,
    legend={"orientation": "h", "y": -0.12},
)
figure.show()
gain = {
    (name, split): float(pooled(name, split).mean() - pooled("before", split).mean())
    for name in students
    for split in examples
}
say(
    f"After {steps} steps InfoNCE has moved the mean margin by {gain['InfoNCE', 'train']:+.2f} on "
    f"questions that it trained on and by {gain['InfoNCE', 'dev']:+.2f} on others; cross-entropy "
    f"by {gain['cross-entropy', 'train']:+.2f} and {gain['cross-entropy', 'dev']:+.2f}. "
    + (
        "In the fast setting this is less than a minute of training on a few dozen questions: it "
        "shows what the loss does to scores, and promises nothing for other questions. The full "
        "setting, and `labkit train mini`, take hundreds of steps on thousands of questions."
        if FAST
        else ""
    )
)

# %% [markdown]
# ## Hard negatives help, then hurt
#
# The harder the negatives, the more there is to learn, until mined "negatives" are better than the
# answer: then the loss teaches the student to be wrong
# ([arXiv 2509.12541](https://arxiv.org/abs/2509.12541) measures it). Three things stand against
# that here: labels known by construction, the guard above, and a share of easy negatives in every
# group (`groups.hard: 0.7` in the recipe).
#
# ## The claim
#
# InfoNCE pulls hardest on the hardest negative, harder than cross-entropy does; it is blind to the
# level; and training by it widens the margins of the questions that it trains on.

# %%
assert hardest["InfoNCE"] > hardest["cross-entropy"]
assert abs(float(infonce(scores - 3, labels) - infonce(scores, labels))) < 1e-5
assert gain["InfoNCE", "train"] > 0

# %% [markdown]
# ## Exercise
#
# Lower the temperature to 0.3 in the pulls above (`infonce(z, y, 0.3)`). How much of the pull does
# the hardest negative feel now? What happens to a question whose hardest "negative" is a false
# one?
