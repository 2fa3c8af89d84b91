"""A server in a process of its own, for tests that need a socket."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Server:
    url: str
    port: int
    process: subprocess.Popen[str]
    log: Path

    def stop(self, seconds: float = 30) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


@contextlib.contextmanager
def serving(
    model: str | Path, log: Path, *options: str, environment: dict[str, str] | None = None
) -> Iterator[Server]:
    """``labkit serve`` with ``model`` at a free port; ``log`` takes what it writes."""
    command = [sys.executable, "-m", "labkit", "serve", "--model", str(model), "--port", "0"]
    with log.open("w") as err:
        process = subprocess.Popen(
            [*command, "--device", "cpu", *options],
            stdout=subprocess.DEVNULL,
            stderr=err,
            text=True,
            env={
                **os.environ,
                "HF_HUB_OFFLINE": "1",
                "OMP_NUM_THREADS": "1",
                **(environment or {}),
            },
        )
    try:
        port = _wait(process, log)
        yield Server(f"http://127.0.0.1:{port}", port, process, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _wait(process: subprocess.Popen[str], log: Path, seconds: float = 300) -> int:
    import time

    import httpx

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, f"the server has ended:\n{log.read_text()}"
        found = re.search(r"serving at http://[^:]+:(\d+)", log.read_text())
        if found:
            port = int(found[1])
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200:
                    return port
        time.sleep(0.2)
    raise AssertionError(f"the server is not ready after {seconds} s:\n{log.read_text()}")


def lines(server: Server) -> Sequence[str]:
    return server.log.read_text().splitlines()
