"""Keys, lengths, counting, logs: what a request passes before it is read."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from labkit.scoring.reranker import Reranker
from labkit.serving.app import build_app
from labkit.serving.limits import Limits

GOOD = {"query": "Who?", "documents": ["Ana", "Bo"]}
BODY = json.dumps(GOOD).encode()
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def locked(reranker: Reranker) -> Iterator[TestClient]:
    with TestClient(build_app(reranker, Limits(body_bytes=1_000), key="sesame-1")) as client:
        yield client


@pytest.mark.parametrize(
    "header, status",
    [
        ("Bearer sesame-1", 200),
        ("bearer sesame-1", 200),
        ("Token sesame-1", 200),
        ("Bearer sesame-2", 401),
        ("Bearer sesame-", 401),
        ("Bearer ", 401),
        ("Basic sesame-1", 401),
        ("sesame-1", 401),
        (None, 401),
    ],
)
def test_a_key_is_asked_for(locked: TestClient, header: str | None, status: int) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = locked.post("/v2/rerank", json=GOOD, headers=headers)
    assert response.status_code == status
    if status == 401:
        assert response.headers["www-authenticate"] == "Bearer"
        assert "sesame" not in response.text


def test_a_key_in_other_bytes_is_no_crash(locked: TestClient) -> None:
    response = locked.post("/v2/rerank", json=GOOD, headers={b"authorization": b"Bearer \xff\xe9"})
    assert response.status_code == 401


def test_all_but_health_needs_the_key(locked: TestClient) -> None:
    assert locked.get("/healthz").status_code == locked.get("/readyz").status_code == 200
    for path in ("/metrics", "/openapi.json", "/nowhere"):
        assert locked.get(path).status_code == 401
        answer = locked.get(path, headers={"Authorization": "Bearer sesame-1"})
        assert answer.status_code == (404 if path == "/nowhere" else 200)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size, status", [(1_000, 200), (1_001, 413), (3_000, 413), (9_000, 413)])
def test_a_body_is_read_up_to_its_limit(
    locked: TestClient, chunked: bool, size: int, status: int
) -> None:
    body = json.dumps({**GOOD, "pad": ""}).encode()
    body = body[:-2] + b"x" * (size - len(body)) + body[-2:]
    assert len(body) == size
    parts = (body[i : i + 100] for i in range(0, size, 100))
    headers = {**JSON, "Authorization": "Bearer sesame-1"}
    response = locked.post("/v2/rerank", content=parts if chunked else body, headers=headers)
    assert response.status_code == status
    assert status == 200 or "1000 bytes" in response.json()["error"]


def test_a_request_keeps_its_id(client: TestClient) -> None:
    response = client.post("/v2/rerank", json=GOOD, headers={"x-request-id": "abc-1"})
    assert response.headers["x-request-id"] == response.json()["id"] == "abc-1"
    for odd in ("a b", "x" * 200, "{}"):
        response = client.post("/v2/rerank", json=GOOD, headers={"x-request-id": odd})
        assert response.headers["x-request-id"] == response.json()["id"] != odd


def test_a_line_is_written_without_texts(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "labkit.serving.requests")
    body = {"query": "Where is the blue pot?", "documents": ["under the blue pot", "tea"]}
    client.post("/v2/rerank?note=blue", json=body)
    client.post("/v2/rerank", json={**body, "top_n": "blue"})
    client.post("/blue/pot", json=body)
    lines = [json.loads(record.getMessage()) for record in caplog.records]
    assert [(line["route"], line["status"]) for line in lines] == [
        ("/v2/rerank", 200),
        ("/v2/rerank", 422),
        ("other", 404),
    ]
    assert lines[0]["documents"] == 2 and lines[0]["tokens"] > 10 and lines[0]["ms"] > 0
    assert "blue" not in caplog.text


def test_what_fails_inside_is_a_500_and_a_place(
    reranker: Reranker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "labkit.serving")
    with TestClient(build_app(reranker), raise_server_exceptions=False) as client:

        def broken(groups: object) -> object:
            raise RuntimeError("could not read 'under the blue pot'")

        with monkeypatch.context() as patch:
            patch.setattr(reranker, "score_groups", broken)
            response = client.post("/v2/rerank", json=GOOD)
        assert response.status_code == 500 and response.json()["error_type"] == "internal"
        assert client.post("/v2/rerank", json=GOOD).status_code == 200, "the thread lives on"
    line = json.loads(
        next(r.getMessage() for r in caplog.records if r.getMessage().startswith("{"))
    )
    assert line["error"] == "RuntimeError" and line["at"]
    assert "blue pot" not in response.text + caplog.text


def sample(text: str, name: str) -> float:
    line = next(line for line in text.splitlines() if line.startswith(name + " "))
    return float(line.rpartition(" ")[2])


def test_metrics_count(reranker: Reranker) -> None:
    with TestClient(build_app(reranker)) as client:
        for _ in range(3):
            client.post("/v2/rerank", json=GOOD)
        client.post("/v2/rerank", json={})
        text = client.get("/metrics").text
    assert sample(text, 'labkit_requests_total{route="/v2/rerank",status="200"}') == 3
    assert sample(text, 'labkit_requests_total{route="/v2/rerank",status="422"}') == 1
    assert sample(text, "labkit_documents_total") == 6
    assert sample(text, "labkit_documents_waiting") == 0
    assert sample(text, "labkit_queue_seconds_count") == 3
    assert sample(text, "process_resident_memory_bytes") > 1e7


def test_ready_until_it_stops(reranker: Reranker) -> None:
    app = build_app(reranker)
    with TestClient(app) as client:
        assert client.get("/readyz").json()["ready"] is True
        app.app.state.service.batcher.close()  # type: ignore[attr-defined]
        response = client.get("/readyz")
        assert response.status_code == 503 and response.json()["ready"] is False
        assert client.get("/healthz").status_code == 200
        response = client.post("/v2/rerank", json=GOOD)
        assert response.status_code == 503 and response.headers["retry-after"] == "1"
