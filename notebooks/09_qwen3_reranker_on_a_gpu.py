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
# # 9. The same recipe on Qwen3-Reranker
#
# `mini` has 22 million weights and runs anywhere. MemReranker starts from Qwen3-Reranker with 0.6
# or 4 billion. After this notebook you can
#
# * read the prompt, and compute the score by hand,
# * avoid four mistakes that ruin the ranking without a word,
# * run the recipe on such a model, and say before you rent a GPU what it takes.
#
# **No real weights are loaded here.** The model below is a tiny random Qwen3 with the same
# architecture, template and tokenizer rules. Shapes and equalities do not need trained weights;
# quality does, so nothing here says how well a trained one ranks. Memory and time for the real
# sizes are *computed*, and marked so.

# %%
from __future__ import annotations

import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import torch
from IPython.display import Markdown, display
from transformers.utils import logging

from labkit.evaluation.report import grid
from labkit.records import write_examples
from labkit.scoring.engine import score_pairs
from labkit.scoring.reranker import Reranker
from labkit.sources.lives import read_lives, split_of
from labkit.students.decoder import DecoderStudent
from labkit.students.load import assets_path
from labkit.students.template import SUFFIX, SYSTEM
from labkit.students.tiny import tiny_qwen3, tiny_qwen_tokenizer
from labkit.training.estimate import KNOWN, estimate
from labkit.training.recipe import load_recipe
from labkit.training.run import train

FAST = os.environ.get("LABKIT_FAST") == "1"
pio.renderers.default, pio.templates.default = "plotly_mimetype", "plotly_white"
logging.disable_progress_bar()
WORK = Path("runs/notebook-09")
shutil.rmtree(WORK, ignore_errors=True)


def say(text: str) -> None:
    """Show a sentence whose numbers were computed just now."""
    display(Markdown(text))


# %% [markdown]
# ## The prompt and the score
#
# A decoder is asked: does this document meet the requirements? The answer can only be "yes" or
# "no", and the score is how much more the model wants to say yes
# ([arXiv 2506.05176](https://arxiv.org/abs/2506.05176)). Instruction, talk and question come first,
# so all candidates of a question share that part word for word.

# %%
lives = list(read_lives(assets_path() / "lives"))
example = next(
    e for life in lives if split_of(life.id) == "dev" for e in life.examples if e.query.context
)
example = replace(example, memories=example.memories[: 16 if FAST else None])
tokenizer = tiny_qwen_tokenizer()
student = DecoderStudent(tiny_qwen3(tokenizer), tokenizer).eval()
tokens = student.tokenize(example.query, example.memories)
whole = tokenizer.decode(tokens.prefix + tokens.tails[0])
say(f"```text\n{whole}\n```")

# %% [markdown]
# The score by hand: run one whole prompt, take the logits at the last token, subtract. labkit's
# engine gives the same for all candidates, although it computes the shared part once.

# %%
yes, no = (tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in ("yes", "no"))


def by_hand(ids: list[int]) -> float:
    """logit("yes") - logit("no") at the last token."""
    with torch.inference_mode():
        logits = student.model(input_ids=torch.tensor([ids])).logits[0, -1]
    return float(logits[yes] - logits[no])


scores = score_pairs(student, tokens)
apart = [by_hand(tokens.prefix + tail) for tail in tokens.tails]
difference = float(np.abs(scores - apart).max())
say(f"Greatest difference over {len(apart)} memories: {difference:.1e}.")

# %% [markdown]
# How much is shared?

# %%
shared, own = len(tokens.prefix), sum(map(len, tokens.tails))
figure = go.Figure()
for name, once, each in (
    ("every prompt whole", 0, shared * len(tokens.tails) + own),
    ("shared part once", shared, own),
):
    figure.add_bar(name=name, x=[once + each], y=[name], orientation="h")
figure.update_layout(
    title=f"Tokens to compute for one question and {len(tokens.tails)} memories",
    showlegend=False,
    margin={"l": 140, "t": 50},
    height=260,
)
figure.show()
say(
    f"{shared} tokens (of this small tokenizer) are shared; each memory adds "
    f"{own / len(tokens.tails):.0f}. Computing the shared part once leaves "
    f"{(shared + own) / (shared * len(tokens.tails) + own):.0%} of the work."
)

# %% [markdown]
# ## Four silent mistakes
#
# None of these raises an error. Each changes scores, and with a trained model the ranking falls
# apart.

# %%


def padded_wrongly(ids: list[int]) -> float:
    """Padded on the right, and read at the last position all the same."""
    row = torch.tensor([ids + [tokenizer.pad_token_id] * 8])
    mask = torch.tensor([[1] * len(ids) + [0] * 8])
    with torch.inference_mode():
        logits = student.model(input_ids=row, attention_mask=mask).logits[0, -1]
    return float(logits[yes] - logits[no])


end = len(tokenizer(SUFFIX, add_special_tokens=False)["input_ids"])
wrong = {
    "no template, question and memory only": [
        by_hand(tokenizer(example.query.text + "\n" + m.text)["input_ids"])
        for m in example.memories
    ],
    "the end of the template cut off": [
        by_hand(tokens.prefix + tail[:-end]) for tail in tokens.tails
    ],
    "padding on the right, last position read": [
        padded_wrongly(tokens.prefix + tail) for tail in tokens.tails
    ],
    "half-precision probabilities instead of log-odds": torch.sigmoid(
        torch.tensor(10 + scores).to(torch.bfloat16)
    ).tolist(),
}


def agreement(values: list[float]) -> float:
    """Share of pairs of memories in the same order as the right scores have them."""
    i, j = np.triu_indices(len(scores), 1)
    right, got = np.sign(scores[i] - scores[j]), np.sign(np.subtract.outer(values, values)[i, j])
    return float((right == got).mean())


say(
    grid(
        ("mistake", "pairs in the same order as before"),
        [(name, f"{agreement(values):.0%}") for name, values in wrong.items()],
    ).markdown()
    + "\n\nThe last one is what happens at the top of a confident model: bfloat16 has so few "
    "digits near 1 that the best memories tie (the scores were raised by 10 to show it). labkit "
    "keeps log-odds in float32 and applies the logistic function at the very end."
)

# %% [markdown]
# ## The same recipe
#
# What differs between the recipe of `mini` and that of the 0.6B model is written in two YAML files.
# The stages are the same three, and so are their losses, but that `mini` has InfoNCE in its general
# stage too.

# %%
mini, qwen = load_recipe("mini"), load_recipe("qwen3-0.6b")


def flat(value: object, where: str = "") -> dict[str, str]:
    """A recipe as dotted keys."""
    if isinstance(value, dict):
        return {
            k: v for key, each in value.items() for k, v in flat(each, f"{where}.{key}").items()
        }
    return {where[1:]: str(value)}


one, two = flat(asdict(mini)), flat(asdict(qwen))
keys = [
    key
    for key in one.keys() & two.keys()
    if one[key] != two[key] and key.split(".")[0] in ("base", "adapter", "groups")
]
keys += ["gradient_checkpointing", "stages.bce.losses.bce", "stages.infonce.learning_rate"]
say(
    grid(
        ("key", "mini", "qwen3-0.6b"),
        [(key, one.get(key, "-"), two.get(key, "-")) for key in sorted(keys)],
    ).markdown()
)

# %% [markdown]
# ## A run, on the tiny random model
#
# With `base.model=tiny-qwen3` the whole recipe runs here: LoRA on every linear layer, activations
# recomputed in the backward pass, three stages, dev queries, a saved student. The real one differs
# in that one word.

# %%


def some(split: str, count: int) -> list:
    """A few questions of a split, with few memories each."""
    found = [e for life in lives if split_of(life.id) == split for e in life.examples if e.relevant]
    return found[:count]


write_examples(WORK / "data" / "train.jsonl", some("train", 16 if FAST else 200))
write_examples(WORK / "data" / "dev.jsonl", some("dev", 6 if FAST else 100))
data = {"general": str(WORK / "data"), "memories": str(WORK / "data")}
small = ["base.model=tiny-qwen3", "base.weights=float32", "precision=float32"]
for stage in ("general", "bce", "infonce"):
    small += [f"stages.{stage}.steps={2 if FAST else 50}", f"stages.{stage}.queries_per_step=2"]
    small += [f"stages.{stage}.mix={{general: 1, memories: 1}}"]
small += ["groups.negatives=3", "development.queries=6", "development.candidates=6"]
small += ["development.sets=[memories]"]
lines: list[str] = []
result = train(
    load_recipe("qwen3-0.6b", small), data, WORK / "run", device="cpu", report=lines.append
)
weights = next(line for line in lines if "weights are trained" in line)
say(
    f"{weights}.\n\n{result.verdict}\n\nThe model is random, so its MAP means nothing; a run that "
    "does not get better saves no student, and says REGRESSION."
)

# %% [markdown]
# A saved decoder stays a stock `Qwen3ForCausalLM`: sentence-transformers and vLLM load it. Saved
# and loaded, it gives the same scores.

# %%
student.save(WORK / "saved")
again = Reranker.load(WORK / "saved", device="cpu", dtype="float32")
reloaded = float(np.abs(again.score(example.query, example.memories) - scores).max())
say(f"Greatest difference after saving and loading: {reloaded:.1e}.")

# %% [markdown]
# ## What will it take? Computed, not measured
#
# The same as `labkit train qwen3-0.6b --data ... --dry-run`. Steps and tokens are counted on a
# sample of the data; memory is computed from the weights, what AdamW keeps for each trained
# weight, and the activations (Korthikanti et al. 2022, [arXiv
# 2205.05198](https://arxiv.org/abs/2205.05198)).
#
# For time: with frozen weights, a token costs about 2 operations a weight forward, 2 backward, and
# 2 more because activations are recomputed. A card of 989 TFLOP/s (NVIDIA's figure for an H100,
# bfloat16, dense) reaches perhaps 20 to 40 % of that. The share is an assumption; look at your own.

# %%
PEAK = 989e12
rows, parts = [], {}
for name in ("qwen3-0.6b", "qwen3-4b"):
    recipe = load_recipe(name)
    found = estimate(recipe, data, device="cpu")
    shape = KNOWN[recipe.base.model]
    body = found.weights - shape["vocab_size"] * shape["hidden_size"]
    tokens_all = sum(stage.tokens for stage in found.stages)
    operations = 6 * body * tokens_all
    hours = [operations / (PEAK * share) / 3600 for share in (0.4, 0.2)]
    most = max(stage.memory for stage in found.stages)
    held = {"weights": 2 * found.weights, "AdamW and gradients": 16 * found.trained}
    parts[name] = {**held, "activations": most - sum(held.values())}
    rows.append(
        (
            name,
            f"{found.weights / 1e9:.2f}",
            f"{found.trained / 1e6:.0f}",
            f"{tokens_all / 1e6:.0f}",
            f"{most / 2**30:.1f}",
            f"{hours[0]:.1f} to {hours[1]:.1f}",
        )
    )
head = (
    "recipe",
    "weights, billions",
    "trained, millions",
    "tokens, millions",
    "GPU memory, GiB (computed)",
    "hours on an H100 (computed)",
)
say(grid(head, rows).markdown())
figure = go.Figure()
for part in ("weights", "AdamW and gradients", "activations"):
    figure.add_bar(
        name=part,
        y=list(parts),
        x=[round(parts[name][part] / 2**30, 2) for name in parts],
        orientation="h",
    )
figure.update_layout(
    barmode="stack",
    title="GPU memory in GiB, computed",
    height=300,
    margin={"l": 100, "t": 50},
    legend={"orientation": "h", "y": -0.2},
)
figure.show()

# %% [markdown]
# ## On your GPU
#
#     labkit synth --lives 2000 --seed 1 --out runs/lives
#     labkit import squad PATH --out runs/squad
#     labkit train qwen3-0.6b --data general=runs/squad --data memories=runs/lives --dry-run
#     labkit train qwen3-0.6b --data general=runs/squad --data memories=runs/lives --out runs/q06
#     labkit calibrate runs/q06/student --data held_out.jsonl --out runs/q06-cal
#     labkit export runs/q06-cal/model --out my-reranker
#
# * **Many GPUs**: `torchrun --nproc_per_node 8 -m labkit train ...`; a step is divided, its
#   gradient stays the same.
# * **Out of memory**: raise `stages.NAME.micro_batches`; it changes nothing else.
# * **Soft labels** from teachers (notebook 3): `labkit label runs/lives/train.jsonl --teacher ...`.
# * **Killed**: the same command with `--resume`.
# * **NaN**: the run stops and names the queries; lower the learning rate.
#
# This recipe was not run with the released weights by us; its numbers are starting points.
#
# ## The claim
#
# The score by hand is labkit's score, with the shared part computed once and after saving; each of
# the four mistakes changes the order; and the 0.6B recipe fits a 24 GB card, by computation.

# %%
assert difference < 1e-4 and reloaded < 1e-4
assert whole.startswith(SYSTEM) and whole.endswith(SUFFIX)
assert all(agreement(values) < 0.99 for values in wrong.values())
assert sum(parts["qwen3-0.6b"].values()) < 24e9 < 80e9
assert sum(parts["qwen3-4b"].values()) < 80e9
assert (WORK / "run" / "report.json").is_file()

# %% [markdown]
# ## Exercise
#
# Halve `groups.negatives` in the 4B recipe and estimate again (`load_recipe("qwen3-4b",
# ["groups.negatives=4"])`). Which of the three parts of the memory moves, and why not the others?
# What would `["adapter.rank=0", "base.weights=float32"]` do to them?
