from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa


def _postgres_bin() -> Path | None:
    """Where initdb and postgres lie: Debian keeps them out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL of our own on loopback, in a temporary folder; the URL of its first database."""
    programs = _postgres_bin()
    if programs is None:
        if os.environ.get("LABKIT_REQUIRE_POSTGRES") == "1":
            pytest.fail("PostgreSQL is not installed: apt-get install postgresql")
        pytest.skip("PostgreSQL is not installed")
    # It refuses to run as root.
    user = pwd.getpwnam("postgres").pw_name if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="labkit-pg-", dir="/tmp"))
    if user is not None:
        shutil.chown(folder, user)
    port = _free_port()

    def start(*command: object) -> None:
        # To a file: of a pipe, the server would hold the other end.
        with (folder.parent / f"{folder.name}.log").open("ab") as log:
            subprocess.run(
                [str(part) for part in command], check=True, user=user, cwd=folder, stdout=log,
                stderr=log, timeout=60,
            )  # fmt: skip

    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}"
    data = folder / "data"
    try:
        start(programs / "initdb", "-D", data, "-U", "lab", "-A", "trust", "-E", "UTF8",
              "--locale=C.UTF-8", "--no-sync")  # fmt: skip
        start(programs / "pg_ctl", "-D", data, "-w", "-o", options, "start")
        try:
            yield f"postgresql://lab@127.0.0.1:{port}/postgres"
        finally:
            start(programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        (folder.parent / f"{folder.name}.log").unlink(missing_ok=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store may be made: a file that is not there, or an empty database."""
    if request.param == "sqlite":
        yield str(tmp_path / "store" / "annotations.sqlite")
        return
    server = request.getfixturevalue("postgres_server")
    name = "lab_" + "".join(c for c in tmp_path.name.lower() if c.isalnum())[:40]
    engine = sa.create_engine(
        server.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    yield server.rpartition("/")[0] + f"/{name}"
