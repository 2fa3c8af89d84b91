from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.evaluation.results import QueryResult, Row, write_row
from labkit.students.card import Card
from labkit.students.encoder import EncoderStudent
from labkit.training.export import export, model_card

CARD = Card(
    family="encoder",
    head={"similarity": 7.5},
    base={"id": "sentence-transformers/all-MiniLM-L6-v2"},
    thresholds={"keep": 0.41},
    operating_points={"keep": {"rule": "precision at least 0.8"}},
    training={
        "labkit": "0.1.0",
        "command": "labkit train mini --data lives=assets/lives --out runs/mini",
        "seed": 3,
        "precision": "float32",
        "device": "cpu",
        "versions": {"torch": "2.13.0"},
        "data": {"lives": {"queries": 1234, "sha256": "ab" * 32}},
        "dev": {"map": 0.612, "sets": {"lives": 0.612}, "log_loss": 0.2},
    },
    description="A student of this test.",
)


def result(folder: Path) -> Path:
    queries = tuple(
        QueryResult(id=f"q{i}", kind="update", ranked=4, gains=((rank, 1.0),), ids=("m1",))
        for i, rank in enumerate((1, 2, 4))
    )
    row = Row(
        name="student",
        benchmark="made up dev",
        protocol={},
        data={"sha256": "0" * 64},
        settings={},
        ranker={},
        command="labkit eval",
        place=0,
        code={},
        queries=queries,
    )
    write_row(folder / "student.result.json", row)
    return folder


def test_a_model_card_says_what_made_the_student_and_what_it_is_worth(tmp_path: Path) -> None:
    from labkit.evaluation.results import read_rows

    text = model_card(CARD, read_rows([result(tmp_path)]))
    for words in (
        "license: apache-2.0",
        "base_model: sentence-transformers/all-MiniLM-L6-v2",
        "labkit train mini --data lives=assets/lives --out runs/mini",
        "| lives | 1,234 | abababab",
        "Seed 3",
        "7.500 times the late interaction",
        "| keep | 0.410 | precision at least 0.8 |",
        "Dev MAP 0.612",
        "## Limits",
    ):
        assert words in text, words
    assert "render_age" not in text and "render_age" in model_card(replace(CARD, ages=True))
    mean = np.mean([1, 1 / 2, 1 / 4])
    assert f"| made up dev | student | {mean:.3f} | {mean:.3f} |" in text


def test_a_card_that_knows_little_is_still_a_card() -> None:
    text = model_card(Card(family="decoder"))
    assert "not recorded" in text and 'logit("yes") - logit("no")' in text


@pytest.fixture
def student(encoder: EncoderStudent, tmp_path: Path) -> Path:
    encoder.save(tmp_path / "student")
    return tmp_path / "student"


def test_an_export_appears_whole_or_not_at_all(student: Path, tmp_path: Path) -> None:
    out = tmp_path / "stock"
    bad = tmp_path / "bad.result.json"
    bad.write_text("{")
    with pytest.raises(InputError, match="expected a result that this version"):
        export(student, out, [bad])
    assert not out.exists() and not list(tmp_path.glob(".stock*"))
    export(student, out, [result(tmp_path / "results")])
    names = {path.name for path in out.iterdir()}
    assert {"README.md", "labkit.json", "config.json", "model.safetensors"} <= names
    assert "made up dev" in (out / "README.md").read_text()
    assert not list(tmp_path.glob(".stock*"))


def test_what_cannot_be_exported_is_one_line(student: Path, tmp_path: Path) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "mine.txt").touch()
    cosine = Path(__file__).parents[2] / "assets/models/minilm-cosine"
    for source, out, expected in (
        (student, used, "is in use, expected a new folder"),
        (tmp_path / "nowhere", tmp_path / "out", "no such folder, expected a student"),
        (cosine, tmp_path / "out", "is a cosine student, which has no model to export"),
        (used, tmp_path / "out", "cannot be loaded"),
    ):
        with pytest.raises(InputError, match=expected) as caught:
            export(source, out)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out").exists()
