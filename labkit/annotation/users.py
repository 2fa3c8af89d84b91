"""Who may log in: a file of names and hashed passwords, one user a line."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import InputError
from labkit.records import shown

SHORTEST_PASSWORD = 8
LONGEST_NAME = 60

_N, _R, _P = 2**15, 8, 3
"""scrypt's cost, as OWASP's cheat sheet on storing passwords recommends it: 32 MiB, a tenth of a
second."""
_MEMORY = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Hashed:
    """A password by scrypt (RFC 7914): its cost, salt and hash."""

    n: int
    r: int
    p: int
    salt: bytes
    key: bytes

    @classmethod
    def of(cls, password: str) -> Hashed:
        salt = secrets.token_bytes(16)
        return cls(_N, _R, _P, salt, _scrypt(password, _N, _R, _P, salt))

    def is_of(self, password: str) -> bool:
        """Whether the password is the one, in a time that does not tell how nearly it is."""
        given = _scrypt(password, self.n, self.r, self.p, self.salt)
        return hmac.compare_digest(given, self.key)

    def to_text(self) -> str:
        salt, key = (base64.b64encode(part).decode() for part in (self.salt, self.key))
        return f"scrypt:{self.n}:{self.r}:{self.p}:{salt}:{key}"

    @classmethod
    def from_text(cls, text: str) -> Hashed:
        """
        Raises:
            ValueError: the text is none.
        """
        kind, n, r, p, salt, key = text.split(":")
        found = cls(int(n), int(r), int(p), _decoded(salt), _decoded(key))
        if kind != "scrypt" or len(found.key) != 32 or not found.salt:
            raise ValueError(text)
        if not (1 < found.n <= 2**20 and 0 < found.r <= 32 and 0 < found.p <= 16):
            raise ValueError(text)  # it could never be computed here
        if 128 * found.n * found.r > _MEMORY or found.n & (found.n - 1):
            raise ValueError(text)
        return found


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(text) from error


def _scrypt(password: str, n: int, r: int, p: int, salt: bytes) -> bytes:
    return hashlib.scrypt(
        password.encode("utf-8", "replace"), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY * 2, dklen=32
    )


class Users:
    """Users by name, as :func:`read_users` reads them."""

    def __init__(self, hashed: Mapping[str, Hashed]) -> None:
        self._hashed = dict(hashed)
        # Of nobody: a name that is not there takes as long as a wrong password.
        self._nobody = Hashed.of(secrets.token_urlsafe())

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._hashed)

    def are(self, name: str, password: str) -> bool:
        """Whether there is a user of this name and password."""
        right = self._hashed.get(name, self._nobody).is_of(password)
        return right and name in self._hashed


def read_users(path: Path) -> Users:
    """Read a file that :func:`set_password` wrote.

    Raises:
        InputError: it is missing, readable by others than its owner, damaged, or holds nobody.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder, expected a file of users")
        if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise InputError(
                f"{path} can be read by others, expected only its owner: chmod 600 {path}"
            )
        hashed = _parse(path)
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file; make it: labkit annotations user NAME --file {path}"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}, expected a file of users") from None
    if not hashed:
        raise InputError(
            f"{path} names nobody, expected a user: labkit annotations user NAME --file {path}"
        )
    return Users(hashed)


def set_password(path: Path, name: str, password: str) -> bool:
    """Add a user to a file, or give one another password; returns whether the name is new.

    The file appears whole or not at all, and only its owner can read it.

    Raises:
        InputError: the name or the password cannot be used, or the file cannot be written.
    """
    if not name or name != " ".join(name.split()) or ":" in name or not name.isprintable():
        raise InputError(f"name is {shown(name)}, expected one without colons and extra spaces")
    if len(name) > LONGEST_NAME:
        raise InputError(f"name has {len(name)} characters, expected at most {LONGEST_NAME}")
    if len(password) < SHORTEST_PASSWORD:
        raise InputError(
            f"the password has {len(password)} characters, expected {SHORTEST_PASSWORD} or more"
        )
    hashed: dict[str, Hashed] = {}
    with suppress(FileNotFoundError):
        hashed = _parse(path)
    new = name not in hashed
    hashed[name] = Hashed.of(password)
    lines = [f"{user}:{each.to_text()}\n" for user, each in hashed.items()]
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        # mkstemp makes it for its owner alone, so at no time can another read it.
        descriptor, temporary = tempfile.mkstemp(prefix=".labkit-", dir=path.absolute().parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
                handle.writelines(lines)
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a file that can be written") from None
    return new


def _parse(path: Path) -> dict[str, Hashed]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text, expected lines of NAME:scrypt:...") from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a file that can be read") from None
    found: dict[str, Hashed] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, _, rest = line.partition(":")
        try:
            hashed = Hashed.from_text(rest)
        except ValueError:
            # The line itself is not quoted: it may hold a password in the clear.
            raise InputError(
                f"{path}:{number}: no hashed password, expected NAME:scrypt:..., as labkit "
                "annotations user writes it"
            ) from None
        if name in found:
            raise InputError(f"{path}:{number}: {shown(name)} comes twice, expected once")
        found[name] = hashed
    return found
