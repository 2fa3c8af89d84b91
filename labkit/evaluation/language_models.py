"""Language models as rivals, at any OpenAI-compatible endpoint: pointwise and listwise.

Pointwise asks of every candidate alone whether it is needed, and reads the probability of "yes"
from the first token (the scoring of Qwen3-Reranker, asked of a chat model). Listwise shows all
candidates at once and asks for their order (RankGPT, Sun et al., EMNLP 2023, in one window).
Replies are stored as they come, so a run that was stopped pays for none twice.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np

from labkit.errors import InputError
from labkit.evaluation.rivals import Outcome, Question
from labkit.llm.client import LLM, Account, Budget, CallFailed, Prices, Schema, host_of
from labkit.llm.prompts import Prompt, framed_memories, framed_query, load_prompt
from labkit.llm.replies import Reply, Token, json_in
from labkit.records import Memory

Mode = Literal["pointwise", "listwise"]

PROMPTS = Path(__file__).parent / "prompts"

LONGEST = 4_000
"""Characters of a memory that a listwise prompt shows: fifty must fit into one."""

_YES_OR_NO = 8
"""Tokens that a pointwise reply may have: some models say a blank or a quote first."""

_ORDER = Schema(
    "order",
    {
        "type": "object",
        "properties": {"order": {"type": "array", "items": {"type": "integer"}}},
        "required": ["order"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Which model is asked where, how, and what it may cost in one command."""

    model: str
    mode: Mode = "pointwise"
    base_url: str | None = None
    key_variable: str = "OPENAI_API_KEY"
    concurrency: int = 8
    prices: Prices | None = None
    budget: Budget = field(default_factory=Budget)

    def open(self, store: Path, account: Account) -> LLM:
        return LLM(
            self.model,
            store,
            base_url=self.base_url,
            key_variable=self.key_variable,
            concurrency=self.concurrency,
            prices=self.prices,
            account=account,
        )


OPENAI = "openai:"
OPTIONS = ("mode", "url", "key", "prices", "concurrency", "max_calls", "max_cost")


def parse_endpoint(text: str) -> Endpoint:
    """``openai:MODEL,mode=listwise,url=http://localhost:8000/v1,key=VARIABLE,prices=0.15/0.6``.

    Further options are concurrency, and max_calls and max_cost, which hold for the whole command.

    Raises:
        InputError: an option is not known, or its value is none that it takes.
    """
    model, *rest = text.removeprefix(OPENAI).split(",")
    options: dict[str, str] = {}
    for part in rest:
        name, equals, value = part.strip().partition("=")
        if name not in OPTIONS or not equals or not value:
            raise InputError(
                f"--model {text}: got {part.strip()!r}, expected option=value with one of "
                f"{', '.join(OPTIONS)}"
            )
        options[name] = value
    mode = options.get("mode", "pointwise")
    if not model or mode not in get_args(Mode):
        raise InputError(
            f"--model is {text!r}, expected openai:MODEL, and mode=pointwise or mode=listwise"
        )
    try:
        prices = [float(price) for price in options.get("prices", "").split("/") if price]
        calls, cost = options.get("max_calls"), options.get("max_cost")
        budget = Budget(int(calls) if calls else None, float(cost) if cost else None)
        concurrency = int(options.get("concurrency", 8))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"--model {text}: {error}, expected numbers") from None
    if len(prices) not in (0, 2):
        raise InputError(
            f"--model {text}: prices is {options['prices']!r}, expected the price of a million "
            "tokens read and of a million written, such as prices=0.15/0.6"
        )
    return Endpoint(
        model=model,
        mode=cast(Mode, mode),
        base_url=options.get("url"),
        key_variable=options.get("key", "OPENAI_API_KEY"),
        concurrency=concurrency,
        prices=Prices(*prices) if prices else None,
        budget=budget,
    )


class LanguageModel:
    """A chat model as a rival; ``store`` is the file that its replies are kept in."""

    def __init__(self, endpoint: Endpoint, store: Path) -> None:
        self._endpoint = endpoint
        self._store = store
        self._account = Account(endpoint.budget)
        mode = endpoint.mode
        data = ("query", "memory") if mode == "pointwise" else ("query", "memories")
        told = () if mode == "pointwise" else ("count",)
        self._prompt = load_prompt(PROMPTS / f"{mode}.md", told=told, data=data)

    @property
    def name(self) -> str:
        return f"{self._endpoint.model} ({self._endpoint.mode})"

    def identity(self) -> dict[str, Any]:
        prices = self._endpoint.prices
        return {
            "family": "language model",
            "source": self._endpoint.model,
            "mode": self._endpoint.mode,
            "prompt_sha256": self._prompt.sha256,
            "base_url": host_of(self._endpoint.base_url),
            "concurrency": self._endpoint.concurrency,
            "prices": None if prices is None else [prices.prompt, prices.completion],
        }

    def rank(self, questions: Sequence[Question], done: Callable[[int, Outcome], None]) -> None:
        asyncio.run(self._rank(questions, done))

    async def _rank(
        self, questions: Sequence[Question], done: Callable[[int, Outcome], None]
    ) -> None:
        self._account = self._account.reopened()
        async with self._endpoint.open(self._store, self._account) as llm:
            if self._endpoint.mode == "pointwise":
                # One query after another, its pairs at once: so a query's time is its own.
                for i, question in enumerate(questions):
                    done(i, await self._timed(pointwise(llm, self._prompt, question)))
                return
            slots = asyncio.Semaphore(self._endpoint.concurrency)

            async def one(i: int, question: Question) -> None:
                async with slots:
                    done(i, await self._timed(listwise(llm, self._prompt, question)))

            asked = [asyncio.ensure_future(one(i, q)) for i, q in enumerate(questions)]
            try:
                await asyncio.gather(*asked)
            finally:
                for task in asked:
                    task.cancel()

    async def _timed(self, asking: Awaitable[tuple[Outcome, list[Reply]]]) -> Outcome:
        start = time.perf_counter()
        outcome, replies = await asking
        seconds = time.perf_counter() - start
        used = [reply.usage for reply in replies if reply.usage is not None]
        prompt = completion = cost = None
        if used and len(used) == len(replies):
            prompt, completion = (sum(counts) for counts in zip(*used, strict=True))
            if self._endpoint.prices is not None:
                cost = self._endpoint.prices.of(prompt, completion)
        stored = any(reply.cached for reply in replies)
        return replace(
            outcome,
            seconds=None if stored or not replies else seconds,
            prompt_tokens=prompt,
            completion_tokens=completion,
            cost=cost,
        )


# --- pointwise -----------------------------------------------------------------------------------


async def pointwise(llm: LLM, prompt: Prompt, question: Question) -> tuple[Outcome, list[Reply]]:
    """Ask about every candidate alone; equal scores keep the order of the first stage.

    Without log-probabilities a reply orders and gives no probability. A candidate that the endpoint
    refuses to read goes behind all others.
    """
    query, memories = question
    unanswered = False

    async def ask(memory: Memory) -> Reply | None:
        # Without its id, which may tell: LongMemEval's own say where the answer is.
        shown = framed_memories("memory", [replace(memory, id="1")])
        data = {"query": framed_query(query), "memory": shown}
        try:
            return await llm.ask(
                prompt.messages(data=data), max_tokens=_YES_OR_NO, temperature=0.0, top_logprobs=20
            )
        except CallFailed as error:
            nonlocal unanswered
            unanswered |= error.unanswered
            return None

    replies = await asyncio.gather(*(ask(memory) for memory in memories))
    log_odds = np.full(len(memories), -math.inf)
    problems = []
    for i, reply in enumerate(replies):
        if reply is None:
            problems.append("a call failed")
            continue
        found = yes_log_odds(reply.tokens or ())
        if found is None:
            problems.append("no log-probabilities")
            said = re.search(r"[a-z]+", reply.text.lower())
            found = 0.0 if said is None else {"yes": 1.0, "no": -1.0}.get(said[0], 0.0)
        log_odds[i] = found
    order = np.argsort(-log_odds, kind="stable")
    probabilities = () if problems else tuple((1 / (1 + np.exp(-log_odds[order]))).tolist())
    outcome = Outcome(
        tuple(order.tolist()),
        probabilities,
        problem=min(problems) if problems else None,
        unanswered=unanswered,
    )
    return outcome, [reply for reply in replies if reply is not None]


def yes_log_odds(tokens: Sequence[Token]) -> float | None:
    """log p(yes) - log p(no) at the first token that could be either; None where there is none.

    All spellings count together ("Yes", " yes"). A word that is not among the alternatives has at
    most the probability of the last of them.
    """
    for token in tokens:
        options = token.top or ((token.text, token.logprob),)
        yes = _mass(options, "yes")
        no = _mass(options, "no")
        if yes == no == -math.inf:
            continue
        least = min(logprob for _, logprob in options)
        return max(yes, least) - max(no, least)
    return None


def _mass(options: Sequence[tuple[str, float]], word: str) -> float:
    found = [p for text, p in options if text.strip(" \t\n'\"*.").lower() == word]
    return float(np.logaddexp.reduce(found)) if found else -math.inf


# --- listwise ------------------------------------------------------------------------------------


async def listwise(llm: LLM, prompt: Prompt, question: Question) -> tuple[Outcome, list[Reply]]:
    """Ask for the order of all candidates at once; a broken reply is mended by :func:`mended`."""
    query, memories = question
    shown = [
        replace(memory, id=str(i), text=memory.text[:LONGEST])
        for i, memory in enumerate(memories, 1)
    ]
    cut = sum(len(memory.text) > LONGEST for memory in memories)
    data = {"query": framed_query(query), "memories": framed_memories("memories", shown)}
    try:
        reply = await llm.ask(
            prompt.messages({"count": str(len(shown))}, data),
            max_tokens=64 + 8 * len(shown),
            temperature=0.0,
            schema=_ORDER,
        )
    except CallFailed as error:
        kept = tuple(range(len(memories)))
        return Outcome(kept, truncated=cut, problem=error.kind, unanswered=error.unanswered), []
    order, problem = mended(numbers_in(reply.text), len(memories))
    return Outcome(order, truncated=cut, problem=problem), [reply]


def numbers_in(text: str) -> list[int]:
    """The numbers of a reply in their order: those under ``order``, else all that the text has."""
    try:
        order = json_in(text).get("order")
    except InputError:
        order = None
    if isinstance(order, list):
        return [int(one) for one in order if re.fullmatch(r"\d{1,9}", str(one).strip())]
    return [int(one) for one in re.findall(r"\d{1,9}", text)]


def mended(numbers: Sequence[int], count: int) -> tuple[tuple[int, ...], str | None]:
    """A whole order out of what a model said, numbers from 1, and what had to be mended.

    A number that comes again or belongs to no candidate is dropped; candidates that are missing
    follow in the order of the first stage. So nothing is lost and nothing is made up.
    """
    known = [number - 1 for number in numbers if 1 <= number <= count]
    distinct = list(dict.fromkeys(known))
    missing = [i for i in range(count) if i not in set(distinct)]
    problems = (
        ("no order", count > 0 and not distinct),
        ("unknown numbers", len(known) < len(numbers)),
        ("missing numbers", bool(missing)),
        ("repeated numbers", len(distinct) < len(known)),
    )
    return (*distinct, *missing), next((what for what, is_so in problems if is_so), None)
