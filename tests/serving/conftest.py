from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

# Packages that the hooks are tested against tell their makers that they were imported.
os.environ["MEM0_TELEMETRY"] = "False"
os.environ["GRAPHITI_TELEMETRY_ENABLED"] = "false"

import pytest
from starlette.testclient import TestClient

from labkit.scoring import abstention, calibration
from labkit.scoring.abstention import Abstention
from labkit.scoring.reranker import Reranker
from labkit.serving.app import build_app
from labkit.students.encoder import EncoderStudent
from labkit.students.tiny import tiny_encoder
from tests.serving.process import Server, serving

ABSTENTION = Abstention(
    weights=(1.0, 0.0, 0.0, 0.0, 0.0),
    intercept=0.0,
    mean=(0.0,) * 5,
    deviation=(1.0,) * 5,
    low=(-50.0,) * 5,
    high=(50.0,) * 5,
    threshold=0.5,
)
"""Says of a query what the logistic function says of its greatest score."""


def tiny_reranker() -> Reranker:
    """A random encoder that is calibrated, has operating points and knows how to abstain."""
    student = EncoderStudent(*tiny_encoder()).eval()
    student.card = replace(
        student.card,
        calibration=calibration.to_json(calibration.Platt(slope=2.0, shift=-0.5)),
        abstention=abstention.to_json(ABSTENTION),
        thresholds={"balanced": 0.4, "careful": 0.1},
    )
    return Reranker(student, "tiny")


@pytest.fixture(scope="session")
def reranker() -> Reranker:
    return tiny_reranker()


@pytest.fixture(scope="session")
def client(reranker: Reranker) -> Iterator[TestClient]:
    with TestClient(build_app(reranker), raise_server_exceptions=True) as client:
        yield client


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, reranker: Reranker) -> Path:
    """The tiny reranker as a folder."""
    folder: Path = tmp_path_factory.mktemp("model") / "tiny"
    reranker.student.save(folder)
    return folder


@pytest.fixture(scope="session")
def server(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The tiny reranker behind ``labkit serve``, for the whole session."""
    log = tmp_path_factory.mktemp("server") / "log"
    with serving(checkpoint, log, "--read-timeout", "2", "--max-body-mb", "1") as server:
        yield server
