"""Where annotations are kept: an append-only log in SQLite, or in PostgreSQL.

Nothing in it is ever changed or deleted, which the database itself refuses. What stands is a view
of the log: the last judgement of each annotator on each item that was not undone.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

from labkit.annotation.events import Event
from labkit.errors import InputError
from labkit.records import shown

SCHEMA = 2
"""Version of the tables; a store of a later one is refused. 2: a request is no judgement."""

ENVIRONMENT = "LABKIT_DATABASE_URL"

_PREFIX = "labkit_annotation"  # a PostgreSQL database may hold other things beside ours
_AT_ONCE = 500

# Compared byte by byte, as Python and SQLite do, whatever the language of a PostgreSQL database.
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_metadata = sa.MetaData()
_events = sa.Table(
    f"{_PREFIX}_events",
    _metadata,
    sa.Column("id", _TEXT, primary_key=True),
    sa.Column("item", _TEXT, nullable=False, index=True),
    sa.Column("query", _TEXT, nullable=False),
    sa.Column("memory", _TEXT, nullable=False),
    sa.Column("content_sha256", _TEXT, nullable=False),
    sa.Column("annotator", _TEXT, nullable=False),
    sa.Column("kind", _TEXT, nullable=False),
    sa.Column("level", sa.Integer),
    sa.Column("note", _TEXT),
    sa.Column("negative_kind", _TEXT),
    sa.Column("model", _TEXT),
    sa.Column("probability", sa.Double),
    sa.Column("teacher_label", sa.Double),
    sa.Column("guidelines", _TEXT),
    sa.Column("blind", sa.Boolean, nullable=False),
    sa.Column("milliseconds", sa.BigInteger),
    sa.Column("sampler", _TEXT),
    sa.Column("seed", sa.BigInteger),
    sa.Column("undo_of", _TEXT),
    sa.Column("time", _TEXT, nullable=False),
    sa.Column("previous", _TEXT),
    sa.Index(f"{_PREFIX}_by_annotator", "annotator", "time"),
    # On both: else SQLite, to see what is undone, walks through all that an annotator did.
    sa.Index(f"{_PREFIX}_by_undone", "undo_of", "annotator"),
)
_schema = sa.Table(f"{_PREFIX}_schema", _metadata, sa.Column("version", sa.Integer, nullable=False))
_COLUMNS = [field.name for field in fields(Event)]

# A skip takes no judgement's place: who goes back and skips has not withdrawn what was said.
_VIEW = f"""
CREATE VIEW {_PREFIX}_standing AS
SELECT {", ".join(_COLUMNS)} FROM (
    SELECT e.*, row_number() OVER (
        PARTITION BY item, CASE WHEN kind = 'adjudication' THEN '' ELSE annotator END
        ORDER BY CASE WHEN kind = 'skip' THEN 1 ELSE 0 END, time DESC, id DESC
    ) AS place
    FROM {_events.name} e
    WHERE kind NOT IN ('undo', 'request') AND NOT EXISTS (
        SELECT 1 FROM {_events.name} u WHERE u.undo_of = e.id AND u.annotator = e.annotator
    )
) ranked WHERE place = 1
"""
_standing = sa.Table(
    f"{_PREFIX}_standing", sa.MetaData(), *(sa.Column(c.name, c.type) for c in _events.columns)
)

_APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER {_PREFIX}_no_{what} BEFORE {what.upper()} ON {_events.name} "
        "BEGIN SELECT RAISE(ABORT, 'annotations are only ever added'); END"
        for what in ("update", "delete")
    ],
    "postgresql": [
        f"CREATE FUNCTION {_PREFIX}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'annotations are only ever added'; END $$",
        f"CREATE TRIGGER {_PREFIX}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        f"ON {_events.name} EXECUTE FUNCTION {_PREFIX}_refuse()",
    ],
}


def data_folder() -> Path:
    """Where this user's data lies: by the rules of XDG, of macOS, or of Windows."""
    home = Path.home()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return Path(base or home / "AppData" / "Local") / "labkit"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "labkit"
    given = os.environ.get("XDG_DATA_HOME", "")
    # A relative path there is to be ignored, says the XDG base directory specification.
    return (Path(given) if given.startswith("/") else home / ".local" / "share") / "labkit"


def _url(where: str | os.PathLike[str] | None) -> URL:
    given = os.fspath(where or os.environ.get(ENVIRONMENT) or data_folder() / "annotations.sqlite")
    if "://" not in given:
        return URL.create("sqlite", database=given)
    try:
        url = sa.make_url(given)
    except (sa.exc.ArgumentError, ValueError):
        url = None
    kind = url.get_backend_name() if url is not None else None
    if url is None or kind not in _APPEND_ONLY or (kind == "sqlite" and not url.database):
        raise InputError(
            f"{ENVIRONMENT} or --store begins with {shown(given.partition('://')[0] + '://')}, "
            "expected postgresql://USER:PASSWORD@HOST/DATABASE, or the path of a file"
        )
    return url.set(drivername="postgresql+psycopg" if kind == "postgresql" else "sqlite")


class Unavailable(InputError):
    """The database did not do it, and nothing was written; later the same may succeed."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of events from elsewhere: how many were new, how many were there."""

    new: int
    known: int


class Store:
    """The log of annotations.

    Several processes and threads may write at once. :meth:`append` and :meth:`merge` return when
    the database has committed; until then nothing of them is there, and they can be called again.

    Args:
        where: path of an SQLite file, or a PostgreSQL URL; else ``LABKIT_DATABASE_URL``; else
            ``annotations.sqlite`` in the user's data folder. Made where missing.
        wait: seconds to wait for another program's write.

    Raises:
        InputError: it cannot be opened, holds something else, or is of another version.
    """

    def __init__(self, where: str | os.PathLike[str] | None = None, *, wait: float = 30.0) -> None:
        url = _url(where)
        self._sqlite = url.get_backend_name() == "sqlite"
        database = url.database or ""
        # Whole, for it tells stores apart: of two folders each may have its annotations.sqlite.
        file = str(Path(database).absolute())
        self.place = file if self._sqlite else url.render_as_string(hide_password=True)
        if self._sqlite:
            try:
                Path(database).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(
                    f"{database}: {error.strerror}; expected a folder that can be written to"
                ) from None
            self._engine = sa.create_engine(url, connect_args={"timeout": wait})
            sa.event.listen(self._engine, "connect", _prepared(wait))
            sa.event.listen(self._engine, "begin", _begin)
        else:
            try:
                self._engine = sa.create_engine(
                    url, pool_pre_ping=True, connect_args={"connect_timeout": max(1, int(wait))}
                )
            except ImportError:
                raise InputError(
                    "PostgreSQL needs psycopg, which is missing: pip install 'labkit[postgres]'"
                ) from None
        try:
            with self._reading() as connection:
                version = self._version(connection)
            if version is None:
                with self._writing("schema") as connection:
                    version = self._version(connection)
                    if version is None:
                        version = self._create(connection)
            if 0 < version < SCHEMA:
                with self._writing("schema") as connection:
                    version = self._upgrade(connection)
            if version != SCHEMA:
                raise InputError(
                    f"{self.place} holds annotations of version {version}, expected {SCHEMA}: "
                    "use the labkit that wrote it, or another place"
                )
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._engine.dispose()

    # --- writing ---------------------------------------------------------------------------------

    def append(self, event: Event) -> Event:
        """Add an event and return it as stored; one whose id is there already is not added again.

        Its time is now, and later than that of all the annotator's events, even if the clock was
        set back.

        Raises:
            Unavailable: the database did not take it.
            InputError: the id stands for another judgement, or an undo is of no event of the
                annotator's that could be undone. Nothing was written in either case.
        """
        with self._writing(event.annotator) as connection:
            kept = self._find(connection, event.id)
            if kept is not None:
                if _judgement(kept) != _judgement(event):
                    raise InputError(
                        f"event {shown(event.id)} is {_judgement(kept)}, got {_judgement(event)}: "
                        "expected a new id for another judgement"
                    )
                return kept
            if event.undo_of is not None:
                self._check_undo(connection, event)
            stored = replace(
                event,
                time=self._now(connection, event.annotator),
                previous=None
                if event.kind in ("undo", "request")
                else self._previous(connection, event),
            )
            connection.execute(_events.insert(), asdict(stored))
            return stored

    def merge(self, events: Iterable[Event]) -> Merged:
        """Add events of another store, as they are, without those that are here already.

        All or none: the order in which stores are merged, and how often, makes no difference.

        Raises:
            InputError: an id stands for another event here; or reading ``events`` failed.
        """
        every = list(events)  # read before the lock is taken: a pipe may be slow
        new = 0
        with self._writing("merge") as connection:
            for start in range(0, len(every), _AT_ONCE):
                block = every[start : start + _AT_ONCE]
                rows = connection.execute(
                    sa.select(_events).where(_events.c.id.in_([event.id for event in block]))
                )
                here = {row.id: Event(**row._mapping) for row in rows}
                fresh = []
                for event in block:
                    if event.time is None:
                        raise InputError(f"event {shown(event.id)} has no time, expected its own")
                    if event.id not in here:
                        here[event.id] = event
                        fresh.append(asdict(event))
                    elif here[event.id] != event:
                        raise InputError(
                            f"event {shown(event.id)} differs from the one of this id here; "
                            "nothing was merged: was a log edited?"
                        )
                if fresh:
                    connection.execute(_events.insert(), fresh)
                new += len(fresh)
        return Merged(new, len(every) - new)

    # --- reading ---------------------------------------------------------------------------------

    def get(self, id_: str) -> Event | None:
        """The event of this id, if it is there."""
        with self._reading() as connection:
            return self._find(connection, id_)

    def events(
        self,
        *,
        annotator: str | None = None,
        item: str | None = None,
        query: str | None = None,
    ) -> list[Event]:
        """The log, or a part of it, in the order in which things were done."""
        return self._selected(_events, annotator=annotator, item=item, query=query)

    def standing(self, *, annotator: str | None = None) -> list[Event]:
        """What stands: the last judgement of each annotator on each item that was not undone, and
        the last adjudication of each item.

        A skip stands only where nothing was said. In the order in which things were done.
        """
        return self._selected(_standing, annotator=annotator)

    def requested(self) -> list[Event]:
        """The requests that nobody took back, in order."""
        undo = _events.alias()
        undone = sa.exists().where(
            undo.c.undo_of == _events.c.id, undo.c.annotator == _events.c.annotator
        )
        with self._reading() as connection:
            rows = connection.execute(
                sa.select(_events)
                .where(_events.c.kind == "request", ~undone)
                .order_by(_events.c.time, _events.c.id)
            )
            return [Event(**row._mapping) for row in rows]

    def _selected(self, table: sa.Table, **equal: str | None) -> list[Event]:
        wanted = [table.c[name] == value for name, value in equal.items() if value is not None]
        with self._reading() as connection:
            rows = connection.execute(
                sa.select(table).where(*wanted).order_by(table.c.time, table.c.id)
            )
            return [Event(**row._mapping) for row in rows]

    # --- inside a transaction --------------------------------------------------------------------

    def _find(self, connection: Connection, id_: str) -> Event | None:
        row = connection.execute(sa.select(_events).where(_events.c.id == id_)).first()
        return None if row is None else Event(**row._mapping)

    def _previous(self, connection: Connection, event: Event) -> str | None:
        adjudicated = event.kind == "adjudication"
        whose = [] if adjudicated else [_standing.c.annotator == event.annotator]
        found: str | None = connection.execute(
            sa.select(_standing.c.id).where(
                _standing.c.item == event.item,
                (_standing.c.kind == "adjudication") == adjudicated,
                *whose,
            )
        ).scalar()
        return found

    def _check_undo(self, connection: Connection, event: Event) -> None:
        undone = self._find(connection, event.undo_of or "")
        if undone is None or undone.annotator != event.annotator or undone.kind == "undo":
            raise InputError(
                f"undo of {shown(event.undo_of)}, expected an event of {event.annotator}'s own "
                "that is no undo"
            )
        earlier = sa.select(_events.c.id).where(
            _events.c.undo_of == event.undo_of, _events.c.annotator == event.annotator
        )
        if connection.execute(earlier).first() is not None:
            raise InputError(f"event {shown(event.undo_of)} is undone already")

    def _now(self, connection: Connection, annotator: str) -> str:
        now = datetime.now(UTC)
        last = connection.execute(
            sa.select(sa.func.max(_events.c.time)).where(_events.c.annotator == annotator)
        ).scalar()
        if last is not None:
            now = max(now, datetime.fromisoformat(last) + timedelta(microseconds=1))
        return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _version(self, connection: Connection) -> int | None:
        """Of the tables; None where there are none of ours."""
        tables = sa.inspect(connection).get_table_names()
        if _schema.name in tables:
            found = connection.execute(sa.select(_schema.c.version)).scalar()
            return -1 if found is None else int(found)
        if self._sqlite and tables:
            raise InputError(
                f"{self.place} is a database with the tables {shown(sorted(tables))}, expected a "
                "store of annotations, or no file"
            )
        return None

    def _create(self, connection: Connection) -> int:
        _metadata.create_all(connection)
        for statement in (_VIEW, *_APPEND_ONLY[connection.dialect.name]):
            connection.exec_driver_sql(statement)
        connection.execute(_schema.insert().values(version=SCHEMA))
        return SCHEMA

    def _upgrade(self, connection: Connection) -> int:
        # The tables are the same since version 1; what stands is read by another view.
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {_standing.name}")
        connection.exec_driver_sql(_VIEW)
        connection.execute(_schema.update().values(version=SCHEMA))
        return SCHEMA

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._said("nothing was read"), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self, lock: str) -> Iterator[Connection]:
        """A transaction; of those with one ``lock`` (on SQLite: of all), one runs at a time."""
        with (
            self._said("nothing was written"),
            self._engine.connect() as connection,
            connection.execution_options(labkit_writes=True).begin(),
        ):
            if not self._sqlite:
                connection.execute(
                    sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 6))"),
                    {"name": f"{_PREFIX}:{lock}"},
                )
            yield connection

    @contextmanager
    def _said(self, then: str) -> Iterator[None]:
        """Turns what a database says into one line for the person."""
        try:
            yield
        except (sa.exc.DBAPIError, sa.exc.TimeoutError, sqlite3.Error) as error:
            source = getattr(error, "orig", None) or error
            said = (str(source).strip().splitlines() or [type(source).__name__])[0]
            hint = next((hint for sign, hint in _HINTS.items() if sign in said), "")
            raise Unavailable(f"{self.place}: {said}; {then}{hint}") from None


_HINTS = {
    "locked": ": another program is writing, try again",
    "disk is full": ": make room and try again",
    "disk I/O error": ": make sure that the disk has room and works, and try again",
    "not a database": ": expected a store of annotations, or no file: move it away",
    "unable to open": ": expected a file that can be written to",
    "readonly": ": expected a file that can be written to",
}


def _judgement(event: Event) -> tuple[str | int | None, ...]:
    # Not the time on the item: of two clicks on one button the second comes later.
    return (event.annotator, event.item, event.kind, event.level, event.undo_of)


def _prepared(wait: float) -> Any:
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # transactions begin where _begin says so
        # Two programs that open a new file at once: SQLite does not wait here by itself.
        end = time.monotonic() + wait
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > end:
                    raise
                time.sleep(0.02)
        # A commit is on the disk when it returns: in WAL mode, NORMAL could lose it with the power.
        connection.execute("PRAGMA synchronous=FULL")

    return prepare


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later may be refused; one that says so at once
    # waits for its turn.
    writes = connection.get_execution_options().get("labkit_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
