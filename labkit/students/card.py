"""``labkit.json``: what a checkpoint folder says about the student inside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from labkit.errors import InputError
from labkit.files import write_whole
from labkit.rendering import RENDERING_VERSION

FILE_NAME = "labkit.json"
FORMAT = 1

Family = Literal["cosine", "late", "encoder", "decoder"]


@dataclass(frozen=True, slots=True)
class Card:
    """The facts that a score depends on, beside the weights.

    Attributes:
        family: which kind of student.
        rendering: version of :mod:`labkit.rendering` that the student was trained with.
        template: name and version of the prompt template; None where there is none.
        head: numbers of a head that is not in the weights (slope and intercept of a cosine or of
            a late interaction; the weight of an encoder's similarity).
        calibration: the map from log-odds to calibrated log-odds, see
            :mod:`labkit.scoring.calibration`; empty where there is none.
        abstention: the model of "nothing here answers", see :mod:`labkit.scoring.abstention`.
        thresholds: calibrated probabilities from which a memory is kept, by name.
        operating_points: for each of these names how its threshold was obtained: the rule, what it
            guarantees and on which assumption, on how many queries. Free form.
        ages: whether an encoder reads, before a memory with a date, how long before the question it
            was, see :func:`~labkit.rendering.render_age`.
        budgets: tokens of each field, see :class:`~labkit.students.tokens.FieldBudgets`.
        base: id and sha256 of the base model.
        training: what trained it: recipe, data and their hashes, versions. Free form.
        description: one sentence for people.
    """

    family: Family
    rendering: int = RENDERING_VERSION
    template: str | None = None
    head: dict[str, float] = field(default_factory=dict)
    calibration: dict[str, Any] = field(default_factory=dict)
    abstention: dict[str, Any] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)
    operating_points: dict[str, dict[str, Any]] = field(default_factory=dict)
    ages: bool = False
    budgets: dict[str, int] = field(default_factory=dict)
    base: dict[str, str] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    description: str = ""

    def line(self) -> tuple[float, float]:
        """Slope and intercept of the head of a cosine or late student.

        Raises:
            InputError: one is missing.
        """
        try:
            return self.head["slope"], self.head["intercept"]
        except KeyError as error:
            raise InputError(
                f"the card of the {self.family} student has no {error}, expected head.slope and "
                f"head.intercept; fit them with: python -m labkit.training.{self.family}"
            ) from None

    def save(self, folder: Path) -> None:
        """Write ``labkit.json`` into the folder of a checkpoint, whole or not at all."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=2, ensure_ascii=False)
        write_whole(folder / FILE_NAME, [text, "\n"])


def read_card(folder: Path) -> Card | None:
    """The card of a folder, or None where it has none (a stock checkpoint).

    Raises:
        InputError: the card is damaged, or of another version of this package.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        version = values.pop("format")
        if version != FORMAT:
            raise InputError(
                f"{path} has format {version!r}, expected {FORMAT}; "
                "load it with the labkit version that wrote it"
            )
        card = Card(**values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path} cannot be read ({error}), expected the labkit.json that labkit wrote"
        ) from None
    if card.family not in get_args(Family):
        families = ", ".join(get_args(Family))
        raise InputError(f"{path} has family {card.family!r}, expected one of {families}")
    if card.rendering != RENDERING_VERSION:
        raise InputError(
            f"{path} was trained with rendering {card.rendering}, expected {RENDERING_VERSION}; "
            "load it with the labkit version that wrote it, or train it again"
        )
    return card
