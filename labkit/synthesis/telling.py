"""From events to memories: who tells it, in which form, and in which words."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from labkit.synthesis.frames import belongs, choose, fill, tidy
from labkit.synthesis.perspective import first_person, nobody, possessive, third_person
from labkit.synthesis.plots import Plot
from labkit.synthesis.splits import Split
from labkit.synthesis.words import talk
from labkit.synthesis.world import Event, Fact, Person, Thread, Told, Voice, World

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def day_in_words(day: date, rng: random.Random) -> str:
    """``14 June``, ``June 14th``, ``the 14th of June``: as people write a day."""
    tail = (
        "th" if 10 <= day.day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    )
    month = _MONTHS[day.month - 1]
    return rng.choice(
        (f"{day.day} {month}", f"{month} {day.day}{tail}", f"the {day.day}{tail} of {month}",
         f"{day.day}{tail} {month}")
    )  # fmt: skip


def month_in_words(day: date) -> str:
    return f"{_MONTHS[day.month - 1]} {day.year}"


def money_in_words(amount: int, sign: str, rng: random.Random) -> str:
    """``£24,500``, ``24.5k``, ``24,500 quid``."""
    word = {"£": "pounds", "$": "dollars", "€": "euros"}[sign]
    shown = f"{amount:,}"
    forms = [f"{sign}{shown}", f"{sign}{shown}", f"{shown} {word}"]
    if amount >= 10000 and amount % 500 == 0:
        forms.append(f"{sign}{amount / 1000:g}k")
    return rng.choice(forms)


def _when(lag: int, day: date, rng: random.Random) -> str:
    if lag == 0:
        return rng.choice(("today", "this morning", "this afternoon", "earlier today"))
    if lag == 1:
        return rng.choice(("yesterday", "yesterday", "yesterday morning", "yesterday afternoon"))
    ago = {2: "two", 3: "three", 4: "four"}[lag]
    weekday = _DAYS[day.weekday()]
    return rng.choice((f"on {weekday}", f"on {weekday}", f"on {weekday[:3]}", f"{ago} days ago"))


_SHORT = re.compile(r"\bI (am|have(?= (?:got|always|changed|never|had|as good)\b))")
_SHORTER = {"am": "I'm", "have": "I've"}


def _dress(text: str, frame: str, person: Person, rng: random.Random) -> str:
    # A voice: how this person opens, closes and shortens.
    voice = person.voice
    for old, new in talk.SWAPS.get(voice, ()):
        if rng.random() < 0.7:
            text = (
                text.replace(f" {old} ", f" {new} ") if " " not in old else text.replace(old, new)
            )
    if voice != "formal":
        text = _SHORT.sub(lambda match: _SHORTER[match.group(1)], text)
    # Who is meant is plain from who writes: "Went with the blue one."
    clipped = voice in ("terse", "slang", "plain") and re.match(r"I [a-z]+ed\b|I (had|got)\b", text)
    if clipped and rng.random() < (0.6 if voice == "terse" else 0.3):
        text = text[2].upper() + text[3:]
    elif rng.random() < talk.OPENS[voice] and not frame[0].islower():
        # A frame in small letters ("oh and") brings an opening of its own.
        opening = choose(rng.choice(talk.OPENINGS[voice]), rng)
        # A name or "I" keeps its capital after "So,"; a sentence's own first word does not.
        if frame[0].isupper() and not frame.startswith(("I ", "I'", "Saturday")):
            text = text[0].lower() + text[1:]
        text = f"{opening} {text}"
    if rng.random() < talk.CLOSES[voice]:
        text = f"{text} {choose(rng.choice(talk.CLOSINGS[voice]), rng)}"
    text = tidy(text)
    if voice == "slang" and rng.random() < 0.6:
        text = text.lower().rstrip(".") if rng.random() < 0.5 else text.rstrip(".")
    elif voice == "terse" and rng.random() < 0.2:
        text = text.rstrip(".")
    return text


def _jot(text: str, hand: Voice, rng: random.Random) -> str:
    # A note as its owner keeps it: some write it out, some in small letters and signs.
    if hand in ("formal", "plain") and rng.random() < 0.7:
        return text
    for old, new in talk.NOTE_SIGNS:
        if rng.random() < 0.6:
            text = text.replace(f" {old} ", f" {new} ")
    if hand in ("slang", "terse") or rng.random() < 0.3:
        text = text.lower() if rng.random() < 0.6 else text
        text = text.rstrip(".")
    return text


_NAMED = re.compile(r"\{(?:S|Ss|So)\}")


class Teller:
    """Puts the events of one world into words; a value of its own so that choices add up.

    ``sign`` is the life's currency, ``owner_label`` what the owner's lines are signed with.
    """

    def __init__(self, world: World, plots: Mapping[str, Plot], split: Split, rng: random.Random):
        self.world = world
        self.plots = plots
        self.split: Split = split
        self.rng = rng
        self.used: set[str] = set()
        self.sign = rng.choice("££$€")
        self.user = rng.choice(("the user", "the user", "User"))
        owner = world.owner
        self.owner_label = (
            owner.name if world.partner else rng.choice(("owner", "user", owner.name))
        )

    def _fresh(self, frames: Sequence[str], slots: Mapping[str, str], named: bool = False) -> str:
        # No frame twice in a life; a sentence of the life's split; and where a third person is
        # meant, one that names them.
        blank = dict(slots) | nobody() | dict.fromkeys(("n", "R", "Rs", "when"), "x")
        fallback = ""
        for i in range(60):
            frame = choose(self.rng.choice(frames), self.rng)
            if not belongs(fill(frame, blank), self.split):
                continue
            fallback = frame
            if i > 30 or (frame not in self.used and (not named or _NAMED.search(frame))):
                break
        self.used.add(fallback)
        return fallback

    def slots(self, thread: Thread) -> dict[str, str]:
        """The details of a thread as they are written: money, days and people in words."""
        plot = self.plots[thread.plot]
        shown: dict[str, str] = {}
        for slot, value in thread.details.items():
            if slot[0] == "a" and slot[1:].isdigit():
                value = money_in_words(int(value), self.sign, self.rng) + plot.suffix
            elif slot[0] == "d" and len(slot) == 2:
                value = day_in_words(date.fromisoformat(value), self.rng)
            elif slot == "who":
                value = self.world.people[value].shown
            shown[slot] = value
        topic = self.rng.choice(plot.topics)
        return shown | {"topic": topic, "thing": topic.removeprefix("the ")}

    def _by(self, thread: Thread) -> tuple[str, str, dict[str, str], Person | None]:
        # form, speaker, perspective, and the person whose voice it is
        world, rng, subject = self.world, self.rng, thread.subject
        owner = world.owner
        roll = rng.random()
        if world.partner is not None:
            partner = world.people[world.partner]
            speaker = owner if roll < 0.5 else partner
            if subject in (owner, partner) and roll < 0.85:
                speaker = subject
            if thread.details.get("who") == speaker.id:
                speaker = owner  # nobody speaks of themselves by name
            label = self.owner_label if speaker is owner else partner.shown
            view = first_person() if speaker is subject else third_person(subject)
            return "say", label, view, speaker
        if roll < 0.22:
            return (
                "sum",
                "assistant",
                third_person(subject, self.user if subject is owner else None),
                None,
            )
        if roll < 0.38:
            return "note", "note", third_person(subject), None
        if subject is owner or roll < 0.68:
            view = first_person() if subject is owner else third_person(subject)
            return "say", self.owner_label, view, owner
        return "say", subject.shown, first_person(), subject

    def tell(self, thread: Thread, event: Event) -> Told:
        """One memory of ``event``; its date is the event's, or a few days on where it says so."""
        rng = self.rng
        plot = self.plots[thread.plot]
        words = plot.beats[event.beat]
        shown = self.slots(thread)
        for _ in range(8):
            form, speaker, view, voice = self._by(thread)
            frames = {"say": words.say, "sum": words.sum, "note": words.note}[form]
            third = form != "note" and view["am"] == "is" and view["S"] != self.user
            if frame := self._fresh(frames, shown, third):
                break
        frame = frame or choose(rng.choice(frames), rng)
        lag = rng.choice((0, 0, 1, 2, 3, 4)) if "{when}" in frame else 0
        when = event.when + timedelta(days=lag)
        slots = shown | view | {"when": _when(lag, event.when, rng)}
        text = fill(frame, slots)
        if third and not _NAMED.search(frame):
            text = f"{rng.choice(('On', 'About', 'Re'))} {thread.subject.shown}: {text}"
        if form == "note":
            if thread.subject is not self.world.owner:
                name = thread.subject.shown
                text = rng.choice((f"{name}: {text}", f"{name}. {text}", f"Re {name}: {text}"))
            tail = choose(rng.choice(talk.NOTE_TAILS), rng) if rng.random() < 0.3 else ""
            if tail and text[-1].isalnum():
                text += "," if tail[0].islower() else "."
            text = _jot(tidy(f"{text} {tail}"), self.world.owner.voice, rng)
        elif form == "sum":
            opening = choose(rng.choice(talk.SUM_OPENINGS), rng) if rng.random() < 0.35 else ""
            if opening.endswith(("that", ",")) and (frame[0] != "{" or ":" in frame):
                opening = ""  # only a sentence may follow
            closing = choose(rng.choice(talk.SUM_CLOSINGS), rng) if rng.random() < 0.3 else ""
            text = tidy(f"{opening} {text} {closing}")
        else:
            assert voice is not None
            text = _dress(text, frame, voice, rng)
        return Told(
            "", event, thread, when, speaker, form, text, f"{plot.name}/{event.beat}", frame
        )

    def chat(self, memory: Told) -> Told:
        """What ``memory`` says as the owner says it in a chat on that day, in other words.

        For what an assistant summed up or somebody noted down: this is what they heard.
        """
        rng, owner, thread = self.rng, self.world.owner, memory.thread
        if memory.event.beat == "link":
            person = thread.subject
            mine = f"my {person.relation}"
            slots = {"n": person.shown, "r": person.relation, "R": mine, "Rs": possessive(mine)}
            slots |= third_person(person)
            frame = self._fresh(talk.LINKS_SAY, slots) or choose(rng.choice(talk.LINKS_SAY), rng)
            text = fill(frame, slots)
        else:
            frames = self.plots[thread.plot].beats[memory.event.beat].say
            shown = self.slots(thread)
            third = thread.subject is not owner
            view = third_person(thread.subject) if third else first_person()
            frame = self._fresh(frames, shown, third) or choose(rng.choice(frames), rng)
            lag = (memory.when - memory.event.when).days
            text = fill(frame, shown | view | {"when": _when(lag, memory.event.when, rng)})
            if third and not _NAMED.search(frame):
                text = f"{rng.choice(('On', 'About', 'Re'))} {thread.subject.shown}: {text}"
        text = _dress(text, frame, owner, rng)
        return replace(memory, speaker=self.owner_label, form="say", text=text, skeleton=frame)

    def link(self, person: Person, when: date) -> Told:
        """The one memory that says who somebody is to the owner."""
        rng, world = self.rng, self.world
        fact = Fact(
            f"{person.id}.relation", person.id, "people", "relation", person.relation,
            when, None, world.owner.id,
        )  # fmt: skip
        event = Event(f"link.{person.id}", "link", when, (person.id,), (fact,))
        thread = Thread(f"link.{person.id}", "people", person, {}, (event,))
        tokens = {"n": person.shown, "r": person.relation} | third_person(person)
        roll = rng.random()
        if world.partner is None and roll < 0.25:
            form, speaker = "sum", "assistant"
            tokens["R"] = f"the user's {person.relation}"
            frame = self._fresh(talk.LINKS_SUM, tokens) or choose(rng.choice(talk.LINKS_SUM), rng)
            text = tidy(fill(frame, tokens))
        elif world.partner is None and roll < 0.4:
            form, speaker = "note", "note"
            frame = self._fresh(talk.LINKS_NOTE, tokens) or choose(rng.choice(talk.LINKS_NOTE), rng)
            text = _jot(tidy(fill(frame, tokens)), world.owner.voice, rng)
        else:
            form, speaker = "say", self.owner_label
            mine = f"my {person.relation}"
            tokens |= {"R": mine, "Rs": possessive(mine)}
            frame = self._fresh(talk.LINKS_SAY, tokens) or choose(rng.choice(talk.LINKS_SAY), rng)
            text = _dress(fill(frame, tokens), frame, world.owner, rng)
        return Told("", event, thread, when, speaker, form, text, "people/link", frame)

    def echo(self, thread: Thread, question: str, when: date) -> Told:
        """Somebody asks the very thing, and nobody answers."""
        rng, world = self.rng, self.world
        others = [p for p in world.people.values() if p not in (world.owner, thread.subject)]
        asker = rng.choice(others)
        fact = Fact(
            f"{thread.id}.asker", thread.subject.id, thread.plot, "asker", asker.id,
            when, None, world.owner.id,
        )  # fmt: skip
        event = Event(f"{thread.id}.echo", "echo", when, (asker.id,), (fact,))
        frame = self._fresh(talk.ECHOES, {"who": "x", "q": question}) or choose(talk.ECHOES[0], rng)
        text = _dress(fill(frame, {"who": asker.shown, "q": question}), frame, world.owner, rng)
        label = self.owner_label
        return Told("", event, thread, when, label, "say", text, f"{thread.plot}/echo", frame)
