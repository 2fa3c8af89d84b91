from __future__ import annotations

from pathlib import Path

import pytest

from labkit.errors import InputError
from labkit.files import expect_folder, whole_folder


def names(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*"))


def test_a_folder_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").touch()
    with whole_folder(tmp_path / "a") as part:
        (part / "new").touch()
        assert names(tmp_path / "a") == ["old"]
    assert names(tmp_path) == ["a", "a/new"]


def test_what_fails_leaves_a_folder_as_it_was_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").touch()
    with pytest.raises(OSError, match="full"), whole_folder(tmp_path / "a") as part:
        (part / "new").touch()
        raise OSError("the disk is full")
    assert names(tmp_path) == ["a", "a/old"]


def test_a_file_is_no_folder_to_write_into(tmp_path: Path) -> None:
    expect_folder(tmp_path)
    expect_folder(tmp_path / "not there yet")
    (tmp_path / "f").touch()
    with pytest.raises(InputError, match="f is a file, expected a folder to write into"):
        expect_folder(tmp_path / "f")
