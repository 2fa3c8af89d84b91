"""Chats as people have them: JSON exports of several makers, and pasted text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from labkit.errors import InputError
from labkit.records import Dialogue, Turn, parse_time
from labkit.sources.chats import is_chat_text, parse_chat_text, read_chat


def said(dialogue: Dialogue) -> list[tuple[str | None, str]]:
    return [(memory.speaker, memory.text) for memory in dialogue.memories]


def times(dialogue: Dialogue) -> list[str | None]:
    return [memory.time for memory in dialogue.memories]


def read(tmp_path: Path, value: object, **options: Any) -> list[Dialogue]:
    path = tmp_path / "chat.json"
    path.write_text(json.dumps(value), "utf-8")
    return list(read_chat(path, **options))


# --- JSON ----------------------------------------------------------------------------------------

MESSAGES = [
    {"role": "user", "content": "hello", "time": "2026-03-14T09:30"},
    {"role": "assistant", "content": None},
    {"role": "assistant", "content": " hi ", "time": "2026-03-14"},
]


def test_each_message_with_words_is_a_memory_numbered_in_order(tmp_path: Path) -> None:
    [dialogue] = read(tmp_path, MESSAGES)
    assert (dialogue.id, dialogue.title, dialogue.examples) == ("chat", "chat", ())
    assert [m.id for m in dialogue.memories] == ["m1", "m2"]
    assert said(dialogue) == [("user", "hello"), ("assistant", "hi")]
    assert times(dialogue) == ["2026-03-14T09:30", "2026-03-14"]


@pytest.mark.parametrize("key", ["messages", "chat_messages", "conversations"])
def test_messages_may_lie_in_an_object_with_a_title(tmp_path: Path, key: str) -> None:
    [dialogue] = read(tmp_path, {"id": "c7", "title": "Roof", key: MESSAGES})
    assert (dialogue.id, dialogue.title, len(dialogue.memories)) == ("c7", "Roof", 2)


def test_a_list_of_chats_gives_one_dialogue_each_and_notes_the_empty(tmp_path: Path) -> None:
    notes: list[str] = []
    value = [{"messages": MESSAGES}, {"messages": []}, {"name": "B", "messages": MESSAGES}]
    dialogues = read(tmp_path, value, on_note=notes.append)
    assert [(d.id, d.title) for d in dialogues] == [("chat-1", "chat-1"), ("chat-3", "B")]
    assert len(notes) == 1 and "chat 2" in notes[0]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"speaker": "Ana", "text": "x"}, ("Ana", "x")),
        ({"role": "user", "name": "Ana", "content": "x"}, ("Ana", "x")),
        ({"author": {"role": "user", "name": None}, "content": {"parts": ["x", "y"]}},
         ("user", "x\ny")),
        ({"sender": "human", "text": "", "content": [{"type": "text", "text": "x"}]},
         ("human", "x")),
        ({"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url"}]},
         ("user", "x")),
        ({"from": "Ana", "text": ["see ", {"type": "link", "text": "a.org"}, " now"]},
         ("Ana", "see a.org now")),
        ({"from": "human", "value": "x"}, ("human", "x")),
        ({"user": 17, "text": "x"}, ("17", "x")),
        ({"author": {"nickname": "Ana"}, "message": "x\ud800"}, ("Ana", "x?")),
    ],
)  # fmt: skip
def test_the_words_and_the_speaker_are_found_under_the_keys_of_exports(
    tmp_path: Path, message: dict[str, Any], expected: tuple[str, str]
) -> None:
    [dialogue] = read(tmp_path, [message])
    assert said(dialogue) == [expected]


@pytest.mark.parametrize(
    ("stamp", "time"),
    [
        (1773480600, "2026-03-14T09:30:00+00:00"),
        (1773480600.25, "2026-03-14T09:30:00+00:00"),
        (1773480600000, "2026-03-14T09:30:00+00:00"),
        (1773480600000000, "2026-03-14T09:30:00+00:00"),
        ("1773480600.000200", "2026-03-14T09:30:00+00:00"),
        ("2026-03-14T09:30:00Z", "2026-03-14T09:30:00Z"),
        ("2026-03-14 09:30", "2026-03-14 09:30"),
        (" 2026-03 ", "2026-03"),
    ],
)
@pytest.mark.parametrize("key", ["timestamp", "date", "created_at", "ts", "create_time"])
def test_a_time_is_iso_or_an_epoch_in_any_unit(
    tmp_path: Path, key: str, stamp: object, time: str
) -> None:
    notes: list[str] = []
    [dialogue] = read(tmp_path, [{"role": "u", "text": "x", key: stamp}], on_note=notes.append)
    assert times(dialogue) == [time] and not notes


@pytest.mark.parametrize("stamp", ["yesterday", 5, True, -1e9, 10**400, [], {}, "9" * 40])
def test_a_turn_whose_time_cannot_be_read_is_kept_without_and_noted(
    tmp_path: Path, stamp: object
) -> None:
    notes: list[str] = []
    value = [*MESSAGES, {"role": "u", "text": "x", "ts": stamp}]
    [dialogue] = read(tmp_path, value, on_note=notes.append)
    assert times(dialogue)[-1] is None and len(dialogue.memories) == 3
    [note] = notes
    assert "chat.json: 1 of 3 turns" in note and "message 4" in note and "\n" not in note


def test_of_a_chatgpt_tree_the_branch_shown_last_is_read(tmp_path: Path) -> None:
    def node(id_: str, parent: str | None, text: str | None) -> dict[str, Any]:
        author = {"role": "user", "name": None}
        content = {"content_type": "text", "parts": [text]}
        message = text and {"author": author, "content": content, "create_time": 1773480600.5}
        return {"id": id_, "parent": parent, "message": message}

    nodes = [
        node("root", None, None),
        node("a", "root", "first try"),
        node("b", "root", "second try"),
        node("c", "b", "answer"),
    ]
    tree = {n["id"]: n for n in nodes}
    [dialogue] = read(tmp_path, [{"title": "T", "mapping": tree, "current_node": "c"}])
    assert [m.text for m in dialogue.memories] == ["second try", "answer"]
    tree["root"]["parent"] = "c"  # a ring has an end too
    assert read(tmp_path, [{"title": "T", "mapping": tree, "current_node": "c"}]) == [dialogue]


def test_messages_may_come_as_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text("\n".join(map(json.dumps, MESSAGES)), "utf-8")
    [dialogue] = read_chat(path)
    assert said(dialogue) == [("user", "hello"), ("assistant", "hi")]


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (7, "message 4 is 7"),
        ({"role": "user", "words": "x"}, "expected a text, content or message"),
        ({"content": "x"}, "expected a speaker, name or role"),
        ({"role": "user", "content": 7}, "message 4.content is 7"),
    ],
)
def test_a_bad_message_is_told_and_left_out_or_ends_the_reading(
    tmp_path: Path, message: object, told: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, [*MESSAGES, message])
    assert told in str(caught.value) and "\n" not in str(caught.value)
    bad: list[InputError] = []
    [dialogue] = read(tmp_path, [*MESSAGES, message], on_bad=bad.append)
    assert len(dialogue.memories) == 2
    assert [str(error) for error in bad] == [str(caught.value)]
    assert str(caught.value).startswith(str(tmp_path / "chat.json"))


@pytest.mark.parametrize("value", [{}, [], [1, 2], "x", None, [{}], {"messages": []}])
def test_json_without_a_message_is_an_input_error(tmp_path: Path, value: object) -> None:
    with pytest.raises(InputError, match="expected"):
        read(tmp_path, value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["messages", "mapping", "role", "content", "text", "parts", "ts"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60)
@given(json_values)
def test_any_json_is_a_chat_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(value), "utf-8")
    try:
        dialogues = list(read_chat(path, on_bad=lambda _: None))
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert dialogues and all(dialogue.memories for dialogue in dialogues)


# --- text ----------------------------------------------------------------------------------------


def test_a_line_without_a_speaker_belongs_to_the_turn_before() -> None:
    dialogue = parse_chat_text(
        "Ana: one\n  two\n\nthree: 3\nBen Hur: see http://x.org: now\r\nAna:\n"
    )
    assert [m.id for m in dialogue.memories] == ["m1", "m2", "m3"]
    assert dialogue.memories[1].previous == Turn("Ana", "one\n  two")
    assert said(dialogue) == [
        ("Ana", "one\n  two"),
        ("three", "3"),
        ("Ben Hur", "see http://x.org: now"),
    ]
    assert times(dialogue) == [None] * 3


def test_lines_before_the_first_speaker_are_kept_as_a_note() -> None:
    dialogue = parse_chat_text("\nOur talk about\nthe roof.\n\nAna: hello")
    assert said(dialogue) == [("note", "Our talk about\nthe roof."), ("Ana", "hello")]


def test_an_iso_stamp_is_optional_line_by_line() -> None:
    text = "[2026-03-14 09:30] Ana: a\nBen: b\n[2026-03-14T09:31:05Z] Ana: c\n[2026-03-15] Ben: d"
    dialogue = parse_chat_text(text)
    assert said(dialogue) == [("Ana", "a"), ("Ben", "b"), ("Ana", "c"), ("Ben", "d")]
    assert times(dialogue) == ["2026-03-14T09:30", None, "2026-03-14T09:31:05", "2026-03-15"]


@pytest.mark.parametrize(
    ("line", "time"),
    [
        ("14/03/2026, 09:30 - Ana: hello", "2026-03-14T09:30"),
        ("[14/03/2026, 09:30:12] Ana: hello", "2026-03-14T09:30:12"),
        ("\u200e[14.03.26, 09:30:12] Ana: \u200ehello", "2026-03-14T09:30:12"),
        ("3/14/26, 9:30\u202fPM - Ana: hello", "2026-03-14T21:30"),
        ("[3/14/26, 12:05:00 AM] Ana: hello", "2026-03-14T00:05:00"),
        ("14/03/2026, 12:30 p. m. - Ana: hello", "2026-03-14T12:30"),
        ("2026-03-14, 09:30 - Ana: hello", "2026-03-14T09:30"),
        ("14.03.26, 09:30 - Ana: hello", "2026-03-14T09:30"),
    ],
)
def test_a_whatsapp_line_gives_time_speaker_and_words(line: str, time: str) -> None:
    dialogue = parse_chat_text(line)
    assert [text.strip("\u200e") for _, text in said(dialogue)] == ["hello"]
    assert [speaker for speaker, _ in said(dialogue)] == ["Ana"]
    assert times(dialogue) == [time]


def test_in_an_export_only_stamped_lines_begin_a_turn_and_notices_are_notes() -> None:
    text = (
        "14/03/2026, 09:29 - Messages are end-to-end encrypted.\n"
        "14/03/2026, 09:30 - Ana: to buy\nMilk: two\n"
        "14/03/2026, 09:31 - +44 7700 900123: ok\n"
        "31/31/2026, 09:31 - not a date\n"
    )
    assert said(parse_chat_text(text)) == [
        ("note", "Messages are end-to-end encrypted."),
        ("Ana", "to buy\nMilk: two"),
        ("+44 7700 900123", "ok\n31/31/2026, 09:31 - not a date"),
    ]


@pytest.mark.parametrize(
    ("dates", "expected", "noted"),
    [
        # One date that exists in one order only decides for all.
        (["03/04/2026", "14/04/2026"], ["2026-04-03", "2026-04-14"], False),
        (["03/04/2026", "03/14/2026"], ["2026-03-04", "2026-03-14"], False),
        # Else time should run forward.
        (["30/01/2026", "01/02/2026"], ["2026-01-30", "2026-02-01"], False),
        (["01/09/2026", "02/01/2026"], ["2026-01-09", "2026-02-01"], False),
        (["09/01/2026", "01/02/2026"], ["2026-01-09", "2026-02-01"], False),
        # Else day first, which is said, unless it makes no difference.
        (["03/04/2026", "04/05/2026"], ["2026-04-03", "2026-05-04"], True),
        (["03/03/2026"], ["2026-03-03"], False),
    ],
)
def test_day_and_month_are_told_apart_from_the_whole_text(
    dates: list[str], expected: list[str], noted: bool
) -> None:
    notes: list[str] = []
    text = "\n".join(f"{date}, 09:30 - Ana: hello" for date in dates)
    dialogue = parse_chat_text(text, on_note=notes.append)
    assert [(time or "")[:10] for time in times(dialogue)] == expected
    assert bool(notes) == noted


def test_dates_in_both_orders_are_an_input_error_that_names_the_lines() -> None:
    text = "03/14/2026, 09:30 - Ana: a\nmore\n14/03/2026, 09:31 - Ana: b"
    with pytest.raises(InputError, match="line 1 .*line 3 .*expected one order"):
        parse_chat_text(text)


@pytest.mark.parametrize("text", ["", " \n ", "just prose", "at 10:30 we met", "Ana:", "x\ud800"])
def test_a_text_in_which_nobody_speaks_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError, match="expected") as caught:
        parse_chat_text(text)
    assert "\n" not in str(caught.value)


names = st.sampled_from(["Ana", "Ben Hur", "Dr. Zoë", "张伟", "+44 7700 900123", "o'Neill (home)"])
# No colon and no bracket: such a line may rightly be read as the next turn.
words = st.text(
    st.characters(exclude_characters=":：[]\r\n", exclude_categories=["Cs", "Cc", "Cf"]),
    min_size=1,
    max_size=30,
).filter(lambda text: text == text.strip() and text.strip("0123456789/.-, –") == text)
texts = st.lists(words, min_size=1, max_size=3).map("\n".join)
moments = st.datetimes(parse_time("2001-01-01"), parse_time("2099-12-31"))


@given(st.lists(st.tuples(names, texts), min_size=1))
def test_what_is_written_as_a_chat_is_read_back(turns: list[tuple[str, str]]) -> None:
    assert said(parse_chat_text("\n".join(f"{n}: {t}" for n, t in turns))) == turns


@pytest.mark.parametrize(
    "form",
    [
        "[%Y-%m-%d %H:%M] ",
        "%d/%m/%Y, %H:%M - ",
        "[%d.%m.%Y, %H:%M] ",
        "%m/%d/%y, %I:%M %p - ",
        "[%m/%d/%Y, %I:%M %p] ",
    ],
)
@settings(max_examples=25)
@given(turns=st.lists(st.tuples(moments, names, texts), min_size=1, max_size=5))
def test_a_stamped_chat_whose_order_is_told_is_read_back(
    form: str, turns: list[tuple[Any, str, str]]
) -> None:
    assume(any(moment.day > 12 for moment, _, _ in turns))
    text = "\n".join(f"{m.strftime(form)}{n}: {t}" for m, n, t in turns)
    dialogue = parse_chat_text(text)
    assert said(dialogue) == [(n, t) for _, n, t in turns]
    assert times(dialogue) == [m.strftime("%Y-%m-%dT%H:%M") for m, _, _ in turns]


@given(st.text() | st.text("[]/.-:, 0123456789apmT\nAé\u200e\u202f"))
def test_any_text_is_a_chat_or_an_input_error(text: str) -> None:
    is_chat_text(text)
    try:
        dialogue = parse_chat_text(text)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert dialogue.memories
        for memory in dialogue.memories:
            assert memory.text.strip() and memory.speaker
            assert memory.time is None or parse_time(memory.time)


def test_a_text_file_is_titled_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "roof.txt"
    path.write_text("\ufeff[2026-03-14 09:30] Ana: hello", "utf-8")
    [dialogue] = read_chat(path)
    assert (dialogue.id, dialogue.title, said(dialogue)) == ("roof", "roof", [("Ana", "hello")])
