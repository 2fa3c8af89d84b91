"""TREC iKAT: dialogues with an assistant that knows some personal statements of its user.

Aliannejadi et al., "TREC iKAT 2023: The Interactive Knowledge Assistance Track Overview", 2024;
``2023/data/2023_{train,test}_topics.json`` of github.com/irlabamsterdam/iKAT. MIT.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from labkit.errors import InputError
from labkit.records import (
    Dialogue,
    Example,
    Memory,
    Query,
    Turn,
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
)

FILES = ("*_topics.json",)


def read_ikat(
    path: str | os.PathLike[str], *, on_note: Callable[[str], None] | None = None
) -> Iterator[Dialogue]:
    """Stream the topics: the personal statements are the memories, every user turn an Example.

    A query's context is all that was said before it. The statements that the turn draws on
    (``ptkb_provenance``) have label 1.0 and its kind is ``personal``; a turn that draws on none is
    of kind ``abstain``. ``rewrite`` in the Example's extra is the turn without its context's help.
    Topics 9-1 and 9-2 are one subject asked by two people, so the group is the number before the
    dash.

    Raises:
        InputError: the file is not of this form. A damaged topic or turn is left out and noted.
    """
    yield from read_records(
        path,
        FILES,
        lambda value: expect_list(value, "the document"),
        _topic,
        on_note=on_note,
        expected="topics of iKAT 2023 (number, title, ptkb, turns)",
    )


def _topic(index: int, value: object, note: OnNote) -> Dialogue | None:
    where = f"[{index}]"
    item = expect_object(value, where)
    number = expect_text(item.get("number"), f"{where}.number", least=1)
    where = f"{where} ({number})"
    title = expect_text(item.get("title"), f"{where}.title", least=1)
    ptkb = expect_object(item.get("ptkb"), f"{where}.ptkb")
    memories = tuple(
        Memory(
            f"ikat-{number}-ptkb-{key}",
            expect_text(text, f"{where}.ptkb[{key}]").strip(),
            speaker="user",
        )
        for key, text in ptkb.items()
    )
    known = dict(zip(ptkb, memories, strict=True))
    context: list[Turn] = []

    def turn(i: int, value: object) -> Example:
        at = f"{where}.turns[{i}]"
        one = expect_object(value, at)
        said = expect_text(one.get("utterance"), f"{at}.utterance", least=1).strip()
        before = tuple(context)
        context.append(Turn("user", said))
        if response := expect_text(one.get("response") or "", f"{at}.response").strip():
            context.append(Turn("assistant", response))
        drawn = expect_list(one.get("ptkb_provenance") or [], f"{at}.ptkb_provenance")
        if unknown := [key for key in drawn if str(key) not in known]:
            raise InputError(f"{at}.ptkb_provenance names {shown(unknown)}, expected keys of ptkb")
        rewrite = one.get("resolved_utterance")
        turn_id = expect_whole(one.get("turn_id"), f"{at}.turn_id")
        return Example(
            Query(
                said,
                f"ikat-{number}-{turn_id}",
                context=before,
                kind="personal" if drawn else "abstain",
            ),
            memories,
            {known[str(key)].id: IS_ANSWER for key in drawn},
            extra={
                "source": "ikat",
                "group": f"ikat-{number.split('-')[0]}",
                **({"rewrite": rewrite.strip()} if isinstance(rewrite, str) else {}),
            },
        )

    examples = tuple(each(expect_list(item.get("turns"), f"{where}.turns"), turn, note))
    return Dialogue(f"ikat-{number}", title, memories, examples) if examples else None
