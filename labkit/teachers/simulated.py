"""Teachers made of arithmetic: they know the world's label and get it wrong in set ways.

A simulated teacher perceives a memory's label plus what fools it (length, a kind of negative that
it is blind to), both the same at each look; a verdict adds its liking for the first place and fresh
noise. All is in units of label (0.2 = one of the five levels). Its name begins with "simulated:"
wherever it shows: nothing that it says is evidence about a real teacher.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from labkit.errors import InputError
from labkit.records import Example
from labkit.teachers.verdicts import Floats, Grade, Kind, Verdict

PREFIX = "simulated:"


@dataclass(frozen=True, slots=True)
class SimulatedTeacher:
    """How one simulated teacher errs.

    Attributes:
        name: begins with "simulated:".
        noise: standard deviation of one verdict, and of one grade, in label units.
        position_bias: added to the first memory's side of a verdict.
        length_bias: added to a memory for each doubling of its length over 120 characters.
        blind_spots: negative kind -> added to a memory of that kind.
        sharpness: how strongly it words a difference: preference = tanh(sharpness x difference).
        yes_or_no: say only which is better (-1 or 1), never how much.
        tie_below: differences smaller than this are called a tie.
        step: preferences and grades are rounded to multiples of this; 0 = not.
        grade_noise: standard deviation of one grade; None = ``noise``.
        leniency: added to every grade.
        query_leniency: standard deviation of what is added to all its grades of one query: how far
            its rubric drifts from query to query.
        malformed, refused: share of calls that end so.
        seed: of its noise; the same question asked again gets the same reply.
    """

    name: str
    noise: float = 0.2
    position_bias: float = 0.0
    length_bias: float = 0.0
    blind_spots: Mapping[str, float] = field(default_factory=dict)
    sharpness: float = 3.0
    yes_or_no: bool = False
    tie_below: float = 0.0
    step: float = 0.1
    grade_noise: float | None = None
    leniency: float = 0.0
    query_leniency: float = 0.0
    malformed: float = 0.0
    refused: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.name.startswith(PREFIX):
            raise InputError(f"name is {self.name!r}, expected it to begin with {PREFIX!r}")

    # --- whole arrays, for experiments -----------------------------------------------------------

    def perceived(self, labels: Floats, lengths: Floats, spots: Floats) -> Floats:
        """What it takes each memory to be worth, [n], before the noise of a call.

        Args:
            labels: the world's labels [n].
            lengths: characters [n].
            spots: what its blind spots add to each memory [n], see :meth:`spots`.
        """
        doublings = np.log2(np.maximum(lengths, 1) / 120)
        seen: Floats = labels + self.length_bias * doublings + spots
        return seen

    def spots(self, kinds: Mapping[int, str], count: int) -> Floats:
        """What its blind spots add, [count]; ``kinds`` maps an index to its negative kind."""
        added = np.zeros(count)
        for i, kind in kinds.items():
            added[i] = self.blind_spots.get(kind, 0.0)
        return added

    def _rounded(self, values: Floats) -> Floats:
        return np.round(values / self.step) * self.step if self.step else values

    def preferences(self, first: Floats, second: Floats, rng: np.random.Generator) -> Floats:
        """Preferences [m] in [-1, 1] for perceived worths [m]; 0 = tied."""
        difference = first - second + self.position_bias
        difference = difference + self.noise * rng.standard_normal(len(first))
        said = np.sign(difference)
        if not self.yes_or_no:
            said = np.clip(self._rounded(np.tanh(self.sharpness * difference)), -1, 1)
        return np.where(np.abs(difference) < self.tie_below, 0.0, said)

    def grades(self, perceived: Floats, drift: Floats, rng: np.random.Generator) -> Floats:
        """Grades [g] in [0, 1] for perceived worths [g].

        ``drift`` [g] is standard normal and the same for all grades of one query.
        """
        noise = self.noise if self.grade_noise is None else self.grade_noise
        raw = perceived + self.leniency + self.query_leniency * drift
        raw = raw + noise * rng.standard_normal(len(perceived))
        return np.clip(self._rounded(raw), 0, 1)

    # --- one call, as a Teacher -------------------------------------------------------------------

    @property
    def can_grade(self) -> bool:
        return True

    def _rng(self, *names: str) -> np.random.Generator:
        return np.random.default_rng(
            [self.seed, *(zlib.crc32(each.encode()) for each in (self.name, *names))]
        )

    def _worth(self, example: Example, memory: str) -> float:
        text = next((m.text for m in example.memories if m.id == memory), None)
        if text is None:
            raise InputError(f"query {example.id!r} has no memory {memory!r}")
        kind = example.negative_kinds.get(memory, "")
        spot = self.blind_spots.get(kind, 0.0)
        label = np.array([example.label(memory)])
        return float(self.perceived(label, np.array([float(len(text))]), np.array([spot]))[0])

    async def compare(
        self, example: Example, first: str, second: str, second_example: Example | None = None
    ) -> Verdict:
        """Its verdict on two memory ids; ``second_example``: the second's, where queries differ."""
        other = example if second_example is None else second_example
        crossing = other.id if other.id != example.id else None
        rng = self._rng(example.id, first, other.id, second)
        fate = rng.random()
        if fate < self.malformed + self.refused:
            kind: Kind = "malformed" if fate < self.malformed else "refused"
            return Verdict(example.id, first, second, self.name, 0.0, kind, crossing)
        one, two = self._worth(example, first), self._worth(other, second)
        preference = float(self.preferences(np.array([one]), np.array([two]), rng)[0])
        return Verdict(
            example.id,
            first,
            second,
            self.name,
            preference,
            "ok" if preference else "tied",
            crossing,
        )

    async def grade(self, example: Example, memory: str) -> Grade:
        """Its rubric grade of one memory id."""
        rng = self._rng(example.id, memory)
        fate = rng.random()
        if fate < self.malformed + self.refused:
            kind: Kind = "malformed" if fate < self.malformed else "refused"
            return Grade(example.id, memory, self.name, 0.0, kind)
        drift = self._rng(example.id, "drift").standard_normal(1)
        worth = np.array([self._worth(example, memory)])
        return Grade(example.id, memory, self.name, float(self.grades(worth, drift, rng)[0]))
