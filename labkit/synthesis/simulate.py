"""One simulated life, from a seed and a number: world, memories, checked and labelled questions."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from labkit.records import Dialogue, Example, Memory, Query, Turn
from labkit.sources.lives import split_of
from labkit.synthesis.asking import (
    Draft,
    compare,
    described,
    drafts,
    end_of,
    landmark,
)
from labkit.synthesis.choosing import Candidate, choose_questions
from labkit.synthesis.frames import choose, fill, tidy
from labkit.synthesis.life import draw, make_world, plots_by_name
from labkit.synthesis.negatives import judge
from labkit.synthesis.perspective import second_person, third_person
from labkit.synthesis.plots import Plot
from labkit.synthesis.solver import Need, Question, answer, same, used
from labkit.synthesis.splits import GENERATED, Split
from labkit.synthesis.telling import Teller
from labkit.synthesis.wording import Asker
from labkit.synthesis.world import Person, Thread, Told, World

VERSION = 2
"""Of the generator: lives of another version may differ for the same seed."""

QUESTIONS = 15
_ASPECTS = ("why", "amount_now", "effect", "drop", "now", "detail", "what")


@dataclass(frozen=True, slots=True)
class Life:
    """A dialogue, the world behind it, and how many questions the solver threw out.

    ``sign`` is the life's currency, ``owner_label`` what the owner's lines are signed with.
    """

    dialogue: Dialogue
    world: World
    told: tuple[Told, ...]
    split: Split
    discarded: Mapping[str, int]
    sign: str
    owner_label: str


def life_id(seed: int, index: int) -> str:
    """``sim-7-000012``: the id carries all that the life depends on."""
    return f"sim-{seed}-{index:06d}"


def _tell_all(
    world: World, plots: Mapping[str, Plot], teller: Teller, rng: random.Random
) -> list[Told]:
    told: list[Told] = []
    texts: set[str] = set()
    for thread in world.threads:
        for event in thread.events:
            memory = teller.tell(thread, event)
            for _ in range(20):
                if memory.text.lower() not in texts:
                    break
                memory = teller.tell(thread, event)
            texts.add(memory.text.lower())
            told.append(memory)
    span = (world.end - world.start).days
    subjects = {t.subject.id: t.subject for t in world.threads if t.subject is not world.owner}
    for person in subjects.values():
        if world.partner != person.id:
            told.append(teller.link(person, world.start + timedelta(days=rng.randint(0, span))))
    stories = [t for t in world.threads if plots[t.plot].shape in ("change", "incident", "plan")]
    # Of everybody who lives a story somebody wants to know something.
    for thread in stories:
        plot = plots[thread.plot]
        asks = [
            ask
            for ask in ("why", "amount_now", "effect", "now", "drop", "detail")
            if ask in plot.asks
        ]
        frame = draw(choose(rng.choice(plot.asks[rng.choice(asks)]), rng), rng)
        owner = thread.subject is world.owner
        view = second_person() if owner else third_person(thread.subject)
        tokens = teller.slots(thread) | view | {"topic": rng.choice(plot.topics)}
        when = world.start + timedelta(days=rng.randint(20, span))
        told.append(teller.echo(thread, tidy(fill(frame, tokens)), when))
    rng.shuffle(told)
    told.sort(key=lambda memory: memory.when)
    return [replace(memory, id=f"m{i:02d}") for i, memory in enumerate(told, 1)]


def _echo_drafts(told: Sequence[Told], now: date) -> Iterator[Draft]:
    for memory in told:
        if memory.event.beat == "echo" and memory.when <= now:
            fact = memory.event.facts[0]
            question = Question((Need(fact.subject, fact.topic, "asker"),))
            yield Draft(
                "asker", "entity", memory.thread, question, fact.value, now, attribute="asker"
            )


def _link_drafts(told: Sequence[Told], now: date) -> Iterator[Draft]:
    for memory in told:
        if memory.event.beat == "link" and memory.when <= now:
            fact = memory.event.facts[0]
            question = Question((Need(fact.subject, "people", "relation"),))
            yield Draft(
                "link", "single_hop", memory.thread, question, fact.value, now, attribute="relation"
            )


def check(candidate: Candidate, told: Sequence[Told]) -> str | None:
    """Why the solver rejects a question, or None where it holds.

    It is answered by the facts of all memories known at the time and by those of its evidence
    alone; it is not answered by the rest, nor when any one needed fact is missing; nothing that
    comes after the question is evidence.
    """
    draft = candidate.draft
    visible = [memory for memory in told if memory.when <= draft.now]
    facts = [fact for memory in visible for fact in memory.event.facts]
    if answer(draft.question, facts) != draft.gold:
        return "another answer"
    if draft.gold is None:
        return None
    if any(m.when > draft.now for m in told if m.id in candidate.memories):
        return "evidence after the question"
    evidence = [f for m in visible if m.id in candidate.memories for f in m.event.facts]
    if answer(draft.question, evidence) != draft.gold:
        return "evidence does not suffice"
    rest = [f for m in visible if m.id not in candidate.memories for f in m.event.facts]
    if answer(draft.question, rest) == draft.gold:
        return "answered without the evidence"
    for needed in (f for f in facts if f.id in candidate.needed):
        if answer(draft.question, [f for f in facts if not same(f, needed)]) == draft.gold:
            return "a fact is not needed"
    return None


class _Questions:
    """All questions that one life could be asked, checked; those rejected are counted."""

    def __init__(
        self, world: World, told: Sequence[Told], plots: Mapping[str, Plot], rng: random.Random
    ):
        self.world, self.told, self.plots, self.rng = world, told, plots, rng
        self.discarded: Counter[str] = Counter()

    def candidate(self, draft: Draft, reference: str, mode: str = "plain") -> Candidate | None:
        facts = [f for m in self.told if m.when <= draft.now for f in m.event.facts]
        needed, anchors = (
            used(draft.question, facts) if draft.gold is not None else (frozenset(), frozenset())
        )
        memories = frozenset(
            m.id for m in self.told
            if m.when <= draft.now and any(f.id in needed or f.id in anchors for f in m.event.facts)
        )  # fmt: skip
        made = Candidate(draft, reference, needed, anchors, memories, mode)
        wrong = check(made, self.told)
        if wrong is not None:
            self.discarded[wrong] += 1
            return None
        return made

    def _linked(self, person: Person, now: date) -> bool:
        return any(m.event.id == f"link.{person.id}" and m.when <= now for m in self.told)

    def all(self, times: Sequence[date]) -> list[Candidate]:
        rng, world = self.rng, self.world
        found: list[Candidate | None] = []
        for now in times:
            by_thread: dict[str, list[Draft]] = {}
            for thread in world.threads:
                plot = self.plots[thread.plot]
                by_thread[thread.id] = list(drafts(thread, plot, self.told, now, rng))
            for thread in world.threads:
                for draft in by_thread[thread.id]:
                    self._one(draft, found)
                found += self._coreference(thread, by_thread)
                found += self._pairs(thread, by_thread)
                found += self._crossing(thread, by_thread, now)
            found += [self.candidate(d, "name") for d in _echo_drafts(self.told, now)]
            found += [self.candidate(d, "name", "link") for d in _link_drafts(self.told, now)]
        return [candidate for candidate in found if candidate is not None]

    def _one(self, draft: Draft, found: list[Candidate | None]) -> None:
        person = draft.thread.subject
        found.append(self.candidate(draft, "name"))
        if (
            person is not self.world.owner
            and draft.gold is not None
            and self._linked(person, draft.now)
        ):
            found.append(self.candidate(described(draft, person), "relation"))

    def _same(self, draft: Draft, by_thread: Mapping[str, list[Draft]]) -> list[Draft]:
        # The same question about another person of the same pronoun, with another answer.
        return [
            other
            for thread in self.world.threads
            if thread.id != draft.thread.id and thread.plot == draft.thread.plot
            for other in by_thread[thread.id]
            if other.ask == draft.ask and other.gold not in (None, draft.gold)
        ]

    def _third(self, person: Person) -> bool:
        return person is not self.world.owner or self.world.partner is not None

    def _coreference(
        self, thread: Thread, by_thread: Mapping[str, list[Draft]]
    ) -> Iterator[Candidate | None]:
        if not self._third(thread.subject):
            return
        for draft in by_thread[thread.id]:
            if draft.gold is None or draft.ask in ("before", "denied"):
                continue
            gender = thread.subject.gender
            others = [
                o for o in self._same(draft, by_thread)
                if o.thread.subject.gender == gender and self._third(o.thread.subject)
            ]  # fmt: skip
            if not others:
                continue
            made = self.candidate(replace(draft, kind="coreference"), "pronoun", "coreference")
            if made is None:
                continue
            readings = [made.memories]
            for other in others:
                reading = self.candidate(other, "pronoun")
                if reading is not None:
                    readings.append(reading.memories)
            if len(readings) > 1:
                yield replace(made, readings=tuple(readings), draft=replace(made.draft, other=None))

    def _pairs(
        self, thread: Thread, by_thread: Mapping[str, list[Draft]]
    ) -> Iterator[Candidate | None]:
        rng, plot = self.rng, self.plots[thread.plot]
        mine = {d.ask: d for d in by_thread[thread.id] if d.gold is not None}
        if "whole" in plot.asks:
            aspects = [
                a
                for a in ("why", "amount_now", "effect", "drop", "now", "detail", "what")
                if a in mine
            ]
            if len(aspects) >= 2:
                one, two = rng.sample(aspects, 2)
                yield self._pair(mine[one], mine[two], "intent", "name", ask="whole")
        times: list[str] = [a for a in ("now", "first", "asof") if a in mine]
        if "which" in plot.asks and len(times) >= 2:
            early, late = rng.sample(times, 2)
            if mine[early].gold != mine[late].gold:
                yield self._pair(mine[early], mine[late], "aspect", "name", ask="which")
        if thread.subject.namesake:
            asks = [a for a in mine if a not in ("before", "asof", "denied")]
            rng.shuffle(asks)
            for ask in asks[:2]:
                for other in self._same(mine[ask], by_thread):
                    if other.thread.subject.namesake:
                        one_, two_ = (
                            replace(mine[ask], kind="entity"),
                            replace(other, kind="entity"),
                        )
                        yield self._pair(one_, two_, "entity", "first name")

    def _pair(
        self, one: Draft, two: Draft, kind: str, reference: str, ask: str | None = None
    ) -> Candidate | None:
        first, second = (
            self.candidate(one, reference, f"pair:{kind}"),
            self.candidate(two, reference, f"pair:{kind}"),
        )
        if first is None or second is None or first.memories == second.memories:
            return None
        if ask is not None:
            first, second = (
                replace(c, draft=replace(c.draft, slots={**c.draft.slots, "": ask}))
                for c in (first, second)
            )
        return replace(first, partner=second)

    def _crossing(
        self, thread: Thread, by_thread: Mapping[str, list[Draft]], now: date
    ) -> Iterator[Candidate | None]:
        plot = self.plots[thread.plot]
        base = next((d for d in by_thread[thread.id] if d.gold is not None), None)
        if base is None:
            return
        if plot.shape == "change" and "asof" in plot.asks:
            for mark in self.world.threads:
                if self.plots[mark.plot].shape == "incident" and (
                    made := landmark(base, mark, self.told)
                ):
                    yield self.candidate(made, "name")
        if "compare" in plot.asks:
            for other in self.world.threads:
                if (
                    other.plot == thread.plot
                    and other.id > thread.id
                    and (made := compare(thread, other, self.told, now))
                ):
                    yield self.candidate(made, "name", "compare")


def simulate(seed: int, index: int) -> Life:
    """Everything about one life; see :func:`simulate_life`."""
    id_ = life_id(seed, index)
    split = split_of(id_, GENERATED)
    rng = random.Random(f"labkit:{VERSION}:{seed}:{index}")
    plots = plots_by_name()
    world = make_world(rng, split)
    teller = Teller(world, plots, split, rng)
    told = _tell_all(world, plots, teller, rng)
    asker = Asker(world, plots, teller, split, rng)

    end = end_of(world, told, rng)
    span = (end - world.start).days
    times = [end, end, end + timedelta(days=rng.randint(1, 20))]
    times += [world.start + timedelta(days=int(span * rng.uniform(0.72, 0.97))) for _ in range(2)]
    # Few wordings belong to the small splits, so some questions will find none.
    count = QUESTIONS + 1 if split == "train" else QUESTIONS + 8
    questions = _Questions(world, told, plots, rng)
    chosen = choose_questions(questions.all(times), [m.id for m in told], count, rng)
    rng.shuffle(chosen)

    memories = tuple(
        Memory(m.id, m.text, m.when.isoformat(), m.speaker, {"form": m.form, "family": m.family})
        for m in told
    )
    fooled: Counter[str] = Counter()
    examples: list[Example] = []
    for candidate in chosen:
        group = [candidate] if candidate.partner is None else [candidate, candidate.partner]
        shared = f"{id_}-pair{len(examples) + 1:02d}" if len(group) == 2 else None
        text = ""
        for one in group:
            example_id = f"{id_}-q{len(examples) + 1:02d}"
            example, text = _example(
                example_id, one, text, memories, told, asker, plots, fooled, rng
            )
            if not text:
                questions.discarded["no wording of its split"] += 1
                break
            if shared:
                example = replace(example, extra={**example.extra, "pair": shared})
            examples.append(example)
    title = f"{world.owner.name}: {', '.join(dict.fromkeys(t.plot for t in world.threads))}"
    dialogue = Dialogue(id_, title, memories, tuple(examples))
    return Life(
        dialogue, world, tuple(told), split, dict(questions.discarded),
        teller.sign, teller.owner_label,
    )  # fmt: skip


def _example(
    id_: str, one: Candidate, text: str, memories: tuple[Memory, ...], told: Sequence[Told],
    asker: Asker, plots: Mapping[str, Plot], fooled: Counter[str], rng: random.Random,
) -> tuple[Example, str]:  # fmt: skip
    draft = one.draft
    evidence = [m for m in told if m.id in one.memories]
    others = [m for m in told if m.id not in one.memories and m.when <= draft.now]
    ask = draft.slots.get("")
    if not text:
        worded = replace(draft, ask=ask) if ask else draft
        text = asker.text(worded, one.reference, evidence, others)
    context: tuple[Turn, ...] = ()
    instruction = kind = None
    subject = draft.thread.subject
    if one.mode == "coreference":
        decoys = [
            t.subject for t in asker.world.threads
            if t.plot == draft.thread.plot
            and t.subject.id not in (subject.id, asker.world.owner.id)
        ]  # fmt: skip
        context = asker.meeting(
            draft, rng.choice(decoys) if decoys and rng.random() < 0.6 else None
        )
    elif one.mode.startswith("pair:"):
        kind = one.mode.removeprefix("pair:")
        if kind == "entity":
            other = next(
                p for p in asker.world.people.values() if p.namesake and p.id != subject.id
            )
            instruction = asker.entity(subject, other)
        elif kind == "aspect":
            instruction = asker.period(draft)
        else:
            instruction = asker.aspect(draft)
    else:
        if rng.random() < 0.22 and draft.thread.plot in plots:
            context = asker.small_talk(draft)
        if rng.random() < 0.14:
            instruction, kind = asker.hint(draft), "intent"
    judged = judge(draft, text, told, one.needed, one.anchors, plots, fooled, rng)
    fooled.update(judged.negative_kinds.keys())
    extra: dict[str, object] = {"ask": draft.ask}
    if kind:
        extra["instruction_kind"] = kind
    if one.readings:
        extra["readings"] = [sorted(reading) for reading in one.readings]
    query = Query(text, id_, context, draft.now.isoformat(), instruction, draft.kind)
    return Example(
        query, memories, judged.labels, judged.negative_kinds, _why(one, told), extra
    ), text


def _why(one: Candidate, told: Sequence[Told]) -> str:
    if one.draft.gold is None:
        return "Nothing that was told by then says it."
    exact = sorted(
        m.id
        for m in told
        if any(f.id in one.needed for f in m.event.facts) and m.id in one.memories
    )
    rest = sorted(one.memories - set(exact))
    why = f"{' and '.join(exact)} hold{'s' if len(exact) == 1 else ''} what is asked"
    return why + (f"; {' and '.join(rest)} is needed to understand the question." if rest else ".")


def simulate_life(seed: int, index: int) -> Dialogue:
    """One life: about 50 memories and 15 or more questions over them.

    Depends on ``(seed, index)`` and :data:`VERSION` only. Memories carry ``form`` and ``family``
    (the table their words came from), examples ``ask``, ``instruction_kind``, ``pair`` (two
    examples that differ in their instruction) and ``readings`` (for coreference: the evidence of
    every possible reading of the bare question) as extra keys.
    """
    return simulate(seed, index).dialogue
