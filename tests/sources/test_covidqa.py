"""COVID-QA: a made-up paper in the file's layout."""

from __future__ import annotations

from pathlib import Path

from labkit.sources.covidqa import CHUNK, chunk_spans, read_covidqa
from tests.sources.corpora_fixtures import covid_paper, covidqa, put, qa


def test_the_run_of_sentences_that_holds_the_answer_is_relevant(tmp_path: Path) -> None:
    [paper] = read_covidqa(put(tmp_path / "COVID-QA.json", covidqa()))
    [example] = paper.examples
    [relevant] = [m for m in paper.memories if m.id in example.relevant]
    assert "The incubation period is 5.2 days." in relevant.text
    assert len(paper.memories) > 2
    assert paper.title == "Spread of the made-up virus"
    assert (example.id, example.query.kind) == ("covidqa-11", "numerical")
    assert example.extra["answers"] == ["5.2 days"]
    assert example.extra["group"] == "covidqa-7"


def test_no_memory_is_longer_than_two_chunks_and_nothing_is_lost() -> None:
    text = "Short one. " * 100 + "word " * 900 + "\n\nThe end of it."
    spans = chunk_spans(text)
    assert max(b - a for a, b in spans) <= 2 * CHUNK
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())


def test_a_damaged_question_is_noted_and_a_paper_without_any_is_left_out(tmp_path: Path) -> None:
    good = covidqa()["data"][0]
    text = "A paper on nothing much."
    bad = qa(1, "Which?", text, "nothing")
    bad["answers"][0]["text"] = "something"
    notes: list[str] = []
    path = put(tmp_path / "x.json", {"data": [covid_paper(8, text, bad), good]})
    papers = list(read_covidqa(path, on_note=notes.append))
    assert [paper.id for paper in papers] == ["covidqa-7"]
    assert '"something" at 11' in notes[0] and "no question" in notes[1]
