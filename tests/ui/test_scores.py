from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.records import Example, Memory, Query
from labkit.scoring.calibration import probability
from labkit.scoring.reranker import Reranker
from labkit.ui.bench import Bench
from labkit.ui.scores import Batch, Scores

TEXTS = ("The roof leaks.", "Bread rose.", "Bo paid the rent.", "A cat saw a vet.")
MEMORIES = tuple(Memory(f"m{i}", text) for i, text in enumerate(TEXTS))


class Counting(Reranker):
    """Scores by the length of the text, counts, and may stop."""

    def __init__(self) -> None:
        super().__init__(Reranker.load("minilm-cosine").student, "counting")
        self.scored: list[str] = []
        self.stop_after: int | None = None

    def score(self, query: Query, memories: object) -> np.ndarray:  # type: ignore[override]
        if len(self.scored) == self.stop_after:
            raise KeyboardInterrupt
        self.scored.append(query.id)
        return np.array([float(len(memory.text)) for memory in memories])  # type: ignore[attr-defined]


class OneModel(Bench):
    def __init__(self) -> None:
        super().__init__(["counting"])
        self.model = Counting()

    def reranker(self, model: str) -> Reranker:
        if model not in self.models:
            raise InputError(f"no model {model!r} here")
        return self.model


def batch(count: int = 4, key: str = "k", **options: object) -> Batch:
    examples = [
        Example(Query(f"What of {text}", id=f"q{i}"), MEMORIES, {"m0": 1.0})
        for i, text in enumerate(TEXTS[:count])
    ]
    return Batch(key, (*examples, Example(Query("none", id="empty"), ())), **options)  # type: ignore[arg-type]


def test_scores_are_the_models_own_and_probabilities_are_calibrated(tmp_path: Path) -> None:
    bench = OneModel()
    found = Scores(bench, tmp_path).score("counting", batch())
    assert [each.example.id for each in found] == ["q0", "q1", "q2", "q3"], "no memory, no score"
    for each in found:
        assert each.memories == MEMORIES
        assert each.log_odds.tolist() == [float(len(text)) for text in TEXTS]
        expected = probability(bench.model.calibration(each.log_odds))
        np.testing.assert_array_equal(each.probabilities, expected)


def test_candidates_are_those_of_the_first_stage(tmp_path: Path) -> None:
    found = Scores(OneModel(), tmp_path).score("counting", batch(method="bm25", depth=2))
    assert [len(each.memories) for each in found] == [2] * 4
    assert found[2].memories[0].id == "m2", "BM25 puts the memory that the query repeats first"


def test_nothing_is_scored_twice_in_this_process_or_the_next(tmp_path: Path) -> None:
    first = OneModel()
    scores = Scores(first, tmp_path)
    assert scores.kept("counting", batch()) is None
    assert first.model.scored == [], "looking scores nothing"
    found = scores.score("counting", batch())
    assert len(first.model.scored) == 4
    again = OneModel()
    kept = Scores(again, tmp_path).kept("counting", batch(key="another name"))
    assert kept is not None and again.model.scored == []
    for one, two in zip(found, kept, strict=True):
        assert one.example.id == two.example.id
        np.testing.assert_array_equal(one.log_odds, two.log_odds)
    assert scores.kept("counting", batch(key="fewer", count=3)) is None, "other queries"
    assert scores.kept("counting", batch(depth=2)) is None, "other candidates"


def test_a_broken_off_run_goes_on_and_a_torn_or_foreign_line_is_scored_anew(tmp_path: Path) -> None:
    broken = OneModel()
    broken.model.stop_after = 2
    with pytest.raises(KeyboardInterrupt):
        Scores(broken, tmp_path).score("counting", batch())
    (path,) = tmp_path.iterdir()
    with path.open("a") as handle:  # a second lab wrote the same query, and tore its line
        handle.write(path.read_text().splitlines(keepends=True)[1])
        handle.write('{"query": "q3", "torn')
    again, seen = OneModel(), list[tuple[int, int]]()
    scores = Scores(again, tmp_path)
    assert scores.kept("counting", batch()) is None
    found = scores.score("counting", batch(), lambda done, total: seen.append((done, total)))
    assert again.model.scored == ["q2", "q3"]
    assert seen == [(2, 4), (3, 4), (4, 4)]
    assert [each.example.id for each in found] == ["q0", "q1", "q2", "q3"]
    assert Scores(OneModel(), tmp_path).kept("counting", batch()) is not None


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="expected a folder to keep scores in"):
        Scores(OneModel(), tmp_path / "file" / "scores").score("counting", batch())


def test_only_the_models_of_the_lab_can_score(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model 'gone'"):
        Scores(OneModel(), tmp_path).kept("gone", batch())


def test_a_run_says_how_far_it_is_and_passes_on_what_went_wrong(tmp_path: Path) -> None:
    scores = Scores(OneModel(), tmp_path)
    said = list(scores.scoring("counting", batch()))
    assert said and all(each["total"] == 4 for each in said)
    assert said[-1]["message"].startswith("Scoring with counting: 4 of 4 queries")
    assert scores.kept("counting", batch()) is not None
    with pytest.raises(InputError, match="no model 'gone'"):
        list(scores.scoring("gone", batch()))
