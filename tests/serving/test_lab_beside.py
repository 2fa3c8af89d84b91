from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from labkit.scoring.reranker import Reranker
from labkit.serving.app import LAB, build_app
from labkit.students.load import COSINE

GOOD = {"query": "Who?", "documents": ["Ana", "Bo"]}


@pytest.mark.slow
@pytest.mark.parametrize("key", [None, "sesame"])
def test_the_lab_stands_beside_the_api(reranker: Reranker, key: str | None) -> None:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    with TestClient(build_app(reranker, key=key, lab=COSINE)) as client:
        page = client.get(f"{LAB}/")
        assert page.status_code == 200 and "gradio" in page.text
        config = client.get(f"{LAB}/config")
        if key is None:
            assert any("Inspect" in str(c) for c in config.json()["components"])
        else:
            assert config.status_code == 401
            login = {"username": "labkit", "password": "wrong"}
            assert client.post(f"{LAB}/login", data=login).status_code == 400
            login["password"] = key
            assert client.post(f"{LAB}/login", data=login).status_code == 200
            assert client.get(f"{LAB}/config").status_code == 200
        assert client.post("/v2/rerank", json=GOOD, headers=headers).status_code == 200
        assert client.post("/v2/rerank", json=GOOD).status_code == (200 if key is None else 401)
