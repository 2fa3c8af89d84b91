"""SQuAD 2.0: questions on paragraphs of Wikipedia, half of them without an answer there.

Rajpurkar et al., "Know What You Don't Know", ACL 2018; ``train-v2.0.json`` and ``dev-v2.0.json`` of
rajpurkar.github.io/SQuAD-explorer. CC BY-SA 4.0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from labkit.errors import InputError
from labkit.records import (
    Dialogue,
    Example,
    Memory,
    Query,
    expect_list,
    expect_object,
    expect_text,
    shown,
)
from labkit.sources.published import (
    IS_ANSWER,
    NEAR_MISS,
    OnNote,
    each,
    expect_whole,
    kind_of,
    read_records,
    sentence_spans,
)

FILES = ("*-v2.0.json", "*-v1.1.json")

Span = tuple[int, int]


def read_squad(
    path: str | os.PathLike[str],
    *,
    memories: Literal["sentences", "paragraphs"] = "sentences",
    on_note: Callable[[str], None] | None = None,
) -> Iterator[Dialogue]:
    """Stream the articles of a file, or of a folder's ``*-v2.0.json``: one Dialogue an article.

    Memories are the article's sentences (the shape of an agent's memories) or its paragraphs, each
    headed by the article's title, without which "It was founded in 1890" is about anything. The
    sentence, or paragraph, that holds an annotator's answer has label 1.0. A question that its
    paragraph does not answer is of kind ``abstain``: what holds the tempting answer has label 0.3
    and nothing is relevant. The group is the article.

    Raises:
        InputError: the file is not of this form. A damaged article, paragraph or question is left
            out and noted.
    """
    yield from read_records(
        path,
        FILES,
        squad_articles,
        partial(_article, memories=memories),
        on_note=on_note,
        expected="articles of SQuAD (title, paragraphs of context and qas)",
    )


def squad_articles(value: object) -> list[Any]:
    """The list under ``data``."""
    return expect_list(expect_object(value, "the document").get("data"), "data")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of SQuAD's form, and where in the context its answers stand.

    ``spans`` are of the answers; of the tempting ones where ``impossible``.
    """

    id: str
    question: str
    spans: tuple[Span, ...]
    answers: tuple[str, ...]
    impossible: bool


def parse_asked(value: object, where: str, context: str) -> Asked:
    """Build a question.

    Raises:
        InputError: a value is missing, or an answerable question has no answer in the context.
    """
    item = expect_object(value, where)
    id_ = item.get("id")
    question = expect_text(item.get("question"), f"{where}.question", least=1).strip()
    impossible = item.get("is_impossible", False) is True
    key = "plausible_answers" if impossible else "answers"
    given = expect_list(item.get(key) or [], f"{where}.{key}")
    spans = tuple(
        dict.fromkeys(
            _answer_span(answer, f"{where}.{key}[{i}]", context) for i, answer in enumerate(given)
        )
    )
    if not impossible and not spans:
        raise InputError(f"{where}.answers is {shown(given)}, expected at least one answer")
    return Asked(
        id=str(id_) if isinstance(id_, int) else expect_text(id_, f"{where}.id", least=1),
        question=" ".join(question.split()),
        spans=spans,
        answers=() if impossible else tuple(dict.fromkeys(context[a:b] for a, b in spans)),
        impossible=impossible,
    )


def _answer_span(value: object, where: str, context: str) -> Span:
    item = expect_object(value, where)
    said = expect_text(item.get("text"), f"{where}.text", least=1)
    text = said.strip()
    start = expect_whole(item.get("answer_start"), f"{where}.answer_start")
    # Offsets are off by a blank or two in some files, so the mention nearest to them is meant.
    found = [i for i in _places(context, text) if abs(i - start) <= 8]
    if not found:
        raise InputError(
            f"{where} is {shown(said)} at {start}, expected words that stand there in the context"
        )
    first = min(found, key=lambda i: abs(i - start))
    last = first + len(text)
    # Some spans were drawn through a word; a part of a word is no answer.
    while first and (context[first - 1] + context[first]).isalnum():
        first -= 1
    while last < len(context) and (context[last - 1] + context[last]).isalnum():
        last += 1
    return first, last


def _places(context: str, text: str) -> Iterator[int]:
    at = context.find(text)
    while at >= 0:
        yield at
        at = context.find(text, at + 1)


def holders(pieces: Sequence[Span], span: Span) -> list[int]:
    """The piece that shares most with a span, and those that lie in it whole."""
    shares = [min(end, span[1]) - max(start, span[0]) for start, end in pieces]
    best = max(range(len(pieces)), key=lambda i: shares[i])
    return [
        i for i, (start, end) in enumerate(pieces) if i == best or span[0] <= start < end <= span[1]
    ]


def questioned(
    source: str,
    group: str,
    title: str,
    memories: Sequence[Memory],
    asked: Iterable[tuple[Asked, Mapping[str, float]]],
) -> Dialogue:
    """The Dialogue of one text: its questions, with their labels, are over all its memories."""
    shared = tuple(memories)
    return Dialogue(
        id=group,
        title=title,
        memories=shared,
        examples=tuple(
            Example(
                query=Query(
                    one.question,
                    f"{source}-{one.id}",
                    kind="abstain" if one.impossible else kind_of(one.question),
                ),
                memories=shared,
                labels=labels,
                extra={"source": source, "group": group, "answers": list(one.answers)},
            )
            for one, labels in asked
        ),
    )


def _article(index: int, value: object, memories: str, note: OnNote) -> Dialogue | None:
    where = f"data[{index}]"
    item = expect_object(value, where)
    title = expect_text(item.get("title"), f"{where}.title", least=1)
    name = title.replace("_", " ").strip()
    group = f"squad-{title.strip()}"
    pool: list[Memory] = []
    asked: list[tuple[Asked, dict[str, float]]] = []

    def paragraph(i: int, value: object) -> None:
        at = f"{where}.paragraphs[{i}]"
        item = expect_object(value, at)
        context = expect_text(item.get("context"), f"{at}.context", least=1)
        whole = [(0, len(context))]
        pieces = whole if memories == "paragraphs" else sentence_spans(context)
        own = [
            Memory(f"{group}-{i}-{j}", f"{name}: {' '.join(context[a:b].split())}")
            for j, (a, b) in enumerate(pieces)
        ]
        qas = expect_list(item.get("qas"), f"{at}.qas")
        for question in each(qas, lambda k, qa: parse_asked(qa, f"{at}.qas[{k}]", context), note):
            label = NEAR_MISS if question.impossible else IS_ANSWER
            held = {own[p].id: label for span in question.spans for p in holders(pieces, span)}
            asked.append((question, held))
        pool.extend(own)

    for _ in each(expect_list(item.get("paragraphs"), f"{where}.paragraphs"), paragraph, note):
        pass
    if not asked:
        return None
    return questioned("squad", group, name, pool, asked)
