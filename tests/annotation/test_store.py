from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.annotation.events import Event
from labkit.annotation.store import _VIEW, SCHEMA, Merged, Store, Unavailable, data_folder
from labkit.errors import InputError
from tests.annotation.made_up import event, undo


def fold(events: Sequence[Event]) -> set[str]:
    """Ids of what stands, by walking through the log: the oracle of the database's view."""
    gone = {(e.undo_of, e.annotator) for e in events if e.kind == "undo"}
    state: dict[tuple[str, str], Event] = {}
    for e in sorted(events, key=lambda e: (e.time or "", e.id)):
        if e.kind == "undo" or (e.id, e.annotator) in gone:
            continue
        key = (e.item, "" if e.kind == "adjudication" else e.annotator)
        if e.kind == "skip" and key in state and state[key].kind != "skip":
            continue
        state[key] = e
    return {e.id for e in state.values()}


def test_an_event_comes_back_as_it_was_given_with_time_and_what_it_replaces(place: str) -> None:
    given_ = event(
        "e1", level=3, note="née Ünal | 'x' <b>\n2nd line", negative_kind="hearsay", model="mini",
        probability=0.1 + 0.2, teacher_label=0.0, guidelines="1:ab", blind=False,
        milliseconds=1234, sampler="near", seed=7,
    )  # fmt: skip
    with Store(place) as store:
        first = store.append(given_)
        second = store.append(event("e2", level=1))
    with Store(place) as store:
        assert store.events() == [first, second]
        assert store.get("e1") == first and store.get("e9") is None
    assert replace(first, time=None) == given_
    assert first.time is not None and second.time is not None and first.time < second.time
    assert (first.previous, second.previous) == (None, "e1")


def test_a_double_click_counts_once_and_another_judgement_needs_another_id(place: str) -> None:
    with Store(place) as store:
        first = store.append(event("e1", milliseconds=900))
        assert store.append(event("e1", milliseconds=1_050)) == first
        with pytest.raises(InputError, match="expected a new id for another judgement"):
            store.append(event("e1", level=4))
        with pytest.raises(InputError, match="expected a new id"):
            store.append(event("e1", annotator="bo"))
        assert store.events() == [first]


def test_an_undo_brings_back_what_stood_before(place: str) -> None:
    with Store(place) as store:
        for each in (event("a", level=1), event("b", level=4), event("c", "i2")):
            store.append(each)
        store.append(undo("u1", "b"))
        assert {e.id for e in store.standing()} == {"a", "c"}
        store.append(undo("u1", "b"))  # sent twice
        store.append(undo("u2", "a"))
        assert {e.id for e in store.standing()} == {"c"}
        assert store.append(event("d", level=0)).previous is None
        for of, who in (("b", "ana"), ("c", "bo"), ("u1", "ana"), ("none", "ana")):
            with pytest.raises(InputError, match="undo of|undone already"):
                store.append(undo("u3", of, who))
        assert len(store.events()) == 6


def test_a_skip_takes_no_judgements_place_and_an_adjudication_is_nobodys(place: str) -> None:
    with Store(place) as store:
        store.append(event("s1", "i1", kind="skip"))
        store.append(event("l1", "i2"))
        store.append(event("s2", "i2", kind="skip"))
        store.append(event("x1", "i2", "cy", kind="adjudication", level=0))
        second = store.append(event("x2", "i2", "ana", kind="adjudication"))
        assert [e.id for e in store.standing()] == ["s1", "l1", "x2"]
        assert second.previous == "x1" and second.level is None
        assert [e.id for e in store.standing(annotator="ana")] == ["s1", "l1", "x2"]
        assert [e.id for e in store.events(item="i1")] == ["s1"]
        assert [e.id for e in store.events(annotator="cy", query="q")] == ["x1"]


_WHAT = st.tuples(
    st.sampled_from(["label", "cannot_tell", "skip", "adjudication", "undo", "undo"]),
    st.sampled_from(["i1", "i2"]),
    st.sampled_from(["ana", "bo"]),
    st.integers(0, 20),
    st.integers(0, 9),  # seconds: some things are done at the same time
)


@settings(max_examples=12, deadline=None)
@given(st.lists(_WHAT, min_size=5, max_size=20), st.randoms(use_true_random=False))
def test_what_stands_is_the_fold_of_the_log_and_merging_knows_no_order(
    done: list[tuple[str, str, str, int, int]], rng: random.Random
) -> None:
    log = []
    for i, (kind, item, annotator, number, second) in enumerate(done):
        other = {"time": f"2026-03-14T09:30:0{second}.000000Z"}
        if kind == "undo":
            made = undo(f"e{i}", f"e{number}", annotator, item)  # of another's, or of nothing, too
            log.append(replace(made, **other))
        else:
            level = number % 5 if kind in ("label", "adjudication") else None
            log.append(event(f"e{i}", item, annotator, kind=kind, level=level, **other))
    with (
        TemporaryDirectory() as folder,
        Store(Path(folder) / "a.sqlite") as one,
        Store(Path(folder) / "b.sqlite") as two,
    ):
        half = len(log) // 2
        assert one.merge(log[:half]) == Merged(half, 0)
        assert one.merge(rng.sample(log, len(log))) == Merged(len(log) - half, half)
        assert two.merge(rng.sample([*log, *log], 2 * len(log))) == Merged(len(log), len(log))
        assert one.events() == two.events()
        assert one.standing() == two.standing()
        assert {e.id for e in one.standing()} == fold(log)


def test_a_merge_that_meets_another_event_of_an_id_merges_nothing(
    place: str, tmp_path: Path
) -> None:
    with Store(place) as store, Store(tmp_path / "other.sqlite") as other:
        for i in range(3):
            other.append(event(f"e{i}"))
        store.append(event("e2", level=0))
        with pytest.raises(InputError, match="differs from the one of this id"):
            store.merge(other.events())
        assert [e.id for e in store.events()] == ["e2"]
        with pytest.raises(InputError, match="no time"):
            store.merge([event("e9")])


def test_a_clock_that_was_set_back_changes_no_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import UTC, datetime

    class Early(datetime):
        @classmethod
        def now(cls, tz: object = None) -> Early:
            return cls(2001, 1, 1, tzinfo=UTC)

    with Store(tmp_path / "a.sqlite") as store:
        store.append(event("z", level=4))
        monkeypatch.setattr("labkit.annotation.store.datetime", Early)
        store.append(event("a", level=1))
        assert [e.id for e in store.events()] == ["z", "a"]
        assert [e.level for e in store.standing()] == [1]


def test_the_database_itself_refuses_to_change_or_delete(place: str) -> None:
    with Store(place) as store:
        store.append(event("e1"))
        for statement in (
            "UPDATE labkit_annotation_events SET level = 4",
            "DELETE FROM labkit_annotation_events",
        ):
            with (
                pytest.raises(sa.exc.DBAPIError, match="only ever added"),
                store._engine.begin() as connection,
            ):
                connection.exec_driver_sql(statement)
        assert [e.level for e in store.events()] == [2]


# --- opening -------------------------------------------------------------------------------------


def test_a_store_of_another_version_is_refused_in_one_line(place: str) -> None:
    with Store(place) as store, store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE labkit_annotation_schema SET version = 99")
    with pytest.raises(InputError, match=f"of version 99, expected {SCHEMA}") as caught:
        Store(place)
    assert "\n" not in str(caught.value)


def test_a_store_of_version_1_is_brought_up_to_date_with_all_that_is_in_it(place: str) -> None:
    old = _VIEW.replace("NOT IN ('undo', 'request')", "<> 'undo'")
    assert old != _VIEW
    with Store(place) as store:
        kept = store.append(event("a"))
        with store._engine.begin() as connection:
            connection.exec_driver_sql("DROP VIEW labkit_annotation_standing")
            connection.exec_driver_sql(old)
            connection.exec_driver_sql("UPDATE labkit_annotation_schema SET version = 1")
    with Store(place) as store:
        store.append(event("r", kind="request"))
        assert store.standing() == [kept]
    with Store(place) as store:  # once only: it says now which version it is
        assert [e.id for e in store.events()] == ["a", "r"]


def test_a_request_stands_beside_judgements_until_it_is_taken_back(place: str) -> None:
    with Store(place) as store:
        store.append(event("a", "i1", level=1))
        asked = [store.append(event(f"r{i}", f"i{i}", "bo", kind="request")) for i in (1, 2)]
        assert asked[0].previous is None
        assert store.requested() == asked and [e.id for e in store.standing()] == ["a"]
        store.append(undo("u", "r1", "bo", "i1"))
        assert store.requested() == asked[1:]


def test_what_the_database_does_not_take_can_be_tried_again(tmp_path: Path) -> None:
    with Store(tmp_path / "a.sqlite", wait=0.01) as store:
        with sqlite3.connect(tmp_path / "a.sqlite") as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match="another program is writing, try again"):
                store.append(event("a"))
            other.rollback()
        store.append(event("a"))
        with pytest.raises(InputError) as caught:
            store.append(event("a", level=0))
        assert not isinstance(caught.value, Unavailable)


def test_where_a_store_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABKIT_DATABASE_URL", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(sys, "platform", "linux")
    with Store() as store:
        assert store.place == str(tmp_path / "xdg" / "labkit" / "annotations.sqlite")
    monkeypatch.setenv("LABKIT_DATABASE_URL", f"sqlite:///{tmp_path}/by-url.sqlite")
    with Store() as store:
        assert store.place == f"{tmp_path}/by-url.sqlite"
        with store._engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    with Store(tmp_path / "given.sqlite") as store:
        assert store.place == f"{tmp_path}/given.sqlite"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder() == tmp_path / ".local" / "share" / "labkit"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert data_folder() == tmp_path / "Library" / "Application Support" / "labkit"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert data_folder() == tmp_path / "local" / "labkit"


def _text(path: Path) -> None:
    path.write_text("these are notes, and no database at all\n" * 50)


def _other(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")


UNUSABLE = {
    "a text": (_text, "file is not a database; nothing was read: expected a store of annotations"),
    "another database": (_other, 'with the tables ["recipes"], expected a store of annotations'),
    "a folder": (lambda path: path.mkdir(), "unable to open database file"),
}


@pytest.mark.parametrize("premise", UNUSABLE)
def test_what_is_no_store_is_left_as_it_is(premise: str, tmp_path: Path) -> None:
    make, expected = UNUSABLE[premise]
    path = tmp_path / "given"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(InputError) as caught:
        Store(path)
    assert expected in str(caught.value) and "\n" not in str(caught.value)
    if before is not None and premise == "a text":
        assert path.read_bytes() == before


@pytest.mark.parametrize("url", ["mysql://a:secret@b/c", "sqlite://", "://", "postgresql://[::"])
def test_a_url_that_is_none_of_ours_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InputError, match="expected postgresql://") as caught:
        Store(url)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_not_there_is_one_line_without_the_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(InputError) as caught:
        Store("postgresql://ana:secret@127.0.0.1:9/lab", wait=1)
    said = str(caught.value)
    assert "\n" not in said and "secret" not in said and "127.0.0.1:9/lab" in said


def test_postgresql_without_its_driver_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InputError, match=r"pip install 'labkit\[postgres\]'"):
        Store("postgresql://ana@127.0.0.1:9/lab")


# --- what goes wrong -----------------------------------------------------------------------------


def test_a_full_disk_is_one_line_and_no_half_event(tmp_path: Path) -> None:
    with Store(tmp_path / "a.sqlite") as store:
        store.append(event("e0"))

        @sa.event.listens_for(store._engine, "begin")
        def small(connection: sa.Connection) -> None:
            connection.exec_driver_sql("PRAGMA max_page_count = 20")

        accepted = ["e0"]
        with pytest.raises(InputError) as caught:
            for i in range(1, 200):
                store.append(event(f"e{i}", note="x" * 3_000))
                accepted.append(f"e{i}")
        said = str(caught.value)
        assert "disk is full; nothing was written: make room and try again" in said
        assert "\n" not in said and len(accepted) > 2
        assert [e.id for e in store.events()] == accepted
        sa.event.remove(store._engine, "begin", small)
    with Store(tmp_path / "a.sqlite") as store:
        with store._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 100000")
        store.append(event(f"e{len(accepted)}"))
        assert len(store.events()) == len(accepted) + 1


def test_a_file_that_may_not_grow_is_one_line_and_no_half_event(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    program = (
        "import resource, signal, sys\n"
        "from labkit.annotation.store import Store\n"
        "from labkit.errors import InputError\n"
        "from tests.annotation.made_up import event\n"
        "store = Store(sys.argv[1])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, 250_000))\n"
        "try:\n"
        "    for i in range(500):\n"
        "        store.append(event(f'e{i}', note='x' * 3_000))\n"
        "        print(f'e{i}', flush=True)\n"
        "except InputError as error:\n"
        "    sys.exit(str(error))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "nothing was written" in done.stderr
    with Store(path) as store:
        assert [e.id for e in store.events()] == done.stdout.split() != []
        with store._engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_a_database_that_another_program_holds_is_one_line(tmp_path: Path) -> None:
    with Store(tmp_path / "a.sqlite", wait=0.05) as store:
        store.append(event("e0"))
        other = sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(InputError, match="locked; nothing was written.*try again"):
            store.append(event("e1"))
        assert [e.id for e in store.events()] == ["e0"]  # reading goes on
        with Store(tmp_path / "a.sqlite", wait=0.05) as second:  # and so does opening
            assert len(second.events()) == 1
        other.execute("ROLLBACK")
        other.close()
        assert store.append(event("e1")).id == "e1"


def test_threads_that_write_at_once_lose_nothing(place: str) -> None:
    with Store(place) as store:

        def write(name: str) -> None:
            for i in range(8):
                store.append(event(f"{name}{i}", f"i{i}", name))

        threads = [threading.Thread(target=write, args=(name,)) for name in "abcdef"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(store.events()) == len(store.standing()) == 48


def test_one_click_sent_by_many_threads_counts_once(place: str) -> None:
    with Store(place) as store:
        got: list[Event] = []
        threads = [
            threading.Thread(target=lambda: got.append(store.append(event("e1"))))
            for _ in range(8)
        ]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 8 and len(set(got)) == 1 and store.events() == got[:1]


def _writer(place: str, name: str, count: int, *, pipe: int = -1) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.annotation.made_up", place, name, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        pipesize=pipe,
    )


@pytest.mark.slow
def test_two_processes_lose_none_of_a_thousand_events_each_when_one_is_killed(place: str) -> None:
    first, second = "annotator-number-one", "annotator-number-two"
    # A small pipe: however late this process wakes up, the other cannot be done by then.
    one, two = _writer(place, first, 1_000, pipe=4_096), _writer(place, second, 1_000)
    assert one.stdout is not None
    accepted = [one.stdout.readline().strip() for _ in range(300)]
    os.kill(one.pid, signal.SIGKILL)
    accepted += one.stdout.read().split()
    assert one.wait() == -signal.SIGKILL and 300 <= len(accepted) < 1_000
    with Store(place) as store:
        kept = {e.id for e in store.events(annotator=first)}
        # All that it was told, and at most the one that it was not told of.
        assert set(accepted) <= kept and len(kept - set(accepted)) <= 1
    again = _writer(place, first, 1_000)  # does not know how far it came, and sends all
    for process in (again, two):
        process.communicate(timeout=500)
        assert process.returncode == 0
    with Store(place) as store:
        log = store.events()
        assert {e.id for e in log} == {f"{n}-{i}" for n in (first, second) for i in range(1_000)}
        assert len(log) == 2_000 and {e.id for e in store.standing()} == fold(log)
        for name in (first, second):
            ids = [e.id for e in log if e.annotator == name]
            assert ids == [f"{name}-{i}" for i in range(1_000)]


@pytest.mark.slow
def test_processes_that_open_a_new_store_at_once_make_one(place: str) -> None:
    writers = [_writer(place, name, 3) for name in "abcd"]
    for process in writers:
        process.communicate(timeout=120)
        assert process.returncode == 0
    with Store(place) as store:
        assert len(store.events()) == 12
