"""Whatever is sent: a ranking, or a 4xx with a reason. Never a 5xx, never half a list."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from labkit.scoring.reranker import Reranker
from labkit.serving.app import build_app
from labkit.serving.limits import Limits

RERANK = ["/v2/rerank", "/v1/rerank", "/rerank", "/"]
PATHS = [*RERANK, "/score", "/v1/score"]
JSON = {"content-type": "application/json"}
GOOD: dict[str, Any] = {"query": "Who?", "documents": ["Ana", "Bo"]}


def check_problem(response: Any, status: int, part: str = "") -> None:
    assert response.status_code == status, response.text
    body = response.json()
    assert body["error"] == body["message"] == body["detail"] and part in body["error"]
    assert body["code"] == status and body["error_type"]
    assert "\n" not in body["error"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"nonsense", b"\xff\xfe", b'{"query": NaN}', b'{"query": "\\ud800"}',
        b'{"query": "a", "documents": [Infinity]}', b"[" * 100_000, b'{"a":' * 100_000,
        b'{"query": "Who?", "documents": ["a", "b\xed\xa0\x80"]}', b'{"query": "Who?"',
    ],
    ids=lambda body: repr(body[:30]),
)  # fmt: skip
@pytest.mark.parametrize("path", PATHS)
def test_what_is_no_json_is_refused(client: TestClient, path: str, body: bytes) -> None:
    response = client.post(path, content=body, headers=JSON)
    assert response.status_code in (400, 422)
    check_problem(response, response.status_code)


BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"query": None}, "query"),
    ({"query": 5}, "query"),
    ({"query": ""}, "query"),
    ({"query": " \t\n"}, "query"),
    ({"query": ["Who?"]}, "query"),
    ({"documents": None}, "documents"),
    ({"documents": []}, "documents"),
    ({"documents": "Ana"}, "documents"),
    ({"documents": {"0": "Ana"}}, "documents"),
    ({"documents": ["Ana", None]}, "documents[1]"),
    ({"documents": ["Ana", 5, "Bo"]}, "documents[1]"),
    ({"documents": [["Ana"]]}, "documents[0]"),
    ({"documents": [{}]}, "documents[0].text"),
    ({"documents": [{"text": None}]}, "documents[0].text"),
    ({"documents": [{"text": 5}]}, "documents[0].text"),
    ({"documents": [{"text": "a", "time": "yesterday"}]}, "documents[0].time"),
    ({"documents": [{"text": "a", "time": 2025}]}, "documents[0].time"),
    ({"documents": [{"text": "a", "speaker": ["Ana"]}]}, "documents[0].speaker"),
    ({"documents": [{"text": "a", "id": "x"}, {"text": "b", "id": "x"}]}, "documents[1].id"),
    ({"documents": [{"text": "a", "id": 1}, {"text": "b", "id": "1"}]}, "documents[1].id"),
    ({"top_n": -1}, "top_n"),
    ({"top_n": 1.5}, "top_n"),
    ({"top_n": "2"}, "top_n"),
    ({"top_n": True}, "top_n"),
    ({"top_n": [2]}, "top_n"),
    ({"context": "earlier"}, "context"),
    ({"context": [{"speaker": "Ana"}]}, "context[0].text"),
    ({"context": [{"speaker": "Ana", "text": "a", "time": "noon"}]}, "context[0].time"),
    ({"query_time": "soon"}, "query_time"),
    ({"query_time": "2026-02-30"}, "query_time"),
    ({"instruction": 5}, "instruction"),
    ({"threshold": "strict"}, "threshold"),
    ({"threshold": "nan"}, "threshold"),
    ({"threshold": "\u00e9"}, "threshold"),
    ({"threshold": 1.5}, "threshold"),
    ({"threshold": -0.1}, "threshold"),
    ({"threshold": [0.5]}, "threshold"),
    ({"abstain": "yes"}, "abstain"),
]


@pytest.mark.parametrize("fields, part", BAD_FIELDS, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("path", RERANK)
def test_a_field_that_cannot_be_used_is_named(
    client: TestClient, path: str, fields: dict[str, Any], part: str
) -> None:
    check_problem(client.post(path, json={**GOOD, **fields}), 422, part)


@pytest.mark.parametrize(
    "body, part",
    [
        ({}, "text_1"),
        ({"text_1": "a"}, "text_2"),
        ({"text_1": "a", "queries": "b", "text_2": "c"}, "text_1 and queries"),
        ({"text_1": [], "text_2": "c"}, "text_1"),
        ({"text_1": "a", "text_2": []}, "text_2"),
        ({"text_1": ["a", "b"], "text_2": ["c"]}, "2 texts"),
        ({"text_1": ["a", " "], "text_2": ["c", "d"]}, "text_1"),
        ({"text_1": "a", "text_2": ["c", 1]}, "text_2[1]"),
        ({"text_1": {"a": 1}, "text_2": "c"}, "text_1"),
    ],
)
def test_scores_need_two_sides(client: TestClient, body: dict[str, Any], part: str) -> None:
    check_problem(client.post("/score", json=body), 422, part)


@pytest.mark.parametrize("body", [None, 5, "text", [], [GOOD], True])
@pytest.mark.parametrize("path", PATHS)
def test_the_body_is_an_object(client: TestClient, path: str, body: Any) -> None:
    check_problem(client.post(path, content=json.dumps(body), headers=JSON), 422)


def test_a_reason_does_not_quote_a_memory(client: TestClient) -> None:
    secret = "the key is under the blue pot"
    for fields in ({"documents": [secret, 5]}, {"query": [secret]}, {"query_time": secret}):
        response = client.post("/v2/rerank", json={**GOOD, **fields})
        assert response.status_code == 422 and "blue pot" not in response.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_refused(client: TestClient, kind: str) -> None:
    headers = {"content-type": kind}
    response = client.post("/v2/rerank", content=json.dumps(GOOD), headers=headers)
    check_problem(response, 415, "application/json")


def test_paths_and_methods_that_are_not_there(client: TestClient) -> None:
    check_problem(client.post("/v3/rerank", json=GOOD), 404)
    check_problem(client.get("/v2/rerank"), 405)


def test_too_many_documents_are_refused(reranker: Reranker) -> None:
    with TestClient(build_app(reranker, Limits(documents=3))) as client:
        for path, key in (("/v2/rerank", "documents"), ("/rerank", "texts")):
            check_problem(client.post(path, json={"query": "a", key: ["b"] * 4}), 413, "at most 3")
            assert client.post(path, json={"query": "a", key: ["b"] * 3}).status_code == 200
        many = {"text_1": [str(i) for i in range(4)], "text_2": ["b"] * 4}
        check_problem(client.post("/score", json=many), 413, "at most 3")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text("abctx", max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.sampled_from(PATHS),
    documents=st.lists(ANYTHING, max_size=5) | ANYTHING,
    extra=st.dictionaries(
        st.sampled_from(
            ["query", "top_n", "threshold", "context", "abstain", "texts", "text_1", "text_2"]
        ),
        ANYTHING,
    ),
)
def test_any_json_gives_all_results_or_a_reason(
    client: TestClient, path: str, documents: Any, extra: dict[str, Any]
) -> None:
    response = client.post(path, json={"query": "Who?", "documents": documents, **extra})
    if response.status_code != 200:
        assert 400 <= response.status_code < 500
        check_problem(response, response.status_code)
    elif "results" in response.json() and not {"top_n", "threshold", "abstain"} & set(extra):
        results = response.json()["results"]
        assert sorted(r["index"] for r in results) == list(range(len(documents)))
        assert all(0 <= r["relevance_score"] <= 1 for r in results)


@pytest.mark.parametrize(
    "text",
    ["\u0000", "\u202e right to left", "e\u0301" * 300, "\U0001f468\u200d\U0001f469",
     "\ufffe\uffff", "a" * 100_000, "\n\r\t", "[CLS] [SEP] [PAD]", "<|im_end|>", "\x1b[31m"],
    ids=lambda text: ascii(text)[:20],
)  # fmt: skip
def test_odd_text_is_ranked(client: TestClient, text: str) -> None:
    body = {"query": f"a {text}", "documents": [text, "Ana"], "return_documents": True}
    response = client.post("/v2/rerank", json=body)
    assert response.status_code == 200
    results = response.json()["results"]
    assert {r["index"]: r["document"]["text"] for r in results} == {0: text, 1: "Ana"}
