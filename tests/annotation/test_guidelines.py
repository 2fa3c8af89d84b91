from __future__ import annotations

import hashlib
import re

from labkit.annotation.guidelines import load_guidelines
from labkit.records import LEVELS, NEGATIVE_KINDS


def test_every_level_has_a_good_and_a_bad_example() -> None:
    text = load_guidelines().text
    parts = re.split(r"\n\*\*(\d)\. (.+?)\*\* \((.+?)\)", text)
    found = list(zip(parts[1::4], parts[2::4], parts[4::4], strict=True))
    assert [int(number) for number, _, _ in found] == [5, 4, 3, 2, 1]
    for (_, name, rest), (_, level) in zip(found, LEVELS, strict=True):
        assert name.lower() == level
        section = rest.split("\n\n## ")[0]
        assert section.count("*Good:*") == section.count("*Bad:*") == 1


def test_every_negative_kind_is_explained_once() -> None:
    text = load_guidelines().text
    assert re.findall(r"^- `(\w+)`:", text, re.MULTILINE) == list(NEGATIVE_KINDS)
    assert "can't tell" in text


def test_the_name_tells_version_and_text() -> None:
    guidelines = load_guidelines()
    digest = hashlib.sha256(guidelines.text.encode()).hexdigest()
    assert guidelines.sha256 == digest
    assert guidelines.name == f"{guidelines.version}:{digest[:12]}"
