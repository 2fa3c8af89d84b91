"""From nothing to one ranking: whole processes, timed from outside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
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
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, env=environment)
        pid, peak = 0, 0
        while not pid:
            peak = max(peak, _held(child.pid))
            time.sleep(0.005)
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").strip().splitlines()
    if child.returncode != 0:
        last = (lines or ["it said nothing"])[-1]
        raise InputError(f"{command[0]} ended with {child.returncode} ({last}), expected 0")
    # ru_maxrss of a child counts what this process held when it was started; macOS has bytes.
    return Process(wall, usage.ru_utime + usage.ru_stime, peak or usage.ru_maxrss)


def _held(pid: int) -> int:
    """The most bytes that a process has held so far; 0 where the system does not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


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
