from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch

# Tests reach no hub and tell nobody that they ran.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
# What they expect is what a CPU computes in float32, also where there is a card; with
# CUDA_VISIBLE_DEVICES=0 they take it.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

from labkit.records import Memory, Query, Turn
from labkit.students.decoder import DecoderStudent
from labkit.students.encoder import EncoderStudent
from labkit.students.tiny import tiny_encoder, tiny_qwen3, tiny_qwen_tokenizer

TEXT = "the roof was mended by Ana in March, not by Bo; it cost 340 pounds (she said)."
WORDS = TEXT.split()


def make_memories(count: int) -> list[Memory]:
    """Memories of ragged length, some without date or speaker."""
    return [
        Memory(
            id=f"m{i}",
            text=" ".join(WORDS[(i * 5 + j) % len(WORDS)] for j in range(1 + (i * 7) % 23)),
            time=f"2025-{1 + i % 12:02d}-0{1 + i % 9}" if i % 3 else None,
            speaker="Ana" if i % 2 else None,
        )
        for i in range(count)
    ]


@pytest.fixture
def memories() -> list[Memory]:
    return make_memories(17)


@pytest.fixture
def query() -> Query:
    return Query(
        "Who mended it (the first time)?",
        id="q1",
        context=(Turn("Ana", "The roof leaked again."), Turn("Bo", "Again?")),
        time="2026-03-14",
        instruction="Find the person",
    )


@pytest.fixture(scope="session")
def decoder() -> DecoderStudent:
    tokenizer = tiny_qwen_tokenizer()
    return DecoderStudent(tiny_qwen3(tokenizer), tokenizer).eval()


@pytest.fixture(scope="session")
def encoder() -> EncoderStudent:
    return EncoderStudent(*tiny_encoder()).eval()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As a worker has it, whose scores are then the same to the last bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
