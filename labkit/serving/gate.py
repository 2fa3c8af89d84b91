"""What a request passes before the application sees it, and what is written down of it after.

A plain ASGI middleware: it gives each request an id, checks the key, reads the body within its
limits of length and time, counts, and writes one line of JSON. The line holds no text of the
request: neither question nor memories nor what an error quotes of them.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import re
import time
import traceback
import uuid
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labkit.serving.limits import Limits
from labkit.serving.metrics import Metrics
from labkit.serving.problems import Refused, problem

requests = logging.getLogger("labkit.serving.requests")

OPEN = frozenset({"/healthz", "/readyz"})
"""Answered without a key: who watches over the process needs none."""

DRAINED = 4
"""How many times its limit of a body that is too long is read and thrown away. Many clients see
the answer only after they have sent all."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class Gate:
    """
    Args:
        key: what a caller has to name; None where anybody may call.
        aside: paths of what is mounted beside the API (the lab): passed on as they come, with
            limits and a login of their own.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Limits,
        metrics: Metrics,
        key: str | None,
        aside: Collection[str] = (),
    ) -> None:
        self.app = app
        self.limits = limits
        self.metrics = metrics
        self.key = None if key is None else key.encode()
        self.aside = tuple(aside)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.monotonic()
        state = scope.setdefault("state", {})
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        state["request_id"] = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = state["request_id"]
            await send(message)

        failure: dict[str, object] = {}
        try:
            await self._pass(scope, headers, receive, send_with_id)
        except Refused as refusal:
            answer = problem(refusal.status, refusal.reason, refusal.headers)
            await answer(scope, receive, send_with_id)
        except Exception as error:
            # Not the message: it may quote a memory. Where it happened says enough.
            frames = traceback.extract_tb(error.__traceback__)[-6:]
            failure["error"] = type(error).__name__
            failure["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
            if status == 0:
                await problem(500, "the server failed")(scope, receive, send_with_id)
        finally:
            self._note(scope, status, time.monotonic() - began, failure)

    async def _pass(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path in OPEN or any(path == a or path.startswith(a + "/") for a in self.aside):
            await self.app(scope, receive, send)
            return
        self._check_key(headers)
        if scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        kind = headers.get("content-type", "none").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise Refused(415, "content-type is not JSON, expected application/json")
        body = await self._body(headers, receive)
        sent = False

        async def replay() -> Message:
            nonlocal sent
            if not sent:
                sent = True
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        await self.app(scope, replay, send)

    def _check_key(self, headers: Headers) -> None:
        if self.key is None:
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        known = scheme.lower() in ("bearer", "token")
        # Compared even where the scheme is wrong, so that the time taken tells nothing.
        if not (hmac.compare_digest(given.strip().encode(), self.key) and known):
            raise Refused(
                401,
                "the key is missing or not the server's, expected Authorization: Bearer KEY",
                {"WWW-Authenticate": "Bearer"},
            )

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        most = self.limits.body_bytes
        too_long = Refused(413, f"the body is longer than {most} bytes", {"Connection": "close"})
        declared = headers.get("content-length", "")
        length = int(declared) if declared.isdecimal() else 0
        # A client that waits for "100 Continue" has sent nothing yet and needs no draining.
        if length > most and (length > DRAINED * most or "expect" in headers):
            raise too_long
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self.limits.read_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refused(499, "the client has left")
                    part = message.get("body", b"")
                    size += len(part)
                    if size <= most:
                        parts.append(part)
                    elif size > DRAINED * most:
                        raise too_long
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            raise Refused(
                408,
                f"the body was not there within {self.limits.read_seconds:g} s",
                {"Connection": "close"},
            ) from None
        if size > most:
            raise too_long
        return b"".join(parts)

    def _note(self, scope: Scope, status: int, seconds: float, failure: dict[str, object]) -> None:
        path = scope["path"]
        if any(path == a or path.startswith(a + "/") for a in self.aside):
            return
        state = scope["state"]
        route = getattr(scope.get("route"), "path", "other")
        self.metrics.request(route, status, seconds)
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "level": "error" if status >= 500 or status == 0 else "info",
            "event": "request",
            "id": state["request_id"],
            "method": scope["method"],
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 1),
        }
        for name in ("documents", "tokens"):
            if name in state:
                line[name] = state[name]
        if "waited" in state:
            line["waited_ms"] = round(state["waited"] * 1000, 1)
            self.metrics.waited.observe(state["waited"])
        requests.info(json.dumps({**line, **failure}))
