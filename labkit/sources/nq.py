"""Natural Questions, open: what people typed into a search engine, with the passage that answers.

Kwiatkowski et al., "Natural Questions", TACL 2019, as Liu et al., "Lost in the Middle", TACL 2024,
packed it: ``qa_data/nq-open-oracle.jsonl.gz`` of github.com/nelson-liu/lost-in-the-middle. The
repository is MIT, the passages are Wikipedia's, CC BY-SA.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

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
    json_lines,
    kind_of,
    set_files,
    usable,
)

FILES = ("nq-open-oracle.jsonl.gz", "nq-open-oracle.jsonl")


def read_nq(
    path: str | os.PathLike[str], *, on_note: Callable[[str], None] | None = None
) -> Iterator[Dialogue]:
    """Stream the questions: one Dialogue each, its only memory the gold passage with its title.

    The other candidates are for :func:`labkit.synthesis.mining.mine_negatives` to find. The same
    passage has the same id wherever it stands. The group is the page.

    Raises:
        InputError: the file is not of this form. A damaged line is left out and noted.
    """
    for file in set_files(Path(path), *FILES):
        with located(file):
            yield from usable(
                json_lines(file),
                _question,
                located_notes(file, on_note),
                expected="questions of nq-open-oracle (question, answers, ctxs)",
            )


def _question(index: int, value: object) -> Dialogue:
    where = f"line {index + 1}"
    item = expect_object(value, where)
    question = expect_text(item.get("question"), f"{where}.question", least=1).strip()
    answers = [
        expect_text(answer, f"{where}.answers[{i}]", least=1)
        for i, answer in enumerate(expect_list(item.get("answers"), f"{where}.answers"))
    ]
    passages = expect_list(item.get("ctxs"), f"{where}.ctxs")
    gold = [
        (f"{where}.ctxs[{i}]", passage)
        for i, passage in enumerate(passages)
        if isinstance(passage, dict) and passage.get("isgold") is True
    ]
    if not gold:
        raise InputError(f"{where}.ctxs is {shown(passages)}, expected a passage with isgold")
    memories: dict[str, Memory] = {}
    title = ""
    for at, passage in gold:
        title = expect_text(passage.get("title"), f"{at}.title", least=1).strip()
        text = " ".join(expect_text(passage.get("text"), f"{at}.text", least=1).split())
        whole = f"{title}: {text}"
        id_ = f"nq-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"
        memories[id_] = Memory(id_, whole)
    key = hashlib.sha256(question.encode()).hexdigest()[:12]
    shared = tuple(memories.values())
    example = Example(
        Query(question, f"nq-q-{key}", kind=kind_of(question)),
        shared,
        dict.fromkeys(memories, IS_ANSWER),
        extra={"source": "nq", "group": f"nq-{title}", "answers": answers},
    )
    return Dialogue(example.id, question, shared, (example,))
