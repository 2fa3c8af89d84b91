"""FriendsQA: questions on scenes of a television show, answered by what somebody says.

Yang and Choi, "FriendsQA: Open-Domain Question Answering on TV Show Transcripts", SIGDIAL 2019;
``dat/friendsqa_{trn,dev,tst}.json`` of github.com/emorynlp/FriendsQA. Apache-2.0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
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
    OnNote,
    each,
    expect_whole,
    joined,
    kind_of,
    load_json,
    set_files,
    usable,
)
from labkit.sources.talk import after_each_other

FILES = ("friendsqa_*.json",)

_NOTE = "#NOTE#"
"""The speaker of a stage direction: nobody."""


def read_friendsqa(
    path: str | os.PathLike[str], *, on_note: Callable[[str], None] | None = None
) -> Iterator[Dialogue]:
    """Stream the scenes: every utterance a memory with its speaker, every question an Example.

    The utterances that answer (or whose speaker is the answer) have label 1.0. A paraphrased
    question stays beside the one that it rephrases. The group is the scene.

    Raises:
        InputError: the file is not of this form. A damaged scene or question is left out and noted.
    """
    for file in set_files(Path(path), *FILES):
        note = located_notes(file, on_note)
        value = load_json(file)
        with located(file):
            scenes = expect_list(expect_object(value, "the document").get("data"), "data")
            yield from usable(
                scenes,
                partial(_scene, note=note),
                note,
                expected="scenes of FriendsQA (title, paragraphs of utterances: and qas)",
            )


def _scene(index: int, value: object, note: OnNote) -> Dialogue | None:
    where = f"data[{index}]"
    item = expect_object(value, where)
    title = expect_text(item.get("title"), f"{where}.title", least=1)
    group = f"friendsqa-{title}"
    memories: list[Memory] = []
    examples: list[tuple[Query, dict[str, float], list[str]]] = []
    for p, paragraph in enumerate(expect_list(item.get("paragraphs"), f"{where}.paragraphs")):
        at = f"{where}.paragraphs[{p}]"
        part = expect_object(paragraph, at)
        # The published key ends in a colon; a mended copy may not.
        said = expect_list(part.get("utterances:", part.get("utterances")), f"{at}.utterances:")
        own = [
            _utterance(u, f"{at}.utterances:[{i}]", f"{group}-{p}-{i}") for i, u in enumerate(said)
        ]
        memories += after_each_other(memory for memory in own if memory.text)

        def question(
            k: int, qa: object, at: str = at, own: list[Memory] = own
        ) -> tuple[Query, dict[str, float], list[str]]:
            return _question(qa, f"{at}.qas[{k}]", own)

        examples += each(expect_list(part.get("qas"), f"{at}.qas"), question, note)
    if not examples:
        return None
    shared = tuple(memories)
    return Dialogue(
        group,
        title,
        shared,
        tuple(
            Example(
                query,
                shared,
                labels,
                extra={"source": "friendsqa", "group": group, "answers": answers},
            )
            for query, labels, answers in examples
        ),
    )


def _utterance(value: object, where: str, id_: str) -> Memory:
    item = expect_object(value, where)
    names = [
        expect_text(name, f"{where}.speakers")
        for name in expect_list(item.get("speakers"), f"{where}.speakers")
        if name != _NOTE
    ]
    text = joined(expect_text(item.get("utterance"), f"{where}.utterance"))
    return Memory(id_, text, speaker=" and ".join(names) or None)


def _question(
    value: object, where: str, own: list[Memory]
) -> tuple[Query, dict[str, float], list[str]]:
    item = expect_object(value, where)
    id_ = expect_text(item.get("id"), f"{where}.id", least=1)
    text = joined(expect_text(item.get("question"), f"{where}.question", least=1))
    labels: dict[str, float] = {}
    answers: list[str] = []
    given: list[Any] = expect_list(item.get("answers"), f"{where}.answers")
    for i, answer in enumerate(given):
        at = f"{where}.answers[{i}]"
        one = expect_object(answer, at)
        said = own[expect_whole(one.get("utterance_id"), f"{at}.utterance_id", below=len(own))]
        if said.text:
            labels[said.id] = IS_ANSWER
            answers.append(joined(expect_text(one.get("answer_text"), f"{at}.answer_text")))
    if not labels:
        raise InputError(f"{where}.answers is {shown(given)}, expected an utterance with words")
    return Query(text, f"friendsqa-{id_}", kind=kind_of(text)), labels, list(dict.fromkeys(answers))
