"""From nothing to one ranking: whole processes, timed from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import InputError

PEER_SCRIPT = """
import json, sys
from sentence_transformers import CrossEncoder
import torch
folder, data, base = sys.argv[1:]
example = json.loads(open(data, encoding="utf-8").readline())
texts = example["rendered"]
model = CrossEncoder(folder, device="cpu", max_length=512)
scores = model.predict(
    [(example["rendered_query"], text) for text in texts],
    activation_fn=torch.nn.Identity(), show_progress_bar=False,
)
if base:
    from sentence_transformers import SentenceTransformer
    bi_encoder = SentenceTransformer(base, device="cpu")
    vectors = bi_encoder.encode([example["rendered_query"], *texts], normalize_embeddings=True)
    scores = scores + 10 * vectors[1:] @ vectors[0]
for i in sorted(range(len(texts)), key=lambda i: -scores[i]):
    print(float(scores[i]), texts[i])
"""
"""What somebody writes to rerank one file with sentence-transformers."""


@dataclass(frozen=True, slots=True)
class Process:
    """What one process took: seconds on the clock and of the processor, and most bytes held."""

    wall: float
    processor: float
    peak_bytes: int


def run_process(command: Sequence[str], threads: int) -> Process:
    """Run a command to its end.

    Raises:
        InputError: it fails; the last line that it wrote to stderr is in the message.
    """
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "HF_HUB_OFFLINE": "1",
    }
    start = time.perf_counter()
    child = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )
    assert child.stderr is not None
    with child.stderr:
        said = child.stderr.read().decode("utf-8", "replace")
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if child.returncode != 0:
        last = (said.strip().splitlines() or ["it said nothing"])[-1]
        raise InputError(f"{command[0]} ended with {child.returncode} ({last}), expected 0")
    # Linux counts in units of 1024 bytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return Process(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def commands(model: str, stock: Path, data: Path, base: Path) -> Mapping[str, list[str]]:
    """One query reranked by a process of ours, and of sentence-transformers.

    Args:
        model: the student's name or folder.
        stock: its merged weights.
        data: one Example with ``rendered`` memories and ``rendered_query`` beside it.
        base: the bi-encoder whose cosine is a part of the student's score.
    """
    ours = [sys.executable, "-m", "labkit", "rerank", str(data), "--first-stage", "none"]
    peer = [sys.executable, "-c", PEER_SCRIPT, str(stock), str(data)]
    return {
        "labkit rerank": [*ours, "--model", model, "--device", "cpu", "--candidates", "10000"],
        "sentence-transformers": [*peer, ""],
        "sentence-transformers with the cosine": [*peer, str(base)],
    }


def race_processes(
    jobs: Mapping[str, Sequence[str]], *, threads: int, rounds: int
) -> dict[str, list[Process]]:
    """Each command once to warm the file cache, then in turns."""
    for command in jobs.values():
        run_process(command, threads)
    found: dict[str, list[Process]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, command in jobs.items():
            found[name].append(run_process(command, threads))
    return found
