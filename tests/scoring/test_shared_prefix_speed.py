from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from labkit.scoring.engine import score_pairs
from labkit.students.decoder import DecoderStudent
from labkit.students.tiny import tiny_qwen3, tiny_qwen_tokenizer
from labkit.students.tokens import PairTokens


def seconds(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


@pytest.mark.slow
def test_32_memories_after_a_long_context_run_three_times_faster_with_a_shared_prefix() -> None:
    tokenizer = tiny_qwen_tokenizer()
    model = tiny_qwen3(
        tokenizer, hidden=1024, layers=3, heads=16, key_heads=8, head_size=128, intermediate=3072
    )
    student = DecoderStudent(model, tokenizer).eval()
    rng = np.random.default_rng(0)
    words = rng.integers(10, 400, 400 + 32 * 60).tolist()
    tails = [words[400 + i * 60 : 460 + i * 60] for i in range(32)]
    tokens = PairTokens(words[:400], tails, [False] * 32, False)
    score_pairs(student, PairTokens(words[:40], tails[:2], [False] * 2, False))  # warm up
    scores = {}

    def run(share: bool) -> None:
        scores[share] = score_pairs(student, tokens, share_prefix=share)

    shared = min(seconds(lambda: run(True)) for _ in range(2))
    plain = seconds(lambda: run(False))
    np.testing.assert_allclose(scores[True], scores[False], atol=1e-3)
    assert plain / shared >= 3, f"{plain:.1f} s against {shared:.1f} s"
