"""Natural Questions with gold passages: made-up lines in the file's layout."""

from __future__ import annotations

from pathlib import Path

from labkit.sources.nq import read_nq
from tests.sources.corpora_fixtures import nq_line, put_lines


def test_the_gold_passage_is_headed_by_its_title_and_relevant(tmp_path: Path) -> None:
    line = nq_line("who built the mill", ["Mara"], "Elsdon", "The mill  was built by Mara.")
    line["ctxs"].append({"title": "T", "text": "not gold", "isgold": False})
    [dialogue] = read_nq(put_lines(tmp_path / "x.jsonl", [line]))
    [example] = dialogue.examples
    [memory] = example.memories
    assert memory.text == "Elsdon: The mill was built by Mara."
    assert example.labels == {memory.id: 1.0}
    assert example.extra["group"] == "nq-Elsdon" and example.extra["answers"] == ["Mara"]


def test_one_passage_has_one_id_in_two_questions(tmp_path: Path) -> None:
    lines = [nq_line(q, ["Mara"], "Elsdon", "Built by Mara.") for q in ("who built it", "by whom")]
    one, two = read_nq(put_lines(tmp_path / "x.jsonl", lines))
    assert one.memories == two.memories
    assert one.examples[0].id != two.examples[0].id


def test_a_question_without_gold_is_noted_and_left_out(tmp_path: Path) -> None:
    bad = nq_line("who", ["x"], "T", "text")
    bad["ctxs"][0]["isgold"] = False
    lines = [bad, nq_line("who", [7], "T", "text"), nq_line("who else", ["x"], "T", "text")]  # type: ignore[list-item]
    notes: list[str] = []
    [dialogue] = read_nq(put_lines(tmp_path / "x.jsonl", lines), on_note=notes.append)
    assert dialogue.title == "who else"
    assert "line 1.ctxs" in notes[0] and "isgold" in notes[0] and "line 2.answers[0]" in notes[1]
