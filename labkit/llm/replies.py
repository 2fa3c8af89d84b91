"""Reads what an endpoint answered: the reply, its token log-probabilities, the JSON in its text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from labkit.errors import InputError


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a reply; ``top`` holds the likeliest tokens at its place, best first.

    Log-probabilities are natural logarithms.
    """

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered.

    ``tokens`` is None where no log-probabilities were asked for or the endpoint gives none.
    ``cached`` says that nothing was paid for it this time; ``usage`` are the (prompt, completion)
    tokens that the endpoint counted, None where it counts none.
    """

    text: str
    finish_reason: str
    refusal: str | None
    tokens: tuple[Token, ...] | None
    cached: bool
    usage: tuple[int, int] | None = None


def _tokens(value: Any) -> tuple[Token, ...] | None:
    if not value or not value.get("content"):
        return None
    return tuple(
        Token(
            item["token"],
            float(item["logprob"]),
            tuple((t["token"], float(t["logprob"])) for t in item.get("top_logprobs") or ()),
        )
        for item in value["content"]
    )


def parse_reply(body: str, *, cached: bool) -> tuple[Reply, tuple[int, int] | None]:
    """The reply in a chat completion, and its (prompt, completion) tokens where it names them.

    Raises:
        ValueError: the body is no chat completion: cut off, a proxy's page, an error with a 200.
    """
    try:
        value = json.loads(body)
        choice = value["choices"][0]
        message = choice["message"]
        text, refusal = message.get("content"), message.get("refusal")
        if not isinstance(text, str | None) or not isinstance(refusal, str | None):
            raise TypeError("content is not a text")
        usage = value.get("usage") or None
        if usage is not None:
            usage = int(usage["prompt_tokens"]), int(usage.get("completion_tokens") or 0)
        reply = Reply(
            # A lone surrogate could be neither stored nor sent again.
            (text or "").encode("utf-8", "replace").decode(),
            str(choice.get("finish_reason") or ""),
            refusal,
            _tokens(choice.get("logprobs")),
            cached,
            usage,
        )
        return reply, usage
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a chat completion ({type(error).__name__}: {error})") from None


_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)```", re.DOTALL)


def _not_a_number(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_not_a_number)


def json_in(text: str) -> dict[str, Any]:
    """The one JSON object in a reply: bare, fenced, or with words around it.

    Raises:
        InputError: there is none, or there are two: which one was meant is not guessed.
    """
    text = _THOUGHT.sub("", text)
    fences = _FENCE.findall(text)
    if len(fences) == 1:
        text = fences[0]
    found: list[dict[str, Any]] = []
    problem = "it has no {"
    start = text.find("{")
    while start >= 0:
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            # Inside a broken object smaller ones may stand whole; they are not the reply.
            problem = str(error) or "nested too deep"
            if not found:
                break
            end = start + 1
        else:
            found.append(value)
        start = text.find("{", end)
    if not found:
        raise InputError(f"the reply is not JSON ({problem}), expected one JSON object")
    if len(found) > 1:
        raise InputError(f"the reply holds {len(found)} JSON objects, expected one")
    return found[0]
