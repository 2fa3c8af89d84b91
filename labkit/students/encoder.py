"""The encoder family: query and memory read together by a bidirectional model with one logit.

Any ``...ForSequenceClassification`` with one output is one: our MiniLM students, and the hub's
cross-encoders (BGE rerankers, the MS MARCO MiniLMs). The logit is the log-odds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from labkit.assets import assets_path
from labkit.content_cache import ContentCache
from labkit.errors import InputError
from labkit.packed_bert import PackedBert
from labkit.records import Memory, Query
from labkit.rendering import render_age, render_memory, render_query
from labkit.retrieval.minilm import SHA256, minilm_path
from labkit.students.card import Card
from labkit.students.late import LATE, packaged
from labkit.students.tokens import FieldBudgets, PairTokens, cut_text

BUDGETS = FieldBudgets(instruction=48, context=128, question=96, memory=232)
"""Together with the special tokens at most 512, the positions of a BERT."""

_MEMORIES_KEPT = 32_768


class EncoderStudent(nn.Module):
    """A sequence classifier with one logit and its tokenizer as a pointwise scorer.

    ``model`` is one of transformers, which can be trained and runs on any device, or a
    :class:`~labkit.packed_bert.PackedBert`, which scores on a CPU.

    Where the card's ``head`` has a ``similarity``, the score is the logit plus that many times the
    :class:`~labkit.students.late.LateInteraction` of the pair: what the frozen MiniLM knows is then
    not for the cross-encoder to learn again, and the vectors of a memory are kept between queries.
    """

    family = "encoder"
    similarity_weight: nn.Parameter | None

    def __init__(self, model: Any, tokenizer: Any, card: Card | None = None) -> None:
        super().__init__()
        outputs = 1 if isinstance(model, PackedBert) else model.config.num_labels
        if outputs != 1:
            raise InputError(
                f"the model has {outputs} outputs, expected a cross-encoder "
                "with one: load it with num_labels=1 and train it"
            )
        self.card = card or Card(family="encoder", budgets=asdict(BUDGETS))
        self.budgets = FieldBudgets(**(self.card.budgets or asdict(BUDGETS)))
        self.tokenizer = tokenizer
        self.model = model
        weight = self.card.head.get("similarity")
        self.similarity_weight = None if weight is None else nn.Parameter(torch.tensor(weight))
        self.late = None if weight is None else packaged(assets_path() / "models" / LATE)
        self._kept_ids: ContentCache[list[int]] = ContentCache(_MEMORIES_KEPT)
        self._learn_layout()

    @classmethod
    def from_minilm(
        cls, *, seed: int = 0, late: Mapping[str, float] | None = None
    ) -> EncoderStudent:
        """The packaged MiniLM under a new head: where training starts.

        The head is drawn from ``seed`` and its scores mean nothing until it is trained. With
        ``late``, the head of a late student (slope and intercept), it is zero but for the
        intercept: the student begins as that late student.
        """
        from transformers import AutoTokenizer, BertForSequenceClassification
        from transformers.utils import logging

        folder = minilm_path()
        logging.disable_progress_bar()
        verbosity = logging.get_verbosity()
        logging.set_verbosity_error()  # it would report the new head as missing from the file
        try:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                model = BertForSequenceClassification.from_pretrained(folder, num_labels=1)
        finally:
            logging.set_verbosity(verbosity)
        base = {"id": "sentence-transformers/all-MiniLM-L6-v2", "sha256": SHA256}
        head = {}
        if late is not None:
            head["similarity"] = late["slope"]
            nn.init.zeros_(model.classifier.weight)
            nn.init.constant_(model.classifier.bias, late["intercept"])
        card = Card(family="encoder", budgets=asdict(BUDGETS), base=base, head=head)
        return cls(model, AutoTokenizer.from_pretrained(folder), card).eval()

    def _learn_layout(self) -> None:
        # Which special tokens stand before, between and after the two texts, and which token type
        # each part has, differs between BERT, RoBERTa and their kin; the tokenizer knows.
        probe = self.tokenizer("a", "a")
        sides = probe.sequence_ids(0)
        ids = probe["input_ids"]
        types = probe.get("token_type_ids", [0] * len(ids))
        first, second = sides.index(0), sides.index(1)
        after_first = len(sides) - 1 - sides[::-1].index(0) + 1
        after_second = len(sides) - 1 - sides[::-1].index(1) + 1
        self._before = ids[:first]
        self._between = ids[after_first:second]
        self._after = ids[after_second:]
        self._has_types = "token_type_ids" in probe
        self._tail_type = types[second]

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def forget_memories(self) -> None:
        """Drop the token ids that are kept, as if no memory had been read yet."""
        self._kept_ids.clear()

    def _many_ids(self, texts: Sequence[str]) -> list[list[int]]:
        ids: list[list[int]] = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        # One more than is read, which says that the text was longer; the rest need not be kept.
        return [each[: self.budgets.memory + 1] for each in ids]

    def tokenize(self, query: Query, memories: Sequence[Memory]) -> PairTokens:
        """Token ids of all pairs: instruction, context and question, then the memory.

        Equal to those of the tokenizer on the two texts where nothing is cut. The ids of memories
        are kept by their text for the queries to come.
        """
        cut = self.budgets
        parts = render_query(query)
        pieces = (
            (parts.instruction or "", cut.instruction, "start"),
            (parts.context, cut.context, "end"),
            (parts.question, cut.question, "start"),
        )
        texts = [cut_text(self.tokenizer, text, most, keep=side) for text, most, side in pieces]  # type: ignore[arg-type]
        joined = "\n".join(text for text in texts if text)
        rendered = [render_memory(memory) for memory in memories]
        bodies = self._kept_ids.values(rendered, self._many_ids)
        if self.card.ages and query.time:
            ages = [render_age(m.time, query.time) if m.time else "" for m in memories]
            bodies = [
                age + body
                for age, body in zip(
                    self._kept_ids.values(ages, self._many_ids), bodies, strict=True
                )
            ]
        return PairTokens(
            prefix=[*self._before, *self._ids(joined), *self._between],
            tails=[[*body[: cut.memory], *self._after] for body in bodies],
            truncated=[len(body) > cut.memory for body in bodies],
            query_truncated=texts != [text for text, _, _ in pieces],
            similarity=None if self.late is None else self.late(query, memories),
        )

    def collate(self, pairs: Sequence[tuple[list[int], list[int]]]) -> dict[str, Tensor]:
        """Pad (prefix, tail) pairs on the right; every tensor is [batch, longest]."""
        width = max(len(prefix) + len(tail) for prefix, tail in pairs)
        pad = self.tokenizer.pad_token_id
        rows: dict[str, list[list[int]]] = {"input_ids": [], "attention_mask": []}
        if self._has_types:
            rows["token_type_ids"] = []
        for prefix, tail in pairs:
            length = len(prefix) + len(tail)
            gap = [0] * (width - length)
            rows["input_ids"].append(prefix + tail + [pad] * (width - length))
            rows["attention_mask"].append([1] * length + gap)
            if self._has_types:
                types = [0] * len(prefix) + [self._tail_type] * len(tail)
                rows["token_type_ids"].append(types + gap)
        return {key: torch.tensor(value, device=self.model.device) for key, value in rows.items()}

    def forward(self, **batch: Tensor) -> Tensor:
        """Log-odds [batch], float32."""
        logits: Tensor = self.model(**batch).logits
        return logits[:, 0].float()

    @property
    def similarity(self) -> float:
        """How many times the late interaction is added to the logit; 0 where it is not."""
        return 0.0 if self.similarity_weight is None else float(self.similarity_weight.detach())

    def current_card(self) -> Card:
        """The card with the weight of the similarity as it is now."""
        if self.similarity_weight is None:
            return self.card
        head = {**self.card.head, "similarity": self.similarity}
        return replace(self.card, head=head)

    def save(self, folder: Path) -> None:
        """Write a stock checkpoint with ``labkit.json`` beside it."""
        self.card = self.current_card()
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        self.card.save(folder)
