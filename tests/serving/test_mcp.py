"""Reranking as an MCP tool, called by a real client: in process, over HTTP, over stdio."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

pytest.importorskip("mcp")
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from starlette.testclient import TestClient

from labkit.records import Memory, Query, Ranking, Turn
from labkit.scoring.reranker import Reranker
from labkit.serving.app import build_app
from labkit.serving.batching import Batcher
from labkit.serving.limits import Limits
from labkit.serving.mcp import build_mcp
from tests.serving.process import serving

MEMORIES: list[Any] = [
    "it cost 340 pounds",
    {"text": "mended the roof", "time": "2025-03-02", "speaker": "Ana", "id": "a"},
    {"text": "mended it again", "speaker": "Bo"},
]
CALL: dict[str, Any] = {
    "query": "And in March?",
    "memories": MEMORIES,
    "context": [{"speaker": "Ana", "text": "The roof!"}],
    "query_time": "2026-03-14",
    "instruction": "Find the person",
}


@pytest.fixture(scope="module")
def expected(reranker: Reranker) -> Ranking:
    query = Query(
        "And in March?",
        context=(Turn("Ana", "The roof!"),),
        time="2026-03-14",
        instruction="Find the person",
    )
    memories = [
        Memory("0", "it cost 340 pounds"),
        Memory("1", "mended the roof", "2025-03-02", "Ana"),
        Memory("2", "mended it again", None, "Bo"),
    ]
    return reranker.rerank(query, memories)


@pytest.fixture(scope="module")
def batcher(reranker: Reranker) -> Iterator[Batcher]:
    made = Batcher(reranker, waiting=1_000, seconds=30)
    made.start()
    yield made
    made.close()


def called(server: Any, *calls: dict[str, Any]) -> list[Any]:
    """The results of calls of the tool, all on one connection."""

    async def run() -> list[Any]:
        async with Client(server) as client:
            return [await client.call_tool("rerank_memories", call) for call in calls]

    return anyio.run(run)


def check(result: Any, expected: Ranking) -> None:
    assert not result.is_error, result.content
    found = result.structured_content
    assert [m["index"] for m in found["memories"]] == [int(m.id) for m in expected.memories]
    got = [m["probability"] for m in found["memories"]]
    assert got == pytest.approx(list(expected.probabilities), abs=1e-5)
    assert found["answerable"] == pytest.approx(expected.answerable, abs=1e-5)
    assert found["left_out"] == 0
    assert {m["text"] for m in found["memories"]} == {m.text for m in expected.memories}


def test_a_client_finds_the_tool_and_what_it_takes(batcher: Batcher) -> None:
    async def listed() -> Any:
        async with Client(build_mcp(batcher, Limits())) as client:
            return (await client.list_tools()).tools

    (tool,) = anyio.run(listed)
    properties = tool.input_schema["properties"]
    assert set(tool.input_schema["required"]) == {"query", "memories"}
    assert {"context", "query_time", "instruction", "threshold", "top_n"} < set(properties)
    assert "balanced (0.40)" in tool.description
    assert tool.output_schema and tool.annotations.read_only_hint


def test_a_call_gives_the_librarys_ranking(batcher: Batcher, expected: Ranking) -> None:
    server = build_mcp(batcher, Limits())
    plain, best, least = called(
        server, CALL, {**CALL, "top_n": 1}, {**CALL, "threshold": "balanced"}
    )
    check(plain, expected)
    assert [m["index"] for m in best.structured_content["memories"]] == [
        int(expected.memories[0].id)
    ]
    assert best.structured_content["left_out"] == 2
    kept = [int(m.id) for m in expected.kept(0.4)]
    assert [m["index"] for m in least.structured_content["memories"]] == kept


def test_what_cannot_be_used_is_an_error_with_a_reason(batcher: Batcher) -> None:
    bad: list[tuple[dict[str, Any], str]] = [
        ({"memories": []}, "memories"),
        ({"memories": ["a", 5]}, "memories"),
        ({"memories": [{"text": "a", "id": 1}, {"text": "b", "id": 1}]}, "another"),
        ({"memories": ["a"] * 6}, "at most 5"),
        ({"query": " "}, "query"),
        ({"query_time": "soon"}, "ISO 8601"),
        ({"threshold": "strict"}, "balanced"),
        ({"top_n": 0}, "top_n"),
    ]
    server = build_mcp(batcher, Limits(documents=5))
    results = called(server, *({**CALL, **fields} for fields, _ in bad), CALL)
    for result, (fields, part) in zip(results, bad, strict=False):
        assert result.is_error and part in result.content[0].text, fields
    assert not results[-1].is_error


def test_http_asks_for_the_key(reranker: Reranker) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"accept": "application/json, text/event-stream", "host": "127.0.0.1:8080"}
    elsewhere = {**headers, "host": "box.example:8080"}
    with TestClient(build_app(reranker, mcp=True)) as client:
        assert client.post("/mcp", json=body, headers=headers).status_code < 400
        assert client.post("/mcp", json=body, headers=elsewhere).status_code == 421
    with TestClient(build_app(reranker, mcp=True, local=False)) as client:
        assert client.post("/mcp", json=body, headers=elsewhere).status_code < 400
    with TestClient(build_app(reranker, key="sesame", mcp=True)) as client:
        assert client.post("/mcp", json=body, headers=headers).status_code == 401
        assert client.post("/mcp", json=body, headers=elsewhere).status_code == 401
        named = {**headers, "authorization": "Bearer sesame"}
        for each in (named, {**elsewhere, **named, "host": "box.example:8080"}):
            assert client.post("/mcp", json=body, headers=each).status_code < 400
        good = {"query": "a", "documents": ["b"]}
        assert client.post("/v2/rerank", json=good, headers=named).status_code == 200


@pytest.mark.slow
def test_over_http_in_another_process(checkpoint: Path, tmp_path: Path, expected: Ranking) -> None:
    with serving(checkpoint, tmp_path / "log", "--mcp") as server:
        for result in called(f"{server.url}/mcp", CALL, CALL):
            check(result, expected)
        assert server.stop() == 0
        assert "mended" not in server.log.read_text()


@pytest.mark.slow
def test_over_stdio_in_another_process(checkpoint: Path, expected: Ranking) -> None:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "labkit", "mcp", "--model", str(checkpoint), "--device", "cpu"],
        env={"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )
    for result in called(server, CALL, CALL):
        check(result, expected)
