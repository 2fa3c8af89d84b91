from __future__ import annotations

import asyncio

import pytest

from labkit.scoring.reranker import Reranker
from tests.serving.load import jobs, load, warm
from tests.serving.process import Server


@pytest.mark.slow
def test_64_clients_get_the_librarys_scores(server: Server, reranker: Reranker) -> None:
    """Five seconds of what ``python -m tests.serving.load`` does for two minutes."""
    work = jobs(reranker, count=16, documents=10)
    warm(server, work)
    outcome = asyncio.run(load(server.url, work, clients=64, seconds=5))
    assert outcome.holds(), outcome.report()
