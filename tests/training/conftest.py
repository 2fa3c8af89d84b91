from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.made_up import write_set


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A data set for the recipe ``tiny``."""
    return {"lives": str(write_set(tmp_path_factory.mktemp("data") / "made-up"))}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run"
