"""Who speaks about whom: the pronouns and verb forms that a frame needs."""

from __future__ import annotations

from labkit.synthesis.world import Person

_FIRST = {
    "S": "I", "Ss": "my", "So": "me", "they": "I", "their": "my", "them": "me",
    "was": "was", "have": "have", "am": "am", "do": "do", "s": "", "self": "myself",
    "theirs": "mine", "dont": "don't", "es": "", "ies": "y",
}  # fmt: skip

_PRONOUNS = {"f": ("she", "her", "her", "herself", "hers"),
             "m": ("he", "his", "him", "himself", "his")}  # fmt: skip


def first_person() -> dict[str, str]:
    """Speaker and subject are the same person."""
    return dict(_FIRST)


def third_person(person: Person, called: str | None = None) -> dict[str, str]:
    """Somebody speaks about ``person``, who is ``called`` so, or by name."""
    name = called or person.shown
    they, their, them, self_, theirs = _PRONOUNS[person.gender]
    return {
        "S": name, "Ss": possessive(name), "So": name, "they": they, "their": their,
        "them": them, "was": "was", "have": "has", "am": "is", "do": "does", "s": "s",
        "self": self_, "theirs": theirs, "dont": "doesn't", "es": "es", "ies": "ies",
    }  # fmt: skip


def pronoun_only(person: Person) -> dict[str, str]:
    """``person`` has been named before: she, her, hers."""
    they, their, them, _, _ = _PRONOUNS[person.gender]
    return third_person(person) | {"S": they, "Ss": their, "So": them}


def possessive(name: str) -> str:
    return name + ("'" if name.endswith("s") else "'s")


def second_person() -> dict[str, str]:
    """Somebody asks the owner about the owner."""
    return dict(_FIRST) | {
        "S": "you", "Ss": "your", "So": "you", "they": "you", "their": "your", "them": "you",
        "was": "were", "am": "are", "self": "yourself", "theirs": "yours",
    }  # fmt: skip


def nobody() -> dict[str, str]:
    """Every token as the same blank: what a sentence is, whoever it is about."""
    return dict.fromkeys(_FIRST, "x")
