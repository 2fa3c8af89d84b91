from __future__ import annotations

import base64
import hashlib
import os
import stat
import time
from pathlib import Path

import pytest

from labkit.annotation import users as room
from labkit.annotation.users import Hashed, Users, read_users, set_password
from labkit.errors import InputError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "users"


def test_who_was_added_can_log_in_with_that_password_only(path: Path) -> None:
    assert set_password(path, "ana", "correct horse")
    assert set_password(path, "bo", "battery staple")
    users = read_users(path)
    assert users.names == ("ana", "bo")
    assert users.are("ana", "correct horse") and users.are("bo", "battery staple")
    for name, password in (
        ("ana", "battery staple"), ("ana", ""), ("ana", "correct horse "), ("cy", "correct horse"),
        ("", ""), ("Ana", "correct horse"),
    ):  # fmt: skip
        assert not users.are(name, password)
    assert not set_password(path, "ana", "another one")
    assert read_users(path).are("ana", "another one")
    assert not read_users(path).are("ana", "correct horse")


def test_the_file_holds_no_password_and_is_its_owners(path: Path) -> None:
    os.umask(os.umask(0o022))
    set_password(path, "ana", "correct horse")
    text = path.read_text()
    assert "correct" not in text and text.startswith("ana:scrypt:")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["users"]
    set_password(path, "bo", "correct horse")
    lines = path.read_text().splitlines()
    assert lines[0].split(":", 1)[1] != lines[1].split(":", 1)[1], "one password, two salts"


def test_the_hash_is_scrypts(path: Path) -> None:
    set_password(path, "ana", "correct horse")
    _, _, n, r, p, salt, key = path.read_text().strip().split(":")
    expected = hashlib.scrypt(
        b"correct horse", salt=base64.b64decode(salt), n=int(n), r=int(r), p=int(p),
        maxmem=2**28, dklen=32,
    )  # fmt: skip
    assert base64.b64decode(key) == expected and len(base64.b64decode(salt)) == 16


def test_a_name_that_is_not_there_is_computed_too(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_password(path, "ana", "correct horse")
    users = read_users(path)
    asked = []
    scrypt = room._scrypt
    monkeypatch.setattr(room, "_scrypt", lambda *given: asked.append(given) or scrypt(*given))
    started = time.process_time()
    assert not users.are("nobody", "x") and not users.are("ana", "x")
    assert len(asked) == 2 and asked[0][1:4] == asked[1][1:4]
    assert time.process_time() - started > 0.02, "to guess must cost something"


def test_a_file_that_others_can_read_is_refused(path: Path) -> None:
    set_password(path, "ana", "correct horse")
    path.chmod(0o640)
    with pytest.raises(InputError, match="can be read by others.*chmod 600"):
        read_users(path)


BAD = {
    "a password in the clear": "ana:secret\n",
    "another hash": "ana:bcrypt:1:2:3:4:5\n",
    "a cost without end": "ana:scrypt:1048576:32:1:AAAA:" + "A" * 43 + "=\n",
    "a hash cut off": Hashed.of("x" * 8).to_text()[:-9].join(["ana:", "\n"]),
    "a user twice": "".join(f"ana:{Hashed.of('x' * 8).to_text()}\n" for _ in range(2)),
    "nobody": "\n",
}


@pytest.mark.parametrize("premise", BAD)
def test_a_damaged_file_is_one_line_without_what_may_be_secret(premise: str, path: Path) -> None:
    path.parent.mkdir()
    path.write_text(BAD[premise])
    path.chmod(0o600)
    with pytest.raises(InputError) as caught:
        read_users(path)
    assert "\n" not in str(caught.value) and "secret" not in str(caught.value)


def test_no_file_says_how_to_make_one(path: Path) -> None:
    with pytest.raises(InputError, match="labkit annotations user NAME --file"):
        read_users(path)
    path.mkdir(parents=True)
    path.chmod(0o700)
    with pytest.raises(InputError, match="expected a file"):
        read_users(path)
    with pytest.raises(InputError, match="expected a file"):
        set_password(path, "ana", "correct horse")


@pytest.mark.parametrize(
    ("name", "password"),
    [("", "long enough"), ("a:b", "long enough"), ("a\nb", "long enough"), (" a", "long enough"),
     ("x" * 61, "long enough"), ("ana", "short")],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_and_nothing_is_written(
    name: str, password: str, path: Path
) -> None:
    with pytest.raises(InputError, match="expected"):
        set_password(path, name, password)
    assert not path.exists()


def test_nobody_can_log_in_where_there_is_nobody() -> None:
    assert not Users({}).are("", "")
