"""TAT-QA: questions on finance reports, answered by a table, the text around it, or both.

Zhu et al., "TAT-QA: A Question Answering Benchmark on a Hybrid of Tabular and Textual Content in
Finance", ACL 2021; ``dataset_raw/tatqa_dataset_{train,dev}.json`` of
github.com/NExTplusplus/TAT-QA. The data are CC BY 4.0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

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
from labkit.sources.documents import located, located_notes
from labkit.sources.published import (
    IS_ANSWER,
    SUPPORTS,
    OnNote,
    each,
    holds,
    kind_of,
    load_json,
    set_files,
    usable,
)

FILES = ("tatqa_dataset_*.json",)

_KINDS = {"arithmetic": "numerical", "count": "numerical", "multi-span": "multi_hop"}


def read_tatqa(
    path: str | os.PathLike[str], *, on_note: Callable[[str], None] | None = None
) -> Iterator[Dialogue]:
    """Stream the reports: paragraphs and the table in words are the memories.

    ``rel_paragraphs`` are relevant, and the table where ``answer_from`` says so. A paragraph beside
    the table that does not state the answer only supports it (0.7); all else has 1.0. The kind is
    ``numerical`` where a number must be worked out, ``multi_hop`` where several spans answer. The
    group is the report.

    Raises:
        InputError: the file is not of this form. A damaged report or question is left out and
            noted.
    """
    for file in set_files(Path(path), *FILES):
        note = located_notes(file, on_note)
        value = load_json(file)
        with located(file):
            yield from usable(
                expect_list(value, "the document"),
                partial(_report, note=note),
                note,
                expected="reports of TAT-QA (table, paragraphs, questions)",
            )


def table_in_words(rows: Sequence[Sequence[str]]) -> str:
    """A table as sentences: ``Fixed Price: 2019 $1,452.4; 2018 $1,146.2.``

    The rows above the first one with a name head the columns. In such a row a cell that has empty
    cells after it spans them; a row with one cell alone says what the table is about.
    """
    first = next((i for i, row in enumerate(rows) if row and row[0].strip()), len(rows))
    width = max((len(row) for row in rows), default=0)
    heads = [""] * width
    about: list[str] = []
    for row in rows[:first]:
        row = [cell if any(map(str.isalnum, cell)) else "" for cell in row]
        named = [cell.strip() for cell in row if cell.strip()]
        if len(named) == 1 and width > 2:
            about.append(named[0].rstrip(":"))
            continue
        last = ""
        for i, cell in enumerate(row[1:], 1):
            last = cell.strip() or (last if len(named) < width - 1 else "")
            heads[i] = f"{heads[i]} {last}".strip()
    sentences = [f"Table ({', '.join(about)})." if about else "Table."]
    for row in rows[first:]:
        cells = [
            f"{heads[i]} {cell.strip()}".strip() for i, cell in enumerate(row) if i and cell.strip()
        ]
        name = row[0].strip().rstrip(":") if row else ""
        if cells:
            sentences.append(f"{name}: {'; '.join(cells)}." if name else f"{'; '.join(cells)}.")
        elif name:
            sentences.append(f"{name}:")
    return " ".join(" ".join(sentences).split())


def _report(index: int, value: object, note: OnNote) -> Dialogue | None:
    where = f"[{index}]"
    item = expect_object(value, where)
    table = expect_object(item.get("table"), f"{where}.table")
    uid = expect_text(table.get("uid"), f"{where}.table.uid", least=1)
    group = f"tatqa-{uid}"
    rows = [
        [
            expect_text(cell, f"{where}.table.table")
            for cell in expect_list(row, f"{where}.table.table")
        ]
        for row in expect_list(table.get("table"), f"{where}.table.table")
    ]
    paragraphs: dict[str, Memory] = {}
    for i, paragraph in enumerate(expect_list(item.get("paragraphs"), f"{where}.paragraphs")):
        at = f"{where}.paragraphs[{i}]"
        one = expect_object(paragraph, at)
        text = " ".join(expect_text(one.get("text"), f"{at}.text").split())
        if text:
            paragraphs[str(one.get("order"))] = Memory(f"{group}-{one.get('order')}", text)
    in_words = Memory(f"{group}-table", table_in_words(rows))
    memories = (*paragraphs.values(), in_words)

    def question(i: int, value: object) -> Example:
        at = f"{where}.questions[{i}]"
        one = expect_object(value, at)
        text = expect_text(one.get("question"), f"{at}.question", least=1).strip()
        origin = one.get("answer_from")
        if origin not in ("table", "text", "table-text"):
            raise InputError(
                f"{at}.answer_from is {shown(origin)}, expected table, text or table-text"
            )
        answers = _answers(one.get("answer"))
        labels = {in_words.id: IS_ANSWER} if origin != "text" else {}
        named = expect_list(one.get("rel_paragraphs") or [], f"{at}.rel_paragraphs")
        for order in named:
            memory = paragraphs.get(str(order))
            if memory is None:
                raise InputError(
                    f"{at}.rel_paragraphs names {shown(order)}, expected one of {list(paragraphs)}"
                )
            states = origin == "text" or any(holds(memory.text, answer) for answer in answers)
            labels[memory.id] = IS_ANSWER if states else SUPPORTS
        if not labels:
            raise InputError(f"{at}.rel_paragraphs is {shown(named)}, expected where the answer is")
        kind = _KINDS.get(str(one.get("answer_type"))) or kind_of(text)
        uid = expect_text(one.get("uid"), f"{at}.uid", least=1)
        return Example(
            Query(text, f"tatqa-{uid}", kind=kind),
            memories,
            labels,
            extra={"source": "tatqa", "group": group, "answers": answers},
        )

    examples = tuple(each(expect_list(item.get("questions"), f"{where}.questions"), question, note))
    return Dialogue(group, group, memories, examples) if examples else None


def _answers(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(one) for one in values if isinstance(one, str | int | float) and str(one).strip()]
