"""What was asked and answered, in one SQLite file: no call that completed is paid for twice."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import InputError

_TABLES = """
CREATE TABLE IF NOT EXISTS calls (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, reply TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused_parameters (
    base_url TEXT NOT NULL, model TEXT NOT NULL, parameter TEXT NOT NULL, said TEXT NOT NULL,
    PRIMARY KEY (base_url, model, parameter)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class StoredCall:
    """The endpoint's reply, byte for byte as text, and the tokens that it used."""

    reply: str
    prompt_tokens: int
    completion_tokens: int


class CallStore:
    """Calls by key, and the parameters that an endpoint was found to refuse.

    :meth:`put` returns after the commit. In WAL mode a killed process loses no commit.

    Raises:
        InputError: ``path`` cannot be opened or holds something else.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_TABLES)
        except sqlite3.Error as error:
            raise InputError(
                f"{path}: {error}; expected a file of stored calls, or none: move it away"
            ) from None

    def get(self, key: str) -> StoredCall | None:
        row = self._db.execute(
            "SELECT reply, prompt_tokens, completion_tokens FROM calls WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else StoredCall(*row)

    def put(self, key: str, request: str, call: StoredCall) -> None:
        # Another process may have stored the same call meanwhile; the first reply stays.
        self._db.execute(
            "INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?, ?)",
            (key, request, call.reply, call.prompt_tokens, call.completion_tokens),
        )

    def refused(self, base_url: str, model: str) -> dict[str, str]:
        """Parameters that this endpoint refused, each with what it said."""
        rows = self._db.execute(
            "SELECT parameter, said FROM refused_parameters WHERE base_url = ? AND model = ?",
            (base_url, model),
        )
        return dict(rows.fetchall())

    def refuse(self, base_url: str, model: str, parameter: str, said: str) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO refused_parameters VALUES (?, ?, ?, ?)",
            (base_url, model, parameter, said),
        )

    def close(self) -> None:
        self._db.close()
