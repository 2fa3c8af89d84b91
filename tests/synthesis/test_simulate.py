from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from labkit.records import NEGATIVE_KINDS, RELEVANT, Example, example_to_json, parse_example
from labkit.synthesis.choosing import SHARES
from labkit.synthesis.simulate import Life, simulate_life

LEVELS = {1.0, 0.7, 0.5, 0.3}


def examples(lives: Sequence[Life]) -> list[Example]:
    return [example for life in lives for example in life.dialogue.examples]


def test_a_life_depends_on_seed_and_index_only(lives: Sequence[Life]) -> None:
    again = simulate_life(7, 5)
    assert again == lives[5].dialogue
    assert again.memories != simulate_life(8, 5).memories


def test_a_life_has_about_fifty_memories_in_order_of_time_and_twelve_questions_or_more(
    lives: Sequence[Life],
) -> None:
    for life in lives:
        times = [memory.time or "" for memory in life.dialogue.memories]
        assert 32 <= len(times) <= 58
        assert times == sorted(times)
        assert len(life.dialogue.examples) >= 12
        assert len({memory.text for memory in life.dialogue.memories}) == len(times)


def test_every_example_parses_back_to_itself(lives: Sequence[Life]) -> None:
    for example in examples(lives):
        assert parse_example(json.loads(json.dumps(example_to_json(example)))) == example


def test_every_kind_and_every_negative_kind_occurs(lives: Sequence[Life]) -> None:
    every = examples(lives)
    assert {example.query.kind for example in every} == set(SHARES)
    kinds = {kind for example in every for kind in example.negative_kinds.values()}
    assert kinds == set(NEGATIVE_KINDS)


def test_labels_are_of_the_five_levels_and_negatives_are_not_relevant(
    lives: Sequence[Life],
) -> None:
    for example in examples(lives):
        assert set(example.labels.values()) <= LEVELS
        assert not example.relevant & example.negative_kinds.keys()
        assert len(example.negative_kinds) <= 6


def test_no_memory_after_the_question_is_relevant(lives: Sequence[Life]) -> None:
    asked_early = 0
    for example in examples(lives):
        times = {memory.id: memory.time or "" for memory in example.memories}
        asked = example.query.time or ""
        asked_early += any(time > asked for time in times.values())
        assert all(times[id_] <= asked for id_ in example.labels)
    assert asked_early > 20  # or the test says nothing


def test_abstain_alone_has_no_relevant_memory(lives: Sequence[Life]) -> None:
    for example in examples(lives):
        assert (not example.relevant) == (example.query.kind == "abstain")


def test_no_slot_or_choice_is_left_open(lives: Sequence[Life]) -> None:
    for example in examples(lives):
        texts = [example.query.text, example.query.instruction or ""]
        texts += [turn.text for turn in example.query.context]
        texts += [memory.text for memory in example.memories]
        for text in texts:
            assert not set("{}|") & set(text), text
            assert "  " not in text and text == text.strip()


def test_a_fifth_or_more_carry_an_instruction_and_pairs_differ_in_labels_only_by_it(
    lives: Sequence[Life],
) -> None:
    every = examples(lives)
    assert sum(e.query.instruction is not None for e in every) >= 0.2 * len(every)
    kinds = {e.extra.get("instruction_kind") for e in every} - {None}
    assert kinds == {"intent", "entity", "aspect"}
    pairs: dict[object, list[Example]] = defaultdict(list)
    for example in every:
        if "pair" in example.extra:
            pairs[example.extra["pair"]].append(example)
    assert len(pairs) >= 20
    for one, two in pairs.values():
        assert one.query.text == two.query.text and one.query.context == two.query.context
        assert one.query.instruction != two.query.instruction
        assert one.relevant != two.relevant


def test_the_bare_question_of_a_coreference_example_has_two_or_more_answers(
    lives: Sequence[Life],
) -> None:
    asked = [e for e in examples(lives) if e.query.kind == "coreference"]
    assert len(asked) > 20
    for example in asked:
        assert 2 <= len(example.query.context) <= 5
        readings = example.extra["readings"]
        assert len({tuple(reading) for reading in readings}) >= 2
        assert sorted(example.relevant) == readings[0]


def test_half_of_the_needed_memories_share_few_words_with_the_question(
    lives: Sequence[Life],
) -> None:
    from labkit.synthesis.negatives import content_words

    few = total = 0
    for example in examples(lives):
        words = content_words(example.query.text)
        for memory in example.memories:
            if example.label(memory.id) >= RELEVANT:
                total += 1
                few += len(words & content_words(memory.text)) <= 1
    assert few >= 0.5 * total


def test_a_denial_comes_after_its_rumour_and_what_it_denies_never_holds(
    lives: Sequence[Life],
) -> None:
    denied = 0
    for life in lives:
        for thread in life.world.threads:
            events = {event.beat: event for event in thread.events}
            if "denied" not in events:
                continue
            denied += 1
            assert events["rumour"].when < events["denied"].when
            (denial,) = [f for f in events["denied"].facts if f.attribute == "denial"]
            actual = {f.value for e in thread.events for f in e.facts
                      if f.certainty == "actual" and f.attribute in ("state", "date")}  # fmt: skip
            assert denial.value not in actual
    assert denied > 10


def test_a_denial_alone_answers_whether_a_rumour_was_put_right_and_also_says_what_was_rumoured(
    lives: Sequence[Life],
) -> None:
    asked = {"denied": 0, "claim": 0}
    for life in lives:
        beats = {memory.id: memory.event.beat for memory in life.told}
        threads = {memory.id: memory.thread for memory in life.told}
        for example in life.dialogue.examples:
            found = {beats[id_] for id_ in example.relevant} - {"link"}
            if example.extra["ask"] == "denied":
                asked["denied"] += 1
                assert found == {"denied"}
                rumours = [id_ for id_, beat in beats.items() if beat == "rumour"]
                (thread,) = {threads[i].id for i in example.relevant if beats[i] == "denied"}
                (rumour,) = [id_ for id_ in rumours if threads[id_].id == thread]
                assert example.labels[rumour] < RELEVANT
            elif example.extra["ask"] == "claim" and "denied" in found:
                asked["claim"] += 1
                assert found == {"rumour", "denied"}
    assert min(asked.values()) > 0
