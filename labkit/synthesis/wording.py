"""Words for questions: whose voice, which reference, the turns before it, and the instruction."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from datetime import date

from labkit.records import Turn
from labkit.synthesis.asking import Draft
from labkit.synthesis.frames import belongs, choose, fill, tidy
from labkit.synthesis.life import draw
from labkit.synthesis.negatives import content_words
from labkit.synthesis.perspective import (
    first_person,
    nobody,
    possessive,
    pronoun_only,
    third_person,
)
from labkit.synthesis.plots import Plot
from labkit.synthesis.splits import Split
from labkit.synthesis.telling import Teller, day_in_words, month_in_words
from labkit.synthesis.words import asked
from labkit.synthesis.words.questions import ANYWHERE
from labkit.synthesis.world import Person, Told, World

# First words that are no names: they lose their capital after "Remind me:".
_ASKING = re.compile(
    r"(?:Wh(?:at|om?|ose|en|ere|y|ich)|How|Do|Did|Does|Was|Is|Has|Have|In|On|From|By|Before|Tell|"
    r"Anything|Somebody|Someone|There|That|Brief|Catch|Describe|Give|List|Run|Name|Fill|Sum|Put|"
    r"Money|All|Every|Could|Can|Remind|With|Once|So|After|Back|Which|The|They|A|We|Wasn't)\b"
)


class Asker:
    """Puts the questions about one world into words."""

    def __init__(
        self,
        world: World,
        plots: Mapping[str, Plot],
        teller: Teller,
        split: Split,
        rng: random.Random,
    ):
        self.world, self.plots, self.teller, self.rng = world, plots, teller, rng
        self.split: Split = split

    def view(self, person: Person, reference: str) -> dict[str, str]:
        """Pronouns for a question about ``person``, called by name, relation or pronoun."""
        if person is self.world.owner and not self.world.partner:
            return first_person()
        if reference == "pronoun":
            return pronoun_only(person)
        if reference == "relation" and person is not self.world.owner:
            whose = possessive(self.world.owner.name) if self.world.partner else "my"
            return third_person(person, f"{whose} {person.relation}")
        if reference == "first name":
            return third_person(person, person.name)
        return third_person(person)

    def topic(self, draft: Draft) -> str:
        return self.rng.choice(self.plots[draft.thread.plot].topics)

    def _slots(self, draft: Draft, reference: str) -> dict[str, str]:
        rng = self.rng
        slots = self.view(draft.thread.subject, reference)
        if draft.thread.plot in self.plots:
            slots = self.teller.slots(draft.thread) | slots
        owner = self.world.owner.name if self.world.partner else ""
        slots |= {"me": owner or "me", "mei": owner or "I", "meis": "is" if owner else "am"}
        extra = dict(draft.slots)
        if "at_day" in extra:
            slots["at"] = f"in {month_in_words(date.fromisoformat(extra.pop('at_day')))}"
        if "v_day" in extra:
            slots["v"] = day_in_words(date.fromisoformat(extra.pop("v_day")), rng)
        if draft.other is not None:
            other = draft.other.subject
            view = self.view(other, "name")
            slots["O"] = view["So"]
            if draft.ask == "asof":
                frames = self.plots[draft.other.plot].asks["landmark"]
                inner = fill(choose(rng.choice(frames), rng), self.teller.slots(draft.other) | view)
                slots["at"] = inner
        return slots | extra

    def text(
        self, draft: Draft, reference: str, evidence: Sequence[Told], others: Sequence[Told]
    ) -> str:
        """One wording; of ten, mostly that which words alone lead least to its ``evidence``.

        That is: fewest words in common with the evidence, more with some other memory.
        Empty where no wording belongs to the life's split.
        """
        rng = self.rng
        plot = self.plots.get(draft.thread.plot)
        ask = draft.ask
        mine = draft.thread.subject is self.world.owner and not self.world.partner
        if mine and plot is not None and f"{ask}_me" in plot.asks:
            ask = f"{ask}_me"
        frames = ANYWHERE.get(ask) or (plot.asks[ask] if plot else ())
        slots = self._slots(draft, reference)
        blank = slots | nobody()
        tries: list[str] = []
        for _ in range(60):
            frame = draw(choose(rng.choice(frames), rng), rng)
            if belongs(fill(frame, blank), self.split):
                tries.append(fill(frame, slots))
            if len(tries) == 10:
                break
        if not tries:
            return ""
        if rng.random() < 0.9 and evidence:
            words = frozenset().union(*(content_words(memory.text) for memory in evidence))
            tempting = [content_words(memory.text) for memory in others]

            def ease(text: str) -> float:
                asked = content_words(text)
                other = max((len(asked & found) for found in tempting), default=0)
                return len(asked & words) - 0.5 * other

            tries.sort(key=ease)
        opening = rng.choice(asked.QUERY_OPENINGS) if rng.random() < 0.14 else ""
        closing = rng.choice(asked.QUERY_CLOSINGS) if rng.random() < 0.08 and not opening else ""
        text = tries[0]
        if opening and opening[-1] not in ".?!" and _ASKING.match(text):
            text = text[0].lower() + text[1:]
        return tidy(f"{opening} {text} {closing}")

    def _labels(self) -> tuple[str, str]:
        # Of a dialogue between two persons an outsider asks.
        if self.world.partner:
            return "user", "assistant"
        return self.teller.owner_label, "assistant"

    def meeting(self, draft: Draft, decoy: Person | None) -> tuple[Turn, ...]:
        """Two to five turns that say who "she" is, with somebody else passing through."""
        rng, subject = self.rng, draft.thread.subject
        tokens = third_person(subject, subject.shown) | {"topic": self.topic(draft)}
        if decoy is not None:
            tokens["O"] = decoy.shown
        one, two = self._labels()
        lines = [(one, rng.choice(asked.CONTEXT_MEET))]
        if decoy is not None and rng.random() < 0.5:
            lines[0] = (one, f"{lines[0][1]} {rng.choice(asked.CONTEXT_DECOY)}")
        lines.append((two, rng.choice(asked.CONTEXT_REPLY)))
        lines.append((one, rng.choice(asked.CONTEXT_TOPIC)))
        if rng.random() < 0.35:
            lines.append(
                (
                    two,
                    rng.choice(
                        (
                            "Want me to check something?",
                            "I can look.",
                            "Right.",
                            "Ha, I bet.",
                            "Shall I search?",
                        )
                    ),
                )
            )
            if rng.random() < 0.5:
                lines.append(
                    (one, rng.choice(("Please.", "Yes, one thing.", "Go on then.", "Mm, so.")))
                )
        return tuple(Turn(who, tidy(fill(choose(line, rng), tokens)), None) for who, line in lines)

    def small_talk(self, draft: Draft) -> tuple[Turn, ...]:
        """Two turns that lead up to a question which would stand without them."""
        rng = self.rng
        one, two = self._labels()
        first, second = rng.choice(asked.CONTEXT_SMALL)
        tokens = {"topic": self.topic(draft)}
        return (
            Turn(one, tidy(fill(choose(first, rng), tokens)), None),
            Turn(two, tidy(fill(choose(second, rng), tokens)), None),
        )

    def aspect(self, draft: Draft) -> str:
        key = "claim" if draft.ask == "claim" else draft.attribute
        return choose(self.rng.choice(asked.ASPECTS[key]), self.rng)

    def entity(self, person: Person, other: Person) -> str:
        tokens = {
            "full": person.shown, "first": person.name, "relation": person.relation,
            "otherfull": other.shown,
        }  # fmt: skip
        return fill(choose(self.rng.choice(asked.ENTITIES), self.rng), tokens)

    def period(self, draft: Draft) -> str:
        frames = {"now": asked.TIMES_NOW, "first": asked.TIMES_FIRST}.get(
            draft.ask, asked.TIMES_THEN
        )
        month = draft.slots.get("at_day")
        tokens = {"month": month_in_words(date.fromisoformat(month)) if month else ""}
        return fill(choose(self.rng.choice(frames), self.rng), tokens)

    def hint(self, draft: Draft) -> str:
        return self.rng.choice(asked.HINTS[draft.kind])
