from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from labkit.annotation.store import Store
from labkit.errors import InputError
from labkit.ui.bench import Bench
from labkit.ui.library import Library

ROOT = Path(__file__).parents[2]
APP = ROOT / "app.py"


@pytest.mark.slow
def test_endpoints_are_named_and_none_is_an_api(
    library: Library, bench: Bench, tmp_path: Path
) -> None:
    from labkit.ui.lab import build_lab

    functions = build_lab(library, bench, Store(tmp_path / "a.sqlite")).fns.values()
    names = {fn.api_name: fn.api_visibility for fn in functions}
    assert len(names) == len(functions)
    assert set(names.values()) == {"private"}
    assert all(name and not name.startswith("lambda") for name in names)
    assert not any(name[-2] == "_" and name[-1].isdigit() for name in names), "two of one name"
    assert not list((ROOT / "labkit" / "ui").glob("*.pyi"))


@pytest.mark.slow
def test_a_port_in_use_gives_the_next_one() -> None:
    from labkit.ui.lab import free_port

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port("127.0.0.1", port) > port


@pytest.mark.slow
def test_an_address_of_another_machine_is_refused() -> None:
    from labkit.ui.lab import free_port

    with pytest.raises(InputError, match="is not an address of this machine"):
        free_port("192.0.2.1", 7860)


@pytest.mark.slow
def test_who_can_reach_it_from_outside_must_log_in(library: Library, bench: Bench) -> None:
    from labkit.loopback import is_loopback
    from labkit.ui.lab import serve

    assert all(map(is_loopback, ("127.0.0.1", "127.8.0.1", "::1", "localhost")))
    for host in ("0.0.0.0", "::", "192.168.1.2", "example.org", ""):
        assert not is_loopback(host)
        with pytest.raises(InputError, match="expected --auth FILE"):
            serve(library, bench, host, 7860)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "gone.json"], "gone.json"),
        (["--data", __file__], "expected one of"),
        (["--model", "gone"], "no model 'gone'"),
        (["--host", "192.0.2.1"], "nobody would have to log in, expected --auth FILE"),
        (["--auth", "gone"], "make it: labkit annotations user NAME --file gone"),
        (["--store", "mysql://x"], "expected postgresql://"),
    ],
)
def test_a_bad_argument_is_one_line_and_2(arguments: list[str], message: str) -> None:
    done = subprocess.run(
        [sys.executable, str(APP), *arguments], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.slow
def test_the_app_says_where_it_serves_and_does(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = subprocess.Popen(
        [sys.executable, str(APP), "--port", str(port), "--store", str(tmp_path / "a.sqlite")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert app.stdout is not None
        started = time.monotonic()
        line = app.stdout.readline()
        assert f"http://127.0.0.1:{port}" in line, line
        assert time.monotonic() - started < 60
        with urllib.request.urlopen(f"http://127.0.0.1:{port}") as page:
            assert page.status == 200
    finally:
        app.terminate()
        app.wait(30)
