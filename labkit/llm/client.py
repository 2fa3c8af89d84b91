"""The client: calls an endpoint, pays for each call once, stops where the budget ends.

A call is known by the hash of what was asked (endpoint, model, messages, parameters, schema). Its
raw reply is committed to the store before anybody sees it, so that a killed run, started again,
takes it from there. The openai package waits and tries again after 429, 5xx and time-outs.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import openai

from labkit.errors import InputError
from labkit.llm.prompts import Message
from labkit.llm.replies import Reply, json_in, parse_reply
from labkit.llm.store import CallStore, StoredCall

T = TypeVar("T")

FailureKind = Literal[
    "rate_limited",  # 429 to the last try
    "server_error",  # 5xx or no chat completion, to the last try
    "timeout",
    "bad_request",  # any other 4xx: too long a prompt, say
    "refused",  # the model or a filter declines
    "truncated",  # the reply stops half-way: finish_reason length
    "malformed",  # no JSON, or not what was asked for
]

GIVE_UP_AFTER = 10
"""Calls that fail in a row before the run stops: the endpoint is down, and waiting costs hours."""

OPENAI_URL = "https://api.openai.com/v1"


class CallFailed(Exception):
    """One call brought nothing that can be used; others may. It has been counted.

    ``value`` is the JSON of a malformed reply, where it was JSON at all.
    """

    def __init__(self, kind: FailureKind, detail: str, value: object = None) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind: FailureKind = kind
        self.detail = detail
        self.value = value

    @property
    def unanswered(self) -> bool:
        """Whether nobody answered, so that the same call may be answered later."""
        return self.kind in ("rate_limited", "server_error", "timeout")


class BudgetSpent(Exception):
    """No further call may start. Those in flight finish and are stored."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Per million tokens, in the currency of the budget."""

    prompt: float
    completion: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


@dataclass(frozen=True, slots=True)
class Budget:
    """What this run may pay for; replies from the store are free. None is no limit."""

    max_calls: int | None = None
    max_cost: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("max calls", self.max_calls), ("max cost", self.max_cost)):
            if value is not None and not value >= 0:
                raise InputError(f"{name} is {value}, expected 0 or more")


class Account:
    """What may be spent, and what is: several models that work for one run share it.

    Args:
        budget: of them all together.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self.cost = 0.0
        self._started = 0
        self._reserved: dict[str, float] = {}
        self._freed = asyncio.Condition()

    def reopened(self) -> Account:
        """The same budget and what is spent of it, for another event loop."""
        other = Account(self.budget)
        other.cost, other._started = self.cost, self._started
        return other

    async def reserve(
        self, call: str, at_most: float, stopped: Callable[[], Exception | None]
    ) -> None:
        """Keep what a call can cost at most, so that calls in flight together stay within.

        Args:
            call: what it is settled by.
            stopped: asked again whenever a call has settled; what it gives is raised.

        Raises:
            BudgetSpent: the call would go beyond the budget.
        """
        budget = self.budget
        async with self._freed:
            while (reason := stopped()) is None:
                if budget.max_calls is not None and self._started >= budget.max_calls:
                    raise BudgetSpent(
                        f"the budget of {budget.max_calls} calls is spent: run again with the same "
                        "options to go on"
                    )
                held = sum(self._reserved.values())
                if budget.max_cost is None or self.cost + held + at_most <= budget.max_cost:
                    self._started += 1
                    self._reserved[call] = at_most
                    return
                if self.cost + at_most > budget.max_cost:
                    raise BudgetSpent(
                        f"of the budget of {budget.max_cost:g}, {self.cost:g} is spent, and the "
                        f"next call may cost {at_most:g}: run again to go on"
                    )
                await self._freed.wait()
            raise reason

    async def settle(self, call: str, paid: Callable[[], float]) -> None:
        """Release what was reserved, and book what the call did cost.

        ``paid`` runs in one step with the release, or two calls could use the same money.
        """
        async with self._freed:
            del self._reserved[call]
            self.cost += paid()
            self._freed.notify_all()


@dataclass(slots=True)
class Usage:
    """Calls that were answered, and what they used. ``cost`` is 0 where no prices are given."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0

    def add(self, call: StoredCall, prices: Prices | None) -> float:
        """Count a call and return its cost."""
        self.calls += 1
        self.prompt_tokens += call.prompt_tokens
        self.completion_tokens += call.completion_tokens
        cost = prices.of(call.prompt_tokens, call.completion_tokens) if prices else 0.0
        self.cost += cost
        return cost


@dataclass(slots=True)
class Spending:
    """What a run used, paid for and from the store apart.

    ``retries`` counts attempts after the first, ``repaired`` replies that were right when asked
    for again, ``unmetered`` replies without token counts (theirs are bounds from the text),
    ``failures`` calls given up, by kind.
    """

    paid: Usage = field(default_factory=Usage)
    cached: Usage = field(default_factory=Usage)
    retries: int = 0
    repaired: int = 0
    unmetered: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"failures": dict(sorted(self.failures.items()))}


@dataclass(frozen=True, slots=True)
class Schema:
    """The JSON schema of a reply, named as the endpoint is told."""

    name: str
    body: Mapping[str, Any]


def host_of(base_url: str | None) -> str:
    """The endpoint that is asked: the one given, else of OPENAI_BASE_URL, else OpenAI's own.

    Raises:
        InputError: it is no address of the web.
    """
    url = base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
    if not url.startswith(("http://", "https://")):
        raise InputError(f"base URL is {url!r}, expected one such as http://localhost:8000/v1")
    return url.rstrip("/")


def token_bound(messages: Sequence[Message], schema: Schema | None = None) -> int:
    """Tokens that the messages cannot exceed: a token is at least one byte of UTF-8.

    The chat template adds some a message; a schema is sent twice, in words and as a parameter.
    """
    texts = [message["content"] for message in messages]
    if schema is not None:
        texts += [_in_words(schema)] * 2
    return sum(len(text.encode()) + 16 for text in texts) + 16


def _in_words(schema: Schema) -> str:
    return (
        "Reply with one JSON object and nothing else. It must match this JSON schema: "
        + json.dumps(schema.body, ensure_ascii=False)
    )


_REPAIR = (
    "That reply cannot be used: {error}. Send the whole reply again, corrected: one complete JSON "
    "object of the shape that was asked for, and nothing else."
)

_NEGOTIABLE: Mapping[str, tuple[str, ...]] = {
    "response_format": ("response_format", "json_schema"),
    "logprobs": ("logprobs",),
    # OpenAI's newer models refuse max_tokens and name what they take instead.
    "max_tokens": ("max_completion_tokens",),
    "temperature": ("temperature",),
}
"""Parameters that a call can do without, and the words by which a refusal names them."""


class LLM:
    """A model behind an OpenAI-compatible endpoint; use it as ``async with LLM(...) as llm``.

    Leaving the block waits for the calls in flight, whatever ended it, so that what is paid for is
    stored.

    Args:
        model: as the endpoint names it.
        base_url: up to and including ``/v1``; None is ``OPENAI_BASE_URL`` or OpenAI itself. It is
            part of a call's key: one model name means different weights on different hosts.
        store: the SQLite file of calls, made where missing.
        key_variable: environment variable with the key; a local endpoint may need none.
        concurrency: calls in flight at most.
        retries: further attempts after 429, 5xx, a time-out or a lost connection; the pauses
            double, or are what ``Retry-After`` says (up to two minutes).
        timeout: seconds for one attempt.
        per_minute: calls started in a minute at most, evenly spaced; further attempts not counted.
        budget: of this model alone; or
        account: shared with other models of the run.

    Raises:
        InputError: a limit makes no sense, or the store cannot be opened.
    """

    def __init__(
        self,
        model: str,
        store: Path,
        *,
        base_url: str | None = None,
        key_variable: str = "OPENAI_API_KEY",
        concurrency: int = 8,
        retries: int = 5,
        timeout: float = 120.0,
        per_minute: float | None = None,
        budget: Budget | None = None,
        account: Account | None = None,
        prices: Prices | None = None,
    ) -> None:
        self.model = model
        self.base_url = host_of(base_url)
        if concurrency < 1 or retries < 0 or not timeout > 0:
            raise InputError(
                f"got concurrency {concurrency}, retries {retries}, timeout {timeout:g}; "
                "expected at least 1, at least 0, more than 0"
            )
        if per_minute is not None and not per_minute > 0:
            raise InputError(f"got {per_minute:g} calls a minute, expected more than 0")
        self._account = account or Account(budget)
        self.budget = self._account.budget
        self.prices = prices
        if self.budget.max_cost is not None and prices is None:
            raise InputError("got a max cost and no prices, expected the prices per million tokens")
        self.spending = Spending()
        self._key_variable = key_variable
        self._api_key = os.environ.get(key_variable, "").strip()
        self._retries = retries
        self._store = CallStore(store)
        self.refused = self._store.refused(self.base_url, self.model)
        """Parameters that the endpoint refuses, and what it said: found once, kept in the store."""
        self._client = openai.AsyncOpenAI(
            base_url=self.base_url,
            api_key=self._api_key or "none",
            max_retries=retries,
            timeout=timeout,
        )
        self._slots = asyncio.Semaphore(concurrency)
        self._flying: dict[str, asyncio.Future[StoredCall]] = {}
        self._decided: set[str] = set()
        self._deciding = asyncio.Lock()
        self._reached = False
        self._stopped: InputError | BudgetSpent | None = None
        self._pause = 0.0 if per_minute is None else 60 / per_minute
        self._next_start = 0.0
        self._failed_in_a_row = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and self._stopped is None:
            self._stopped = BudgetSpent("the run was stopped")
        while self._flying:
            await asyncio.gather(*self._flying.values(), return_exceptions=True)
        await self._client.close()
        self._store.close()

    @property
    def stopped(self) -> str | None:
        """Why no further call may start, in one line; None while calls may."""
        return None if self._stopped is None else str(self._stopped)

    # --- asking ------------------------------------------------------------------------------

    async def ask(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float | None = None,
        schema: Schema | None = None,
        top_logprobs: int | None = None,
    ) -> Reply:
        """One reply, from the store where this was asked before.

        Args:
            max_tokens: tokens that the reply may have.
            top_logprobs: ask for log-probabilities with this many alternatives a token (0 to 20).

        Raises:
            CallFailed: this call brought nothing; it is counted in ``spending.failures``.
            BudgetSpent: it would go beyond the budget.
            InputError: no call can succeed: wrong key, unknown model, unreachable host.
        """
        request: dict[str, Any] = {
            "base_url": self.base_url,
            "model": self.model,
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": temperature,
            "schema": None if schema is None else {"name": schema.name, "body": schema.body},
            "top_logprobs": top_logprobs,
        }
        text = json.dumps(request, ensure_ascii=False, sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()
        call = self._store.get(key)
        cached = call is not None
        if call is None:
            flying = self._flying.get(key)
            cached = flying is not None
            if flying is None:
                flying = asyncio.ensure_future(self._pay(key, text, request, schema))
                self._flying[key] = flying
                flying.add_done_callback(lambda _: self._flying.pop(key, None))
            # A caller that is cancelled must not take a call with it that is being paid for.
            call = await asyncio.shield(flying)
        if cached:
            self.spending.cached.add(call, self.prices)
        return parse_reply(call.reply, cached=cached)[0]

    async def structured(
        self,
        messages: Sequence[Message],
        schema: Schema,
        check: Callable[[object], T],
        *,
        max_tokens: int,
        temperature: float | None = None,
    ) -> T:
        """A reply as JSON that ``check`` accepts; a bad one is asked for again once, error quoted.

        Args:
            check: makes the result of the decoded JSON; its :class:`InputError` names what is
                wrong and is quoted to the model.

        Raises:
            CallFailed: the second reply is bad too (refused, truncated, malformed), or as
                :meth:`ask`; also BudgetSpent and InputError as there.
        """
        asked = list(messages)
        reply = await self.ask(asked, max_tokens=max_tokens, temperature=temperature, schema=schema)
        try:
            return _checked(reply, check)
        except CallFailed as error:
            asked += [
                # Some endpoints reject a message without content.
                {"role": "assistant", "content": reply.text or reply.refusal or "(nothing)"},
                {"role": "user", "content": _REPAIR.format(error=error.detail)},
            ]
        reply = await self.ask(asked, max_tokens=max_tokens, temperature=temperature, schema=schema)
        try:
            result = _checked(reply, check)
        except CallFailed as error:
            self.spending.failures[error.kind] += 1
            raise
        self.spending.repaired += 1
        return result

    # --- paying ------------------------------------------------------------------------------

    async def _pay(
        self, key: str, text: str, request: Mapping[str, Any], schema: Schema | None
    ) -> StoredCall:
        async with self._slots:
            bound = token_bound(request["messages"], schema)
            at_most = self.prices.of(bound, request["max_tokens"]) if self.prices else 0.0
            try:
                await self._account.reserve(key, at_most, lambda: self._stopped)
            except BudgetSpent as error:
                self._stopped = self._stopped or error
                raise
            call = None
            try:
                await self._paced()
                call, metered = await self._answered(request, schema, bound)
                self._store.put(key, text, call)
                self.spending.unmetered += not metered
                self._failed_in_a_row = 0
            except CallFailed as error:
                self.spending.failures[error.kind] += 1
                # Who refuses a text is there, and the next text may be another matter.
                self._failed_in_a_row = self._failed_in_a_row + 1 if error.unanswered else 0
                if self._failed_in_a_row >= GIVE_UP_AFTER:
                    self._stopped = InputError(
                        f"{self.base_url}: {GIVE_UP_AFTER} calls in a row failed, the last with "
                        f"{error}; the rest is stored, run again to go on"
                    )
                    raise self._stopped from None
                raise
            except InputError as error:
                self._stopped = error
                raise
            finally:
                await self._account.settle(
                    key,
                    lambda: 0.0 if call is None else self.spending.paid.add(call, self.prices),
                )
            return call

    async def _paced(self) -> None:
        """Wait for this call's turn, where calls may start only so often."""
        now = asyncio.get_running_loop().time()
        start = max(now, self._next_start)
        self._next_start = start + self._pause
        if start > now:
            await asyncio.sleep(start - now)

    async def _answered(
        self, request: Mapping[str, Any], schema: Schema | None, bound: int
    ) -> tuple[StoredCall, bool]:
        """A reply that is a chat completion, and whether the endpoint counted its tokens."""
        wanted = set(self._wire(request, schema)) & set(_NEGOTIABLE)
        problem: ValueError | None = None
        for _ in range(2):
            if wanted <= self._decided:
                body = await self._send(request, schema)
            else:
                # Calls that start together would each learn the same refusal, and pay for it.
                async with self._deciding:
                    body = await self._send(request, schema)
                    self._decided |= wanted
            try:
                reply, used = parse_reply(body, cached=False)
            except ValueError as error:
                problem = error
                self.spending.retries += 1
                continue
            counted = used or (bound, min(request["max_tokens"], len(reply.text.encode()) + 1))
            return StoredCall(body, *counted), used is not None
        self.spending.retries -= 1
        raise CallFailed("server_error", str(problem))

    async def _send(self, request: Mapping[str, Any], schema: Schema | None) -> str:
        if not self._reached:
            await self._knock()
        while True:
            wire = self._wire(request, schema)
            try:
                raw = await self._client.chat.completions.with_raw_response.create(**wire)
            except openai.APIStatusError as error:
                parameter = self._refused_parameter(error, wire)
                if parameter is None:
                    raise self._failure(error) from None
                said = self._said(error)
                self.refused[parameter] = said
                self._store.refuse(self.base_url, self.model, parameter, said)
            except openai.APITimeoutError as error:
                self.spending.retries += _retried(error)
                raise CallFailed("timeout", "no reply in time") from None
            except openai.APIConnectionError as error:
                self.spending.retries += _retried(error)
                if type(error.__cause__).__name__ in _BROKEN_OFF:
                    raise CallFailed("server_error", f"broken off: {error.__cause__}") from None
                raise self._unreachable(error) from None
            else:
                self.spending.retries += raw.retries_taken
                return str(raw.text)

    def _wire(self, request: Mapping[str, Any], schema: Schema | None) -> dict[str, Any]:
        """The parameters as sent, without what the endpoint refuses."""
        messages = list(request["messages"])
        wire: dict[str, Any] = {"model": self.model, "messages": messages}
        limit = "max_completion_tokens" if "max_tokens" in self.refused else "max_tokens"
        wire[limit] = request["max_tokens"]
        if request["temperature"] is not None and "temperature" not in self.refused:
            wire["temperature"] = request["temperature"]
        if request["top_logprobs"] is not None and "logprobs" not in self.refused:
            wire |= {"logprobs": True, "top_logprobs": request["top_logprobs"]}
        if schema is not None and "response_format" not in self.refused:
            wire["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": schema.name, "strict": True, "schema": schema.body},
            }
        if schema is not None:
            # Always in words too: some endpoints take response_format and ignore it.
            first = messages[0]
            told = _in_words(schema)
            if first["role"] == "system":
                messages[0] = {"role": "system", "content": f"{first['content']}\n\n{told}"}
            else:
                messages.insert(0, {"role": "system", "content": told})
        return wire

    # --- what went wrong ---------------------------------------------------------------------

    def _said(self, error: openai.APIStatusError) -> str:
        """The endpoint's own words in one line, without the key if it repeats it."""
        body = error.body
        text = body.get("message") or body.get("detail") if isinstance(body, dict) else body
        if not isinstance(text, str) or not text.strip():
            text = json.dumps(body) if body else error.response.text
        line = " ".join(text.split())
        if len(self._api_key) >= 8:
            line = line.replace(self._api_key, "***")
        return line if len(line) <= 200 else line[:197] + "..."

    def _refused_parameter(
        self, error: openai.APIStatusError, wire: Mapping[str, Any]
    ) -> str | None:
        if error.status_code not in (400, 422):
            return None
        body = error.body if isinstance(error.body, dict) else {}
        text = f"{body.get('param') or ''} {self._said(error)}"
        for parameter, names in _NEGOTIABLE.items():
            if parameter in wire and any(name in text for name in names):
                return parameter
        return None

    async def _knock(self) -> None:
        """Fail at once on a host that is not there: the retries are for one that was."""
        try:
            await self._client.with_options(max_retries=0, timeout=10).models.list()
        except openai.APITimeoutError:
            pass
        except openai.APIConnectionError as error:
            raise self._unreachable(error) from None
        except openai.OpenAIError:
            pass  # somebody is there; what they make of a call will be seen
        except Exception:  # a list of models in another shape is no reason to stop
            pass
        self._reached = True

    def _unreachable(self, error: openai.APIConnectionError) -> InputError:
        cause = error.__cause__
        said = " ".join(str(cause or error).split()) or type(cause).__name__
        return InputError(
            f"{self.base_url} cannot be reached ({said}), expected an OpenAI-compatible endpoint "
            "there; what was answered is stored"
        )

    def _failure(self, error: openai.APIStatusError) -> CallFailed | InputError:
        self.spending.retries += _retried(error)
        status, said = error.status_code, self._said(error)
        where = f"{self.base_url} answered {status}"
        if status in (401, 403):
            state = "is set" if self._api_key else "is not set"
            return InputError(
                f"{where} ({said}), expected a key that it accepts in {self._key_variable}, "
                f"which {state}"
            )
        if status == 404:
            return InputError(
                f"{where} for model {self.model!r} ({said}), expected a model that it serves and "
                "a base URL up to /v1"
            )
        if error.code == "insufficient_quota":
            return InputError(f"{where} ({said}), expected an account with credit")
        if status == 429:
            return CallFailed("rate_limited", said)
        if status >= 500 or status in (408, 409):
            return CallFailed("server_error", f"{status} {said}")
        if error.code == "content_filter":
            return CallFailed("refused", said)
        return CallFailed("bad_request", f"{status} {said}")


_BROKEN_OFF = frozenset(("ReadError", "WriteError", "RemoteProtocolError"))
"""Causes of a lost connection that had been made: the host is there."""


def _retried(error: openai.APIError) -> int:
    """Attempts after the first, as the openai package counts them in what it sends."""
    return int(error.request.headers.get("x-stainless-retry-count", 0))


def _checked(reply: Reply, check: Callable[[object], T]) -> T:
    if reply.refusal or reply.finish_reason == "content_filter":
        raise CallFailed("refused", f"it declines ({(reply.refusal or 'content filter')[:200]})")
    if reply.finish_reason == "length":
        raise CallFailed("truncated", "it stops half-way, at the most tokens that it may have")
    try:
        value = json_in(reply.text)
    except InputError as error:
        raise CallFailed("malformed", str(error)) from None
    try:
        return check(value)
    except InputError as error:
        raise CallFailed("malformed", str(error), value) from None
