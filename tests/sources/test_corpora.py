"""What holds for every reader of a published set, on made-up files in the published layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.errors import InputError
from labkit.records import Dialogue, example_to_json, parse_example
from labkit.sources.corpora import CORPORA
from tests.sources.corpora_fixtures import SETS, put

NAMES = sorted(name for name, corpus in CORPORA.items() if corpus.may_train)


def read(name: str, path: Path, notes: list[str] | None = None) -> list[Dialogue]:
    reader = CORPORA[name].read
    assert reader is not None
    return list(reader(path, on_note=None if notes is None else notes.append))


def test_a_set_may_train_if_and_only_if_it_is_read_and_every_one_names_licence_and_source() -> None:
    assert set(NAMES) == set(SETS)
    for name, corpus in CORPORA.items():
        assert corpus.name == name and corpus.licence and corpus.source.startswith("https://")
        assert corpus.may_train == (corpus.read is not None) == bool(corpus.files)
        assert corpus.may_train != bool(corpus.why_not)


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_unique_and_each_question_names_its_set_and_its_group(
    name: str, tmp_path: Path
) -> None:
    SETS[name](tmp_path)
    dialogues = read(name, tmp_path)
    examples = [example for dialogue in dialogues for example in dialogue.examples]
    ids = [example.id for example in examples]
    assert ids and len(ids) == len(set(ids))
    texts: dict[str, str] = {}
    for dialogue in dialogues:
        for memory in dialogue.memories:
            assert texts.setdefault(memory.id, memory.text) == memory.text
    for example in examples:
        known = {memory.id for memory in example.memories}
        assert set(example.labels) | set(example.negative_kinds) <= known
        assert example.extra["source"] == name
        assert example.extra["group"].startswith(name)
        assert example.query.kind
        if example.query.kind == "abstain":
            assert not example.relevant
        assert parse_example(example_to_json(example)) == example


@pytest.mark.parametrize("name", NAMES)
def test_reading_twice_gives_the_same(name: str, tmp_path: Path) -> None:
    SETS[name](tmp_path)
    assert read(name, tmp_path) == read(name, tmp_path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"data": []}', '[{"a": 1}]', "no json", '{"a": {"b": 1}}', "\0"]
)
def test_a_wrong_file_is_one_line_that_names_it_and_says_what_was_expected(
    name: str, content: str, tmp_path: Path
) -> None:
    path = put(tmp_path / "wrong.json", content)
    notes: list[str] = []
    with pytest.raises(InputError) as caught:
        read(name, path, notes)
    message = str(caught.value)
    assert message.startswith(str(path)) and "expected" in message and "\n" not in message
    assert message.count(str(path)) == 1
    assert not notes


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_without_the_file_and_a_path_to_nothing_say_so(name: str, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match="expected") as caught:
            read(name, path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nq", "ecare", "qmsum"])
def test_a_line_that_is_no_json_is_noted_and_the_others_are_read(name: str, tmp_path: Path) -> None:
    SETS[name](tmp_path)
    [file] = [path for path in tmp_path.rglob("*.jsonl*") if path.is_file()]
    whole = read(name, file)
    if name == "nq":
        import gzip

        text = gzip.decompress(file.read_bytes()).decode()
    else:
        text = file.read_text("utf-8")
    file.write_text('{"half": \n' + text, "utf-8")
    notes: list[str] = []
    assert len(read(name, file, notes)) == len(whole)
    [note] = notes
    assert "line 1" in note and "half" in note and note.startswith(str(file))


def test_a_gzip_that_stops_half_way_is_one_line(tmp_path: Path) -> None:
    SETS["nq"](tmp_path)
    [file] = tmp_path.rglob("*.gz")
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(InputError) as caught:
        read("nq", file)
    assert str(file) in str(caught.value) and "expected" in str(caught.value)
