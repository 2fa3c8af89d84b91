"""Who scores the pairs of an encoder: ours in each precision, and others on the same weights.

All get a :class:`~labkit.bench.workload.Workload` and give log-odds [n]. The weights are the
student's, merged, in a stock checkpoint without the cosine that ours may add, because the others
cannot. Ours and ours alone is timed from texts to scores with the memories' token ids at hand, as
they are when a second query comes (``first query`` is without); the others have no such place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labkit.bench.workload import Workload
from labkit.linear import Precision
from labkit.rendering import render_memory, render_query
from labkit.scoring.reranker import Reranker

Scorer = Callable[[Workload], NDArray[np.float64]]

OURS = "labkit"
PEER = "sentence-transformers"

_TOKENS = 512


def export_stock(student: Any, folder: Path) -> None:
    """Write the merged weights of an encoder student without card and cosine."""
    student.model.save_pretrained(folder)
    student.tokenizer.save_pretrained(folder)


def ours(folder: Path, precision: Precision) -> tuple[Scorer, Callable[[], None]]:
    """Our scorer, and what makes it forget the memories that it has seen."""
    reranker = Reranker.load(folder, device="cpu", dtype=precision)
    return (
        lambda work: reranker.score(work.query, work.memories),
        reranker.student.forget_memories,
    )


def sentence_transformers(folder: Path) -> Scorer:
    """``CrossEncoder.predict`` as it comes: 32 pairs at once, sorted by length."""
    from sentence_transformers import CrossEncoder

    peer = CrossEncoder(str(folder), device="cpu", max_length=_TOKENS)

    def score(work: Workload) -> NDArray[np.float64]:
        found = peer.predict(
            _texts(work), activation_fn=torch.nn.Identity(), show_progress_bar=False
        )
        return np.asarray(found, dtype=np.float64)

    return score


def plain_transformers(folder: Path) -> Scorer:
    """As model cards show it: all pairs in one padded batch."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()

    def score(work: Workload) -> NDArray[np.float64]:
        rows = tokenizer(
            *_columns(work), padding=True, truncation=True, max_length=_TOKENS, return_tensors="pt"
        )
        with torch.inference_mode():
            logits = model(**rows).logits
        return np.asarray(logits[:, 0].numpy(), dtype=np.float64)

    return score


def has_onnxruntime() -> bool:
    return all(find_spec(name) is not None for name in ("onnxruntime", "onnx", "onnxscript"))


def export_onnx(folder: Path, out: Path) -> None:
    """The graph of (ids, mask, types) to logits by ``torch.onnx.export``, any batch, any length."""
    import logging
    import warnings

    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(
        folder, attn_implementation="sdpa"
    ).eval()

    class Wrapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
            rows = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
            logits: Tensor = self.model(**rows).logits
            return logits

    ids = torch.ones(2, 16, dtype=torch.long)
    mask = ids.clone()
    mask[1, 8:] = 0  # with ones alone, transformers would leave the mask out of the graph
    types = torch.zeros_like(ids)  # of its own: one tensor in two places becomes one input
    shape = {0: torch.export.Dim("pairs"), 1: torch.export.Dim("tokens", max=_TOKENS)}
    quiet = logging.getLogger("torch.onnx")
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(None):
            warnings.simplefilter("ignore")
            torch.onnx.export(
                Wrapped(),
                (ids, mask, types),
                out,
                input_names=["input_ids", "attention_mask", "token_type_ids"],
                output_names=["logits"],
                dynamic_shapes=(shape, shape, shape),
                dynamo=True,
                external_data=False,
            )
    finally:
        quiet.setLevel(level)


def quantize_onnx(graph: Path, out: Path) -> None:
    """ONNX Runtime's dynamic quantisation to int8, one scale a channel."""
    import logging

    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        quantize_dynamic(graph, out, per_channel=True, weight_type=QuantType.QInt8)
    finally:
        root.setLevel(level)


def onnxruntime(folder: Path, graph: Path, threads: int) -> Scorer:
    """As FlashRank runs a model: fast tokenizer, one padded batch, ONNX Runtime."""
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(_TOKENS)
    tokenizer.enable_padding()

    def score(work: Workload) -> NDArray[np.float64]:
        rows = tokenizer.encode_batch(_texts(work))
        feed = {
            "input_ids": [row.ids for row in rows],
            "attention_mask": [row.attention_mask for row in rows],
            "token_type_ids": [row.type_ids for row in rows],
        }
        arrays = {name: np.array(value, dtype=np.int64) for name, value in feed.items()}
        return np.asarray(session.run(None, arrays)[0][:, 0], dtype=np.float64)

    return score


def _texts(work: Workload) -> list[tuple[str, str]]:
    text = render_query(work.query).text
    return [(text, render_memory(memory)) for memory in work.memories]


def _columns(work: Workload) -> tuple[list[str], list[str]]:
    pairs = _texts(work)
    return [query for query, _ in pairs], [memory for _, memory in pairs]
