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
# # 2. Synthesis: lives whose memories are hard to tell apart
#
# A reranker learns from questions with labelled memories. People seldom label forty memories a
# question, and a real chat may not be published. So we invent lives. After this notebook you can
#
# * read the world behind a simulated life, and the memories that were told of it,
# * check a label without trusting anybody: with a solver that sees facts and never a sentence,
# * say why hard negatives matter, and test data for shortcuts before a model finds them.
#
# MemReranker ([arXiv 2605.06132](https://arxiv.org/abs/2605.06132)) has language models write its
# dialogues. labkit can do that too (last section). Its simulator needs no model: it invents a world
# first and words second, so every label is known by construction.

# %%
from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
from IPython.display import Markdown, display

from labkit.evaluation.report import grid
from labkit.records import RELEVANT, Example
from labkit.rendering import render_memory
from labkit.synthesis.asking import drafts
from labkit.synthesis.inspect import first_stage_map
from labkit.synthesis.life import plots_by_name
from labkit.synthesis.sessions import converse
from labkit.synthesis.simulate import simulate
from labkit.synthesis.solver import answer, used
from labkit.synthesis.surface import NAMES, surface_auc
from labkit.synthesis.world import Fact, Told

FAST = os.environ.get("LABKIT_FAST") == "1"
pio.renderers.default, pio.templates.default = "plotly_mimetype", "plotly_white"


def say(text: str) -> None:
    """Show a sentence whose numbers were computed just now."""
    display(Markdown(text))


# %% [markdown]
# ## World first
#
# A life depends on a seed and a number, and on nothing else. Behind it stands a world: people, what
# happened to them, and when each thing was true.

# %%
SEED = 7
life = simulate(SEED, 0)
assert simulate(SEED, 0).dialogue == life.dialogue

world, plots = life.world, plots_by_name()
people = [(p.shown, p.relation, p.id) for p in world.people.values()]
say(
    f"{world.owner.name}'s life runs from {world.start} to {world.end}, with "
    f"{len(world.threads)} stories and {len(life.dialogue.memories)} memories.\n\n"
    + grid(("who", "relation to the owner", "id"), people).markdown()
)

# %% [markdown]
# One story, as facts (its *state* is what the story is about, here an employer). Each has a time
# at which it is true, and a *certainty*: it is so, it was planned, or somebody only said so.

# %%
story = max(
    (t for t in world.threads if plots[t.plot].shape == "change"), key=lambda t: len(t.events)
)
facts = [fact for event in story.events for fact in event.facts]
colours = {"actual": "#0072b2", "planned": "#e69f00", "hearsay": "#d55e00"}
figure = go.Figure()
for certainty, colour in colours.items():
    mine = [fact for fact in facts if fact.certainty == certainty]
    if mine:
        ends = [fact.valid_to or world.end for fact in mine]
        figure.add_bar(
            name=certainty,
            y=[f"{fact.attribute}: {fact.value}" for fact in mine],
            base=[fact.valid_from.isoformat() for fact in mine],
            x=[
                max(5, (end - fact.valid_from).days) * 86_400_000
                for fact, end in zip(mine, ends, strict=True)
            ],
            orientation="h",
            marker={"color": colour},
        )
figure.update_layout(
    title=f"{story.subject.shown} and the {story.plot}: what was true, and when",
    xaxis={"type": "date"},
    yaxis={"autorange": "reversed"},
    margin={"l": 190, "t": 50},
    barmode="overlay",
    legend={"orientation": "h", "y": -0.15},
)
figure.show()

# %% [markdown]
# ## Words second
#
# Every event is then told, by somebody, in somebody's manner. The same fact may be told as a chat
# line, as an assistant's summary, or as a note.

# %%
of_story = [memory for memory in life.told if memory.thread.id == story.id]
texts = {memory.id: memory for memory in life.dialogue.memories}
say(
    grid(
        ("memory", "form", "facts that it carries"),
        [
            (
                render_memory(texts[memory.id]),
                memory.form,
                "; ".join(f"{f.attribute} = {f.value}" for f in memory.event.facts),
            )
            for memory in of_story
        ],
    ).markdown()
)

# %% [markdown]
# ## A label that nobody has to be believed for
#
# A question is asked formally before it is asked in words: *which fact of whom, the latest or the
# first, as it was or as it was planned*. The solver gets facts and this formal question. For
# "latest" it is a few lines:

# %%


def latest(subject: str, topic: str, attribute: str, facts: Sequence[Fact]) -> str | None:
    """What holds last of one attribute of one person, by the facts given."""
    fitting = [
        fact
        for fact in facts
        if (fact.subject, fact.topic, fact.attribute) == (subject, topic, attribute)
        and fact.certainty == "actual"
    ]
    return max(fitting, key=lambda fact: fact.valid_from).value if fitting else None


told_facts = [fact for memory in life.told for fact in memory.event.facts]
formal = list(drafts(story, plots[story.plot], life.told, world.end, random.Random(0)))
now = next(draft for draft in formal if draft.ask == "now")
need = now.question.needs[0]
assert latest(need.subject, need.topic, need.attribute, told_facts) == now.gold
assert answer(now.question, told_facts) == now.gold
say(
    grid(
        ("asked", "kind", "answer by the solver"),
        [(d.ask, d.kind, d.gold if d.gold is not None else "(nothing says it)") for d in formal],
    ).markdown()
)

# %% [markdown]
# A memory gets the label 1 where the answer is made of its facts. That can be checked by taking it
# away. For every formal question of every story: with its evidence alone the answer is there;
# without the evidence it is not.

# %%


def facts_of(told: Sequence[Told]) -> list[Fact]:
    """All facts that some memories carry."""
    return [fact for memory in told for fact in memory.event.facts]


checked = unanswerable = 0
for thread in world.threads:
    for draft in drafts(thread, plots[thread.plot], life.told, world.end, random.Random(0)):
        visible = [memory for memory in life.told if memory.when <= draft.now]
        if draft.gold is None:
            assert answer(draft.question, facts_of(visible)) is None
            unanswerable += 1
            continue
        needed, anchors = used(draft.question, facts_of(visible))
        evidence = [m for m in visible if any(f.id in needed | anchors for f in m.event.facts)]
        rest = [m for m in visible if m not in evidence]
        assert answer(draft.question, facts_of(evidence)) == draft.gold
        assert answer(draft.question, facts_of(rest)) != draft.gold
        checked += 1
say(
    f"{checked} questions hold; {unanswerable} more have no answer in this life, and the right "
    "thing to say to them is nothing."
)

# %% [markdown]
# ## The questions that were chosen, and what fools
#
# Of all that could be asked a few are put into words. Every other memory is judged too: does it
# carry an old value, another person's, a plan, hearsay? That is its *negative kind*.

# %%
lives = [simulate(SEED, index).dialogue for index in range(8 if FAST else 40)]
examples = [example for one in lives for example in one.examples]
shown = next(e for e in examples if len(set(e.negative_kinds.values())) >= 4 and e.relevant)
marked = shown.labels.keys() | shown.negative_kinds.keys()
rows = [
    (render_memory(m), f"{shown.label(m.id):.1f}", shown.negative_kinds.get(m.id, ""))
    for m in sorted(shown.memories, key=lambda m: -shown.label(m.id))
    if m.id in marked
]
say(
    f"**{shown.query.text}** (asked on {shown.query.time}; {shown.why})\n\n"
    + grid(("memory", "label", "how it fools"), rows).markdown()
)

# %%
counted = Counter(kind for e in examples for kind in e.negative_kinds.values())
kinds = sorted(counted, key=counted.__getitem__)
figure = go.Figure(go.Bar(x=[counted[kind] for kind in kinds], y=kinds, orientation="h"))
figure.update_layout(
    title=f"Hard negatives of {len(examples)} questions over {len(lives)} lives",
    margin={"l": 140, "t": 50},
)
figure.show()

# %% [markdown]
# ## Why hard negatives
#
# Take the same questions with the same answers, but fill up with memories of *other* lives, as one
# does who has no better negatives. Then see how BM25, which only counts words, ranks both.

# %%
rng = random.Random(0)
elsewhere = {
    one.id: [m for other in lives if other is not one for m in other.memories] for one in lives
}


def with_easy_negatives(example: Example, life_id: str) -> Example:
    """The same question and answers, among memories of other lives."""
    relevant = [memory for memory in example.memories if memory.id in example.relevant]
    easy = rng.sample(elsewhere[life_id], len(example.memories) - len(relevant))
    renamed = [replace(memory, id=f"easy-{i}") for i, memory in enumerate(easy)]
    labels = {memory.id: example.labels[memory.id] for memory in relevant}
    mixed = [*relevant, *renamed]
    rng.shuffle(mixed)
    return replace(example, memories=tuple(mixed), labels=labels, negative_kinds={})


easy = [with_easy_negatives(e, one.id) for one in lives for e in one.examples]
hard_map = first_stage_map(examples, ["bm25"])["bm25"]["all"]
easy_map = first_stage_map(easy, ["bm25"])["bm25"]["all"]
say(
    f"MAP of BM25 among the memories of the life: {hard_map:.3f}. Among memories of other lives: "
    f"{easy_map:.3f}. Whoever trains on the second learns to count words."
)

# %% [markdown]
# ## Shortcuts
#
# A model takes every shortcut there is. If answers were longer than other memories, or later, or
# written by the assistant, it would learn that and nothing else. So we let a model try: a logistic
# regression that sees only the surface of a memory (length, place, date, digits, punctuation, who
# speaks, which family of templates) and never a word of the question. An area under the ROC curve
# (AUC) of .5 is chance, 1 is a perfect giveaway.

# %%
surface = surface_auc(examples)
figure = go.Figure(go.Bar(x=[surface.cues[n] for n in NAMES], y=list(NAMES), orientation="h"))
figure.update_layout(
    title="How far one surface cue alone gives the answer away (AUC)",
    xaxis={"range": [0.4, 1]},
    margin={"l": 120, "t": 50},
)
figure.add_vline(x=0.5, line={"dash": "dot", "color": "#333"})
figure.show()
lengths = [
    (len(m.text.split()), e.label(m.id) >= RELEVANT)
    for e in examples
    for m in e.memories
    if e.relevant
]
say(
    f"All cues together: {surface.all_memories:.3f} against every other memory, "
    f"{surface.typed_negatives:.3f} against the hard ones. Relevant memories have "
    f"{np.mean([n for n, hit in lengths if hit]):.1f} words on average, the others "
    f"{np.mean([n for n, hit in lengths if not hit]):.1f}."
)

# %% [markdown]
# ## Where the memories came from
#
# Memory systems read dialogues, not tables. Each life also has the sessions that its memories were
# taken from; chatter between says nothing about anybody.

# %%
talk = converse(life)
session = max(talk.sessions, key=lambda s: len(s.turns))
say("\n>\n".join(f"> **{turn.speaker}**: {turn.text}" for turn in session.turns))

# %% [markdown]
# ## Language models as writers
#
# Simulated lives are exact and a little stiff. A language model writes livelier ones, and its
# labels have to be checked:
#
#     labkit synth --writer openai --model NAME --base-url URL --personas FILE --out DIR
#
# asks one for memories, questions and hard negatives of given kinds, and a judge pass rejects what
# does not hold. Every call is stored before it is used, and a budget stops it.
#
# ## The claim
#
# Labels of simulated lives are exact (checked above for every formal question), their negatives are
# far harder than random ones, and the surface gives next to nothing away.

# %%
assert checked > 20
assert hard_map < easy_map - 0.15
assert surface.all_memories < 0.65
assert life.split == simulate(SEED, 0).split

# %% [markdown]
# ## Exercise
#
# Plant a shortcut: append " Anyway." to every relevant memory's text (`dataclasses.replace`) and
# add the mark as a cue of your own to a logistic regression. What AUC does it reach, and what would
# a reranker trained on such data score on real chats?
