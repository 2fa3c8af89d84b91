"""The OpenAPI page describes the server, and Schemathesis finds nothing that breaks it."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from labkit.scoring.reranker import Reranker
from labkit.serving.app import build_app

POSTS = {"/", "/rerank", "/v1/rerank", "/v2/rerank", "/score", "/v1/score"}


def test_every_route_says_what_it_takes_and_gives(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    posts = {path for path, methods in schema["paths"].items() if "post" in methods}
    assert posts == POSTS
    for path in POSTS:
        operation = schema["paths"][path]["post"]
        assert operation["summary"] and operation["requestBody"]["required"]
        assert operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert {"401", "413", "422", "429", "504"} <= set(operation["responses"])
        for status in ("413", "422", "429"):
            answer = operation["responses"][status]["content"]["application/json"]["schema"]
            assert answer["$ref"].endswith("/Problem")
    assert {"/healthz", "/readyz", "/metrics"} <= set(schema["paths"])
    operations = [op["operationId"] for item in schema["paths"].values() for op in item.values()]
    assert len(operations) == len(set(operations))


@pytest.fixture(scope="module")
def schema(reranker: Reranker) -> BaseSchema:
    found: BaseSchema = schemathesis.openapi.from_asgi("/openapi.json", build_app(reranker))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", sorted(POSTS))
def test_schemathesis_finds_nothing(schema: BaseSchema, path: str, mode: GenerationMode) -> None:
    """Valid and invalid requests: no 5xx, and answers of the status, type and shape promised.

    Not that all of the right types is accepted: that two ids differ, or that a text is a time, the
    types do not say.
    """

    @given(case=schema[path]["POST"].as_strategy(generation_mode=mode))
    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    def holds(case: schemathesis.Case) -> None:
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    holds()
