"""The text that annotators follow. Each judgement names the version that it followed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_TITLE = re.compile(r"# .+ \(version (\d+)\)\n")


@dataclass(frozen=True, slots=True)
class Guidelines:
    """Markdown, its version, and the sha256 of its text."""

    text: str
    version: int
    sha256: str

    @property
    def name(self) -> str:
        """As events name it: the version, and enough of the hash to tell an edited text."""
        return f"{self.version}:{self.sha256[:12]}"


@cache
def load_guidelines() -> Guidelines:
    """The guidelines that come with this labkit."""
    text = files("labkit.annotation").joinpath("guidelines.md").read_text(encoding="utf-8")
    title = _TITLE.match(text)
    if title is None:
        raise AssertionError("guidelines.md begins without '# TITLE (version N)'")
    return Guidelines(text, int(title[1]), hashlib.sha256(text.encode()).hexdigest())
