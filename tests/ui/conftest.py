from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.annotation.store import Store
from labkit.sources.lives import parse_life
from labkit.ui.bench import Bench
from labkit.ui.library import DATA, Collection, Library
from tests.ui.chromium import FLAGS, find_chromium, served
from tests.ui.made_up import hostile_life, roof_life


@pytest.fixture(scope="session", autouse=True)
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Scores and annotations of tests are nobody's: they go into a folder of their own."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder))
        patch.delenv("LABKIT_DATABASE_URL", raising=False)
        yield folder


@pytest.fixture
def library() -> Library:
    return Library([Collection.of(DATA, "made up", [parse_life(roof_life())])])


@pytest.fixture(scope="session")
def bench() -> Bench:
    return Bench(["minilm-cosine"])


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium: the system's, one on PATH, or playwright's own."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        found = find_chromium(driver)
        if found is None:
            message = "no Chromium; install it: apt-get install --no-install-recommends chromium"
            if os.environ.get("LABKIT_REQUIRE_BROWSER") == "1":
                pytest.fail(message)
            pytest.skip(message)
        chromium = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lab_url(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A lab with the made-up lives, serving."""
    from labkit.ui.lab import build_lab

    lives = [parse_life(roof_life()), parse_life(hostile_life())]
    store = Store(tmp_path_factory.mktemp("lab") / "annotations.sqlite")
    lab = build_lab(Library([Collection.of(DATA, "made up", lives)]), bench, store)
    with served(lab, 7960) as url:
        yield url
    store.close()
