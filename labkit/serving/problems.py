"""How the server says no: one shape that each client's library finds its own key in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

TYPES = {
    400: "validation",
    401: "unauthorized",
    408: "timeout",
    413: "too_large",
    415: "validation",
    422: "validation",
    429: "overloaded",
    500: "internal",
    503: "unavailable",
    504: "timeout",
}


class Problem(BaseModel):
    """Why there is no ranking. The reason stands under the keys of all formats at once."""

    error: str = Field(description="the reason; where TEI's clients look")
    error_type: str = Field(description="its kind, one word; TEI")
    message: str = Field(description="the reason; Cohere, MemOS")
    detail: str = Field(description="the reason; Jina, FastAPI")
    code: int = Field(description="the HTTP status; MemOS")


class Refused(Exception):
    """A request that gets no ranking: HTTP status, reason in one line, headers."""

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = dict(headers or {})


def problem(status: int, reason: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    kind = TYPES.get(status, "validation" if status < 500 else "internal")
    content = Problem(error=reason, error_type=kind, message=reason, detail=reason, code=status)
    return JSONResponse(content.model_dump(), status, dict(headers or {}))


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": reason}
    for status, reason in (
        (400, "the body is no JSON"),
        (401, "no key, or another one"),
        (408, "the body came too slowly"),
        (413, "the body is too long, or has too many documents"),
        (415, "the body is not declared as JSON"),
        (422, "a field is missing or cannot be used; the reason names it"),
        (429, "too much is waiting; Retry-After says for how long"),
        (500, "the model failed"),
        (503, "the server is stopping; of too many connections it says so in plain text"),
        (504, "not scored within the time-out"),
    )
}
"""What an operation may answer beside 200, for OpenAPI."""


async def on_refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)
    return problem(error.status, error.reason, error.headers)


async def on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail), error.headers)


async def on_failure(request: Request, error: Exception) -> JSONResponse:
    return problem(500, "the model failed on this request")


async def on_invalid(request: Request, error: Exception) -> JSONResponse:
    """One thing that is wrong, by its path. The value itself is left out: it may be a
    memory, and it may be what JSON cannot hold."""
    assert isinstance(error, RequestValidationError)
    errors = error.errors()
    if errors[0]["type"] == "json_invalid":
        reason = errors[0].get("ctx", {}).get("error", "cannot be read")
        return problem(400, f"the body is no JSON ({reason}), expected one JSON object in UTF-8")
    found: dict[str, list[str]] = {}
    for each in errors:
        # The parts of a path that name a branch of a union say nothing to the caller.
        path = [part for part in each["loc"][1:] if not _is_branch(part)]
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        found.setdefault(_plain(where.lstrip(".")), []).append(_plain(str(each["msg"])))
    # In a union the branch that fits best fails at the longest path.
    where = max(found, key=lambda each: each.count("[") + each.count("."))
    reasons = ", or ".join(dict.fromkeys(found[where]))
    return problem(422, f"{where or 'the body'}: {reasons}")


def _is_branch(part: object) -> bool:
    return isinstance(part, str) and ("[" in part or part in ("str", "float", "Document"))


def _plain(text: str) -> str:
    return text.encode("ascii", "replace").decode().removeprefix("Value error, ")
