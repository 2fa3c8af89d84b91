"""TimeQA: who held what from when to when, asked of whole pages of Wikipedia.

Chen, Wang and Wang, "A Dataset for Answering Time-Sensitive Questions", NeurIPS Datasets and
Benchmarks 2021; ``dataset/human_annotated_{train,test}.json`` of
github.com/wenhuchen/Time-Sensitive-QA. BSD-3-Clause.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

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
    joined,
    read_records,
)

FILES = ("human_annotated_*.json",)

_YEAR = re.compile(r"\b(1[0-9]{3}|20[0-9]{2})\b")
_HEADING_WORDS = 6

_Asked = tuple[str, list[int], list[str]]


def read_timeqa(
    path: str | os.PathLike[str], *, on_note: Callable[[str], None] | None = None
) -> Iterator[Dialogue]:
    """Stream the pages: one Dialogue a page and relation, its memories the page's paragraphs.

    Each paragraph is headed by the page's title, for most of them say "he". Headings ("Early life",
    up to six words without a number) are no memories; a question whose only evidence is one is left
    out and noted. The paragraph with the answer has label 1.0.

    ``wrong_time`` is what answers the page's other questions, which are about the same thing in
    other years (label 0.3), and a paragraph all of whose years lie on one side of the time that is
    asked for (label 0). A question without an answer is of kind ``abstain`` and has only such. The
    group is the page.

    Raises:
        InputError: the file is not of this form. A damaged page or question is left out and noted.
    """
    yield from read_records(
        path,
        FILES,
        lambda value: expect_list(value, "the document"),
        _page,
        on_note=on_note,
        expected="pages of TimeQA (index, link, paras, questions)",
    )


def _page(index: int, value: object, note: OnNote) -> Dialogue | None:
    where = f"[{index}]"
    item = expect_object(value, where)
    id_ = (
        f"timeqa-{expect_text(item.get('index'), f'{where}.index', least=1).removeprefix('/wiki/')}"
    )
    link = expect_text(item.get("link"), f"{where}.link", least=1).removeprefix("/wiki/")
    paras = [
        joined(expect_text(para, f"{where}.paras[{i}]"))
        for i, para in enumerate(expect_list(item.get("paras"), f"{where}.paras"))
    ]
    if not paras:
        raise InputError(f"{where}.paras is [], expected the paragraphs of a page")
    title = paras[0]
    memories = {
        i: Memory(f"{id_}-{i}", f"{title}: {text.removeprefix('- ')}")
        for i, text in enumerate(paras)
        if i and not _is_heading(text)
    }
    years = {i: [int(year) for year in _YEAR.findall(m.text)] for i, m in memories.items()}
    asked = list(
        each(
            expect_list(item.get("questions"), f"{where}.questions"),
            lambda k, question: _question(question, f"{where}.questions[{k}]", len(paras)),
            note,
        )
    )
    shared = tuple(memories.values())
    answering = {row for _, rows, _ in asked for row in rows if row in memories}

    def example(k: int, entry: object) -> Example:
        text, rows, answers = asked[k]
        relevant = {memories[row].id: IS_ANSWER for row in rows if row in memories}
        if rows and not relevant:
            raise InputError(
                f"{where}.questions[{k}] has its answer in the heading "
                f"{shown(paras[rows[0]])}, expected a paragraph"
            )
        others = {memories[row].id for row in answering} - relevant.keys()
        span = [int(year) for year in _YEAR.findall(text)]
        outside = {
            memories[i].id
            for i, found in years.items()
            if span and found and (max(found) < min(span) or min(found) > max(span))
        }
        wrong = [m.id for m in shared if m.id in others or m.id in outside - relevant.keys()]
        return Example(
            Query(text, f"{id_}-q{k + 1}", kind="temporal" if rows else "abstain"),
            shared,
            {**relevant, **{m.id: NEAR_MISS for m in shared if m.id in others}},
            dict.fromkeys(wrong, "wrong_time"),
            extra={"source": "timeqa", "group": f"timeqa-{link}", "answers": answers},
        )

    examples = tuple(each(asked, example, note))
    return Dialogue(id_, title, shared, examples) if examples else None


def _is_heading(text: str) -> bool:
    return len(text.split()) <= _HEADING_WORDS and not re.search(r"\d", text) and text[:1] != "-"


def _question(value: object, where: str, paragraphs: int) -> _Asked:
    pair = expect_list(value, where)
    if len(pair) != 2:
        raise InputError(f"{where} is {shown(pair)}, expected a question and its answers")
    text = expect_text(pair[0], f"{where}[0]", least=1).strip()
    rows: list[int] = []
    answers: list[str] = []
    for i, answer in enumerate(expect_list(pair[1], f"{where}[1]")):
        one = expect_object(answer, f"{where}[1][{i}]")
        said = joined(expect_text(one.get("answer"), f"{where}[1][{i}].answer"))
        if not said:  # how the file says that the page does not tell
            continue
        rows.append(expect_whole(one.get("para"), f"{where}[1][{i}].para", below=paragraphs))
        answers.append(said)
    return text, rows, answers
