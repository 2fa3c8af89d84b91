"""Scores the pairs of one query in batches of like length under a token budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from labkit.batching import token_batches
from labkit.packed_bert import PackedBert
from labkit.students.encoder import EncoderStudent
from labkit.students.tokens import PairTokens

if TYPE_CHECKING:
    from labkit.students.conversation import Conversation

    # Its import takes that of transformers with it, which an encoder on a CPU does without.
    from labkit.students.decoder import DecoderStudent

_TOKENS_ON_CPU = 2_048
_TOKENS_ON_GPU = 65_536
_SCORES_ON_CPU = 2**25
_SCORES_ON_GPU = 2**29


def score_pairs(
    student: EncoderStudent | DecoderStudent,
    tokens: PairTokens,
    *,
    tokens_per_batch: int | None = None,
    share_prefix: bool = True,
    conversation: Conversation | None = None,
) -> NDArray[np.float64]:
    """Log-odds [n] of the n pairs, in their order.

    Args:
        tokens: what ``student.tokenize`` gave.
        tokens_per_batch: the most tokens, padding included, that run at once; chosen where None.
        share_prefix: let a decoder compute what all pairs share only once. The scores are the same
            within rounding; it is off for measurements.
        conversation: what a decoder goes on from; an encoder has nothing to keep.
    """
    count = len(tokens.tails)
    scores = np.zeros(count)
    if count == 0:
        return scores
    on_cpu = student.model.device.type == "cpu"
    budget = tokens_per_batch or (_TOKENS_ON_CPU if on_cpu else _TOKENS_ON_GPU)
    lengths = [len(tail) for tail in tokens.tails]
    with torch.inference_mode():
        alone = count == 1 and conversation is None
        if not isinstance(student, EncoderStudent) and share_prefix and not alone:
            prefix = student.prefix_cache(tokens.prefix, conversation)
            # Attention scores are held whole: [heads, batch x tail, prefix + tail].
            held = _SCORES_ON_CPU if on_cpu else _SCORES_ON_GPU
            width = len(tokens.prefix) + max(lengths)
            heads = student.model.config.num_attention_heads
            budget = min(budget, max(1, held // (width * heads)))
            for batch in token_batches(lengths, budget):
                tails = student.collate([([], tokens.tails[i]) for i in batch])
                scores[batch] = student.forward_tails(tails, prefix).cpu().numpy()
            return scores
        rows = [(tokens.prefix, tail) for tail in tokens.tails]
        scores = score_rows(student, rows, tokens_per_batch=tokens_per_batch)
    return with_similarity(student, tokens, scores)


def with_similarity(
    student: EncoderStudent | DecoderStudent, tokens: PairTokens, logits: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The logits [n] of a query's pairs with the similarity that the student may add."""
    if tokens.similarity is None or not isinstance(student, EncoderStudent):
        return logits
    return logits + student.similarity * tokens.similarity


def score_rows(
    student: EncoderStudent | DecoderStudent,
    rows: Sequence[tuple[list[int], list[int]]],
    *,
    tokens_per_batch: int | None = None,
) -> NDArray[np.float64]:
    """Log-odds [n] of n (prefix, tail) pairs, of one query or of several, in their order.

    The similarity that a student may add is not in them, see :func:`with_similarity`.
    """
    if not rows:
        return np.zeros(0)
    if isinstance(student.model, PackedBert):
        logits = student.model.logits(rows, tokens_per_batch=tokens_per_batch)
        return logits.numpy().astype(np.float64)
    scores = np.zeros(len(rows))
    on_cpu = student.model.device.type == "cpu"
    budget = tokens_per_batch or (_TOKENS_ON_CPU if on_cpu else _TOKENS_ON_GPU)
    with torch.inference_mode():
        for batch in token_batches([len(prefix) + len(tail) for prefix, tail in rows], budget):
            scores[batch] = student(**student.collate([rows[i] for i in batch])).cpu().numpy()
    return scores
