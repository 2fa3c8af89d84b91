from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from labkit.synthesis.sessions import ASSISTANT, Conversation, conversation_to_json, converse
from labkit.synthesis.simulate import Life, simulate
from labkit.synthesis.words import chatter


@pytest.fixture(scope="module")
def talks(lives: Sequence[Life]) -> list[tuple[Life, Conversation]]:
    return [(life, converse(life)) for life in lives]


def turns_of(talk: Conversation) -> dict[str, tuple[str, str, str]]:
    """Day, speaker and text of each turn by its id."""
    found = {
        turn.id: (session.time, turn.speaker, turn.text)
        for session in talk.sessions
        for turn in session.turns
    }
    assert len(found) == sum(len(session.turns) for session in talk.sessions)
    return found


def test_the_same_life_has_the_same_sessions(talks: list[tuple[Life, Conversation]]) -> None:
    assert converse(simulate(7, 5)) == talks[5][1]


def test_sessions_are_of_two_and_in_order_of_time(talks: list[tuple[Life, Conversation]]) -> None:
    alone = total = 0
    for life, talk in talks:
        times = [session.time for session in talk.sessions]
        assert times == sorted(times) and len(times) > 20
        for session in talk.sessions:
            speakers = {turn.speaker for turn in session.turns}
            assert len(speakers) <= 2
            assert ASSISTANT not in speakers or life.world.partner is None
            alone += len(speakers) == 1
            total += 1
    assert alone < 0.1 * total


def test_a_chat_line_is_a_turn_as_it_stands(talks: list[tuple[Life, Conversation]]) -> None:
    for life, talk in talks:
        turns = turns_of(talk)
        for memory in life.dialogue.memories:
            if memory.extra["form"] == "say":
                (source,) = talk.sources[memory.id]
                assert turns[source] == (memory.time, memory.speaker, memory.text)


def test_a_summary_or_note_is_said_by_the_owner_that_day_in_other_words(
    talks: list[tuple[Life, Conversation]],
) -> None:
    for life, talk in talks:
        turns = turns_of(talk)
        texts = {text.lower() for _, _, text in turns.values()}
        for memory in life.dialogue.memories:
            if memory.extra["form"] != "say":
                (source,) = talk.sources[memory.id]
                assert turns[source][:2] == (memory.time, life.owner_label)
                assert memory.text.lower() not in texts


def test_what_a_summary_holds_is_said_in_its_turn(talks: list[tuple[Life, Conversation]]) -> None:
    said = total = 0
    for life, talk in talks:
        turns = turns_of(talk)
        for memory in life.told:
            if memory.form == "say":
                continue
            for fact in memory.event.facts:
                # Money, days and people are written in several ways, pronouns by who speaks.
                if fact.attribute in ("amount", "date", "claimant") or "{" in fact.value:
                    continue
                words = re.findall(r"[a-z]{4,}", fact.value.lower())
                text = turns[talk.sources[memory.id][0]][2].lower()
                total += 1
                said += all(word in text for word in words)
    assert total > 100
    assert said >= 0.95 * total


def test_no_slot_or_choice_is_left_open_and_chatter_seldom_repeats(
    talks: list[tuple[Life, Conversation]],
) -> None:
    for life, talk in talks:
        texts = [text for _, _, text in turns_of(talk).values()]
        for text in texts:
            assert not set("{}|[]") & set(text), text
            assert text == text.strip() and "  " not in text
        assert len(set(texts)) > (0.9 if life.split == "train" else 0.7) * len(texts)


def test_every_split_has_chatter_of_its_own(talks: list[tuple[Life, Conversation]]) -> None:
    said: dict[str, set[str]] = {"train": set(), "dev": set(), "test": set()}
    for life, talk in talks:
        facts = {source for sources in talk.sources.values() for source in sources}
        said[life.split] |= {t[2] for id_, t in turns_of(talk).items() if id_ not in facts}
    assert all(len(texts) > 60 for texts in said.values())
    replies = len(chatter.ASSISTANT_REPLIES) + len(chatter.PERSON_REPLIES)
    assert len(said["train"]) > 10 * replies


def test_the_line_of_a_life_names_the_turns_of_each_memory(
    talks: list[tuple[Life, Conversation]],
) -> None:
    life, talk = talks[0]
    line = conversation_to_json(life, talk)
    assert (line["id"], line["split"]) == (life.dialogue.id, life.split)
    turns = {turn["id"] for session in line["sessions"] for turn in session["turns"]}
    assert len(line["memories"]) == len(life.dialogue.memories)
    assert all(m["source"] and set(m["source"]) <= turns for m in line["memories"])
