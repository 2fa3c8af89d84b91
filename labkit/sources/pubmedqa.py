"""PubMedQA: the questions that titles of medical papers ask, with the sections of their abstracts.

Jin et al., "PubMedQA: A Dataset for Biomedical Research Question Answering", EMNLP 2019;
``data/ori_pqal.json`` of github.com/pubmedqa/pubmedqa. MIT.
"""

from __future__ import annotations

import os
import re
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
    SUPPORTS,
    load_json,
    set_files,
    usable,
)

FILES = ("ori_pqal.json", "ori_pqau.json", "ori_pqaa.json")

_FINDINGS = re.compile(r"RESULT|FINDING|CONCLUSION|OUTCOME|INTERPRETATION", re.I)


def read_pubmedqa(
    path: str | os.PathLike[str], *, on_note: Callable[[str], None] | None = None
) -> Iterator[Dialogue]:
    """Stream the papers: one Dialogue each, its memories the sections of the abstract.

    A section with findings has label 1.0, what leads up to it (background, methods) 0.7; the
    conclusion is the answer and stands in ``answers``, not among the memories. Sections of other
    papers are for :func:`labkit.synthesis.mining.mine_negatives`. The group is the paper.

    Raises:
        InputError: the file is not of this form. A damaged paper is left out and noted.
    """
    for file in set_files(Path(path), *FILES):
        value = load_json(file)
        with located(file):
            yield from usable(
                expect_object(value, "the document").items(),
                _paper,
                located_notes(file, on_note),
                expected="papers of PubMedQA by their id (QUESTION, CONTEXTS, LABELS)",
            )


def _paper(_: int, entry: object) -> Dialogue:
    assert isinstance(entry, tuple)
    pmid, value = entry
    item = expect_object(value, pmid)
    question = expect_text(item.get("QUESTION"), f"{pmid}.QUESTION", least=1).strip()
    texts = expect_list(item.get("CONTEXTS"), f"{pmid}.CONTEXTS")
    heads = expect_list(item.get("LABELS"), f"{pmid}.LABELS")
    if not texts or len(heads) != len(texts):
        raise InputError(
            f"{pmid}.LABELS is {shown(heads)}, expected one for each of {len(texts)} CONTEXTS"
        )
    group = f"pubmedqa-{pmid}"
    memories = []
    labels = {}
    for i, (head, text) in enumerate(zip(heads, texts, strict=True)):
        memory = Memory(
            f"{group}-{i}",
            " ".join(expect_text(text, f"{pmid}.CONTEXTS[{i}]", least=1).split()),
            extra={"section": expect_text(head, f"{pmid}.LABELS[{i}]")},
        )
        memories.append(memory)
        labels[memory.id] = IS_ANSWER if _FINDINGS.search(memory.extra["section"]) else SUPPORTS
    answer = item.get("LONG_ANSWER")
    example = Example(
        Query(question, f"{group}-q", kind="medical"),
        tuple(memories),
        labels,
        extra={
            "source": "pubmedqa",
            "group": group,
            "answers": [answer] if isinstance(answer, str) else [],
            "decision": str(item.get("final_decision")),
        },
    )
    return Dialogue(group, question, example.memories, (example,))
