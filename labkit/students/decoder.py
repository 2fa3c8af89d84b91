"""The decoder family: Qwen3-Reranker answers "yes" or "no"; the score is the log-odds of the two.

Score convention: ``logit("yes") - logit("no")`` at the last token, in float32. Only these two rows
of the output matrix are multiplied. All candidates of a query share instruction, context and query
word for word, so their keys and values are computed once (:meth:`DecoderStudent.prefix_cache`) and
attended to by every candidate without being copied for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from labkit.errors import InputError
from labkit.linear import Linear, Precision
from labkit.records import Memory, Query
from labkit.rendering import render_memory, render_query
from labkit.students import template
from labkit.students.card import Card
from labkit.students.conversation import Conversation
from labkit.students.tokens import FieldBudgets, PairTokens, cut_text

BUDGETS = FieldBudgets(instruction=128, context=1024, question=384, memory=2048)

ATTENTION = "labkit_prefix"
"""Name of our attention among those of transformers; without a prefix it is plain SDPA."""

PrefixCache = list[tuple[Tensor, Tensor]]
"""Keys and values of the shared prefix, one pair a layer, each [1, key heads, prefix, size]."""


def attention_with_prefix(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float,
    prefix: PrefixCache | None = None,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """Causal attention within each sequence, and full attention to one prefix shared by all.

    One softmax runs over both groups of scores, so the result is that of attention over the
    joined keys. The prefix is one matrix for the whole batch: its scores are a single product of
    all queries of the batch, and nothing of it is copied.

    Args:
        query: [batch, heads, tokens, size]; heads is a multiple of the key heads.
        key, value: [batch, key heads, tokens, size], of the sequences alone.
        attention_mask: as SDPA takes it; ignored with a prefix, where sequences are padded on the
            right and causality keeps the padding out.
        scaling: factor on the scores.
        prefix: see :data:`PrefixCache`.

    Returns:
        [batch, tokens, heads, size] and None, as transformers expects.
    """
    if prefix is None:
        out: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **kwargs
        )
        return out
    prefix_key, prefix_value = prefix[module.layer_idx]  # type: ignore[index]
    batch, heads, tokens, size = query.shape
    key_heads, length = prefix_key.shape[1], prefix_key.shape[2]
    group = heads // key_heads

    # Group the query heads by the key head that they read.
    grouped = (query * scaling).reshape(batch, key_heads, group * tokens, size)
    own = grouped @ key.transpose(-1, -2)
    causal = torch.ones(tokens, tokens, dtype=torch.bool, device=query.device).tril()
    own = own.view(batch, key_heads, group, tokens, tokens).masked_fill(~causal, float("-inf"))

    # [key heads, batch * group * tokens, size] x [key heads, size, prefix]: one product a key head.
    flat = grouped.transpose(0, 1).reshape(key_heads, -1, size)
    shared = (flat @ prefix_key[0].transpose(-1, -2)).view(key_heads, batch, -1, length)
    own = own.view(batch, key_heads, -1, tokens)

    scores = torch.cat([shared.transpose(0, 1), own], dim=-1)
    weights = scores.softmax(-1, dtype=torch.float32).to(query.dtype)
    to_prefix = weights[..., :length].transpose(0, 1).reshape(key_heads, -1, length)
    mixed = (to_prefix @ prefix_value[0]).view(key_heads, batch, -1, size).transpose(0, 1)
    mixed = mixed + weights[..., length:] @ value
    return mixed.reshape(batch, heads, tokens, size).transpose(1, 2), None


ALL_ATTENTION_FUNCTIONS.register(ATTENTION, attention_with_prefix)
ALL_MASK_ATTENTION_FUNCTIONS.register(ATTENTION, sdpa_mask)


def last_token(attention_mask: Tensor) -> Tensor:
    """Position [batch] of the last real token of each row, whichever side the padding is on."""
    positions = torch.arange(attention_mask.shape[1], device=attention_mask.device)
    return (attention_mask * positions).argmax(-1)


class LaidOutLinear(nn.Module):
    """A layer of :class:`~labkit.linear.Linear` in the place of an ``nn.Linear``."""

    def __init__(self, layer: nn.Linear, precision: Precision) -> None:
        super().__init__()
        bias = None if layer.bias is None else layer.bias.detach()
        self.layer = Linear(layer.weight.detach(), bias, precision)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.reshape(-1, x.shape[-1])).view(*x.shape[:-1], -1)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        # A checkpoint that is saved is a stock one.
        destination[prefix + "weight"] = self.layer.dense_weight()
        if self.layer.bias is not None:
            destination[prefix + "bias"] = self.layer.bias


class DecoderStudent(nn.Module):
    """A ``Qwen3ForCausalLM`` and its tokenizer as a pointwise scorer."""

    family = "decoder"

    def __init__(self, model: Any, tokenizer: Any, card: Card | None = None) -> None:
        super().__init__()
        kind = type(model).__name__
        if not kind.startswith("Qwen3ForCausalLM"):
            raise InputError(
                f"the model is a {kind}, expected Qwen3ForCausalLM: the yes / no template is "
                "that of Qwen3-Reranker"
            )
        self.card = card or Card(family="decoder", template=template.NAME, budgets=asdict(BUDGETS))
        self.budgets = FieldBudgets(**(self.card.budgets or asdict(BUDGETS)))
        self.tokenizer = tokenizer
        self.yes_id = self._single_token(template.YES)
        self.no_id = self._single_token(template.NO)
        self._suffix: list[int] = tokenizer(template.SUFFIX, add_special_tokens=False)["input_ids"]
        model.set_attn_implementation(ATTENTION)
        self.model = model

    def _single_token(self, word: str) -> int:
        ids: list[int] = self.tokenizer(word, add_special_tokens=False)["input_ids"]
        if len(ids) != 1:
            raise InputError(
                f"the tokenizer writes {word!r} in {len(ids)} tokens, expected one, "
                "as the tokenizer of Qwen3-Reranker does"
            )
        return ids[0]

    def tokenize(self, query: Query, memories: Sequence[Memory]) -> PairTokens:
        """Token ids of all pairs. Equal to those of the whole prompt where nothing is cut."""
        cut = self.budgets
        parts = render_query(query)
        instruction = cut_text(self.tokenizer, parts.instruction or "", cut.instruction)
        context = cut_text(self.tokenizer, parts.context, cut.context, keep="end")
        question = cut_text(self.tokenizer, parts.question, cut.question)
        shortened = (instruction, context, question) != (
            parts.instruction or "",
            parts.context,
            parts.question,
        )
        text = f"{context}\n{question}" if context else question
        prefix = self.tokenizer(
            template.prefix_text(instruction or None, text), add_special_tokens=False
        )["input_ids"]
        documents = [template.tail_text(render_memory(memory)) for memory in memories]
        bodies = (
            self.tokenizer(documents, add_special_tokens=False)["input_ids"] if documents else []
        )
        return PairTokens(
            prefix=prefix,
            tails=[body[: cut.memory] + self._suffix for body in bodies],
            truncated=[len(body) > cut.memory for body in bodies],
            query_truncated=shortened,
        )

    def collate(self, pairs: Sequence[tuple[list[int], list[int]]]) -> dict[str, Tensor]:
        """Pad (prefix, tail) pairs on the right; every tensor is [batch, longest]."""
        sequences = [prefix + tail for prefix, tail in pairs]
        width = max(len(ids) for ids in sequences)
        pad = self.tokenizer.pad_token_id
        rows = {
            "input_ids": [ids + [pad] * (width - len(ids)) for ids in sequences],
            "attention_mask": [[1] * len(ids) + [0] * (width - len(ids)) for ids in sequences],
        }
        return {key: torch.tensor(value, device=self.model.device) for key, value in rows.items()}

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Log-odds [batch], float32, of whole prompts, padded on either side."""
        positions = (attention_mask.cumsum(-1) - 1).clamp(min=0)
        hidden = self.model.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=positions,
            use_cache=False,
        ).last_hidden_state
        return self._log_odds(hidden, attention_mask)

    def lay_out(self, precision: Precision) -> None:
        """Lay out the layers' weights for this processor: faster scores, and no more training."""
        for block in self.model.model.layers:
            for module in list(block.modules()):
                for name, layer in list(module.named_children()):
                    if type(layer) is nn.Linear:
                        setattr(module, name, LaidOutLinear(layer, precision))

    def prefix_cache(
        self, prefix: Sequence[int], conversation: Conversation | None = None
    ) -> PrefixCache:
        """Keys and values of the shared prefix, computed once for all candidates.

        Args:
            conversation: what it keeps is computed once for all its queries; it keeps these then.
        """
        ids = list(prefix)
        cache = DynamicCache(config=self.model.config)
        known = 0 if conversation is None else conversation.shared(ids)
        if known and conversation is not None:
            for number, (key, value) in enumerate(conversation.cache):
                cache.update(key[:, :, :known], value[:, :, :known], number)
        if known < len(ids):
            rest = torch.tensor([ids[known:]], device=self.model.device)
            self.model.model(input_ids=rest, past_key_values=cache, use_cache=True)
        computed = [(layer.keys, layer.values) for layer in cache.layers]
        if conversation is not None:
            conversation.ids, conversation.cache = ids, computed
        return computed

    def forward_tails(self, batch: dict[str, Tensor], prefix: PrefixCache) -> Tensor:
        """Log-odds [batch], float32, of tails (padded on the right) that follow a prefix."""
        ids, mask = batch["input_ids"], batch["attention_mask"]
        length = prefix[0][0].shape[2]
        positions = torch.arange(length, length + ids.shape[1], device=ids.device).unsqueeze(0)
        hidden = self.model.model(
            input_ids=ids,
            # A mapping is passed on as it stands: no mask is built, ours is causal by itself.
            attention_mask={"full_attention": None, "sliding_attention": None},
            position_ids=positions,
            use_cache=False,
            prefix=prefix,
        ).last_hidden_state
        return self._log_odds(hidden, mask)

    def _log_odds(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        rows = torch.arange(len(hidden), device=hidden.device)
        last = hidden[rows, last_token(attention_mask)].float()
        head = self.model.lm_head.weight
        # Under autocast the product would be rounded to eight bits.
        with torch.autocast(hidden.device.type, enabled=False):
            log_odds: Tensor = last @ (head[self.yes_id].float() - head[self.no_id].float())
        return log_odds

    def save(self, folder: Path) -> None:
        """Write a stock checkpoint with ``labkit.json`` and a chat template beside it."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save_pretrained(folder)
        self.tokenizer.chat_template = template.CHAT_TEMPLATE
        self.tokenizer.save_pretrained(folder)
        self.card.save(folder)
