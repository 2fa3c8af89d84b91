"""What people corrected becomes training data again."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from labkit import __version__
from labkit.annotation.agreement import Alpha, annotators_alpha, called
from labkit.annotation.consensus import Decision, How, decide
from labkit.annotation.events import EVENTS, write_events
from labkit.annotation.queue import pairs_of
from labkit.annotation.store import Store
from labkit.errors import InputError
from labkit.evaluation.agreement import levels
from labkit.files import write_whole
from labkit.records import LEVELS, RELEVANT, Example, shown, to_dataset, write_examples
from labkit.synthesis.splits import SPLITS, Split
from labkit.teachers.summary import GOLD, gold_labels

CORRECTED = "corrected"
"""Key of an Example that says which of its labels people gave, who they were, and how."""


@dataclass(slots=True)
class Tally:
    """What became of the decisions.

    ``replaced`` counts the labels that people gave, by level; ``changed`` those that differ from
    the former label by a level or more; ``false_negatives`` those that made a memory relevant.
    ``cannot_tell`` and ``undecided`` left the label as it was. ``elsewhere`` counts decisions on
    pairs that the data does not hold, or holds with other texts.
    """

    examples: Counter[str] = field(default_factory=Counter)
    corrected_examples: Counter[str] = field(default_factory=Counter)
    how: Counter[How] = field(default_factory=Counter)
    replaced: Counter[int] = field(default_factory=Counter)
    changed: int = 0
    false_negatives: int = 0
    cannot_tell: int = 0
    undecided: int = 0
    elsewhere: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "examples": {split: self.examples[split] for split in SPLITS},
            "corrected_examples": {split: self.corrected_examples[split] for split in SPLITS},
            "labels_replaced": sum(self.replaced.values()),
            "by_level": {
                called(level): self.replaced[level] for level in reversed(range(len(LEVELS)))
            },
            "by_how": {how: self.how[how] for how in get_args(How) if how != "undecided"},
            "changed": self.changed,
            "false_negatives_found": self.false_negatives,
            "cannot_tell": self.cannot_tell,
            "undecided": self.undecided,
            "of_other_data": self.elsewhere,
        }


def correct(example: Example, decisions: Mapping[str, Decision]) -> Example:
    """The Example with the labels that people gave in the place of its own.

    As ``labkit label`` does it, ``gold_labels`` keeps what was there before, and ``label_errors``
    names no replaced label: it is trained on with full weight. ``corrected`` says who gave which.
    A memory that became relevant is no negative of any kind any more.
    """
    mine = [
        (memory.id, decisions[item])
        for item, memory, _ in pairs_of(example)
        if item in decisions and decisions[item].level is not None
    ]
    if not mine:
        return example
    labels, kinds = dict(example.labels), dict(example.negative_kinds)
    extra: dict[str, Any] = dict(example.extra)
    extra[GOLD] = gold_labels(example)
    errors = extra.get("label_errors")
    said = {}
    for id_, decision in mine:
        assert decision.label is not None
        labels[id_] = decision.label
        if decision.label >= RELEVANT:
            kinds.pop(id_, None)
        elif decision.negative_kind is not None:
            kinds[id_] = decision.negative_kind
        said[id_] = {"how": decision.how, "annotators": list(decision.annotators)}
    if isinstance(errors, dict):
        extra["label_errors"] = {id_: e for id_, e in errors.items() if id_ not in said}
    extra[CORRECTED] = said
    return replace(example, labels=labels, negative_kinds=kinds, extra=extra)


def corrected(
    examples: Iterable[Example],
    decisions: Mapping[str, Decision],
    tally: Tally,
    *,
    split: str = "train",
    only: bool = False,
    met: set[str] | None = None,
) -> Iterator[Example]:
    """:func:`correct` over a split, counted into ``tally``.

    Args:
        only: leave out the Examples that nobody corrected.
        met: gets the items that the data holds.
    """
    for example in examples:
        touched = False
        for item, memory, _ in pairs_of(example):
            decision = decisions.get(item)
            if decision is None or (met is not None and item in met):
                continue
            if met is not None:
                met.add(item)
            if decision.how == "undecided":
                tally.undecided += 1
            elif decision.level is None:
                tally.cannot_tell += 1
            else:
                assert decision.label is not None
                before = example.label(memory.id)
                touched = True
                tally.how[decision.how] += 1
                tally.replaced[decision.level] += 1
                tally.changed += int(levels(before)) != decision.level
                tally.false_negatives += before < RELEVANT <= decision.label
        tally.corrected_examples[split] += touched
        if touched or not only:
            tally.examples[split] += 1
            yield correct(example, decisions)


def read_splits(data: str | os.PathLike[str]) -> dict[Split, list[Example]]:
    """The Examples of any data that the lab opens, by split.

    A folder is split as ``labkit train`` splits it, so that a corrected dev query stays in dev; of
    a file, everything is train, as there.

    Raises:
        InputError: it cannot be read, or two Examples of a split have one id.
    """
    from labkit.sources import read_dialogues
    from labkit.training.groups import read_split

    place = Path(data)
    if place.is_dir():
        found = {split: list(read_split(place, split)) for split in SPLITS}
    else:
        found = {split: [] for split in SPLITS}
        found["train"] = [e for dialogue in read_dialogues(place) for e in dialogue.examples]
    check_ids(found, str(data))
    if not any(found.values()):
        raise InputError(f"{data}: no query with memories, expected Examples or lives")
    return found


def check_ids(splits: Mapping[Split, Iterable[Example]], where: str) -> None:
    """
    Raises:
        InputError: two Examples of a split have one id: a judgement would be of both.
    """
    for split, examples in splits.items():
        for id_, times in Counter(example.id for example in examples).items():
            if times > 1:
                raise InputError(
                    f"{where}: the id {shown(id_)} comes {times} times in {split}, expected once"
                )


def export(
    store: Store,
    splits: Mapping[Split, Iterable[Example]],
    out: Path,
    *,
    only_corrected: bool = False,
) -> dict[str, Any]:
    """Write a folder that ``labkit train --data NAME=OUT`` and ``datasets.load_dataset`` read.

    ``train.jsonl``, ``dev.jsonl`` and ``test.jsonl`` hold the Examples with corrected labels, as
    far as there are any; ``dataset/`` the same as Parquet; ``events.jsonl`` all that was done to
    items of this data, undone or not, which ``labkit annotations import`` takes; ``README.md`` is
    the data card, ``summary.json`` its counts. The folder appears whole or not at all.

    Args:
        splits: the Examples that were annotated, see :func:`read_splits`.
        out: must not be there yet.
        only_corrected: leave out the Examples that nobody corrected.

    Returns:
        the summary, as written.

    Raises:
        InputError: ``out`` is there, cannot be written, or nothing was decided of this data.
    """
    if out.exists():
        raise InputError(f"{out} is there already, expected a new folder")
    # Two looks: what is judged between them is in the log and counts at the next export.
    standing = store.standing()
    log = store.events()
    decisions = decide(standing)
    tally, met = Tally(), set[str]()
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".labkit-", dir=out.absolute().parent))
    except OSError as error:
        raise InputError(
            f"{out}: {error.strerror}; expected a folder that can be written to"
        ) from None
    try:
        every: set[str] = set()
        written: list[Split] = []
        for split, examples in splits.items():
            kept: list[Example] = []
            for example in examples:
                every.update(item for item, _, _ in pairs_of(example))
                kept += corrected(
                    [example], decisions, tally, split=split, only=only_corrected, met=met
                )
            if kept:
                written.append(split)
                write_examples(folder / f"{split}.jsonl", kept)
                (folder / "dataset").mkdir(exist_ok=True)
                to_dataset(kept).to_parquet(str(folder / "dataset" / f"{split}.parquet"))
        tally.elsewhere = len(decisions.keys() - met)
        if not tally.replaced:
            raise InputError(
                f"{store.place} has no label for this data, expected some: annotate it first, or "
                "name the data that was annotated"
            )
        log = [event for event in log if event.item in every]
        write_events(folder / EVENTS, log)
        here = [event for event in standing if event.item in every]
        summary = {
            "labkit": __version__,
            **tally.to_json(),
            "only_corrected": only_corrected,
            "events": len(log),
            "annotators": dict(
                sorted(Counter(e.annotator for e in here if e.kind == "label").items())
            ),
            "adjudicators": dict(
                sorted(Counter(e.annotator for e in here if e.kind == "adjudication").items())
            ),
            "guidelines": sorted({e.guidelines for e in here if e.guidelines}),
            "blind": sum(e.blind for e in here if e.kind == "label"),
        }
        card = _card(summary, annotators_alpha(here), written)
        write_whole(folder / "README.md", [card])
        text = json.dumps(summary, ensure_ascii=False, indent=2)
        write_whole(folder / "summary.json", [text, "\n"])
        folder.chmod(0o755)
        os.rename(folder, out)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise InputError(f"{out}: {error.strerror or error}; nothing was written") from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return summary


# --- the data card -------------------------------------------------------------------------------


def _table(head: tuple[str, str], rows: Mapping[str, object]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "| --- | ---: |"]
    return "\n".join([*lines, *(f"| {name} | {count} |" for name, count in rows.items())])


def _card(summary: Mapping[str, Any], alpha: Alpha, splits: Iterable[Split]) -> str:
    agreed = (
        f"Krippendorff's alpha (ordinal) {alpha}, from {alpha.values} labels of {alpha.units} "
        "pairs that two or more annotators labelled; the interval is over resampled queries."
        if alpha.known
        else "Not measured: fewer than two annotators labelled the same pairs, or all labels of "
        "these are one."
    )
    files = "\n".join(
        f"      - split: {split}\n        path: dataset/{split}.parquet" for split in splits
    )
    others = "" if summary["only_corrected"] else "All other labels are those of the data."
    return f"""---
pretty_name: Corrected labels of agent memories
task_categories: [text-ranking]
tags: [labkit, reranking, memory, hard-negatives]
configs:
  - config_name: default
    data_files:
{files}
---

# Corrected labels of agent memories

Queries, each with memories and a graded label in [0, 1] for each memory. People read pairs that the
data calls not relevant and that models find hard, and gave them one of five levels; the label of a
pair is what was adjudicated, else what more than half of its annotators said, else what its only
annotator said. {others}
`gold_labels` keeps the labels from before, `corrected` says which ones people gave. The texts and their licence are those of the data that was annotated.

| what | count |
| --- | ---: |
| labels that people gave | {summary["labels_replaced"]} |
| of these, on another level than before | {summary["changed"]} |
| of these, relevant where the data said not | {summary["false_negatives_found"]} |
| pairs that cannot be told, label left as it was | {summary["cannot_tell"]} |
| pairs on which annotators differ, label left as it was | {summary["undecided"]} |
| labels given without seeing scores | {summary["blind"]} |

{_table(("split", "queries (corrected)"), {s: f"{summary['examples'][s]} ({summary['corrected_examples'][s]})" for s in SPLITS})}

{_table(("level given", "pairs"), summary["by_level"])}

{_table(("decided", "pairs"), summary["by_how"])}

{_table(("annotator", "labels that stand"), {_plain(n): c for n, c in summary["annotators"].items()})}

Adjudications: {", ".join(f"{_plain(n)} {c}" for n, c in summary["adjudicators"].items()) or "none"}.
Guidelines: {", ".join(map(_plain, summary["guidelines"])) or "not named"} (version:hash).

## Agreement

{agreed}

## Use

    labkit train mini --data lives=THIS_FOLDER ...
    datasets.load_dataset("THIS_FOLDER")
    labkit annotations import THIS_FOLDER

The pairs were sought out because models differ on them or are near the threshold (the `sampler` of
each event in `events.jsonl` says how): their levels are not those of memories at large.
"""  # noqa: E501 (cells of tables)


def _plain(text: str) -> str:
    """A name inside a Markdown table."""
    return " ".join(text.replace("|", "/").replace("<", "(").replace("`", "'").split())
