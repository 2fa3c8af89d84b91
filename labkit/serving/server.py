"""The process: uvicorn with a time-out for slow heads, logs of one JSON object a line."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import time
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from labkit.errors import InputError
from labkit.serving.limits import Limits

KEEP_ALIVE = 75
"""Seconds that a connection may idle between two requests."""


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that waits for a request's head for ``read_seconds`` and no longer.

    uvicorn closes idle connections; one that sends a byte of its head now and then, it keeps for
    ever (the attack called slow-loris). The body's time-out is :mod:`labkit.serving.gate`'s.
    """

    read_seconds: float
    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        if self._head is None and self._between():
            self._expect_head()
        super().data_received(data)
        if not self._between():
            self._got_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._got_head()
        super().connection_lost(exc)

    def _between(self) -> bool:
        """No request is being answered: what comes is the next one's head."""
        return self.cycle is None or self.cycle.response_complete

    def _expect_head(self) -> None:
        self._head = self.loop.call_later(self.read_seconds, self._give_up)

    def _got_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _give_up(self) -> None:
        self._head = None
        if self._between() and not self.transport.is_closing():
            self.transport.close()


class JsonLines(logging.Formatter):
    """One object a line; a message that is an object already stays as it is."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if message.startswith("{"):
            return message
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "event": record.name,
            "message": message,
        }
        if record.exc_info and record.exc_info[0] is not None:
            # The type alone: what the exception says may quote a memory.
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line)


def _logging() -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonLines}},
        "handlers": {"err": {"class": "logging.StreamHandler", "formatter": "json"}},
        "loggers": {
            "uvicorn": {"handlers": ["err"], "level": "INFO", "propagate": False},
            "labkit.serving": {"handlers": ["err"], "level": "INFO", "propagate": False},
        },
    }


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens already: a port that is taken shows before a model is loaded.

    Raises:
        InputError: there is no such address here, or it is in use.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot listen on {host} port {port} ({reason}), expected an address "
            "of this machine and a free port"
        ) from None


def run(app: ASGIApp, limits: Limits, listening: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; requests that are being answered then are finished."""
    protocol = type("Protocol", (PatientProtocol,), {"read_seconds": limits.read_seconds})
    config = uvicorn.Config(
        app,
        http=protocol,
        access_log=False,
        log_config=_logging(),
        # Longer than clients keep a connection: a request is not lost to one that is being closed.
        timeout_keep_alive=KEEP_ALIVE,
        limit_concurrency=limits.connections,
        timeout_graceful_shutdown=int(limits.seconds) + 1,
        server_header=False,
    )
    # uvicorn raises the signal again when it is done; an end that was asked for is no failure.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    uvicorn.Server(config).run(sockets=[listening])
