"""Each format answers in its own shape, with the library's own scores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from labkit.records import Memory, Query, Ranking, Turn
from labkit.scoring.calibration import probability
from labkit.scoring.reranker import Reranker

QUERY = "Who mended it (the first time)?"
TEXTS = ["the roof was mended by Ana", "it cost 340 pounds", "", "not by Bo (she said).", "Bo?"]
RERANK_PATHS = ["/v2/rerank", "/v1/rerank", "/rerank", "/"]


@pytest.fixture(scope="module")
def expected(reranker: Reranker) -> Ranking:
    memories = [Memory(str(i), text) for i, text in enumerate(TEXTS)]
    ranking = reranker.rerank(Query(QUERY), memories)
    assert [m.id for m in ranking.memories] != list("01234"), "an order that proves something"
    return ranking


def order(ranking: Ranking) -> list[int]:
    return [int(memory.id) for memory in ranking.memories]


def post(client: TestClient, path: str, body: dict[str, Any], **headers: str) -> Any:
    response = client.post(path, json=body, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("path", RERANK_PATHS)
def test_results_are_all_documents_with_the_librarys_probabilities(
    client: TestClient, expected: Ranking, path: str
) -> None:
    answer = post(client, path, {"model": None, "query": QUERY, "documents": TEXTS, "top_n": None})
    results = answer["results"]
    assert [r["index"] for r in results] == order(expected)
    scores = [r["relevance_score"] for r in results]
    np.testing.assert_allclose(scores, expected.probabilities, atol=1e-6)
    assert answer["id"] and answer["labkit"]["model"] == "tiny"


@pytest.mark.parametrize("path", RERANK_PATHS)
@pytest.mark.parametrize("top_n, count", [(2, 2), (0, 5), (10**12, 5), (5, 5)])
def test_top_n_cuts_the_list(
    client: TestClient, expected: Ranking, path: str, top_n: int, count: int
) -> None:
    answer = post(client, path, {"query": QUERY, "documents": TEXTS, "top_n": top_n})
    assert [r["index"] for r in answer["results"]] == order(expected)[:count]


def test_cohere_v2_returns_no_documents_unless_asked(client: TestClient) -> None:
    body = {"model": "rerank-v3.5", "query": QUERY, "documents": TEXTS}
    answer = post(client, "/v2/rerank", body)
    assert answer["meta"]["api_version"]["version"] == "2"
    assert all("document" not in r for r in answer["results"])
    answer = post(client, "/v2/rerank", {**body, "return_documents": True})
    assert all(r["document"]["text"] == TEXTS[r["index"]] for r in answer["results"])


@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank", "/"])
def test_jina_and_vllm_return_documents_unless_told_not_to(client: TestClient, path: str) -> None:
    body = {"query": QUERY, "documents": TEXTS}
    answer = post(client, path, body)
    assert all(r["document"]["text"] == TEXTS[r["index"]] for r in answer["results"])
    assert answer["model"] == "tiny"
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] > 0
    answer = post(client, path, {**body, "return_documents": False})
    assert all("document" not in r for r in answer["results"])


def test_cohere_v1_reads_the_named_fields_of_documents(
    client: TestClient, reranker: Reranker
) -> None:
    documents = [{"title": "Roof", "text": "by Ana"}, {"title": "Tea", "text": "Bo", "no": 7}]
    body = {"query": QUERY, "documents": documents, "rank_fields": ["title", "text"]}
    answer = post(client, "/v1/rerank", body)
    memories = [Memory("0", "Roof\nby Ana"), Memory("1", "Tea\nBo")]
    ranking = reranker.rerank(Query(QUERY), memories)
    assert [r["index"] for r in answer["results"]] == order(ranking)
    scores = [r["relevance_score"] for r in answer["results"]]
    np.testing.assert_allclose(scores, ranking.probabilities, atol=1e-6)


def test_tei_answers_a_bare_list(client: TestClient, expected: Ranking) -> None:
    body = {"query": QUERY, "texts": TEXTS}
    answer = post(client, "/rerank", body)
    assert [set(r) for r in answer] == [{"index", "score"}] * len(TEXTS)
    assert [r["index"] for r in answer] == order(expected)
    np.testing.assert_allclose([r["score"] for r in answer], expected.probabilities, atol=1e-6)
    answer = post(client, "/rerank", {**body, "raw_scores": True, "return_text": True})
    np.testing.assert_allclose([r["score"] for r in answer], expected.log_odds, atol=1e-5)
    assert [r["text"] for r in answer] == [TEXTS[r["index"]] for r in answer]


@pytest.mark.parametrize("path", ["/score", "/v1/score"])
@pytest.mark.parametrize(
    "names", [("text_1", "text_2"), ("queries", "documents"), ("data_1", "data_2")]
)
def test_vllm_scores_come_in_the_order_given(
    client: TestClient, expected: Ranking, path: str, names: tuple[str, str]
) -> None:
    answer = post(client, path, {names[0]: QUERY, names[1]: TEXTS})
    assert [item["index"] for item in answer["data"]] == list(range(len(TEXTS)))
    want = dict(zip(order(expected), expected.probabilities, strict=True))
    got = [item["score"] for item in answer["data"]]
    np.testing.assert_allclose(got, [want[i] for i in range(len(TEXTS))], atol=1e-6)
    assert answer["object"] == "list" and answer["data"][0]["object"] == "score"


def test_vllm_scores_pairs_of_two_lists(client: TestClient, reranker: Reranker) -> None:
    left, right = ["Who?", "Where?", "Who?"], ["Ana", "the roof", "Bo"]
    answer = post(client, "/score", {"text_1": left, "text_2": right})
    want = [
        reranker.rerank(Query(q), [Memory("0", d)]).probabilities[0]
        for q, d in zip(left, right, strict=True)
    ]
    np.testing.assert_allclose([item["score"] for item in answer["data"]], want, atol=1e-6)
    one = post(client, "/score", {"text_1": "Who?", "text_2": "Ana"})
    np.testing.assert_allclose([item["score"] for item in one["data"]], want[:1], atol=1e-6)


def test_memos_cloud_is_known_by_its_scheme(client: TestClient, expected: Ranking) -> None:
    body = {"model": "x", "query": QUERY, "documents": TEXTS}
    answer = post(client, "/", body, Authorization="Token abc")
    assert set(answer) == {"code", "message", "data"} and answer["code"] == 0
    assert [r["index"] for r in answer["data"]["results"]] == order(expected)


@pytest.mark.parametrize("path", [*RERANK_PATHS, "tei", "/score"])
def test_context_dates_speakers_and_instruction_are_read(
    client: TestClient, reranker: Reranker, path: str
) -> None:
    documents = [
        {"text": "mended the roof", "time": "2025-03-02", "speaker": "Ana", "id": "a"},
        {"text": "mended it again", "time": "2026-03-02T10:00", "speaker": "Bo", "id": 7},
        "nothing of the kind",
    ]
    body = {
        "query": "And in March?",
        "documents": documents,
        "context": [{"speaker": "Ana", "text": "The roof!"}, {"speaker": "Bo", "text": "Again?"}],
        "query_time": "2026-03-14",
        "instruction": "Find the person",
    }
    query = Query(
        "And in March?",
        context=(Turn("Ana", "The roof!"), Turn("Bo", "Again?")),
        time="2026-03-14",
        instruction="Find the person",
    )
    memories = [
        Memory("0", "mended the roof", "2025-03-02", "Ana"),
        Memory("1", "mended it again", "2026-03-02T10:00", "Bo"),
        Memory("2", "nothing of the kind"),
    ]
    ranking = reranker.rerank(query, memories)
    want = dict(zip(order(ranking), ranking.probabilities, strict=True))
    if path == "tei":
        body["texts"] = body.pop("documents")
        got = {r["index"]: r["score"] for r in post(client, "/rerank", body)}
    elif path == "/score":
        body["queries"] = body.pop("query")
        got = {r["index"]: r["score"] for r in post(client, path, body)["data"]}
    else:
        results = post(client, path, body)["results"]
        got = {r["index"]: r["relevance_score"] for r in results}
    assert got == pytest.approx(want, abs=1e-6)
    bare = reranker.rerank(Query("And in March?"), memories)
    assert max(abs(a - b) for a, b in zip(ranking.log_odds, bare.log_odds, strict=True)) > 0.01, (
        "what is read beside the question has to matter here"
    )


def test_ids_come_back_with_their_documents(client: TestClient) -> None:
    documents = [{"text": "a", "id": "x"}, {"text": "b", "id": 7}, "c"]
    body = {"query": QUERY, "documents": documents, "return_documents": True}
    results = post(client, "/v2/rerank", body)["results"]
    ids = {r["index"]: r["document"].get("id") for r in results}
    assert ids == {0: "x", 1: 7, 2: None}


@pytest.mark.parametrize("threshold, least", [(0.5, 0.5), ("balanced", 0.4), ("0.3", 0.3), (0, 0)])
def test_a_threshold_leaves_out_what_is_below(
    client: TestClient, expected: Ranking, threshold: object, least: float
) -> None:
    body = {"query": QUERY, "documents": TEXTS, "threshold": threshold}
    answer = post(client, "/v2/rerank", body)
    assert [r["index"] for r in answer["results"]] == [int(m.id) for m in expected.kept(least)]
    assert answer["labkit"]["threshold"] == least
    texts = {"query": QUERY, "texts": TEXTS, "threshold": threshold}
    assert [r["index"] for r in post(client, "/rerank", texts)] == [
        r["index"] for r in answer["results"]
    ]


def test_it_abstains_where_asked_and_where_nothing_answers(
    client: TestClient, reranker: Reranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ("not by Bo (she said).", "it cost 340 pounds")
    scores = [reranker.score(Query(QUERY), [Memory("0", text)])[0] for text in texts]
    ps = probability(np.array(scores))
    assert abs(ps[0] - ps[1]) > 1e-3
    assert reranker.abstention is not None
    between = replace(reranker.abstention, threshold=float(ps.mean()))
    monkeypatch.setattr(reranker, "abstention", between)
    for text, p in zip(texts, ps, strict=True):
        body = {"query": QUERY, "documents": [text], "abstain": True}
        answer = post(client, "/v2/rerank", body)
        says = answer["labkit"]
        assert says["answerable"] == pytest.approx(p, abs=1e-5)
        assert says["abstained"] == bool(p < ps.mean()) == (answer["results"] == [])
        body["abstain"] = False
        assert len(post(client, "/v2/rerank", body)["results"]) == 1


def test_what_could_not_be_read_to_its_end_is_named(client: TestClient) -> None:
    documents = ["short", "word " * 500]
    answer = post(client, "/v2/rerank", {"query": QUERY, "documents": documents})
    assert answer["labkit"]["truncated"] == [1]


def test_unknown_keys_are_read_over(client: TestClient) -> None:
    body = {"query": QUERY, "documents": TEXTS, "truncate_prompt_tokens": 5, "user": {"a": [1]}}
    for path in RERANK_PATHS:
        assert len(post(client, path, body)["results"]) == len(TEXTS)
