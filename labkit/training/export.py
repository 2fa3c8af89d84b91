"""A student as a stock model: the adapter folded in, the tokenizer and a model card beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labkit.errors import InputError
from labkit.evaluation.measures import parse_measure, ranking_value
from labkit.evaluation.results import SHOWN, Row, read_rows
from labkit.files import whole_folder, write_whole
from labkit.students.card import Card
from labkit.students.late import PREVIOUS_WEIGHT
from labkit.students.load import UntrainedStudent, load_student
from labkit.students.placement import choose_placement

PAPER = "https://arxiv.org/abs/2605.06132"


def export(checkpoint: Path, out: Path, evaluations: Sequence[Path] = ()) -> None:
    """Write the merged model of ``checkpoint`` into the new folder ``out``.

    Args:
        checkpoint: a student's folder: an adapter or a whole model.
        out: a folder that is not there yet; it appears whole or not at all.
        evaluations: result files of ``labkit eval --out``, or folders of them, for the card.

    Raises:
        InputError: ``checkpoint`` is no trained student, ``out`` is in use, or a result cannot be
            read.
    """
    if not checkpoint.is_dir():
        raise InputError(f"{checkpoint}: no such folder, expected a student such as RUN/student")
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise InputError(f"{out} is in use, expected a new folder")
    rows = read_rows(evaluations) if evaluations else []
    student = load_student(checkpoint, placement=choose_placement("cpu", "float32"))
    if isinstance(student, UntrainedStudent):
        raise InputError(
            f"{checkpoint} is a {student.family} student, which has no model to export"
        )
    with whole_folder(out) as part:
        student.save(part)
        write_whole(part / "README.md", [model_card(student.card, rows)])


def model_card(card: Card, rows: Sequence[Row] = ()) -> str:
    """The model card in Markdown: what trained it, what it measures, what it cannot do."""
    base = card.base.get("id", "unknown")
    training = card.training
    lines = [
        "---",
        "license: apache-2.0",
        f"base_model: {base}",
        "pipeline_tag: text-ranking",
        "library_name: transformers",
        "---",
        "",
        "# A reranker of agent memories",
        "",
        card.description or "A student distilled with labkit.",
        "",
        f"Trained with labkit {training.get('labkit', '')} after the recipe of MemReranker "
        f"({PAPER}) on {base}.",
        "",
        "## Score",
        "",
        _score(card),
        *(["", _AGES] if card.ages else []),
        "",
        "## Training",
        "",
        f"    {training.get('command', 'not recorded')}",
        "",
        f"Seed {training.get('seed')}, {training.get('precision')} products on "
        f"{training.get('device')}; versions: "
        + ", ".join(f"{k} {v}" for k, v in training.get("versions", {}).items())
        + ".",
        "",
        "| data set | queries | sha256 |",
        "| --- | ---: | --- |",
    ]
    for name, facts in training.get("data", {}).items():
        lines.append(f"| {name} | {facts['queries']:,} | {facts['sha256'][:16]} |")
    if training.get("dev"):
        dev = training["dev"]
        sets = ", ".join(f"{name} {value:.3f}" for name, value in dev["sets"].items())
        lines += ["", f"Dev MAP {dev['map']:.3f} ({sets}), log loss {dev['log_loss']:.3f}."]
    if card.thresholds:
        lines += ["", "## Operating points", "", "| name | probability | how it was obtained |"]
        lines.append("| --- | ---: | --- |")
        for name, value in card.thresholds.items():
            how = card.operating_points.get(name, {}).get("rule", "best F1")
            lines.append(f"| {name} | {value:.3f} | {how} |")
    if rows:
        lines += ["", "## Evaluation", "", f"| benchmark | ranked by | {' | '.join(SHOWN)} |"]
        lines.append(f"| --- | --- |{' ---: |' * len(SHOWN)}")
    for row in rows:
        judged = [query.judged() for query in row.queries]
        means = [
            np.mean([ranking_value(parse_measure(name), each) for each in judged if each.relevant])
            for name in SHOWN
        ]
        values = " | ".join(f"{mean:.3f}" for mean in means)
        lines.append(f"| {row.benchmark} | {row.name} | {values} |")
    lines += [
        "",
        "## Limits",
        "",
        "English. It reads a date, a speaker and a dialogue context in labkit's rendering "
        f"(version {card.rendering}); texts in another form are read less well. Probabilities are "
        "calibrated on the data that the card names, and on other data only as well as measured.",
        "",
    ]
    return "\n".join(lines)


_AGES = (
    "Where question and memory have a date, the model reads in front of the memory how long before "
    'the question it was ("3 months before [14 March, 2026] Ana: ..."; '
    "`labkit.rendering.render_age`)."
)


def _score(card: Card) -> str:
    if card.family == "decoder":
        return (
            'The log-odds `logit("yes") - logit("no")` at the last token of the Qwen3-Reranker '
            "prompt; sentence-transformers' `CrossEncoder` gives the same."
        )
    weight = card.head.get("similarity")
    if weight is None:
        return "The single logit is the log-odds; `CrossEncoder` gives the same."
    return (
        f"The single logit plus {weight:.3f} times the late interaction of query and memory (for "
        "each token of the query the best cosine among the memory's tokens, or, counting "
        f"{PREVIOUS_WEIGHT:g} of it, those of the turn that the memory followed; by the frozen "
        "all-MiniLM-L6-v2, weighted by the token's rarity) is the log-odds. labkit adds the second "
        "part; `CrossEncoder` alone gives the first, which ranks less well."
    )
