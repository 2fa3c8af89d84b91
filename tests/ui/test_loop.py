"""The loop closed once: inspect, correct twenty hard negatives, export, train on them, see.

The data is made up, so the truth is known: twenty memories that answer their query are labelled as
if they did not. The annotator reads what the page shows, and says what is true.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labkit.annotation.queue import Plan
from labkit.annotation.store import Store
from labkit.records import RELEVANT, Dialogue, Example, read_examples, write_examples
from labkit.scoring.reranker import Reranker
from labkit.ui.agreement_data import export_zip, overview
from labkit.ui.annotate_data import Desk, Source, open_queue, save, source_of
from labkit.ui.bench import Bench
from labkit.ui.inspect_data import form_of, view
from labkit.ui.library import DATA, Collection, Library
from labkit.ui.scores import Scores
from labkit.ui.selection import Selection
from tests.test_cli import run
from tests.training.made_up import GOOD, make_examples

WRONG = 20
STEPS = ("stages.bce.steps=60", "stages.infonce.steps=20", "precision=float32")


def mislabelled(examples: Sequence[Example]) -> tuple[list[Example], set[tuple[str, str]]]:
    """The examples with one relevant memory each of :data:`WRONG` of them labelled 0.3."""
    found, pairs = [], set()
    for example in examples:
        relevant = sorted(example.relevant)
        if relevant and len(pairs) < WRONG:
            pairs.add((example.id, relevant[0]))
            example = replace(
                example,
                labels={**example.labels, relevant[0]: 0.3},
                negative_kinds={**example.negative_kinds, relevant[0]: "same_topic"},
            )
        found.append(example)
    return found, pairs


def trained(data: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The report of ``labkit train tiny`` on a folder."""
    code, _, err = run(
        "train", "tiny", "--data", f"lives={data}", "--out", out,
        *(part for each in STEPS for part in ("--set", each)), capsys=capsys,
    )  # fmt: skip
    assert code in (0, 1), err
    report: dict[str, Any] = json.loads((out / "report.json").read_text())
    return report


def answers(text: str) -> bool:
    return any(tail in text for tail in GOOD)


def advantage(student: Path, examples: Sequence[Example], pairs: set[tuple[str, str]]) -> float:
    """By how much, in log-odds, memories that answer lie above those of their query that do not."""
    reranker = Reranker.load(str(student))
    gaps = []
    for example in examples:
        wanted = {memory for query, memory in pairs if query == example.id}
        if wanted:
            scores = reranker.score(example.query, example.memories)
            right = np.array([memory.id in wanted for memory in example.memories])
            other = np.array([not answers(memory.text) for memory in example.memories])
            gaps.append(float(scores[right].mean() - scores[other].mean()))
    return float(np.mean(gaps))


@pytest.mark.slow
def test_inspect_correct_export_train_and_see(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = make_examples(48)
    train, wrong = mislabelled(truth)
    dev = make_examples(24, seed=1)
    for name, examples in (("train", train), ("dev", dev)):
        write_examples(tmp_path / "set" / f"{name}.jsonl", examples)
    before = trained(tmp_path / "set", tmp_path / "before", capsys)
    student = str(tmp_path / "before" / "student")

    # Inspect: the student that learnt from the wrong labels, on one of the wrong ones.
    dialogues = [Dialogue(e.id, e.query.text, e.memories, (e,)) for e in (*train, *dev)]
    splits = ["train"] * len(train) + ["dev"] * len(dev)
    library = Library([Collection.of(DATA, "things", dialogues, splits)])  # type: ignore[arg-type]
    bench = Bench([student])
    example = next(e for e in train if e.id in dict(wrong))
    shown = view(
        library, bench, Selection(DATA, example.id, example.id, "fused", 50, student),
        form_of(example),
    )  # fmt: skip
    row = next(row for row in shown.table["rows"] if (example.id, row["id"]) in wrong)
    assert row["kind"] == "same_topic" and not row["relevant"] and answers(row["text"])

    # Correct: twenty cards, each judged by what it says.
    with Store(tmp_path / "a.sqlite") as store:
        scores = Scores(bench, tmp_path / "scores")
        desk = Desk(library, bench, scores, store, Plan(size=WRONG, overlap=0))
        asked = {"collection": DATA, "split": "train", "model": student}
        source: Source = source_of(desk, asked)
        scores.score(student, desk.batch(source)[0])
        opened = open_queue(desk, "ana", asked)
        assert opened["scored"] and len(opened["queue"]) == WRONG
        events = []
        for number, card in enumerate(opened["cards"]):
            text = next(memory["text"] for memory in card["memories"] if memory["judged"])
            events.append(
                {
                    "id": str(number), "item": card["item"], "query": card["query"],
                    "memory": card["memory"], "kind": "label", "level": 4 if answers(text) else 0,
                    "note": "", "negative_kind": "", "blind": True, "milliseconds": 2000,
                }
            )  # fmt: skip
        answer = save(desk, "ana", {**asked, "events": events})
        assert len(answer["saved"]) == WRONG
        found = overview(desk, DATA, 0.5)
        assert found["items"] == WRONG and found["how"] == {"single": WRONG}
        archive, said = export_zip(desk, DATA, tmp_path)
    corrected = {(e["query"], e["memory"]) for e in events if e["level"] == 4}
    assert corrected <= wrong

    # Export: what was found is relevant now, and nothing else has changed.
    with zipfile.ZipFile(archive) as opened_zip:
        opened_zip.extractall(tmp_path / "unpacked")
    data = tmp_path / "unpacked" / "labkit-annotations"
    after_labels = {e.id: e for e in read_examples(data / "train.jsonl")}
    for example in train:
        for memory in example.memories:
            label = after_labels[example.id].label(memory.id)
            judged = (example.id, memory.id) in {(e["query"], e["memory"]) for e in events}
            if (example.id, memory.id) in corrected:
                assert label == 1.0
            elif not judged:
                assert label == example.label(memory.id)

    # Train on it, and see.
    after = trained(data, tmp_path / "after", capsys)
    every = sum(
        label < RELEVANT for e in train for label in map(e.label, (m.id for m in e.memories))
    )
    gaps = [
        advantage(tmp_path / name / "student", truth, wrong) for name in ("before", "after")
    ]  # fmt: skip
    print(
        f"{len(corrected)} of the {WRONG} cards were wrong labels, by chance "
        f"{WRONG * WRONG / every:.1f}; {said}\n"
        f"the wrongly labelled memories lie above those that do not answer by {gaps[0]:.2f} "
        f"log-odds before and {gaps[1]:.2f} after\n"
        f"verdicts: {before['verdict']} {after['verdict']}"
    )
    assert len(corrected) > 2 * WRONG * WRONG / every, "the queue finds what is wrong"
    assert gaps[1] > gaps[0]
