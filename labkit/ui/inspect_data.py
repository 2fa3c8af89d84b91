"""What the Inspect tab shows, as plain data: no Gradio here, so that it is tested without one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit.errors import InputError
from labkit.records import (
    RELEVANT,
    Dialogue,
    Example,
    Memory,
    Query,
    Ranking,
    Turn,
    level_of,
    parse_time,
)
from labkit.rendering import render_date, render_query, render_turn
from labkit.ui.bench import Bench
from labkit.ui.library import Library, examples_of
from labkit.ui.one_line import one_line
from labkit.ui.selection import Selection

LEVELS_SHORT = {
    "contains the answer": "answers",
    "strongly supports": "supports",
    "partly": "partly",
    "related, key information missing": "related",
    "irrelevant": "irrelevant",
}
"""The five levels in a word each, for a narrow column."""

_BEFORE = 120
"""Characters of the turn before a memory that a row shows."""

# --- the form: a query as a person edits it -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Form:
    """A query as four text fields; ``context`` is one ``Speaker: text`` a line."""

    question: str = ""
    context: str = ""
    date: str = ""
    instruction: str = ""


def form_of(example: Example | None) -> Form:
    """The fields filled from an example; empty ones without."""
    if example is None:
        return Form()
    query = example.query
    return Form(
        question=one_line(query.text),
        context=render_query(query).context,
        date=query.time or "",
        instruction=one_line(query.instruction or ""),
    )


def asks_the_same(form: Form, example: Example | None) -> bool:
    """Whether the labels of the example hold for the form: its question is still the same."""
    return example is not None and one_line(form.question) == form_of(example).question


def query_of(form: Form, example: Example | None) -> Query:
    """The query that the fields describe.

    Raises:
        InputError: the question is empty, the date is no date, or a context line has no speaker.
    """
    question = one_line(form.question)
    if not question:
        raise InputError("the question is empty, expected what you want to find in the memories")
    date = form.date.strip() or None
    if date is not None:
        try:
            parse_time(date)
        except ValueError:
            raise InputError(
                f"the query date is {date[:40]!r}, expected a date such as 2026-03-14"
            ) from None
    same = asks_the_same(form, example)
    as_written = form_of(example)
    context = (
        example.query.context
        if example is not None and form.context == as_written.context
        else _turns(form.context)
    )
    return Query(
        text=example.query.text if same and example is not None else question,
        id=example.id if same and example is not None else "",
        context=context,
        time=date,
        instruction=one_line(form.instruction) or None,
        kind=example.query.kind if same and example is not None else None,
    )


def _turns(text: str) -> tuple[Turn, ...]:
    turns = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        speaker, colon, said = line.partition(":")
        if not (colon and speaker.strip() and said.strip()):
            raise InputError(
                f"context line {number} is {line.strip()[:40]!r}, expected  Speaker: what was said"
            )
        turns.append(Turn(speaker.strip(), said.strip()))
    return tuple(turns)


# --- the table -----------------------------------------------------------------------------------


def short_level(value: float) -> str:
    """The level of a label or probability, in a word."""
    return LEVELS_SHORT[level_of(value)]


def signed(value: float, places: int = 2) -> str:
    """A number with its sign, a true minus, and no negative zero."""
    text = f"{value:+.{places}f}"
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else f"{0:.{places}f}"


def table_rows(
    ranking: Ranking, example: Example | None, rival: Ranking | None = None
) -> list[dict[str, Any]]:
    """One row a memory, best first: texts as shown, and the numbers that the page counts with.

    Without an example there is no gold: ``label`` and ``relevant`` are None. ``rival`` is another
    model's ranking of the same candidates; ``other`` is where that has the memory.
    """
    rows = []
    others = (
        {}
        if rival is None
        else {
            memory.id: {"rank": i + 1, "probability": f"{rival.probabilities[i]:.3f}"}
            for i, memory in enumerate(rival.memories)
        }
    )
    for i, memory in enumerate(ranking.memories):
        first, p = ranking.first_stage_ranks[i], ranking.probabilities[i]
        label = None if example is None else example.label(memory.id)
        rows.append(
            {
                "rank": i + 1,
                "first": first,
                "change": first - (i + 1),
                "p": p,
                "probability": f"{p:.3f}",
                "log_odds": signed(ranking.log_odds[i]),
                "level": short_level(p),
                "date": (memory.time or "")[:10],
                "when": render_date(memory.time) if memory.time else "",
                "speaker": memory.speaker or "",
                "id": memory.id,
                "text": memory.text,
                "before": _before(memory),
                "label": label,
                "relevant": None if label is None else label >= RELEVANT,
                "kind": "" if example is None else example.negative_kinds.get(memory.id, ""),
                "truncated": memory.id in ranking.truncated,
                "words": len(memory.text.split()),
                "other": others.get(memory.id),
            }
        )
    return rows


def _before(memory: Memory) -> str:
    """The turn that a memory followed, on one line, cut where it is long."""
    if memory.previous is None:
        return ""
    line = render_turn(memory.previous).removeprefix(": ")
    return line if len(line) <= _BEFORE else f"{line[:_BEFORE]}\N{HORIZONTAL ELLIPSIS}"


def gold_state(example: Example | None) -> str:
    """``none`` (own question), ``given``, ``abstain`` (keep nothing), or ``unknown``."""
    if example is None:
        return "none"
    if example.relevant:
        return "given"
    # An answer without evidence: it follows from the whole, or the evidence is damaged (LoCoMo).
    return "unknown" if "answer" in example.extra and not example.labels else "abstain"


def table_of(
    ranking: Ranking,
    dialogue: Dialogue,
    example: Example | None,
    selection: Selection,
    rival: Ranking | None = None,
) -> dict[str, Any]:
    """All that the candidates table draws and counts from."""
    rows = table_rows(ranking, example, rival)
    relevant = 0 if example is None else len(example.relevant)
    found = sum(bool(row["relevant"]) for row in rows)
    stage = selection.method if selection.method != "none" else "none (as they come)"
    return {
        "rows": rows,
        "gold": gold_state(example),
        "relevant": relevant,
        "lost": relevant - found,
        "caption": (
            f"{dialogue.id} · {dialogue.title} · n = {len(rows)} candidates of "
            f"{len(dialogue.memories)} memories · first stage {stage}, depth {selection.depth} · "
            f"model {Path(selection.model).name}"
        ),
        "question": ranking.query.text,
        "rival": "" if rival is None else Path(rival.model).name,
        "abstention": None,
        "empty": "" if rows else "This dialogue has no memories to rank.",
    }


def abstention_of(ranking: Ranking, threshold: float) -> dict[str, Any] | None:
    """Whether the model would say that nothing here answers, and why; None where it cannot tell."""
    p = ranking.answerable
    if p is None or not ranking.memories:
        return None
    model = Path(ranking.model).name
    abstains = p < threshold
    return {
        "abstains": abstains,
        "text": f"{model} would abstain: that any of them answers has the probability {p:.2f}, "
        f"below its {threshold:.2f}."
        if abstains
        else f"That any of them answers has the probability {p:.2f}; {model} would abstain below "
        f"{threshold:.2f}.",
    }


def asked_of(form: Form, example: Example | None, query: Query | None) -> dict[str, Any]:
    """The dialogue so far, as chat, and what is known of the question."""
    same = asks_the_same(form, example)
    gold = gold_state(example if same else None)
    expected = {
        "none": "Your own question: nobody has labelled its memories, so there is no gold here.",
        "given": "",
        "abstain": "Nothing here answers this. The right result is to keep nothing.",
        "unknown": "The file gives an answer but names no memory as its evidence: no gold.",
    }[gold]
    changed = [
        name
        for name in ("context", "date", "instruction")
        if same and getattr(form, name).strip() != getattr(form_of(example), name).strip()
    ]
    turns = query.context if query is not None else ()
    first = turns[0].speaker if turns else ""
    return {
        "turns": [
            {"speaker": t.speaker, "text": t.text, "mine": t.speaker == first} for t in turns
        ],
        "kind": (query.kind or "") if query is not None else "",
        "date": render_date(query.time) if query is not None and query.time else "",
        "instruction": (query.instruction or "") if query is not None else "",
        "why": _why(example) if same and example is not None else "",
        "gold": gold,
        "expected": expected,
        "changed": f"Changed: {', '.join(changed)}. The gold is that of the query as written."
        if changed
        else "",
    }


def _why(example: Example) -> str:
    """The author's reason for the labels, else the answer that the file gives."""
    answer = example.extra.get("answer")
    return example.why or (f"the answer is {answer}" if answer else "")


# --- the whole tab -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class View:
    """What the tab draws for one selection and one form."""

    asked: dict[str, Any]
    table: dict[str, Any]


def empty_table(message: str) -> dict[str, Any]:
    """A table without rows that says why."""
    return {
        "rows": [],
        "gold": "none",
        "relevant": 0,
        "lost": 0,
        "caption": "",
        "question": "",
        "rival": "",
        "abstention": None,
        "empty": message,
    }


def view(library: Library, bench: Bench, selection: Selection, form: Form, rival: str = "") -> View:
    """Rank and lay out, with another model beside it where ``rival`` names one.

    An empty form (a dialogue without queries) asks for a question.

    Raises:
        InputError: the selection is gone, or a field cannot be read.
    """
    dialogue = library.dialogue(selection.collection, selection.dialogue)
    example = examples_of(dialogue).get(selection.example or "")
    if form == Form():
        message = "Type a question above and press Enter: the memories are then ranked for it."
        return View(asked_of(form, None, None), empty_table(message))
    query = query_of(form, example)
    labelled = example if asks_the_same(form, example) else None
    ranking = bench.rank(dialogue, query, selection)
    beside = None
    if rival and rival != selection.model:
        beside = bench.rank(dialogue, query, replace(selection, model=rival))
    table = table_of(ranking, dialogue, labelled, selection, beside)
    abstention = bench.reranker(selection.model).abstention
    if abstention is not None:
        table["abstention"] = abstention_of(ranking, abstention.threshold)
    return View(asked_of(form, example, query), table)


def asked_now(
    library: Library, bench: Bench, selection: Selection, form: Form
) -> tuple[Query, tuple[Memory, ...], Example | None]:
    """The query that the form describes, its candidates, and the example whose labels hold.

    Raises:
        InputError: the selection is gone, or a field cannot be read.
    """
    dialogue = library.dialogue(selection.collection, selection.dialogue)
    example = examples_of(dialogue).get(selection.example or "")
    query = query_of(form, example)
    labelled = example if asks_the_same(form, example) else None
    return query, bench.candidates(dialogue, query, selection), labelled
