"""Premise: the table of docs/scale.md is what its own formulas give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"


def test_the_formulas_of_the_page_print_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    text = PAGE.read_text()
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    exec(compile(code[1], str(PAGE), "exec"), {})
    printed = capsys.readouterr().out
    assert printed.count("\n") > 10 and printed in text


def test_each_measured_number_is_the_one_that_the_formulas_use() -> None:
    text = PAGE.read_text()
    for given, shown in (
        (r"pairs_a_core_second = (\d+)", "| pairs scored in a second of a processor | {} |"),
        (
            r"embedded_a_core_second = (\d+)",
            "| memories embedded in a second of a processor | {} |",
        ),
        (r"tokens_written = ([\d.]+), ", "| calls a memory, default options, one teacher | {} |"),
    ):
        found = re.search(given, text)
        assert found is not None and shown.format(found[1]) in text
