"""Fits the head of the cosine student: a logistic regression of the label on the cosine.

Run as: python -m labkit.training.cosine assets/lives --out assets/models/minilm-cosine
and then: labkit calibrate minilm-cosine --data assets/lives:train --decide-on assets/lives:dev
--in-place --out runs/minilm-cosine
The head is two numbers from 98 lives; the same lives may calibrate it. Thresholds come from others.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from labkit.records import Example, Memory, Query
from labkit.retrieval.minilm import SHA256
from labkit.sources.lives import read_lives, split_of
from labkit.students.card import Card
from labkit.students.cosine import cosines

Likeness = Callable[[Query, Sequence[Memory]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Fit:
    """The head, and how many pairs there were."""

    head: dict[str, float]
    pairs: int


def fit_head(examples: Iterable[Example], likeness: Likeness = cosines) -> Fit:
    """Slope and intercept of a likeness that give the labels the greatest likelihood.

    A label of 0.3 counts as three tenths of a relevant pair and seven tenths of an irrelevant one:
    the log loss on soft labels.
    """
    features, labels = [], []
    for example in examples:
        features.append(likeness(example.query, example.memories))
        labels.append([example.label(memory.id) for memory in example.memories])
    x, y = np.concatenate(features)[:, None], np.concatenate(labels)
    model = LogisticRegression(C=np.inf, tol=1e-8)
    model.fit(
        np.concatenate([x, x]),
        np.repeat([1, 0], len(y)),
        sample_weight=np.concatenate([y, 1 - y]),
    )
    head = {"slope": float(model.coef_[0, 0]), "intercept": float(model.intercept_[0])}
    return Fit(
        head={name: round(value, 4) for name, value in head.items()},
        pairs=len(y),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lives", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    lives = [life for life in read_lives(arguments.lives) if split_of(life.id) == "train"]
    fit = fit_head(example for life in lives for example in life.examples)
    files = sorted(arguments.lives.glob("*.jsonl"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    card = Card(
        family="cosine",
        head=fit.head,
        base={"id": "sentence-transformers/all-MiniLM-L6-v2", "sha256": SHA256},
        training={
            "command": f"python -m labkit.training.cosine assets/lives --out {arguments.out}",
            "data": f"authored lives, train split: {len(lives)} lives, {fit.pairs} pairs",
            "data_sha256": digest,
        },
        description=(
            "The cosine of the packaged MiniLM, put on a probability scale by logistic regression "
            f"on the {len(lives)} authored lives of the train split. It compares topics; it is a "
            "baseline, not a trained reranker."
        ),
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    card.save(arguments.out)
    print(f"{arguments.out}: {fit} of {len(lives)} lives")


if __name__ == "__main__":
    main()
