"""Who is in a life: an owner, some people around them, and among those two of one name."""

from __future__ import annotations

import random

from labkit.synthesis.words.names import MEN, RELATIONS_F, RELATIONS_M, SURNAMES, WOMEN
from labkit.synthesis.world import Gender, Person, Voice

_VOICES: tuple[Voice, ...] = ("plain", "plain", "terse", "chatty", "chatty", "formal", "slang")


def cast(rng: random.Random) -> list[Person]:
    """The owner first, then six others; every relation but "namesake" occurs once.

    Three of the six share the majority's pronoun, so that a bare "she" has two or more readings;
    two of them share a first name in three of four lives.
    """
    owner_gender: Gender = rng.choice(("f", "m"))
    main: Gender = rng.choice(("f", "m"))
    other: Gender = "m" if main == "f" else "f"
    women, men = rng.sample(WOMEN, 8), rng.sample(MEN, 8)
    surnames = rng.sample(SURNAMES, 8)
    relations = {"f": rng.sample(RELATIONS_F, 8), "m": rng.sample(RELATIONS_M, 8)}
    taken: set[str] = set()
    people: list[Person] = []
    namesakes = rng.random() < 0.75
    for i, gender in enumerate((owner_gender, main, main, main, main, other, other)):
        name = (women if gender == "f" else men)[i]
        if namesakes and i == 2:
            name = people[1].name
        relation = next(r for r in relations[gender] if r not in taken)
        taken.add(relation)
        people.append(
            Person(
                id=f"p{i}",
                name=name,
                surname=surnames[i],
                gender=gender,
                relation="self" if i == 0 else relation,
                voice=rng.choice(_VOICES),
                namesake=namesakes and i in (1, 2),
            )
        )
    return people
