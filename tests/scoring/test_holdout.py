from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.records import Example, Memory, Query, write_examples
from labkit.scoring.holdout import Selection, model_digest, score_file
from labkit.scoring.reranker import Reranker, Scores
from labkit.sources import read_dialogues
from labkit.students.late import LateInteraction

TEXTS = ["The roof leaks.", "Bread rose.", "Bo paid the rent.", "A cat saw a vet."]


class Counting(Reranker):
    """Scores by the length of the text, and counts."""

    def __init__(self) -> None:
        super().__init__(Reranker.load().student, "counting")
        self.scored = 0
        self.stop_after: int | None = None

    def score_groups(self, groups, **_: object) -> list[Scores]:  # type: ignore[no-untyped-def]
        if self.scored == self.stop_after:
            raise KeyboardInterrupt
        self.scored += 1
        ((_query, memories),) = groups
        lengths = np.array([float(len(memory.text)) for memory in memories])
        return [Scores(lengths, logits=lengths / 2)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    memories = tuple(Memory(f"m{i}", text) for i, text in enumerate(TEXTS))
    write_examples(
        path,
        [
            Example(
                Query(f"What of {text}", id=f"q{i}", kind="odd" if i % 2 else "even"),
                memories,
                {f"m{i}": 1.0, "m0": 0.6},
                extra={"group": f"g{i // 2}"},
            )
            for i, text in enumerate(TEXTS)
        ],
    )
    return path


def test_scores_labels_and_groups_are_those_of_the_candidates(data: Path, tmp_path: Path) -> None:
    selection = Selection(method="none", candidates=3)
    found = score_file(Counting(), data, selection, store=tmp_path / "store", model_sha256="x")
    assert found.sizes.tolist() == [3] * 4
    assert found.log_odds[:3].tolist() == [float(len(text)) for text in TEXTS[:3]]
    assert found.logits is not None and (2 * found.logits == found.log_odds).all()
    assert found.lost.tolist() == [0, 0, 0, 1], "the last query's own memory is the fourth"
    assert found.relevant.tolist() == [True, False, False] + [True, True, False] + [
        True, False, True, True, False, False,
    ]  # fmt: skip
    assert found.groups.tolist() == [0, 0, 1, 1]


def test_a_killed_run_goes_on_and_a_second_scores_nothing(data: Path, tmp_path: Path) -> None:
    store, selection = tmp_path / "store", Selection(method="none")
    broken = Counting()
    broken.stop_after = 2
    with pytest.raises(KeyboardInterrupt):
        score_file(broken, data, selection, store=store, model_sha256="x")
    (path,) = store.iterdir()
    with path.open("a") as handle:
        handle.write('{"id": "torn')
    again = Counting()
    resumed = score_file(again, data, selection, store=store, model_sha256="x")
    assert again.scored == 2
    fresh = score_file(Counting(), data, selection, store=tmp_path / "other", model_sha256="x")
    assert resumed.queries == fresh.queries
    third = Counting()
    assert (
        score_file(third, data, selection, store=store, model_sha256="x").queries == fresh.queries
    )
    assert third.scored == 0
    score_file(third, data, selection, store=store, model_sha256="y")
    assert third.scored == 4, "another model's scores are its own"
    score_file(third, data, replace(selection, candidates=2), store=store, model_sha256="x")
    assert third.scored == 8, "so are other candidates"


def test_an_id_may_hold_any_sign(tmp_path: Path) -> None:
    ids = [f"q\u2028{i}\x85" for i in range(3)]
    memories = (Memory("m0", "one"), Memory("m1", "two"))
    path = tmp_path / "odd.jsonl"
    write_examples(path, [Example(Query("What?", id=i), memories, {"m0": 1.0}) for i in ids])
    how = {"store": tmp_path / "store", "model_sha256": "x"}
    for _ in range(2):
        found = score_file(Counting(), path, Selection(method="none"), **how)
        assert [query.id for query in found.queries] == ids


def test_kinds_and_samples_choose_queries_and_none_is_refused(data: Path, tmp_path: Path) -> None:
    def ids(selection: Selection) -> list[str]:
        found = score_file(Counting(), data, selection, store=tmp_path / "s", model_sha256="x")
        return [query.id for query in found.queries]

    assert ids(Selection(kinds=("odd",))) == ["q1", "q3"]
    two = ids(Selection(sample=2, seed=1))
    assert len(two) == 2 and two == sorted(two) == ids(Selection(sample=2, seed=1))
    with pytest.raises(InputError, match="holds no query"):
        ids(Selection(kinds=("other",)))


def test_elsewhere_asks_the_queries_of_a_dialogue_that_shares_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "three.jsonl"
    dialogues = {"a": ("one", "two"), "b": ("two", "three"), "c": ("four", "five")}
    write_examples(
        path,
        [
            Example(
                Query(f"{name}{i}?", id=f"{name}{i}", time=f"202{k}-01-0{i + 1}"),
                tuple(Memory(f"m{j}", text) for j, text in enumerate(texts)),
                {"m0": 1.0},
                extra={"group": name},
            )
            for k, (name, texts) in enumerate(dialogues.items())
            for i in range(3)
        ],
    )
    chosen = Selection(method="none").of(read_dialogues(path))
    moved = Selection(method="none", elsewhere=2).of(read_dialogues(path))
    home = {dialogue.id: examples for dialogue, examples in chosen}
    assert moved
    for dialogue, examples in moved:
        texts = {memory.text for memory in dialogue.memories}
        for example in examples:
            origin = dialogues[example.query.text[0]]
            assert texts.isdisjoint(origin), "else it may be answered here"
            assert example.memories == dialogue.memories and not example.labels
            assert example.query.time == home[dialogue.id][0].query.time
            assert example.extra["group"] == home[dialogue.id][0].extra["group"]
    how = {"store": tmp_path / "store", "model_sha256": "x"}
    found = score_file(Counting(), path, Selection(method="none", elsewhere=2), **how)
    assert len(found) == sum(len(examples) for _, examples in moved)
    assert not found.answerable.any()
    own = score_file(Counting(), path, Selection(method="none"), **how)
    assert own.answerable.all(), "each is kept by itself"


def test_a_dialogue_alone_has_no_elsewhere(data: Path, tmp_path: Path) -> None:
    selection = Selection(method="none", elsewhere=4)
    found = score_file(Counting(), data, selection, store=tmp_path / "s", model_sha256="x")
    assert len(found) == 0


def test_a_new_threshold_keeps_what_was_scored_and_a_new_head_does_not() -> None:
    reranker = Reranker.load()
    before = model_digest(reranker, None)
    student = reranker.student
    card = student.card
    try:
        student.card = replace(card, thresholds={"mine": 0.3}, calibration={}, training={"a": 1})
        assert model_digest(reranker, None) == before
        student.card = replace(card, head={"slope": 1.0, "intercept": 0.0})
        assert model_digest(reranker, None) != before
    finally:
        student.card = card


def test_other_weights_in_the_folder_are_another_model(tmp_path: Path) -> None:
    reranker = Reranker.load()
    (tmp_path / "labkit.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"one")
    before = model_digest(reranker, tmp_path)
    (tmp_path / "README.md").write_text("what people read of it")
    (tmp_path / "labkit.json").write_text('{"other": 1}')
    assert model_digest(reranker, tmp_path) == before
    (tmp_path / "model.safetensors").write_bytes(b"two")
    assert model_digest(reranker, tmp_path) != before


def test_the_digest_is_of_the_late_interaction_too(monkeypatch: pytest.MonkeyPatch) -> None:
    reranker = Reranker.load("minilm-late")
    before = model_digest(reranker, None)
    monkeypatch.setattr("labkit.students.late.PREVIOUS_WEIGHT", 0.5)
    assert model_digest(reranker, None) != before
    monkeypatch.undo()
    other = LateInteraction(reranker.student.late.idf + 1)
    monkeypatch.setattr(reranker.student, "late", other)
    assert model_digest(reranker, None) != before
