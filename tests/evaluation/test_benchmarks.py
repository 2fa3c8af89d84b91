from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labkit.errors import InputError
from labkit.evaluation.benchmarks import (
    BENCHMARKS,
    Asked,
    check,
    data_sha256,
    kind_of,
    parse_choice,
    read_benchmark,
)
from labkit.records import write_examples
from labkit.sources.lives import split_of as split_of_life
from labkit.synthesis.importing import split
from tests.evaluation.made_up import asked, example


def read(choice: str, **options: Any) -> Asked:
    return read_benchmark(*parse_choice(choice), **options)


# --- names ---------------------------------------------------------------------------------------


def test_a_choice_names_benchmark_split_and_path() -> None:
    benchmark, split, path = parse_choice("lives:dev=some/where=odd")
    assert (benchmark.name, split, path) == ("lives", "dev", Path("some/where=odd"))
    assert parse_choice("locomo")[1:] == ("all", None)
    assert parse_choice("lives")[1] == "test"


BAD = {
    "an unknown benchmark": ("trec", "expected one of locomo"),
    "an unknown split": ("lives:train", "expected one of test, dev"),
    "a split of a set without": ("locomo:test", "expected one of all"),
}


@pytest.mark.parametrize("premise", BAD)
def test_a_wrong_choice_is_told_what_there_is(premise: str) -> None:
    choice, expected = BAD[premise]
    with pytest.raises(InputError, match=expected):
        parse_choice(choice)


@pytest.mark.parametrize("name", [n for n, b in BENCHMARKS.items() if b.source])
def test_a_set_that_must_be_fetched_says_from_where(name: str) -> None:
    with pytest.raises(InputError, match="get it from https://"):
        read(name)
    benchmark = BENCHMARKS[name]
    assert benchmark.licence and benchmark.candidates and benchmark.relevant


# --- protocols -----------------------------------------------------------------------------------


def locomo_file(tmp_path: Path) -> Path:
    def question(category: int, evidence: list[str], **more: Any) -> dict[str, Any]:
        return {"question": "Who?", "category": category, "evidence": evidence, **more}

    path = tmp_path / "locomo10.json"
    conversation = {
        "speaker_a": "Ana",
        "speaker_b": "Bo",
        "session_1_date_time": "1:56 pm on 8 May, 2023",
        "session_1": [
            {"speaker": "Ana", "dia_id": "D1:1", "text": "I mended it."},
            {"speaker": "Bo", "dia_id": "D1:2", "text": "Well done."},
        ],
    }
    questions = [
        question(4, ["D1:1"], answer="Ana"),
        question(1, ["D"], answer="Ana"),  # no evidence that can be read
        question(5, ["D1:2"], adversarial_answer="Bo"),
        question(5, ["D1:2"], answer="No", adversarial_answer="Bo"),
    ]
    item = {"sample_id": "conv-1", "conversation": conversation, "qa": questions}
    path.write_text(json.dumps([item]))
    return path


def test_locomo_ranks_categories_1_to_4_and_abstains_from_5(tmp_path: Path) -> None:
    notes: list[str] = []
    found = read(f"locomo={locomo_file(tmp_path)}", on_note=notes.append)
    examples = found.dialogues[0].examples
    assert [(e.id, e.query.kind, bool(e.relevant)) for e in examples] == [
        ("conv-1-q001", "single_hop", True),
        ("conv-1-q003", "adversarial", False),
    ]
    assert any("1 questions without readable evidence" in note for note in notes)
    assert any("1 questions adversarial with an answer" in note for note in notes)


def test_longmemeval_has_turns_or_sessions_as_candidates(tmp_path: Path) -> None:
    def question(id_: str) -> dict[str, Any]:
        said = [{"role": "user", "content": "It weighs 31 kilos.", "has_answer": True}]
        other = [{"role": "user", "content": "Hm."}, {"role": "assistant", "content": "Yes?"}]
        return {
            "question_id": id_,
            "question_type": "multi-session",
            "question": "How heavy is it?",
            "haystack_session_ids": ["a", "b"],
            "haystack_sessions": [said, other],
            "answer_session_ids": ["a"],
        }

    path = tmp_path / "longmemeval_oracle.json"
    path.write_text(json.dumps([question("q1"), question("q2_abs")]))
    for name, size in (("longmemeval", 3), ("longmemeval-sessions", 2)):
        found = read(f"{name}={path}")
        (answered,), (unanswered,) = (d.examples for d in found.dialogues)
        assert len(answered.memories) == size and len(answered.relevant) == 1
        assert kind_of(unanswered) == "abstain" and not unanswered.relevant


def papers(count: int) -> dict[str, Any]:
    return {
        str(i): {
            "QUESTION": f"Does drug {i} help?",
            "CONTEXTS": [f"Drug {i} was given.", f"Patients of drug {i} recovered."],
            "LABELS": ["METHODS", "RESULTS"],
            "LONG_ANSWER": "Yes.",
            "final_decision": "yes",
        }
        for i in range(count)
    }


def test_medical_pools_the_sections_of_all_papers_and_asks_what_did_not_train(
    tmp_path: Path,
) -> None:
    (tmp_path / "ori_pqal.json").write_text(json.dumps(papers(60)))
    every, test = read(f"medical:all={tmp_path}"), read(f"medical={tmp_path}")
    assert every.queries == 60
    assert 0 < test.queries < 30
    for one in (every, test):
        (dialogue,) = one.dialogues
        assert len(dialogue.memories) == 120  # however few are asked
        assert {kind_of(e) for e in dialogue.examples} == {"pubmedqa"}
        assert all(len(e.relevant) == 2 for e in dialogue.examples)
    assert {split(e) for e in test.dialogues[0].examples} == {"test"}


def test_medical_without_either_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ori_pqal"):
        read(f"medical={tmp_path}")


def test_the_shipped_hard_cases_are_of_nine_kinds_at_least_twelve_each() -> None:
    found = read("hardcases")
    kinds = Counter(kind_of(e) for d in found.dialogues for e in d.examples)
    assert len(kinds) == 9 and min(kinds.values()) >= 12
    assert all(len(d.memories) >= 5 for d in found.dialogues)


def test_the_lives_of_dev_and_test_are_apart() -> None:
    dev, test = read("lives:dev"), read("lives")
    assert {split_of_life(d.id) for d in dev.dialogues} == {"dev"}
    assert {split_of_life(d.id) for d in test.dialogues} == {"test"}
    assert dev.sha256 != test.sha256
    assert (dev.title, test.title) == ("lives:dev", "lives:test")


# --- what is asked -------------------------------------------------------------------------------


def ids(one: Asked) -> list[str]:
    return [e.id for d in one.dialogues for e in d.examples]


def test_a_limit_is_a_sample_of_all_and_the_seed_draws_it(tmp_path: Path) -> None:
    examples = [example(i) for i in range(100)]
    first = ids(asked(tmp_path / "a.jsonl", examples, limit=10))
    again = ids(asked(tmp_path / "b.jsonl", examples, limit=10))
    other = ids(asked(tmp_path / "c.jsonl", examples, limit=10, seed=1))
    assert first == again != other
    places = [int(id_[1:]) for id_ in first]
    assert len(places) == 10 and places == sorted(places) and places[-1] >= 50
    assert len(ids(asked(tmp_path / "d.jsonl", examples, limit=1000))) == 100


def test_kinds_are_chosen_before_the_sample(tmp_path: Path) -> None:
    examples = [example(i) for i in range(40)]
    chosen = asked(tmp_path / "a.jsonl", examples, kinds=["odd"], limit=15)
    assert len(ids(chosen)) == 15
    assert all(int(id_[1:]) % 2 for id_ in ids(chosen))
    with pytest.raises(InputError, match="it has the kinds even, odd"):
        asked(tmp_path / "b.jsonl", examples, kinds=["prime"])


def test_the_hash_is_of_what_is_asked_and_not_of_the_file(tmp_path: Path) -> None:
    examples = [example(i) for i in range(5)]
    one = asked(tmp_path / "a.jsonl", examples)
    same = asked(tmp_path / "other-name.jsonl", examples)
    assert one.sha256 == same.sha256
    changed = {
        "a label": replace(examples[0], labels={"m2": 1.0}),
        "a memory": replace(examples[0], memories=examples[1].memories),
        "a question": replace(examples[0], query=replace(examples[0].query, text="Why?")),
    }
    for premise, instead in changed.items():
        other = asked(tmp_path / "c.jsonl", [instead, *examples[1:]])
        assert other.sha256 != one.sha256, premise
    assert data_sha256(one.dialogues[:4]) != one.sha256


def test_a_file_without_a_query_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    path.write_text("Ana: hello\nBo: hi\n")
    with pytest.raises(InputError, match="holds no query"):
        read(f"examples={path}")


# --- checking ------------------------------------------------------------------------------------


def test_check_counts_what_is_there_and_knows_the_published_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.jsonl"
    write_examples(path, [example(0), example(1, relevant=())])
    found = check(BENCHMARKS["examples"], "all", path, lambda note: None)
    assert found["queries"] == 2 and found["without one"] == 1
    assert found["kinds"] == {"even": 1, "odd": 1}
    assert found["published"] is None
    locomo = locomo_file(tmp_path)
    assert check(BENCHMARKS["locomo"], "all", locomo, lambda note: None)["published"] is False
    digest = hashlib.sha256(locomo.read_bytes()).hexdigest()
    known = replace(BENCHMARKS["locomo"], published=frozenset((digest,)))
    assert check(known, "all", locomo, lambda note: None)["published"] is True
