"""What scoring must cost at least: counted operations over the rate of matrix products here."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from labkit.linear import Linear, Precision

_ROWS = 1024


def encoder_flops(config: Mapping[str, Any], lengths: Sequence[int]) -> float:
    """Operations (a multiplication and an addition are two) of a cross-encoder's logits.

    Real tokens alone, and in the last layer what the first token needs: its query, its output and
    its feed-forward part, and the keys and values of all.

    Args:
        config: of the BERT.
        lengths: tokens of each pair.
    """
    size, inner = config["hidden_size"], config["intermediate_size"]
    layers, pairs = config["num_hidden_layers"], len(lengths)
    tokens = sum(lengths)
    squares = sum(length * length for length in lengths)
    of_token = 2 * (4 * size * size + 2 * size * inner)
    full = tokens * of_token + 4 * squares * size
    last = tokens * 4 * size * size + pairs * (of_token - 4 * size * size) + 4 * tokens * size
    head = pairs * 2 * (size * size + size)
    return float((layers - 1) * full + last + head)


def decoder_flops(config: Any, prefix: int, tails: Sequence[int]) -> float:
    """Operations of the log-odds after a prefix that is read once; ``config`` is of a Qwen3."""
    size, inner = config.hidden_size, config.intermediate_size
    width = config.num_attention_heads * config.head_dim
    keys = config.num_key_value_heads * config.head_dim
    of_token = 2 * (size * (2 * width + 2 * keys) + 3 * size * inner)
    # A token sees itself and what is before it.
    seen = prefix * (prefix + 1) / 2 + sum(t * prefix + t * (t + 1) / 2 for t in tails)
    tokens = prefix + sum(tails)
    return float(config.num_hidden_layers * (tokens * of_token + 4 * seen * width))


def gemm_rate(size: int, inner: int, precision: Precision, *, seconds: float = 0.3) -> float:
    """Operations a second of the best product of these shapes in a short while, now and here."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(inner, size, generator=generator) * 0.02
    layer = Linear(weight, torch.zeros(inner), precision)
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    x = torch.randn(_ROWS, size, generator=generator).to(dtype)
    least = float("inf")
    with torch.inference_mode():
        layer(x)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            layer(x)
            least = min(least, time.perf_counter() - start)
    return 2 * _ROWS * size * inner / least
