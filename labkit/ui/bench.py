"""What ranks: models and first-stage indexes, kept between calls and shared by all pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from labkit.assets import assets_path
from labkit.errors import InputError
from labkit.records import Dialogue, Memory, Query, Ranking
from labkit.retrieval.first_stage import FirstStage, Method
from labkit.scoring.reranker import Reranker
from labkit.students.card import FILE_NAME
from labkit.students.load import EMBEDDED
from labkit.ui.kept import Kept
from labkit.ui.selection import Selection

MODELS_KEPT = 2
INDEXES_KEPT = 12


def embedded_models() -> list[str]:
    """Names of the students that ship with the package, the default first."""
    cards = (assets_path() / "models").glob(f"*/{FILE_NAME}")
    names = sorted(card.parent.name for card in cards)
    return sorted(names, key=lambda name: name != EMBEDDED)


class Bench:
    """Ranks for the pages. Only the models named at the start can be loaded through it."""

    def __init__(self, models: Sequence[str]) -> None:
        self.models = tuple(dict.fromkeys(models))
        self._rerankers: Kept[str, Reranker] = Kept(MODELS_KEPT)
        self._indexes: Kept[tuple[str, str, Method], FirstStage] = Kept(INDEXES_KEPT)

    def reranker(self, model: str) -> Reranker:
        """
        Raises:
            InputError: the model is not one of the lab's, or cannot be loaded.
        """
        if model not in self.models:
            raise InputError(f"no model {model!r} here, expected one of {', '.join(self.models)}")
        return self._rerankers.get_or_make(model, lambda: Reranker.load(model))

    def note(self, model: str) -> str:
        """What a model is, in its own card's words."""
        reranker = self.reranker(model)
        described: str = reranker.card.description
        return (
            described or f"{Path(model).name} says nothing of itself: its card has no description."
        )

    def candidates(
        self, dialogue: Dialogue, query: Query, selection: Selection
    ) -> tuple[Memory, ...]:
        """The first stage to ``selection.depth``."""
        index = self._indexes.get_or_make(
            (selection.collection, selection.dialogue, selection.method),
            lambda: FirstStage(dialogue.memories, selection.method),
        )
        return index.candidates(query, selection.depth)

    def rank(self, dialogue: Dialogue, query: Query, selection: Selection) -> Ranking:
        """The candidates, and then the model."""
        candidates = self.candidates(dialogue, query, selection)
        return self.reranker(selection.model).rerank(query, candidates)
