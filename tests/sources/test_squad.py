"""SQuAD: made-up articles in the file's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labkit.records import Dialogue
from labkit.sources.squad import read_squad
from tests.sources.corpora_fixtures import put, qa, squad_article


def read(tmp_path: Path, *articles: Any, **options: Any) -> tuple[list[Dialogue], list[str]]:
    notes: list[str] = []
    path = put(tmp_path / "x.json", {"version": "v2.0", "data": list(articles)})
    return list(read_squad(path, on_note=notes.append, **options)), notes


def test_the_sentence_with_the_answer_is_relevant_among_those_of_the_whole_article(
    tmp_path: Path,
) -> None:
    [article], notes = read(tmp_path, squad_article("Elsdon", "mill", 1850))
    first, _, third = article.examples
    assert [m.text for m in article.memories] == [
        "Elsdon mill: The mill of Elsdon was opened in 1850.",
        "Elsdon mill: Its builder was Dr. Ivo Elsdonson, a mason.",
        "Elsdon mill: Fishermen of Elsdon paid for it with herring.",
        "Elsdon mill: Every spring the people of Elsdon paint the doors of the mill green.",
        "Elsdon mill: The paint is mixed from moss by Elsdon's oldest family.",
    ]
    assert first.memories is third.memories is article.memories
    assert (first.id, first.query.kind) == ("squad-Elsdon1", "temporal")
    assert first.labels == {"squad-Elsdon_mill-0-0": 1.0}
    assert first.extra["answers"] == ["1850"]
    assert first.extra["group"] == "squad-Elsdon_mill"
    assert not notes


def test_each_annotators_answer_marks_its_own_sentence(tmp_path: Path) -> None:
    [article], _ = read(tmp_path, squad_article("Elsdon", "mill", 1850))
    third = article.examples[2]
    assert third.labels == {"squad-Elsdon_mill-1-0": 1.0, "squad-Elsdon_mill-1-1": 1.0}


def test_an_unanswerable_question_has_a_near_miss_and_nothing_relevant(tmp_path: Path) -> None:
    [article], _ = read(tmp_path, squad_article("Elsdon", "mill", 1850))
    second = article.examples[1]
    assert second.query.kind == "abstain"
    assert second.labels == {"squad-Elsdon_mill-0-1": 0.3} and not second.relevant
    assert second.extra["answers"] == []


def test_with_paragraphs_as_memories_the_own_paragraph_carries_the_label(tmp_path: Path) -> None:
    [article], _ = read(tmp_path, squad_article("Elsdon", "mill", 1850), memories="paragraphs")
    assert len(article.memories) == 2
    assert [list(e.labels.items()) for e in article.examples] == [
        [("squad-Elsdon_mill-0-0", 1.0)],
        [("squad-Elsdon_mill-0-0", 0.3)],
        [("squad-Elsdon_mill-1-0", 1.0)],
    ]


def test_an_offset_off_by_a_blank_or_inside_a_word_is_mended(tmp_path: Path) -> None:
    context = "A first one. The herring swam. Then it left."
    late, cut = (qa(i, "What swam?", context, "herring") for i in ("a", "b"))
    late["answers"][0]["answer_start"] += 2
    cut["answers"] = [{"text": "erri", "answer_start": context.index("erri")}]
    [article], notes = read(
        tmp_path, {"title": "T", "paragraphs": [{"context": context, "qas": [late, cut]}]}
    )
    assert [e.extra["answers"] for e in article.examples] == [["herring"], ["herring"]]
    assert not notes


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("paragraphs", 0, "qas", 0, "question"), "", "paragraphs[0].qas[0].question"),
        (("paragraphs", 0, "qas", 0, "id"), None, "paragraphs[0].qas[0].id"),
        (("paragraphs", 0, "qas", 0, "answers"), [], "expected at least one answer"),
        (("paragraphs", 0, "qas", 0, "answers", 0, "answer_start"), 3, '"1850" at 3'),
        (("paragraphs", 0, "qas", 0, "answers", 0, "answer_start"), "x", '"x"'),
        (("paragraphs", 0, "context"), 7, "paragraphs[0].context is 7"),
        (("title",), None, "data[0].title"),
    ],
)
def test_what_is_damaged_is_noted_and_left_out_and_the_rest_is_read(
    tmp_path: Path, path: tuple[Any, ...], value: object, told: str
) -> None:
    broken = squad_article("Elsdon", "mill", 1850)
    at: Any = broken
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    articles, notes = read(tmp_path, broken, squad_article("Cotham", "well", 1850))
    assert articles[-1].id == "squad-Cotham_well"
    assert "squad-Elsdon1" not in {e.id for a in articles for e in a.examples}
    [note] = notes
    assert told in note and note.startswith(str(tmp_path)) and "\n" not in note
