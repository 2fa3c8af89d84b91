"""The client against a server that we did not write: ``transformers serve``, a tiny random model.

It takes ``response_format`` and ignores it, gives no log-probabilities, and its words are noise:
so this is about the transport, the counts and the store.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import pytest

from labkit.errors import InputError
from labkit.llm.client import LLM, CallFailed, Schema, Spending
from labkit.students.tiny import tiny_qwen3, tiny_qwen_tokenizer

pytestmark = pytest.mark.slow

T = TypeVar("T")

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}<|im_start|>assistant\n"
)
MESSAGES = [{"role": "user", "content": "Who mended the roof?"}]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """(base URL, model name) of a server that is up."""
    for package in ("fastapi", "uvicorn"):
        if find_spec(package) is None:
            pytest.skip(f"transformers serve needs {package}")
    folder = tmp_path_factory.mktemp("served")
    tokenizer = tiny_qwen_tokenizer()
    tokenizer.chat_template = TEMPLATE
    tiny_qwen3(tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "log"
    process = subprocess.Popen(
        [Path(sys.executable).with_name("transformers"), "serve", str(folder)]
        + ["--device", "cpu", "--port", str(port)],
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
                break
            except OSError:
                if process.poll() is not None:
                    pytest.skip(f"transformers serve does not start: {log.read_text()[-300:]}")
                if time.monotonic() > deadline:
                    pytest.skip("transformers serve is not up after 60 seconds")
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1", str(folder)
    finally:
        process.terminate()
        process.wait()


def alone(asking: Coroutine[Any, Any, T]) -> T:
    """In a thread of its own: a browser that another test opened keeps a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asking).result()


def test_replies_of_a_real_server_are_read_counted_and_stored(
    served: tuple[str, str], tmp_path: Path
) -> None:
    url, model = served

    async def ask() -> tuple[list[str], Spending]:
        async with LLM(model, tmp_path / "s", base_url=url, concurrency=2) as llm:
            replies = await asyncio.gather(
                *(
                    llm.ask(MESSAGES, max_tokens=n, temperature=0.0, top_logprobs=2)
                    for n in (3, 4, 5)
                )
            )
            assert all(reply.tokens is None for reply in replies)
            assert {reply.finish_reason for reply in replies} <= {"length", "stop"}
            return [reply.text for reply in replies], llm.spending

    texts, spending = alone(ask())
    assert spending.paid.calls == 3 and spending.unmetered == 0
    assert spending.paid.prompt_tokens > 0
    assert 3 <= spending.paid.completion_tokens <= 12
    again, spending = alone(ask())
    assert again == texts
    assert (spending.paid.calls, spending.cached.calls) == (0, 3)


def test_noise_from_a_real_server_is_dropped_and_an_unknown_model_is_named(
    served: tuple[str, str], tmp_path: Path
) -> None:
    url, model = served

    async def ask(name: str) -> None:
        # This server now and then breaks a connection off while busy; that is not the premise.
        async with LLM(name, tmp_path / "s", base_url=url, retries=3) as llm:
            schema = Schema("any", {"type": "object"})
            await llm.structured(MESSAGES, schema, lambda value: value, max_tokens=8)

    with pytest.raises(CallFailed) as dropped:
        alone(ask(model))
    assert dropped.value.kind in ("truncated", "malformed")
    with pytest.raises((InputError, CallFailed), match="pinned to"):
        alone(ask("no-such-model"))
