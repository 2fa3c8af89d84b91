"""Labels for every memory of a question, and the kind of each memory that fools."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labkit.synthesis.asking import Draft
from labkit.synthesis.plots import Plot
from labkit.synthesis.world import Told

_MOST = 6
# Beats that are relevant more (or less) often than others are negatives as much more (less) often.
_BIAS = {"echo": 0.5, "moment": -0.8, "link": -0.8}
_STOP = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "before",
        "but",
        "by",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "him",
        "his",
        "how",
        "i",
        "in",
        "is",
        "it",
        "its",
        "just",
        "me",
        "my",
        "of",
        "off",
        "on",
        "or",
        "our",
        "out",
        "she",
        "so",
        "that",
        "the",
        "their",
        "them",
        "there",
        "they",
        "this",
        "to",
        "up",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "s",
        "t",
        "not",
        "no",
        "than",
        "then",
        "about",
        "after",
        "ever",
        "into",
        "over",
        "any",
        "all",
        "one",
        "some",
        "more",
        "most",
        "go",
        "going",
        "got",
        "get",
    ]
)
_WORD = re.compile(r"[^\W_]+")


def content_words(text: str) -> frozenset[str]:
    """Words that carry meaning, cut to a crude stem so that "paid" aside plurals and -ing meet."""
    return frozenset(
        re.sub(r"(?:ing|ed|es|s)$", "", word)
        for word in _WORD.findall(text.lower())
        if word not in _STOP and len(word) > 2
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """Labels above 0 and negative kinds of one question, by memory id."""

    labels: Mapping[str, float]
    negative_kinds: Mapping[str, str]


def _kind(
    draft: Draft, memory: Told, plots: Mapping[str, Plot], shared: int
) -> tuple[str, float] | None:
    thread, event = draft.thread, memory.event
    future = memory.when > draft.now
    same_person = memory.thread.subject.id in {
        thread.subject.id, *([draft.other.subject.id] if draft.other else [])
    }  # fmt: skip
    same_topic = memory.thread.plot == thread.plot
    needs = [need for need in draft.question.needs if not need.anchor]
    certainty, pick = needs[0].certainty, needs[0].pick
    numeric = draft.attribute == "amount"
    facts = [fact for fact in event.facts if fact.attribute == draft.attribute]
    if event.beat == "echo":
        return ("question_echo", 0.0) if same_topic or shared >= 2 else None
    if event.beat == "link" and not future and any(need.anchor for need in draft.question.needs):
        return "wrong_entity", 0.0
    if same_topic and same_person:
        if future:
            return ("wrong_time", 0.0) if facts else None
        for fact in facts:
            if fact.certainty != certainty:
                if fact.certainty == "planned":
                    return ("wrong_quantity" if numeric else "planned_not_done"), 0.3
                if fact.certainty == "hearsay":
                    return "hearsay", 0.3
                return "wrong_aspect", 0.3
            older = any(n.pick == "latest" for n in needs)
            return ("superseded" if older else "wrong_time"), 0.3
        attributes = {fact.attribute for fact in event.facts}
        if draft.attribute == "denial" and "hearsay" in {fact.certainty for fact in event.facts}:
            return "hearsay", 0.3
        if {draft.attribute, *attributes} >= {"cause", "effect"}:
            return "reversed_cause", 0.3
        if draft.attribute in ("drop", "effect") and attributes & {"cause", "drop"}:
            return "reversed_cause", 0.3
        if event.beat == "vague":
            return "too_general", 0.5 if pick in ("all", "latest") else 0.3
        if event.beat == "detail":
            return (
                ("too_detailed", 0.3)
                if pick == "all" or draft.attribute == "gist"
                else ("wrong_aspect", 0.0)
            )
        if draft.attribute == "gist":
            return "too_detailed", 0.3
        if "planned" in {fact.certainty for fact in event.facts}:
            return "planned_not_done", 0.0
        near = any(f.step == _step(draft) for f in event.facts)
        return "wrong_aspect", 0.3 if near and shared else 0.0
    if future:
        return None
    if same_topic:
        return ("wrong_entity", 0.0) if facts else ("same_topic", 0.0)
    if numeric and any(fact.attribute == "amount" for fact in event.facts):
        return "wrong_quantity", 0.0
    if shared >= 2:
        return "question_echo", 0.0
    one, two = plots.get(memory.thread.plot), plots.get(thread.plot)
    if one is None or two is None:
        return None
    if one.theme == two.theme or (one.shape == two.shape and one.shape in ("taste", "moment")):
        return "same_topic", 0.0
    return None


def _step(draft: Draft) -> int:
    steps = [f.step for e in draft.thread.events for f in e.facts if f.attribute == draft.attribute]
    return steps[-1] if steps else 0


def judge(
    draft: Draft,
    text: str,
    told: Sequence[Told],
    needed: frozenset[str],
    anchors: frozenset[str],
    plots: Mapping[str, Plot],
    fooled: Counter[str],
    rng: random.Random,
) -> Judged:
    """Label all memories; list at most six that fool, those first that have fooled least so far.

    ``fooled`` counts, over the questions of a life, how often a memory served as a negative; it is
    not changed here.
    """
    words = content_words(text)
    labels: dict[str, float] = {}
    candidates: list[tuple[float, str, str]] = []
    for memory in told:
        facts = {fact.id for fact in memory.event.facts}
        if memory.when <= draft.now and facts & needed:
            labels[memory.id] = 1.0
        elif memory.when <= draft.now and facts & anchors:
            labels[memory.id] = 0.7
        else:
            found = _kind(draft, memory, plots, len(words & content_words(memory.text)))
            if found is None:
                continue
            kind, label = found
            if label:
                labels[memory.id] = label
            # Same thread first, then fresh faces: no memory is the usual suspect.
            weight = 1.2 * fooled[memory.id] - (0.8 if label else 0.0) + rng.random()
            weight += _BIAS.get(memory.event.beat, 0.0)
            candidates.append((weight, memory.id, kind))
    candidates.sort()
    kinds: dict[str, str] = {}
    seen: Counter[str] = Counter()
    limit = rng.randint(3, _MOST)
    for _, id_, kind in candidates:
        if len(kinds) < limit and seen[kind] < (2 if kind == "same_topic" else 3):
            kinds[id_] = kind
            seen[kind] += 1
    return Judged(labels, kinds)
