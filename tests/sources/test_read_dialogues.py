"""One door for all forms: told apart by content, never by a silent guess."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.errors import InputError
from labkit.records import Example, Memory, Query, example_to_json
from labkit.sources import read_dialogues

LIFE = {
    "id": "life-1",
    "title": "t",
    "owner": "Ana",
    "memories": [{"id": "m1", "time": "2026-01-01", "speaker": "owner", "text": "a"}],
    "queries": [{"id": "q1", "query": "a?", "labels": {"m1": 1}}],
}
LOCOMO = [
    {
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Ana",
            "speaker_b": "Ben",
            "session_1": [{"dia_id": "D1:1", "speaker": "Ana", "text": "a"}],
        },
        "qa": [{"question": "a?", "answer": "a", "evidence": [], "category": 4}],
    }
]
EXAMPLE = example_to_json(Example(Query("a?", "x-1"), (Memory("m1", "a"),), {"m1": 1.0}))
MESSAGES = [{"role": "Ana", "content": "a"}]


@pytest.mark.parametrize(
    ("content", "id_"),
    [
        (json.dumps(LOCOMO), "conv-1"),
        (json.dumps(LOCOMO, indent=1), "conv-1"),
        (json.dumps(LIFE), "life-1"),
        ("\ufeff" + json.dumps(LIFE), "life-1"),
        (json.dumps(EXAMPLE), "x-1"),
        (json.dumps(MESSAGES), "file"),
        (json.dumps({"messages": MESSAGES}, indent=1), "file"),
        (json.dumps(MESSAGES[0]) + "\n" + json.dumps(MESSAGES[0]), "file"),
        ("Ana: a", "file"),
        ("A talk.\n[2026-03-14 09:30] Ana: a", "file"),
        ("[14/03/2026, 09:30:12] Ana: a", "file"),
        ("14/03/2026, 09:29 - Encrypted.\n14/03/2026, 09:30 - Ana: a", "file"),
    ],
)
def test_the_form_is_told_by_the_content(tmp_path: Path, content: str, id_: str) -> None:
    path = tmp_path / "file"
    path.write_text(content, "utf-8")
    [dialogue] = read_dialogues(path)
    assert dialogue.id == id_
    assert dialogue.memories[-1].text == "a"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "an empty file"),
        (b" \n\n ", "an empty file"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not UTF-8"),
        (b"Ana: a\0b", "a binary file"),
        (b"{}", "an object with no keys"),
        (b'{"id": 1, "memories": []}', 'the keys ["id", "memories"]'),
        (b"[]", "an empty list"),
        (b"[1, 2, 3]", "a list of 3, its first 1"),
        (b'[{"a": 1}]', 'its first an object with the keys ["a"]'),
        (b'{"id": "x", ', "not JSON"),
        (b'{"a": 1}\n{"b"', "line 2: not JSON"),
        (b"[" * 100_000, "nested too deep"),
        (b"[" + b"9" * 5000 + b"]", "not JSON"),
        (b"Once upon a time, long ago: a king.", 'begins with "Once upon'),
        (b"id,text\n1,hello: you\n", 'begins with "id,text"'),
        (b"name: x\nversion: 2\nauthors: me\n", 'begins with "name: x"'),
        (b"<html>", 'begins with "<html>"'),
    ],
)
def test_an_unknown_content_is_one_line_on_what_was_seen_and_expected(
    tmp_path: Path, content: bytes, told: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        list(read_dialogues(path))
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert told in message and "expected" in message and "\n" not in message


@pytest.mark.parametrize("content", ["{}", "[1, 2]", "Some prose."])
def test_an_unrecognised_file_is_told_the_five_forms(tmp_path: Path, content: str) -> None:
    (tmp_path / "file").write_text(content)
    with pytest.raises(InputError) as caught:
        list(read_dialogues(tmp_path / "file"))
    for form in ("LoCoMo", "lives", "Examples", "role, content, time", "Ana: hello"):
        assert form in str(caught.value)


def test_a_path_that_is_no_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a file"):
        list(read_dialogues(tmp_path / "absent.json"))


def test_a_dash_reads_examples_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    line = b'{"id": "x", "query": "who?", "memories": [{"id": "m1", "text": "Ana."}]}\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line)))
    assert [dialogue.examples[0].id for dialogue in read_dialogues("-")] == ["x"]


def test_a_folder_gives_its_jsonl_files_in_name_order(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"without \*\.jsonl"):
        list(read_dialogues(tmp_path))
    (tmp_path / "b.jsonl").write_text(json.dumps(LIFE), "utf-8")
    (tmp_path / "a.jsonl").write_text(json.dumps(EXAMPLE), "utf-8")
    assert [dialogue.id for dialogue in read_dialogues(tmp_path)] == ["x-1", "life-1"]


def test_bad_lines_at_the_top_do_not_hide_the_form(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_bytes(b"{broken\n{}\n\xff\n" + json.dumps(LIFE).encode())
    with pytest.raises(InputError, match=r"file\.jsonl:1: not JSON"):
        list(read_dialogues(path))
    bad: list[InputError] = []
    assert [dialogue.id for dialogue in read_dialogues(path, on_bad=bad.append)] == ["life-1"]
    assert [str(error).split(":")[1] for error in bad] == ["1", "2", "3"]


def test_a_label_on_an_unknown_memory_names_file_line_and_query(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    broken = {**LIFE, "queries": [{**LIFE["queries"][0], "labels": {"m9": 1}}]}  # type: ignore
    path.write_text(json.dumps(broken), "utf-8")
    with pytest.raises(InputError, match=r'file\.jsonl:1: queries\[0\]: labels names "m9"'):
        list(read_dialogues(path))


def test_jsonl_is_streamed(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_text(json.dumps(LIFE) + "\n{broken\n", "utf-8")
    dialogues = read_dialogues(path)
    assert next(dialogues).id == "life-1"
    with pytest.raises(InputError, match=":2: "):
        next(dialogues)


def test_reading_loads_neither_torch_nor_datasets(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_text(json.dumps(LIFE), "utf-8")
    code = (
        "import sys; from labkit.sources import read_dialogues; list(read_dialogues(sys.argv[1]));"
        "print(sorted({'torch', 'datasets', 'numpy', 'gradio'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
