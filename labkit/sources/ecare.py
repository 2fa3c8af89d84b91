"""e-CARE: which of two sentences is the cause, or the effect, of a third.

Du et al., "e-CARE: a New Dataset for Exploring Explainable Causal Reasoning", ACL 2022;
``dataset/Causal_Reasoning/{train,dev}.jsonl`` of github.com/Waste-Wood/e-CARE. MIT.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from labkit.errors import InputError
from labkit.records import Dialogue, Example, Memory, Query, expect_object, expect_text, shown
from labkit.sources.documents import located, located_notes
from labkit.sources.published import IS_ANSWER, NEAR_MISS, json_lines, set_files, usable

FILES = ("Causal_Reasoning/train.jsonl", "Causal_Reasoning/dev.jsonl")

ASKED = {"cause": "What was the cause of this?", "effect": "What did this lead to?"}

REVERSED_IN = 5
"""One row in so many is also asked the other way round."""


def read_ecare(
    path: str | os.PathLike[str], *, on_note: Callable[[str], None] | None = None
) -> Iterator[Dialogue]:
    """Stream the rows: one Dialogue each, its memories the two hypotheses.

    The query is the premise and what is asked of it, cause or effect; the right hypothesis has
    label 1.0. One row in five (by a hash of its index) is asked for the other direction as well:
    there the same hypothesis is on the wrong side of the premise, ``reversed_cause`` with label
    0.3, and nothing is relevant. The group is the premise.

    Raises:
        InputError: the file is not of this form. A damaged line is left out and noted.
    """
    for file in set_files(Path(path), *FILES):
        with located(file):
            yield from usable(
                json_lines(file),
                _row,
                located_notes(file, on_note),
                expected="rows of e-CARE (premise, ask-for, hypothesis1, hypothesis2, label)",
            )


def _row(index: int, value: object) -> Dialogue:
    where = f"line {index + 1}"
    item = expect_object(value, where)
    id_ = f"ecare-{expect_text(item.get('index'), f'{where}.index', least=1)}"
    premise = expect_text(item.get("premise"), f"{where}.premise", least=1).strip()
    wanted = item.get("ask-for")
    if wanted not in ASKED:
        raise InputError(f"{where}.ask-for is {shown(wanted)}, expected cause or effect")
    label = item.get("label")
    if label not in (0, 1) or isinstance(label, bool):
        raise InputError(f"{where}.label is {shown(label)}, expected 0 or 1")
    memories = tuple(
        Memory(f"{id_}-{n}", expect_text(item.get(key), f"{where}.{key}", least=1).strip())
        for n, key in enumerate(("hypothesis1", "hypothesis2"), 1)
    )
    right = memories[label].id
    extra = {"source": "ecare", "group": f"ecare-{premise.lower()}"}
    examples = [
        Example(
            Query(f"{premise} {ASKED[wanted]}", f"{id_}-q", kind="causal"),
            memories,
            {right: IS_ANSWER},
            extra={**extra, "answers": [memories[label].text]},
        )
    ]
    if hashlib.sha256(id_.encode()).digest()[0] % REVERSED_IN == 0:
        other = "effect" if wanted == "cause" else "cause"
        examples.append(
            Example(
                Query(f"{premise} {ASKED[other]}", f"{id_}-reversed", kind="abstain"),
                memories,
                {right: NEAR_MISS},
                {right: "reversed_cause"},
                extra=extra,
            )
        )
    return Dialogue(id_, premise, memories, tuple(examples))
