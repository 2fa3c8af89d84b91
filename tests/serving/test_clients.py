"""Clients that people have, against the running server."""

from __future__ import annotations

import json
import subprocess
import threading
from typing import Any

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.records import Memory, Query, Ranking
from labkit.scoring.reranker import Reranker
from tests.serving.process import Server

pytestmark = pytest.mark.slow

QUERY = "Who mended it?"
TEXTS = ["the roof was mended by Ana", "it cost 340 pounds", "not by Bo (she said)."]


@pytest.fixture(scope="module")
def expected(reranker: Reranker) -> Ranking:
    return reranker.rerank(Query(QUERY), [Memory(str(i), text) for i, text in enumerate(TEXTS)])


def check(got: list[tuple[int, float]], expected: Ranking) -> None:
    assert [index for index, _ in got] == [int(memory.id) for memory in expected.memories]
    np.testing.assert_allclose([p for _, p in got], expected.probabilities, atol=1e-5)


def test_curl(server: Server, expected: Ranking) -> None:
    body = json.dumps({"query": QUERY, "documents": TEXTS})
    command = ["curl", "-sS", f"{server.url}/v2/rerank", "--json", body]
    out = subprocess.run(command, capture_output=True, check=True, text=True, timeout=30).stdout
    check([(r["index"], r["relevance_score"]) for r in json.loads(out)["results"]], expected)


def test_cohere_v2(server: Server, expected: Ranking) -> None:
    cohere = pytest.importorskip("cohere")
    client = cohere.ClientV2("no-key", base_url=server.url)
    answer = client.rerank(model="rerank-v3.5", query=QUERY, documents=TEXTS, top_n=3)
    check([(r.index, r.relevance_score) for r in answer.results], expected)
    assert answer.id and answer.meta.api_version.version == "2"
    with pytest.raises(cohere.UnprocessableEntityError) as refused:
        client.rerank(model="rerank-v3.5", query=QUERY, documents=[])
    assert "documents" in str(refused.value.body)


def test_cohere_v1(server: Server, expected: Ranking) -> None:
    cohere = pytest.importorskip("cohere")
    client = cohere.Client("no-key", base_url=server.url)
    answer = client.rerank(query=QUERY, documents=TEXTS, return_documents=True)
    check([(r.index, r.relevance_score) for r in answer.results], expected)
    assert [r.document.text for r in answer.results] == [TEXTS[r.index] for r in answer.results]
    objects: list[Any] = [{"text": text, "note": "x"} for text in TEXTS]
    answer = client.rerank(query=QUERY, documents=objects, rank_fields=["text"])
    check([(r.index, r.relevance_score) for r in answer.results], expected)


@pytest.mark.parametrize(
    "provider, path",
    [
        ("cohere", "/v1/rerank"),
        ("jina", "/v1/rerank"),
        ("jina", "/rerank"),
        ("text-embeddings-inference", "/rerank"),
    ],
)
def test_rerankers(server: Server, expected: Ranking, provider: str, path: str) -> None:
    api_rankers = pytest.importorskip("rerankers.models.api_rankers")
    ranker = api_rankers.APIRanker("any", "no-key", provider, verbose=0, url=server.url + path)
    results = ranker.rank(QUERY, TEXTS).results
    check([(r.document.doc_id, r.score) for r in results], expected)


def test_mem0s_own_cohere_class(
    server: Server, expected: Ranking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its client takes the address from cohere's own variable, read when cohere is imported."""
    pytest.importorskip("mem0")
    cohere = pytest.importorskip("cohere")
    from mem0.configs.rerankers.cohere import CohereRerankerConfig
    from mem0.reranker.cohere_reranker import CohereReranker

    made = CohereReranker(CohereRerankerConfig(api_key="no-key"))
    made.client = cohere.Client("no-key", base_url=server.url)
    found = made.rerank(QUERY, [{"id": str(i), "memory": t} for i, t in enumerate(TEXTS)])
    check([(int(item["id"]), item["rerank_score"]) for item in found], expected)


@pytest.mark.parametrize(
    "body", [b"<html>log in</html>", b"[]", b'{"results": [{"index": 0, "relevance_score": 1}]}']
)
def test_a_server_that_is_not_labkits_is_a_failed_connection(body: bytes) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer

    from labkit.serving.client import RemoteReranker

    class Other(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        client = RemoteReranker(f"http://127.0.0.1:{other.server_port}")
        with pytest.raises(ConnectionError, match="not as `labkit serve` does"):
            client.rerank(Query("Who?"), [Memory("0", "Ana.")])
        other.shutdown()
        thread.join()
    assert client.threshold("0.5") == 0.5
    with pytest.raises(InputError, match="expected a number from 0 to 1"):
        client.threshold(7.0)
