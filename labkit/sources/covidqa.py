"""COVID-QA: questions of biomedical experts on papers about the virus, in SQuAD's form.

Moeller et al., "COVID-QA: A Question Answering Dataset for COVID-19", NLP-COVID workshop at ACL
2020; ``data/question-answering/200423_covidQA.json`` (or the later ``COVID-QA.json``) of
github.com/deepset-ai/COVID-QA. Apache-2.0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from labkit.records import (
    Dialogue,
    Memory,
    expect_list,
    expect_object,
    expect_text,
    shown,
)
from labkit.sources.published import (
    IS_ANSWER,
    OnNote,
    each,
    expect_whole,
    read_records,
    sentence_spans,
)
from labkit.sources.squad import Asked, Span, holders, parse_asked, questioned, squad_articles

FILES = ("*covidQA.json", "COVID-QA.json")

CHUNK = 600
"""Characters that the sentences of one memory come to at most: about 130 tokens."""


def read_covidqa(
    path: str | os.PathLike[str], *, on_note: Callable[[str], None] | None = None
) -> Iterator[Dialogue]:
    """Stream the papers: one Dialogue a paper, its memories runs of whole sentences.

    The memory that holds the answer has label 1.0, with a long answer also those inside it. The
    group is the paper.

    Raises:
        InputError: the file is not of this form. A damaged paper or question is left out and noted.
    """
    yield from read_records(
        path,
        FILES,
        squad_articles,
        _paper,
        on_note=on_note,
        expected="papers of COVID-QA (paragraphs with document_id, context and qas)",
    )


def chunk_spans(text: str) -> list[Span]:
    """Runs of sentences of up to :data:`CHUNK` characters; a longer sentence is cut at blanks."""
    pieces: list[Span] = []
    for start, end in sentence_spans(text):
        while end - start > 2 * CHUNK:
            blank = text.rfind(" ", start, start + CHUNK)
            cut = blank if blank > start else start + CHUNK
            pieces.append((start, cut))
            start = cut + 1
        pieces.append((start, end))
    runs: list[Span] = []
    for start, end in pieces:
        if runs and end - runs[-1][0] <= CHUNK:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs


def _paper(index: int, value: object, note: OnNote) -> Dialogue | None:
    where = f"data[{index}]"
    paragraphs = expect_list(expect_object(value, where).get("paragraphs"), f"{where}.paragraphs")
    group = title = ""
    memories: list[Memory] = []
    asked: list[tuple[Asked, dict[str, float]]] = []
    for i, paragraph in enumerate(paragraphs):
        at = f"{where}.paragraphs[{i}]"
        item = expect_object(paragraph, at)
        group = group or f"covidqa-{expect_whole(item.get('document_id'), f'{at}.document_id')}"
        context = expect_text(item.get("context"), f"{at}.context", least=1)
        title = title or context.strip().splitlines()[0][:120]
        pieces = chunk_spans(context)
        own = [
            Memory(f"{group}-{i}-{j}", " ".join(context[a:b].split()))
            for j, (a, b) in enumerate(pieces)
        ]
        qas = expect_list(item.get("qas"), f"{at}.qas")

        def question(k: int, qa: object, at: str = at, context: str = context) -> Asked:
            return parse_asked(qa, f"{at}.qas[{k}]", context)

        for one in each(qas, question, note):
            held = {own[p].id: IS_ANSWER for span in one.spans for p in holders(pieces, span)}
            asked.append((one, {} if one.impossible else held))
        memories += own
    if not asked:
        note(f"{where} ({shown(title)}) has no question; left out")
        return None
    return questioned("covidqa", group, title, memories, asked)
