from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from labkit.errors import InputError
from labkit.llm.client import (
    LLM,
    Budget,
    BudgetSpent,
    CallFailed,
    Prices,
    Schema,
    Spending,
    token_bound,
)
from labkit.llm.prompts import Message
from tests.fake_openai import Answer, Behaviour, FakeOpenAI, completion, fails, in_turn, says

T = TypeVar("T")

KEY = "sk-a-secret-of-this-test"
SCHEMA = Schema(
    "number",
    {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    },
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def number(value: object) -> int:
    if not isinstance(value, dict) or not isinstance(value.get("n"), int):
        raise InputError("n is missing, expected a number")
    return int(value["n"])


def asking(text: str = "How many?") -> list[Message]:
    return [{"role": "system", "content": "Count."}, {"role": "user", "content": text}]


def use(
    url: str, store: Path, job: Callable[[LLM], Awaitable[T]], **options: Any
) -> tuple[T, Spending]:
    async def run() -> tuple[T, Spending]:
        async with LLM("m", store, base_url=url, **({"retries": 2} | options)) as llm:
            return await job(llm), llm.spending

    return asyncio.run(run())


async def structured(llm: LLM, text: str = "How many?") -> int:
    return await llm.structured(asking(text), SCHEMA, number, max_tokens=50)


async def failure(llm: LLM, text: str = "How many?") -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        await structured(llm, text)
    return caught.value


# --- the transport -------------------------------------------------------------------------------


def test_a_rate_limit_with_retry_after_is_waited_for(tmp_path: Path) -> None:
    behave = in_turn(fails(429, headers={"retry-after": "1"}), says({"n": 3}))
    with FakeOpenAI(behave) as server:
        start = time.monotonic()
        found, spending = use(server.url, tmp_path / "s", structured)
        assert time.monotonic() - start >= 1.0
    assert (found, spending.retries, spending.paid.calls) == (3, 1, 1)
    assert not spending.failures


def test_two_server_errors_are_outlived(tmp_path: Path) -> None:
    quick = {"retry-after-ms": "20"}
    behave = in_turn(fails(500, headers=quick), fails(503, headers=quick), says({"n": 3}))
    with FakeOpenAI(behave) as server:
        found, spending = use(server.url, tmp_path / "s", structured)
    assert (found, spending.retries, [c.status for c in server.calls]) == (3, 2, [500, 503, 200])


def test_a_time_out_is_tried_again(tmp_path: Path) -> None:
    behave = in_turn(Answer(completion('{"n": 1}'), delay=1.5), says({"n": 3}))
    with FakeOpenAI(behave) as server:
        found, spending = use(server.url, tmp_path / "s", structured, timeout=0.4)
    assert (found, spending.retries) == (3, 1)


def test_a_connection_that_breaks_inside_the_reply_is_tried_again(tmp_path: Path) -> None:
    behave = in_turn(Answer(completion('{"n": 1}'), cut=True), says({"n": 3}))
    with FakeOpenAI(behave) as server:
        found, spending = use(server.url, tmp_path / "s", structured)
    assert (found, spending.retries) == (3, 1)


@pytest.mark.parametrize(
    "page", ["<html>Bad gateway</html>", '{"choices": [{"mess', {"error": {"message": "busy"}}]
)
def test_a_200_that_is_no_completion_is_asked_again_and_not_stored(
    tmp_path: Path, page: Any
) -> None:
    with FakeOpenAI(in_turn(Answer(page), says({"n": 3}))) as server:
        found, spending = use(server.url, tmp_path / "s", structured)
        assert (found, spending.retries, spending.paid.calls) == (3, 1, 1)
        server.behave = in_turn(Answer(page))
        error, spending = use(server.url, tmp_path / "s2", failure)
    assert error.kind == "server_error"
    assert dict(spending.failures) == {"server_error": 1}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (fails(429, headers={"retry-after-ms": "10"}), "rate_limited"),
        (fails(502, headers={"retry-after-ms": "10"}), "server_error"),
        (Answer({}, delay=0.6), "timeout"),
        (Answer(completion("{}"), cut=True), "server_error"),
        (fails(400, "the prompt is longer than 8192 tokens"), "bad_request"),
    ],
)
def test_a_call_that_keeps_failing_is_counted_by_kind_and_asked_anew_next_time(
    tmp_path: Path, answer: Answer, kind: str
) -> None:
    with FakeOpenAI(in_turn(answer)) as server:
        error, spending = use(server.url, tmp_path / "s", failure, retries=1, timeout=0.3)
        assert (error.kind, dict(spending.failures)) == (kind, {kind: 1})
        assert spending.paid.calls == 0
        server.behave = in_turn(says({"n": 3}))
        assert use(server.url, tmp_path / "s", structured)[0] == 3


def test_a_dead_endpoint_ends_the_run_with_one_line(tmp_path: Path) -> None:
    async def many(llm: LLM) -> None:
        for i in range(100):
            with pytest.raises(CallFailed):
                await structured(llm, str(i))

    with FakeOpenAI(in_turn(fails(500))) as server:
        with pytest.raises(InputError, match="10 calls in a row failed") as caught:
            use(server.url, tmp_path / "s", many, retries=0)
        assert len(server.calls) == 10
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_no_call_can_survive_is_one_line_at_once(tmp_path: Path, status: int) -> None:
    said = f"key {KEY}\nis no good"
    with FakeOpenAI(in_turn(fails(status, said))) as server:
        with pytest.raises(InputError, match=f"answered {status}") as caught:
            use(server.url, tmp_path / "s", structured, retries=5)
        assert len(server.calls) == 1
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)  # endpoints repeat what they were sent


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "http://no-such-host.invalid/v1"])
def test_a_host_that_is_not_there_is_one_line_at_once(tmp_path: Path, url: str) -> None:
    start = time.monotonic()
    with pytest.raises(InputError, match="cannot be reached") as caught:
        use(url, tmp_path / "s", structured, retries=5)
    assert time.monotonic() - start < 3
    assert "\n" not in str(caught.value)


# --- structured replies --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (says('{"n": 3'), "malformed"),
        (says("I think three."), "malformed"),
        (says({"m": 3}), "malformed"),
        (says('{"n": NaN}'), "malformed"),
        (says('{"n": 3} or {"n": 4}'), "malformed"),
        (Answer(completion(None)), "malformed"),
        (says('{"n": 3}', finish_reason="length"), "truncated"),
        (Answer(completion(None, refusal="I cannot count that.")), "refused"),
        (says("", finish_reason="content_filter"), "refused"),
    ],
)
def test_a_bad_reply_is_asked_for_again_once_with_its_fault_then_dropped(
    tmp_path: Path, bad: Answer, kind: str
) -> None:
    with FakeOpenAI(in_turn(bad, says({"n": 3}))) as server:
        found, spending = use(server.url, tmp_path / "repaired", structured)
        assert (found, spending.repaired, spending.paid.calls) == (3, 1, 2)
        assert not spending.failures
        first, second = (call.body["messages"] for call in server.calls)
        assert second[: len(first)] == first
        assert [m["role"] for m in second[len(first) :]] == ["assistant", "user"]
        assert "cannot be used" in second[-1]["content"]
        assert all(message["content"] for message in second)

        server.behave = in_turn(bad)
        error, spending = use(server.url, tmp_path / "dropped", failure)
        assert (error.kind, spending.repaired) == (kind, 0)
        assert dict(spending.failures) == {kind: 1}
        assert len(server.calls) == 4

        # A bad reply was paid for too: the next run reads both from the store.
        error, spending = use(server.url, tmp_path / "dropped", failure)
        assert (error.kind, spending.paid.calls, spending.cached.calls) == (kind, 0, 2)
        assert len(server.calls) == 4


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 3}',
        '```json\n{"n": 3}\n```',
        'Here it is:\n```\n{"n": 3}\n```\nAnything else?',
        'The count is {"n": 3}.',
        '<think>maybe {"n": 5}?</think>\n{"n": 3}',
    ],
)
def test_json_is_found_bare_fenced_or_among_words(tmp_path: Path, text: str) -> None:
    with FakeOpenAI(in_turn(says(text))) as server:
        found, spending = use(server.url, tmp_path / "s", structured)
    assert (found, spending.repaired) == (3, 0)


def picky(name: str, message: str, status: int = 400) -> Behaviour:
    """An endpoint that does not know a parameter."""

    def behave(body: dict[str, Any]) -> Answer:
        return fails(status, message) if name in body else says({"n": 3})

    return behave


@pytest.mark.parametrize("status", [400, 422])
def test_an_endpoint_without_response_format_is_asked_in_words_and_remembered(
    tmp_path: Path, status: int
) -> None:
    async def many(llm: LLM) -> list[int]:
        return list(await asyncio.gather(*(structured(llm, str(i)) for i in range(6))))

    behave = picky("response_format", "response_format is not supported", status)
    with FakeOpenAI(behave) as server:
        found, spending = use(server.url, tmp_path / "s", many)
        assert found == [3] * 6
        assert [call.status for call in server.calls].count(status) == 1
        assert spending.paid.calls == 6
        plain = server.calls[-1].body["messages"][0]
        assert plain["role"] == "system"
        assert json.dumps(SCHEMA.body) in plain["content"]  # other endpoints ignore it silently

        async def once_more(llm: LLM) -> dict[str, str]:
            await structured(llm, "later")
            return llm.refused

        refused, _ = use(server.url, tmp_path / "s", once_more)
        assert refused == {"response_format": "response_format is not supported"}
        assert [call.status for call in server.calls].count(status) == 1


def test_a_model_that_wants_max_completion_tokens_gets_it(tmp_path: Path) -> None:
    said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    with FakeOpenAI(picky("max_tokens", said)) as server:
        assert use(server.url, tmp_path / "s", structured)[0] == 3
    assert server.calls[-1].body["max_completion_tokens"] == 50


TOKENS = {
    "content": [
        {
            "token": "yes",
            "logprob": -0.1,
            "bytes": None,
            "top_logprobs": [
                {"token": "yes", "logprob": -0.1, "bytes": None},
                {"token": "no", "logprob": -2.4, "bytes": None},
            ],
        }
    ]
}


async def with_logprobs(llm: LLM) -> Any:
    return (await llm.ask(asking(), max_tokens=1, top_logprobs=2)).tokens


def test_log_probabilities_come_through_and_are_none_where_refused(tmp_path: Path) -> None:
    with FakeOpenAI(in_turn(says("yes", logprobs=TOKENS))) as server:
        (token,), _ = use(server.url, tmp_path / "s", with_logprobs)
        assert (token.text, token.top) == ("yes", (("yes", -0.1), ("no", -2.4)))
        sent = server.calls[0].body
        assert (sent["logprobs"], sent["top_logprobs"]) == (True, 2)
        server.behave = picky("logprobs", "logprobs is not supported")
        assert use(server.url, tmp_path / "other", with_logprobs)[0] is None


# --- paying once ---------------------------------------------------------------------------------


def test_the_same_request_is_paid_for_once_and_counted_apart(tmp_path: Path) -> None:
    async def twice(llm: LLM) -> list[int]:
        both = await asyncio.gather(structured(llm), structured(llm))
        return [*both, await structured(llm)]

    with FakeOpenAI(in_turn(says({"n": 3}))) as server:
        prices = Prices(prompt=1.0, completion=10.0)
        found, spending = use(server.url, tmp_path / "s", twice, prices=prices)
        assert found == [3, 3, 3]
        assert len(server.calls) == 1
        assert (spending.paid.calls, spending.cached.calls) == (1, 2)
        assert spending.paid.cost == pytest.approx((100 * 1 + 20 * 10) / 1e6)
        assert spending.paid.prompt_tokens == 100
        _, spending = use(server.url, tmp_path / "s", structured, prices=prices)
        assert (spending.paid.calls, spending.paid.cost, spending.cached.calls) == (0, 0.0, 1)
        assert len(server.calls) == 1


def test_whatever_is_asked_differently_is_another_call(tmp_path: Path) -> None:
    async def several(llm: LLM) -> None:
        for options in (
            {},
            {"max_tokens": 51},
            {"temperature": 0.5},
            {"schema": SCHEMA},
            {"top_logprobs": 1},
        ):
            await llm.ask(asking(), **({"max_tokens": 50} | options))  # type: ignore[arg-type]
        await llm.ask(asking("other"), max_tokens=50)

    with FakeOpenAI(in_turn(says({"n": 3}))) as server:
        use(server.url, tmp_path / "s", several)
        assert len(server.calls) == 6


def test_the_reply_is_in_the_store_before_the_caller_has_it(tmp_path: Path) -> None:
    import sqlite3

    async def job(llm: LLM) -> Any:
        await structured(llm)
        with sqlite3.connect(tmp_path / "s") as other:
            return other.execute("SELECT reply, prompt_tokens FROM calls").fetchall()

    with FakeOpenAI(in_turn(says({"n": 3}))) as server:
        rows, _ = use(server.url, tmp_path / "s", job)
    assert rows == [(json.dumps(completion('{"n": 3}')), 100)]


def test_a_reply_without_token_counts_is_charged_by_its_bound(tmp_path: Path) -> None:
    with FakeOpenAI(in_turn(says({"n": 3}, usage=None))) as server:
        _, spending = use(server.url, tmp_path / "s", structured)
    assert spending.unmetered == 1
    assert spending.paid.prompt_tokens == token_bound(asking(), SCHEMA)


def test_a_cancelled_caller_does_not_lose_the_call_in_flight(tmp_path: Path) -> None:
    async def job(llm: LLM) -> None:
        task = asyncio.create_task(structured(llm))
        while not server.calls:
            await asyncio.sleep(0.01)
        task.cancel()
        raise KeyError("the run dies here")

    with FakeOpenAI(in_turn(Answer(completion('{"n": 3}'), delay=0.3))) as server:
        with pytest.raises(KeyError):
            use(server.url, tmp_path / "s", job)
        found, spending = use(server.url, tmp_path / "s", structured)
    assert (found, spending.cached.calls, len(server.calls)) == (3, 1, 1)


def test_a_store_that_is_something_else_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("not a database, and long enough to look at" * 50)
    with pytest.raises(InputError, match="expected a file of stored calls"):
        LLM("m", tmp_path / "s", base_url="http://127.0.0.1:9/v1")


# --- limits --------------------------------------------------------------------------------------


async def until_spent(llm: LLM) -> tuple[int, int, str]:
    results = await asyncio.gather(
        *(structured(llm, str(i)) for i in range(20)), return_exceptions=True
    )
    spent = [result for result in results if isinstance(result, BudgetSpent)]
    done = [result for result in results if isinstance(result, int)]
    assert len(spent) + len(done) == 20
    return len(done), len(spent), str(spent[0]) if spent else ""


def test_the_bound_on_calls_at_once_is_kept_and_used(tmp_path: Path) -> None:
    with FakeOpenAI(in_turn(Answer(completion('{"n": 3}'), delay=0.03))) as server:
        use(server.url, tmp_path / "s", until_spent, concurrency=3)
        assert server.most_at_once == 3


def test_max_calls_stops_cleanly_and_the_next_run_goes_on(tmp_path: Path) -> None:
    with FakeOpenAI(in_turn(Answer(completion('{"n": 3}'), delay=0.02))) as server:
        budget = Budget(max_calls=7)
        (done, spent, line), _ = use(
            server.url, tmp_path / "s", until_spent, budget=budget, concurrency=4
        )
        assert (done, spent, len(server.finished)) == (7, 13, 7)
        assert "budget of 7 calls" in line
        (done, spent, _), spending = use(server.url, tmp_path / "s", until_spent, budget=budget)
        assert (done, spent, spending.cached.calls, spending.paid.calls) == (14, 6, 7, 7)
        use(server.url, tmp_path / "s", until_spent)
        bodies = [json.dumps(call.body) for call in server.calls]
        assert len(bodies) == len(set(bodies)) == 20


@pytest.mark.parametrize("concurrency", [1, 8])
def test_max_cost_is_never_exceeded_and_nearly_used(tmp_path: Path, concurrency: int) -> None:
    prices = Prices(prompt=1.0, completion=10.0)
    one = prices.of(100, 20)
    at_most = prices.of(token_bound(asking("10"), SCHEMA), 50)
    limit = 8 * one + at_most
    with FakeOpenAI(in_turn(Answer(completion('{"n": 3}'), delay=0.02))) as server:
        (done, spent, line), spending = use(
            server.url,
            tmp_path / "s",
            until_spent,
            budget=Budget(max_cost=limit),
            prices=prices,
            concurrency=concurrency,
        )
    assert spending.paid.cost <= limit
    assert done in (8, 9)  # calls in flight are waited for before the budget counts as spent
    assert spent == 20 - done
    assert "is spent" in line


def test_a_max_cost_without_prices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="prices"):
        LLM("m", tmp_path / "s", budget=Budget(max_cost=1.0))


@pytest.mark.parametrize("value", [-1, float("nan")])
def test_a_budget_that_makes_no_sense_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="max cost"):
        Budget(max_cost=value)
