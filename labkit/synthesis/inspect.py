"""Measures a folder of Examples: is it hard, does its surface give it away, does it read varied."""

from __future__ import annotations

import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labkit.errors import InputError
from labkit.records import Example, Memory, read_examples
from labkit.retrieval.first_stage import Method
from labkit.synthesis.diversity import distinct, self_bleu
from labkit.synthesis.splits import SPLITS, Split, find_leaks
from labkit.synthesis.surface import SurfaceAUC, surface_auc


@dataclass(frozen=True, slots=True)
class Variety:
    """distinct-2 at 20,000 words and self-BLEU of a sample of 300 texts."""

    distinct_2: float
    self_bleu: float


@dataclass(frozen=True, slots=True)
class Inspection:
    """What :func:`inspect_folder` found. ``map`` is by first stage, then by kind ("all" too)."""

    examples: int
    lives: int
    map: Mapping[str, Mapping[str, float]]
    surface: SurfaceAUC
    memories: Variety
    queries: Variety
    compared: Mapping[str, Variety]
    templates: Mapping[str, int]
    ambiguous_coreference: float
    with_instruction: float
    instruction_pairs: int
    leaks: int
    kinds: Mapping[str, int]
    negative_kinds: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def first_stage_map(
    examples: Sequence[Example], methods: Sequence[Method] = ("bm25", "dense")
) -> dict[str, dict[str, float]]:
    """MAP of BM25 and of MiniLM's cosine, by kind. Context is read with the question.

    Examples without a relevant memory do not count. All memories are ranked, later ones too.
    """
    from labkit.evaluation.measures import average_precision
    from labkit.rendering import render_memory, render_search
    from labkit.retrieval.first_stage import FirstStage
    from labkit.retrieval.minilm import embed

    held = [example for example in examples if example.relevant]
    if "dense" in methods:
        # All at once, in batches of like length; the stages below find the vectors kept.
        embed(list(dict.fromkeys(render_memory(m) for e in held for m in e.memories)))
        embed([render_search(example.query) for example in held])
    scores: dict[str, dict[str, list[float]]] = {m: defaultdict(list) for m in methods}
    before: tuple[Memory, ...] | None = None
    stages: dict[str, FirstStage] = {}
    for example in held:
        if example.memories != before:  # the questions of a life follow one another
            before = example.memories
            stages = {method: FirstStage(before, method) for method in methods}
        for method, stage in stages.items():
            order = stage.order(example.query)
            labels = [example.label(before[j].id) for j in order]
            score = average_precision(labels, len(example.relevant))
            scores[method]["all"].append(score)
            scores[method][example.query.kind or ""].append(score)
    return {m: {k: float(np.mean(v)) for k, v in sorted(by.items())} for m, by in scores.items()}


def _life(example: Example) -> str:
    return str(example.extra.get("life") or example.id.rsplit("-q", 1)[0])


def _variety(texts: Sequence[str]) -> Variety:
    return Variety(distinct(texts, 2), self_bleu(texts))


def dialogue_texts(path: str | os.PathLike[str]) -> list[str]:
    """All utterances of a JSON file: every string under a key ``text``, as LoCoMo has them.

    Raises:
        InputError: the file cannot be read as JSON, or holds no such string.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}; expected a JSON file of dialogues") from None

    def walk(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for key, item in value.items():
                if key == "text" and isinstance(item, str):
                    yield item
                else:
                    yield from walk(item)
        elif isinstance(value, list):
            for item in value:
                yield from walk(item)

    texts = list(walk(data))
    if not texts:
        raise InputError(f"{path}: no string under a key 'text', expected utterances as LoCoMo has")
    return texts


def read_folder(folder: str | os.PathLike[str]) -> dict[Split, list[Example]]:
    """The Examples of ``train.jsonl``, ``dev.jsonl`` and ``test.jsonl``.

    Raises:
        InputError: one of the files is missing.
    """
    return {split: list(read_examples(Path(folder) / f"{split}.jsonl")) for split in SPLITS}


def ambiguous_share(examples: Sequence[Example]) -> float:
    """Share of coreference questions that, without context, have two or more readings."""
    asked = [e for e in examples if e.query.kind == "coreference"]
    if not asked:
        return 1.0
    several = [
        e
        for e in asked
        if len({tuple(r) for r in e.extra.get("readings", ())}) > 1 and e.query.context
    ]
    return len(several) / len(asked)


def sample_lives(
    by_split: Mapping[Split, Sequence[Example]], size: int, seed: int = 0
) -> list[Example]:
    """About ``size`` Examples of random lives, whole ones, of each split by its share.

    Whole lives, because the questions of a life share its memories: they are embedded once.
    """
    total = sum(map(len, by_split.values()))
    some: list[Example] = []
    for split, examples in by_split.items():
        lives: dict[str, list[Example]] = defaultdict(list)
        for example in examples:
            lives[_life(example)].append(example)
        names = sorted(lives)
        random.Random(f"{seed}:{split}").shuffle(names)
        share, taken = size * len(examples) / total, 0
        for name in names:
            if taken >= share:
                break
            some += lives[name]
            taken += len(lives[name])
    return some


def inspect_folder(
    folder: str | os.PathLike[str],
    *,
    compare: Sequence[str | os.PathLike[str]] = (),
    sample: int = 600,
    dense: bool = True,
) -> Inspection:
    """Measure what :func:`labkit.synthesis.writing.write_lives` wrote.

    Args:
        folder: holds train.jsonl, dev.jsonl, test.jsonl.
        compare: files of real dialogues whose variety is reported beside.
        sample: about so many Examples are ranked, those of random lives of every split. The
            surface is fitted to three times as many: it is cheap, and noisy where lives are few.
        dense: rank by MiniLM too (the slow part).
    """
    by_split = read_folder(folder)
    every = [example for split in SPLITS for example in by_split[split]]
    if not every:
        raise InputError(
            f"{folder}: no example in train, dev or test, expected some; run labkit synth"
        )
    some = sample_lives(by_split, sample)
    memories = list(dict.fromkeys(m.text for e in some for m in e.memories))
    return Inspection(
        examples=len(every),
        lives=len({_life(e) for e in every}),
        map=first_stage_map(some, ("bm25", "dense") if dense else ("bm25",)),
        surface=surface_auc(sample_lives(by_split, 3 * sample)),
        memories=_variety(memories),
        queries=_variety(list(dict.fromkeys(e.query.text for e in some))),
        compared={str(path): _variety(dialogue_texts(path)) for path in compare},
        templates=template_counts(),
        ambiguous_coreference=ambiguous_share(every),
        with_instruction=sum(e.query.instruction is not None for e in every) / len(every),
        instruction_pairs=len({e.extra["pair"] for e in every if "pair" in e.extra}),
        leaks=sum(1 for _ in find_leaks(by_split)),
        kinds=dict(Counter(e.query.kind or "" for e in every).most_common()),
        negative_kinds=dict(
            Counter(k for e in every for k in e.negative_kinds.values()).most_common()
        ),
    )


def template_counts() -> dict[str, int]:
    """Different skeletons (choices made, slots open) by kind of text: each beat, each question."""
    from labkit.synthesis.frames import count_choices
    from labkit.synthesis.words.plots import MOMENTS, STORIES, TASTES

    counts: dict[str, set[str]] = defaultdict(set)
    for plot in (*STORIES, *TASTES, *MOMENTS):
        for beat, words in plot.beats.items():
            counts[f"memory {plot.shape}/{beat}"].update(words.say + words.sum + words.note)
        for ask, frames in plot.asks.items():
            counts[f"question {plot.shape}/{ask}"].update(frames)
    return {name: sum(map(count_choices, frames)) for name, frames in sorted(counts.items())}
