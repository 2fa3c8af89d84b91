from __future__ import annotations

from collections.abc import Sequence

import pytest

from labkit.synthesis.simulate import Life, simulate


@pytest.fixture(scope="session")
def lives() -> Sequence[Life]:
    return [simulate(7, index) for index in range(32)]
