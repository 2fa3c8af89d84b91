from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from labkit.annotation.export import read_splits
from labkit.assets import assets_path
from labkit.errors import InputError
from labkit.records import Dialogue, Example, Memory
from labkit.synthesis.splits import SPLITS
from labkit.ui import library as room
from labkit.ui.kept import Kept
from labkit.ui.library import BUNDLED, DATA, Collection, Library, open_library, unique
from tests.training.made_up import write_set
from tests.ui.made_up import roof_life, write_lives


def test_the_bundled_lives_are_always_there_and_a_file_beside_them(tmp_path: Path) -> None:
    path = write_lives(tmp_path / "mine.jsonl", roof_life())
    opened = open_library(path)
    assert list(opened.fixed) == [BUNDLED, DATA]
    assert len(opened.fixed[BUNDLED].dialogues) >= 99
    assert opened.fixed[DATA].title == "mine.jsonl"
    assert opened.find("life-roof") == (DATA, "life-roof")
    assert opened.find("life-A01") == (BUNDLED, "life-A01")
    assert opened.find("nobody") is None


def test_equal_names_stay_apart() -> None:
    assert list(unique(["a", "b", "a", "a"])) == ["a", "b", "a #2", "a #3"]
    twice = [Dialogue("x", "one", (Memory("m", "t"),)), Dialogue("x", "two", (Memory("m", "t"),))]
    assert [d.title for d in Collection.of("k", "t", twice).dialogues.values()] == ["one", "two"]


def test_an_upload_is_found_again_by_its_content(library: Library, tmp_path: Path) -> None:
    path = write_lives(tmp_path / "copy-a8f.jsonl", roof_life())
    added = library.add_file(path, "mine.jsonl")
    assert added.title == "mine.jsonl"
    assert library.dialogue(added.key, "life-roof").title == "A roof"
    assert library.add_file(path, "mine.jsonl").key == added.key
    assert library.find("life-roof") == (DATA, "life-roof")  # a link never leads to an upload


@pytest.mark.parametrize("content", [b"", b"\x00\xff\x00", b"{", b"[]", b"just words", b'{"a": 1}'])
def test_a_bad_upload_is_one_line_with_the_persons_own_name_for_it(
    library: Library, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "server-copy-7f3.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        library.add_file(path, "my chat.json")
    message = str(caught.value)
    assert "my chat.json" in message
    assert str(tmp_path) not in message
    assert "\n" not in message


def test_uploads_are_bounded(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_lives(tmp_path / "big.jsonl", roof_life())
    monkeypatch.setattr(room, "MAX_UPLOAD_MEMORIES", 7)
    with pytest.raises(InputError, match="has 8 memories, expected at most 7"):
        library.add_file(path, "big.jsonl")
    monkeypatch.setattr(room, "MAX_UPLOAD_BYTES", 100)
    with pytest.raises(InputError, match="--data FILE"):
        library.add_file(path, "big.jsonl")


def test_a_pasted_chat_becomes_memories(library: Library) -> None:
    added = library.add_text("Ana: the roof leaks again\nBo: since when?\nAna: since May")
    (dialogue,) = added.dialogues.values()
    assert [m.speaker for m in dialogue.memories] == ["Ana", "Bo", "Ana"]
    for text in ("", "   \n", "no speaker in sight"):
        with pytest.raises(InputError):
            library.add_text(text)


def test_an_upload_that_was_pushed_out_says_so(library: Library) -> None:
    first = library.add_text("Ana: one\nBo: two")
    for i in range(room.UPLOADS_KEPT):
        library.add_text(f"Ana: number {i}\nBo: two")
    with pytest.raises(InputError, match="no longer kept"):
        library.collection(first.key)


def test_kept_forgets_what_was_used_longest_ago() -> None:
    kept: Kept[str, int] = Kept(2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert kept.get("b") is None
    assert kept.get_or_make("a", lambda: 9) == 1
    assert len(kept) == 2


def ids(examples: Iterable[Example]) -> list[str]:
    return sorted(example.id for example in examples)


def test_splits_are_those_that_training_and_export_use(tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    lives.mkdir()
    many = [{**roof_life(), "id": f"life-{i}"} for i in range(30)]
    file = write_lives(lives / "a.jsonl", *many)
    made = write_set(tmp_path / "set", train=6, dev=3)
    for place in (lives, file, made):
        collection = open_library(place).fixed[DATA]
        expected = {split: ids(examples) for split, examples in read_splits(place).items()}
        assert {split: ids(collection.examples(split)) for split in SPLITS} == expected
    bundled = open_library().fixed[BUNDLED]
    expected = {s: ids(e) for s, e in read_splits(assets_path() / "lives").items()}
    assert {split: ids(bundled.examples(split)) for split in SPLITS} == expected
