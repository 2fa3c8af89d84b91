"""The conversations that the memories of a life came from: dated sessions of turns."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from labkit.records import memory_to_json
from labkit.synthesis.frames import belongs, choose
from labkit.synthesis.life import plots_by_name
from labkit.synthesis.simulate import VERSION, Life
from labkit.synthesis.telling import Teller
from labkit.synthesis.words import chatter
from labkit.synthesis.world import Told, Voice

ASSISTANT = "assistant"
_TRIES = 60


@dataclass(frozen=True, slots=True)
class Utterance:
    """One turn; its id is unique in the life."""

    id: str
    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation of two, held on one day (``time`` is a date)."""

    id: str
    time: str
    turns: tuple[Utterance, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """All sessions of a life, and for each memory's id the ids of the turns that it was made of."""

    sessions: tuple[Session, ...]
    sources: Mapping[str, tuple[str, ...]]


class _Talk:
    """One life's sessions in the making. No phrase of the other side twice, while others last."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.rng = random.Random(f"labkit:{VERSION}:{life.dialogue.id}:sessions")
        self.teller = Teller(life.world, plots_by_name(), life.split, self.rng)
        self.teller.sign, self.teller.owner_label = life.sign, life.owner_label
        # What is told again in a chat is told in another sentence than any memory.
        self.teller.used |= {memory.skeleton for memory in life.told}
        self.voices: dict[str, Voice] = {p.shown: p.voice for p in life.world.people.values()}
        self.voices[life.owner_label] = life.world.owner.voice
        self.used: set[tuple[str, ...]] = set()
        self.turns: list[tuple[str, str]] = []

    def _pick(self, groups: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
        # Phrases of the life's split, as all other wordings are; nothing where it has none.
        found: tuple[str, ...] = ()
        for _ in range(_TRIES):
            drawn = tuple(choose(frame, self.rng) for frame in self.rng.choice(groups))
            if not belongs(" ".join(drawn), self.life.split):
                continue
            found = drawn
            if drawn not in self.used:
                break
        self.used.add(found)
        return found

    def _say(self, speakers: Sequence[str], groups: Sequence[tuple[str, ...]]) -> None:
        for speaker, text in zip(speakers, self._pick(groups), strict=False):
            if self.voices.get(speaker) == "slang" and self.rng.random() < 0.5:
                text = text.lower().rstrip(".")
            self.turns.append((speaker, text))

    def session(self, other: str, memories: Sequence[Told]) -> tuple[int, ...]:
        """Fill ``turns``; the places of the turns that the memories were made of."""
        rng, owner = self.rng, self.life.owner_label
        machine = other == ASSISTANT
        self.turns = []

        def starts() -> tuple[str, str]:
            # A person asks the assistant; of two persons either may begin.
            return (owner, other) if machine or rng.random() < 0.5 else (other, owner)

        if rng.random() < 0.7:
            opening = chatter.ASSISTANT_GREETINGS if machine else chatter.PERSON_GREETINGS
            self._say((other if machine else starts()[0],), [(frame,) for frame in opening])
        places: list[int] = []
        for memory in memories:
            said = memory if memory.form == "say" else self.teller.chat(memory)
            if rng.random() < 0.55:
                small = chatter.ASSISTANT_CHATTER if machine else chatter.PERSON_CHATTER
                self._say(starts(), small)
            listener = other if said.speaker == owner else owner
            if self.turns and self.turns[-1][0] != listener and rng.random() < 0.5:
                prompts = (
                    chatter.ASSISTANT_PROMPTS if listener == ASSISTANT else chatter.PERSON_PROMPTS
                )
                self._say((listener,), [(frame,) for frame in prompts])
            places.append(len(self.turns))
            self.turns.append((said.speaker, said.text))
            if len(self.turns) == 1 or rng.random() < 0.85:
                replies = (
                    chatter.ASSISTANT_REPLIES if listener == ASSISTANT else chatter.PERSON_REPLIES
                )
                self._say((listener,), [(frame,) for frame in replies])
                if rng.random() < 0.5:
                    # A word back, and sometimes one more: talk does not stop at the news.
                    after = (
                        chatter.ASSISTANT_AFTER
                        if ASSISTANT in (listener, said.speaker)
                        else chatter.PERSON_AFTER
                    )
                    self._say((said.speaker, listener), after)
        if rng.random() < 0.4:
            small = chatter.ASSISTANT_CHATTER if machine else chatter.PERSON_CHATTER
            self._say(starts(), small)
        if rng.random() < 0.5:
            self._say(starts(), chatter.ASSISTANT_PARTINGS if machine else chatter.PERSON_PARTINGS)
        return tuple(places)


def converse(life: Life) -> Conversation:
    """The sessions behind ``life``: one for each day and partner of talk, in order of time.

    The chat lines among the memories are turns as they stand. What was summed up or noted down is
    said by the owner to the assistant, in other words; that turn is the memory's source. The other
    side's replies, and the chatter between, say nothing about anybody. Depends on the life alone.
    """
    world = life.world
    partner = world.people[world.partner].shown if world.partner else ASSISTANT
    groups: dict[tuple[date, str], list[Told]] = {}
    for memory in life.told:
        # In a life with an assistant, somebody else's line is out of a chat with the owner.
        own = memory.form != "say" or memory.speaker == life.owner_label
        groups.setdefault((memory.when, partner if own else memory.speaker), []).append(memory)
    talk = _Talk(life)
    sessions: list[Session] = []
    sources: dict[str, tuple[str, ...]] = {}
    for number, ((when, other), memories) in enumerate(groups.items(), 1):
        id_ = f"s{number:02d}"
        places = talk.session(other, memories)
        turns = tuple(
            Utterance(f"{id_}.{i:02d}", speaker, text)
            for i, (speaker, text) in enumerate(talk.turns, 1)
        )
        sessions.append(Session(id_, when.isoformat(), turns))
        for memory, place in zip(memories, places, strict=True):
            sources[memory.id] = (turns[place].id,)
    return Conversation(tuple(sessions), sources)


def conversation_to_json(life: Life, conversation: Conversation) -> dict[str, Any]:
    """The life's line of ``dialogues.jsonl``: sessions, and memories with ``source`` turn ids."""
    return {
        "id": life.dialogue.id,
        "split": life.split,
        "sessions": [
            {
                "id": session.id,
                "time": session.time,
                "turns": [
                    {"id": turn.id, "speaker": turn.speaker, "text": turn.text}
                    for turn in session.turns
                ],
            }
            for session in conversation.sessions
        ],
        "memories": [
            {**memory_to_json(memory), "source": list(conversation.sources[memory.id])}
            for memory in life.dialogue.memories
        ],
    }
