from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from sklearn.metrics import average_precision_score, roc_auc_score

from labkit.assets import assets_path
from labkit.evaluation.agreement import agreement
from labkit.records import NEGATIVE_KINDS, Example, Memory, parse_time, read_examples
from labkit.retrieval.first_stage import FirstStage
from labkit.sources.lives import read_lives
from labkit.synthesis.splits import Seen

FOLDER = assets_path() / "benchmarks"

MECHANISM = {
    "temporal_interference": {"wrong_time", "superseded", "planned_not_done"},
    "coreference": {"wrong_entity", "wrong_time", "superseded"},
    "causal_reversal": {"reversed_cause", "hearsay"},
    "entity_confusion": {"wrong_entity"},
    "numbers": {"wrong_quantity", "wrong_time", "superseded"},
    "granularity": {"too_general", "too_detailed"},
}
"""Kinds whose mechanism a negative's type names; the others are about shared words or hops."""

WORDY = ("lexical_overlap_without_relevance", "relevance_without_overlap")
KINDS = {*MECHANISM, *WORDY, "multi_hop"}


@cache
def cases() -> tuple[Example, ...]:
    return tuple(read_examples(FOLDER / "hardcases.jsonl"))


def answered() -> list[Example]:
    return [case for case in cases() if case.relevant]


def of_kind(kind: str) -> list[Example]:
    return [case for case in cases() if case.query.kind == kind]


def texts(case: Example) -> list[str]:
    turns = [turn.text for turn in case.query.context]
    return [case.query.text, *turns, *(memory.text for memory in case.memories)]


def test_nine_kinds_of_at_least_fourteen_cases_with_ids_of_their_own() -> None:
    counts = Counter(case.query.kind for case in cases())
    assert set(counts) == KINDS
    assert min(counts.values()) >= 14
    ids = [case.id for case in cases()]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(rf"hard-{case.query.kind}-\d\d", case.id) for case in cases())


def test_a_case_has_few_relevant_memories_among_eight_to_twelve_and_says_why() -> None:
    for case in cases():
        assert 8 <= len(case.memories) <= 12, case.id
        assert len(case.relevant) <= 3, case.id
        assert case.why, case.id
        assert case.query.kind != "multi_hop" or len(case.relevant) != 1, case.id


def test_about_one_case_in_ten_has_no_answer_and_every_kind_has_both() -> None:
    # Every other case has a relevant memory; without one, the right answer is to abstain.
    without = Counter(case.query.kind for case in cases() if not case.relevant)
    assert set(without) == KINDS
    assert max(without.values()) <= 2
    assert 0.08 <= without.total() / len(cases()) <= 0.14


def test_at_least_four_memories_tempt_by_a_known_kind_and_none_of_them_is_relevant() -> None:
    for case in cases():
        assert set(case.negative_kinds.values()) <= set(NEGATIVE_KINDS), case.id
        assert len(case.negative_kinds) >= 4, case.id
        assert not case.relevant & case.negative_kinds.keys(), case.id


@pytest.mark.parametrize("kind", sorted(MECHANISM))
def test_at_least_four_memories_tempt_by_the_mechanism_of_their_kind(kind: str) -> None:
    for case in of_kind(kind):
        types = case.negative_kinds.values()
        assert sum(found in MECHANISM[kind] for found in types) >= 4, case.id


def content(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]{3,}", text.lower())) - ENGLISH_STOP_WORDS


@pytest.mark.parametrize("kind", WORDY)
def test_where_words_mislead_four_negatives_share_more_of_them_than_the_answer(kind: str) -> None:
    for case in of_kind(kind):
        asked = content(case.query.text)
        shared = {memory.id: len(asked & content(memory.text)) for memory in case.memories}
        most = max((shared[id_] for id_ in case.relevant), default=0)
        assert sum(shared[id_] > most for id_ in case.negative_kinds) >= 4, case.id


def test_coreference_has_a_context_and_questions_of_time_a_date() -> None:
    assert all(2 <= len(case.query.context) <= 5 for case in of_kind("coreference"))
    for case in cases():
        if case.query.kind in ("temporal_interference", "coreference", "numbers", "multi_hop"):
            assert case.query.time, case.id


def test_no_memory_is_younger_than_its_question() -> None:
    for case in cases():
        if case.query.time:
            asked = parse_time(case.query.time)
            assert all(parse_time(m.time) <= asked for m in case.memories if m.time), case.id


def test_no_text_occurs_in_the_authored_lives_or_nearly_so() -> None:
    lives = Seen()
    for life in read_lives(assets_path() / "lives"):
        lives.add([example.query.text for example in life.examples])
        lives.add([memory.text for memory in life.memories])
    assert lives.leaking(text for case in cases() for text in texts(case)) == set()


def test_no_text_occurs_in_two_cases_or_nearly_so() -> None:
    before = Seen()
    for case in cases():
        assert before.leaking(texts(case)) == set(), case.id
        before.add(texts(case))


# --- the surface gives nothing away --------------------------------------------------------------


def share(values: Sequence[float]) -> list[float]:
    """Ranks within a case, over its size, so that cases of different sizes can be pooled."""
    return list(rankdata(values) / len(values))


SURFACE: dict[str, Callable[[Sequence[Memory]], list[float]]] = {
    "length": lambda memories: share([len(memory.text) for memory in memories]),
    "position": lambda memories: share(range(len(memories))),
    "date": lambda memories: share([parse_time(m.time or "").timestamp() for m in memories]),
    "note": lambda memories: [float(memory.speaker == "note") for memory in memories],
    "assistant": lambda memories: [float(memory.speaker == "assistant") for memory in memories],
}


@pytest.mark.parametrize("feature", SURFACE)
def test_the_surface_does_not_tell_the_relevant_memories(feature: str) -> None:
    relevant = [memory.id in case.relevant for case in answered() for memory in case.memories]
    values = [value for case in answered() for value in SURFACE[feature](case.memories)]
    assert 0.4 < roc_auc_score(relevant, values) < 0.6


@cache
def bm25_maps() -> tuple[float, float]:
    """MAP of BM25 over the memories of each case, and that of its order turned round."""
    maps = []
    for case in answered():
        order = FirstStage(case.memories, "bm25").order(case.query)
        ranked = [case.memories[i].id in case.relevant for i in order]
        ranks = np.arange(len(ranked))
        maps.append(
            (average_precision_score(ranked, -ranks), average_precision_score(ranked, ranks))
        )
    forwards, backwards = np.mean(maps, axis=0)
    return float(forwards), float(backwards)


def test_neither_shared_words_nor_their_absence_finds_the_answer() -> None:
    # By chance it would be about .3: one relevant memory, or a few, among ten.
    assert max(bm25_maps()) < 0.4


# --- the data card says what is so ---------------------------------------------------------------


def card() -> str:
    return (FOLDER / "README.md").read_text("utf-8")


def test_the_data_card_counts_what_is_there() -> None:
    pairs = sum(len(case.memories) for case in cases())
    assert f"| cases | {len(cases())} |" in card()
    assert f"| pairs of query and memory | {pairs:,} |" in card()
    assert f"| cases without an answer | {len(cases()) - len(answered())} |" in card()


def test_the_data_card_gives_bm25s_map_as_it_is() -> None:
    row = re.search(r"^\| BM25 \|.* (0\.\d+) \|$", card(), re.MULTILINE)
    assert row
    assert float(row[1]) == pytest.approx(bm25_maps()[0], abs=0.0015)


def test_the_data_card_gives_the_agreement_of_the_two_readings_before_mending() -> None:
    by_id = {case.id: case for case in cases()}
    readings = json.loads((FOLDER / "second_reading.json").read_text("utf-8"))
    for reading in readings:
        assert reading["first"].keys() == reading["second"].keys()
        assert reading["first"].keys() <= {m.id for m in by_id[reading["id"]].memories}
    found = agreement([(list(r["first"].values()), list(r["second"].values())) for r in readings])
    low, high = found.interval
    assert f"| cases, pairs | {found.queries}, {found.pairs} |" in card()
    assert f"| {found.kappa:.3f} ({low:.3f} to {high:.3f}) |" in card()
    assert f"| kappa, relevant or not | {found.kappa_relevant:.3f} |" in card()
