"""Operating points: the thresholds that a model's card names, and what each promises."""

from __future__ import annotations

from labkit.students.card import Card

CUSTOM = "custom"
"""The point that stands for any other threshold."""

NO_POINTS = "This model's card names no thresholds; labkit calibrate makes them."


def point_choices(card: Card) -> list[tuple[str, str]]:
    """Label and value of each named threshold, and of one's own."""
    named = [(f"{name} {threshold:.3f}", name) for name, threshold in card.thresholds.items()]
    return [*named, (CUSTOM, CUSTOM)]


def starting_point(card: Card, wanted: str | None = None) -> tuple[str, float]:
    """A point and its threshold: the wanted one, else balanced, else a half."""
    for name in (wanted, "balanced"):
        if name is not None and name in card.thresholds:
            return name, card.thresholds[name]
    return CUSTOM, 0.5


def point_note(card: Card, point: str) -> str:
    """One sentence on a point: its rule, its promise, and on how many queries it was found."""
    if not card.thresholds:
        return NO_POINTS
    facts = card.operating_points.get(point)
    if facts is None:
        return "Your own threshold: nothing is promised for it."
    promise = facts.get("promise") or "no promise"
    unit = "dialogues" if facts.get("unit") == "dialogue" else "queries"
    found = f", found on n = {facts['n']} {unit}" if "n" in facts else ""
    data = ", ".join(decided_on(card))
    return f"{facts.get('rule', point)}; {promise}{found}{f' of {data}' if data else ''}."


def decided_on(card: Card) -> list[str]:
    """Names of the data that the thresholds were found on, as the card gives them."""
    fitted = card.calibration.get("fitted", {})
    return [str(name) for name in (fitted.get("decided_on") or fitted).get("data", [])]
