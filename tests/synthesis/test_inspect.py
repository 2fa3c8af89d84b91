from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from labkit.errors import InputError
from labkit.records import Example, Memory, Query, write_examples
from labkit.sources.lives import split_of
from labkit.synthesis.diversity import distinct, self_bleu
from labkit.synthesis.inspect import (
    ambiguous_share,
    first_stage_map,
    inspect_folder,
    sample_lives,
    template_counts,
)
from labkit.synthesis.plots import SHAPES
from labkit.synthesis.simulate import Life
from labkit.synthesis.splits import GENERATED, SPLITS, Split, find_leaks, jaccard, minhash
from labkit.synthesis.surface import surface_auc
from labkit.synthesis.words.plots import MOMENTS, STORIES, TASTES


def by_split(lives: Sequence[Life]) -> dict[Split, list[Example]]:
    return {s: [e for x in lives if x.split == s for e in x.dialogue.examples] for s in SPLITS}


def test_the_surface_does_not_give_the_answer_away(lives: Sequence[Life]) -> None:
    found = surface_auc([e for life in lives for e in life.dialogue.examples])
    assert found.all_memories <= 0.60
    assert found.typed_negatives <= 0.62  # .60 is the aim at 200 lives; 40 are noisy


def test_words_alone_do_not_find_the_answer(lives: Sequence[Life]) -> None:
    every = [e for life in lives for e in life.dialogue.examples]
    assert first_stage_map(every, ("bm25",))["bm25"]["all"] <= 0.36


def test_a_planted_leak_is_found() -> None:
    text = "Sam bought nineteen brass lanterns from the old ferry terminal in Cork on a wet Sunday"

    def example(query: str, memory: str) -> Example:
        return Example(Query(query, "x"), (Memory("m", memory),))

    train = [example("where is the fish?", text)]
    test = [example("who sold the harp?", text + " again")]
    (leak,) = find_leaks({"train": train, "dev": [], "test": test})
    assert leak.similarity > 0.8 and {leak.split, leak.other_split} == {"train", "test"}


def test_minhash_agreement_estimates_jaccard() -> None:
    a = " ".join(f"w{i}" for i in range(200))
    b = " ".join(f"w{i}" for i in range(60, 260))
    one, two = minhash([a, b])
    assert abs((one == two).mean() - jaccard(a, b)) < 0.15


def test_splits_are_stable_and_near_eight_one_one() -> None:
    splits = [split_of(f"sim-1-{i:06d}", GENERATED) for i in range(2000)]
    assert 0.76 < splits.count("train") / 2000 < 0.84
    assert 0.07 < splits.count("test") / 2000 < 0.13
    # Written down once: a checkpoint trained before a change of these has seen the test set.
    assert "".join(split[2] for split in splits[:40]) == "aaaaaaaaaaasaaasaaaaaavsaasvaaaaaaaaaaaa"


def test_every_coreference_question_is_ambiguous_without_its_context(lives: Sequence[Life]) -> None:
    assert ambiguous_share([e for life in lives for e in life.dialogue.examples]) >= 0.9


def test_every_beat_has_twelve_templates_or_more() -> None:
    counts = template_counts()
    assert all(n >= 12 for name, n in counts.items() if name.startswith("memory ")), counts


def test_distinct_and_self_bleu_tell_monotony_from_variety() -> None:
    same = ["the cat sat on the mat today"] * 20
    varied = [" ".join(f"w{i * 7 + j}" for j in range(7)) for i in range(20)]
    assert distinct(same, 2) < 0.1 and distinct(varied, 2) == 1.0
    assert self_bleu(same) > 0.99 and self_bleu(varied) < 0.05


def test_a_sample_is_of_whole_lives_of_every_split(lives: Sequence[Life]) -> None:
    examples = by_split(lives)
    some = sample_lives(examples, 100)
    drawn = {example.id for example in some}
    assert some == sample_lives(examples, 100) and 100 <= len(some) < 200
    for split in SPLITS:
        for life in lives:
            ids = {example.id for example in life.dialogue.examples}
            assert life.split != split or ids <= drawn or not ids & drawn
        assert any(example.id in drawn for example in examples[split])


def test_a_folder_is_measured_without_a_model(tmp_path: Path, lives: Sequence[Life]) -> None:
    for split, examples in by_split(lives).items():
        write_examples(tmp_path / f"{split}.jsonl", examples)
    found = inspect_folder(tmp_path, sample=120, dense=False)
    assert found.lives == len(lives) and set(found.map) == {"bm25"}
    assert 0.05 < found.map["bm25"]["all"] < 0.5
    assert sum(found.kinds.values()) == found.examples
    for split in SPLITS:
        (tmp_path / f"{split}.jsonl").write_text("")
    with pytest.raises(InputError, match="expected some"):
        inspect_folder(tmp_path)


def test_every_frame_says_every_value_that_its_beat_tells_and_no_other() -> None:
    # Or a label would say that a memory holds what its words leave out (or the reverse).
    for plot in (*STORIES, *TASTES, *MOMENTS):
        for beat in SHAPES[plot.shape]:
            told = {tell.slot for tell in beat.tells}
            words = plot.beats[beat.name]
            for frame in (*words.say, *words.sum, *words.note):
                slots = set(re.findall(r"\{(\w+)\}", frame)) & FACT_SLOTS
                assert slots == told, (plot.name, beat.name, frame)


FACT_SLOTS = {tell.slot for beats in SHAPES.values() for beat in beats for tell in beat.tells}
