from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.errors import InputError
from labkit.records import (
    NEGATIVE_KINDS,
    Example,
    Memory,
    Query,
    Turn,
    example_to_json,
    from_dataset,
    level_of,
    parse_example,
    parse_time,
    read_examples,
    to_dataset,
    write_examples,
)

texts = st.text(st.characters(codec="utf-8"))
names = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)
times = st.none() | st.dates().map(str) | st.datetimes().map(lambda t: t.isoformat("T", "minutes"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
# A prefix keeps foreign keys apart from ours.
extras = st.dictionaries(texts.map(lambda key: f"x_{key}"), values, max_size=2)
turns = st.builds(Turn, speaker=texts, text=texts, time=times, extra=extras)


@st.composite
def examples(draw: st.DrawFn) -> Example:
    ids = draw(st.lists(names, unique=True, max_size=5))
    memory = st.tuples(texts, times, st.none() | texts.filter(bool), extras, st.none() | turns)
    drawn = [draw(memory) for _ in ids]
    some = st.lists(st.sampled_from(ids), unique=True) if ids else st.just([])
    return Example(
        query=Query(
            text=draw(names),
            id=draw(names),
            context=tuple(draw(st.lists(turns, max_size=3))),
            time=draw(times),
            instruction=draw(st.none() | texts.filter(bool)),
            kind=draw(st.none() | texts.filter(bool)),
        ),
        memories=tuple(
            Memory(id=id_, text=t, time=when, speaker=who, extra=extra, previous=before)
            for id_, (t, when, who, extra, before) in zip(ids, drawn, strict=True)
        ),
        labels={id_: draw(st.floats(0, 1)) for id_ in draw(some)},
        negative_kinds={id_: draw(st.sampled_from(NEGATIVE_KINDS)) for id_ in draw(some)},
        why=draw(st.none() | texts.filter(bool)),
        extra=draw(extras),
    )


@given(examples())
def test_any_example_survives_json_and_back(example: Example) -> None:
    assert parse_example(json.loads(json.dumps(example_to_json(example)))) == example


@settings(max_examples=25, deadline=None)
@given(st.lists(examples(), max_size=4))
def test_any_examples_survive_a_file_and_a_dataset(
    tmp_path_factory: pytest.TempPathFactory, items: list[Example]
) -> None:
    path = tmp_path_factory.mktemp("round") / "examples.jsonl"
    assert write_examples(path, items) == len(items)
    assert list(read_examples(path)) == items
    if items:
        assert list(from_dataset(to_dataset(items))) == items


def minimal(**changes: object) -> dict[str, object]:
    return {"id": "x", "query": "who?", "memories": [{"id": "m1", "text": "Ana."}], **changes}


def test_optional_keys_may_be_missing_or_null() -> None:
    nulls = dict.fromkeys(
        ["category", "instruction", "context", "query_time", "labels", "negative_kinds", "why"]
    )
    assert parse_example(minimal()) == parse_example(minimal(**nulls))


def test_a_memory_without_label_counts_as_zero_and_06_is_relevant() -> None:
    memories = [{"id": i, "text": "t"} for i in ("a", "b", "c")]
    example = parse_example(minimal(memories=memories, labels={"a": 0.6, "b": 0.59}))
    assert example.label("c") == 0
    assert example.relevant == {"a"}


BAD = {
    "label above one": (minimal(labels={"m1": 1.5}), 'labels["m1"] is 1.5', "0 to 1"),
    "label that is a boolean": (minimal(labels={"m1": True}), 'labels["m1"] is true', "0 to 1"),
    "label of an unknown memory": (minimal(labels={"m9": 1}), 'labels names "m9"', "ids of the"),
    "kind of an unknown memory": (minimal(negative_kinds={"m9": "hearsay"}), '"m9"', "ids of the"),
    "memory id twice": (minimal(memories=[{"id": "a", "text": ""}] * 2), 'id "a" twice', "once"),
    "memory without text": (minimal(memories=[{"id": "a"}]), "memories[0].text is null", "a text"),
    "time in words": (minimal(query_time="last May"), 'query_time is "last May"', "ISO 8601"),
    "empty query": (minimal(query="  "), 'query is "  "', "not empty"),
    "no memories": (minimal(memories=None), "memories is null", "a list"),
    "context that is a text": (minimal(context="hi"), 'context is "hi"', "a list"),
    "a list": ([1, 2], "the line is [1, 2]", "an object"),
}


@pytest.mark.parametrize("premise", BAD)
def test_a_bad_value_is_named_with_what_was_expected(premise: str) -> None:
    value, got, expected = BAD[premise]
    with pytest.raises(InputError) as caught:
        parse_example(value)
    assert got in str(caught.value)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_lines_name_file_and_line_and_can_be_skipped(tmp_path: Path) -> None:
    good = json.dumps(minimal()).encode()
    lines = [good, b"{broken", b"", b'{"id": NaN}', b"\xff\xfe", good]
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match=r"data\.jsonl:2: not JSON"):
        list(read_examples(path))
    bad: list[InputError] = []
    assert len(list(read_examples(path, on_bad=bad.append))) == 2
    assert [str(error).split(": ")[0].rsplit(":", 1)[1] for error in bad] == ["2", "4", "5"]


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        list(read_examples(tmp_path / "none.jsonl"))


def test_a_failing_writer_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    write_examples(path, [parse_example(minimal())])
    before = path.read_bytes()

    def failing():  # type: ignore[no-untyped-def]
        yield parse_example(minimal(id="new"))
        raise RuntimeError("disk full, say")

    with pytest.raises(RuntimeError):
        write_examples(path, failing())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_lone_surrogate_becomes_text_that_can_be_written(tmp_path: Path) -> None:
    example = parse_example(minimal(query="caf\ud83d?"))
    write_examples(tmp_path / "out.jsonl", [example])
    assert next(read_examples(tmp_path / "out.jsonl")) == example


def test_reading_streams_and_stops_where_the_reader_stops(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps(minimal()) + "\n{broken\n")
    assert next(read_examples(path)).id == "x"


def test_levels_start_at_their_lower_bound() -> None:
    assert [level_of(x) for x in (0, 0.2, 0.4, 0.6, 0.8)] == [
        "irrelevant",
        "related, key information missing",
        "partly",
        "strongly supports",
        "contains the answer",
    ]


def test_times_of_every_precision_are_read() -> None:
    for text, want in (
        ("2026", "2026-01-01T00:00:00"),
        ("2026-03", "2026-03-01T00:00:00"),
        ("2026-03-14", "2026-03-14T00:00:00"),
        ("2026-03-14T09:30", "2026-03-14T09:30:00"),
        ("2026-03-14T09:30:00Z", "2026-03-14T09:30:00"),
    ):
        assert parse_time(text).isoformat() == want
