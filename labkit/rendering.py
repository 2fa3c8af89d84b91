"""How a memory and a query look to a model: one fixed, versioned rendering.

Every stage that reads text (first stage, teachers, students) reads it in this form, and a
checkpoint stores the version that it was trained with.
"""

from __future__ import annotations

from dataclasses import dataclass

from labkit.records import Memory, Query, Turn, parse_time

RENDERING_VERSION = 1

SEARCH_CHARACTERS = 1_000
"""About what the 256 tokens of the packaged MiniLM hold. The question stands last in what is
searched for, so of a longer text the end is kept, and with it the latest turns."""

_MONTHS = (
    ("January", "February", "March", "April", "May", "June")
    + ("July", "August", "September", "October", "November", "December")
)  # fmt: skip


def render_date(time: str) -> str:
    """``2026-03-14T09:30`` as ``14 March, 2026``; a bare month or year keeps its precision.

    Written out, because people ask "in March"; not left to the locale. The weekday stays out: with
    it, dense retrieval on LoCoMo lost a hundredth of MAP.
    """
    if len(time) == 4:
        return time
    moment = parse_time(time)
    month = _MONTHS[moment.month - 1]
    if len(time) == 7:
        return f"{month} {moment.year}"
    return f"{moment.day} {month}, {moment.year}"


def render_age(time: str, asked: str) -> str:
    """How long before the question of day ``asked`` something was: ``today``, ``9 days before``,
    ``5 months before``, or ``later`` where it lies after it; a bare month or year is its first day.

    A model that reads two dates would have to subtract them first.
    """
    days = (parse_time(asked).date() - parse_time(time).date()).days
    if days < 0:
        return "later"
    if days < 2:
        return "yesterday" if days else "today"
    for most, unit, length in ((13, "days", 1), (59, "weeks", 7), (729, "months", 30.44)):
        if days <= most:
            return f"{round(days / length)} {unit} before"
    return f"{round(days / 365.25)} years before"


def _line(text: str) -> str:
    # Line ends separate the parts of a rendering, so a text may not bring its own.
    return " ".join(text.split())


def render_turn(turn: Turn) -> str:
    """``Ana: text``. The date is left out: the query's own date says when the talk takes place."""
    return f"{_line(turn.speaker)}: {_line(turn.text)}"


def render_memory(memory: Memory) -> str:
    """``[2 November, 2025] Ana: text``, without the parts that the memory lacks."""
    date = f"[{render_date(memory.time)}] " if memory.time else ""
    speaker = f"{_line(memory.speaker)}: " if memory.speaker else ""
    return f"{date}{speaker}{_line(memory.text)}"


@dataclass(frozen=True, slots=True)
class RenderedQuery:
    """The parts of a query, apart, because each has a token budget of its own.

    ``context`` is one turn a line, oldest first, or empty; ``question`` carries the query's date.
    """

    instruction: str | None
    context: str
    question: str

    @property
    def text(self) -> str:
        """Context and question, as a model without a place for an instruction reads them."""
        return _joined(self.context, self.question)


def render_query(query: Query) -> RenderedQuery:
    """A query without context, date and instruction is its bare text."""
    date = f"[{render_date(query.time)}] " if query.time else ""
    return RenderedQuery(
        instruction=_line(query.instruction) if query.instruction else None,
        context="\n".join(render_turn(turn) for turn in query.context),
        question=f"{date}{_line(query.text)}",
    )


def render_search(query: Query) -> str:
    """Context and question as the first stage searches for them.

    Without the query's date: to a bag of words or a cosine it means "near this day", and what is
    asked about is seldom near the asking. A long context loses its beginning, see
    :data:`SEARCH_CHARACTERS`; the question is never cut here.
    """
    question, context = _line(query.text), render_query(query).context
    room = max(0, SEARCH_CHARACTERS - len(question) - 1)
    if len(context) > room:
        # From the next word on: the first one may be cut in two.
        context = context[len(context) - room :].partition(" ")[2]
    return _joined(context, question)


def _joined(context: str, question: str) -> str:
    return f"{context}\n{question}" if context else question
