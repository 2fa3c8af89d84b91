"""How far a memory's surface alone gives away that it is the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labkit.errors import InputError
from labkit.records import RELEVANT, Example, parse_time

NAMES = (
    "words", "position", "days before", "digits", "question mark", "quotation", "colon",
    "sentences", "capitals", "exclamation",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SurfaceAUC:
    """Areas under the ROC curve of a logistic regression on surface cues, cross-validated by life.

    ``all_memories`` sets relevant against every other memory dated up to the question,
    ``typed_negatives`` against those that were given a negative kind. .5 is chance.
    ``cues`` holds the area of each single number, direction ignored, over all memories.
    """

    all_memories: float
    typed_negatives: float
    cues: dict[str, float]


def _day(time: str | None) -> int:
    return parse_time(time).toordinal() if time else 0


def cues(example: Example) -> tuple[list[list[float]], list[list[str]], list[int], list[bool]]:
    """Numbers, categories (form, speaker role, family), label and typed-ness of each memory."""
    asked = _day(example.query.time)
    numbers: list[list[float]] = []
    classes: list[list[str]] = []
    relevant: list[int] = []
    typed: list[bool] = []
    last = max(1, len(example.memories) - 1)
    for i, memory in enumerate(example.memories):
        day = _day(memory.time)
        if day > asked:
            continue
        text = memory.text
        numbers.append([
            float(len(text.split())), i / last, float(asked - day),
            float(any(c.isdigit() for c in text)),
            float("?" in text), float('"' in text), float(":" in text),
            float(text.count(".") + text.count("!") + text.count("?")),
            sum(c.isupper() for c in text) / max(1, len(text)), float("!" in text),
        ])  # fmt: skip
        role = (
            memory.speaker if memory.speaker in ("assistant", "note", "owner", "user") else "name"
        )
        classes.append([
            "form " + str(memory.extra.get("form", "")), f"speaker {role}",
            "family " + str(memory.extra.get("family", "")),
        ])  # fmt: skip
        relevant.append(int(example.label(memory.id) >= RELEVANT))
        typed.append(memory.id in example.negative_kinds)
    return numbers, classes, relevant, typed


def _life(example: Example) -> str:
    return str(example.extra.get("life") or example.id.rsplit("-q", 1)[0])


def _fit(x: NDArray[np.float64], y: NDArray[np.int64], groups: NDArray[np.int64]) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict

    folds = GroupKFold(n_splits=min(5, len(np.unique(groups))))
    model = LogisticRegression(C=0.3, max_iter=300)
    predicted = cross_val_predict(
        model, x, y, groups=groups, cv=folds, method="predict_proba"
    )[:, 1]  # fmt: skip
    return float(roc_auc_score(y, predicted))


def surface_auc(examples: Sequence[Example]) -> SurfaceAUC:
    """Fit the cues of all memories of ``examples`` to their relevance; abstain is left out.

    Cues are length, position, days before the question, digits, punctuation, form, speaker and
    template family; never a word shared with the question.

    Raises:
        InputError: the examples are of fewer than two lives.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers: list[list[float]] = []
    classes: list[list[str]] = []
    relevant: list[int] = []
    typed: list[bool] = []
    groups: list[int] = []
    lives: dict[str, int] = {}
    for example in examples:
        if not example.relevant:
            continue
        n, c, r, t = cues(example)
        numbers += n
        classes += c
        relevant += r
        typed += t
        groups += [lives.setdefault(_life(example), len(lives))] * len(r)
    if len(lives) < 2:
        raise InputError(
            f"got {len(lives)} lives with a query that has an answer, expected two or more: what "
            "is fitted on one is measured on another"
        )
    number = np.asarray(numbers)
    squares = np.concatenate([number, number[:, :3] ** 2], axis=1)
    onehot = OneHotEncoder(
        min_frequency=20, handle_unknown="infrequent_if_exist", sparse_output=False
    )
    x = np.concatenate(
        [StandardScaler().fit_transform(squares), onehot.fit_transform(classes)], axis=1
    )
    y, group = np.asarray(relevant), np.asarray(groups)
    hard = (y == 1) | np.asarray(typed)
    single = {}
    for i, name in enumerate(NAMES):
        area = float(roc_auc_score(y, number[:, i]))
        single[name] = max(area, 1 - area)
    return SurfaceAUC(_fit(x, y, group), _fit(x[hard], y[hard], group[hard]), single)
