"""A checkpoint's fast tokenizer without transformers, whose import takes seconds.

Only what an encoder's scoring needs, called as a ``PreTrainedTokenizerFast`` is called; the ids are
those of the same Rust code on the same ``tokenizer.json``.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

FILE = "tokenizer.json"
_FILES = (FILE, "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


class Encoded(dict[str, Any]):
    """``input_ids`` and their companions; of one text also who wrote which token."""

    sides: list[int | None]

    def sequence_ids(self, index: int = 0) -> list[int | None]:
        """For each token 0 or 1, the text it is from, or None for a special token."""
        assert index == 0, "kept for one text only"
        return self.sides


class FolderTokenizer:
    """The tokenizer of a checkpoint folder that has a ``tokenizer.json``."""

    def __init__(self, folder: Path, pad_token: str = "[PAD]") -> None:
        self.folder = folder
        self.backend = Tokenizer.from_file(str(folder / FILE))
        # Some files cut and pad by themselves.
        self.backend.no_truncation()
        self.backend.no_padding()
        self.pad_token_id: int | None = self.backend.token_to_id(pad_token)

    def __call__(
        self,
        text: str | list[str],
        pair: str | None = None,
        *,
        add_special_tokens: bool = True,
        return_offsets_mapping: bool = False,
    ) -> Encoded:
        if isinstance(text, list):
            many = self.backend.encode_batch_fast(text, add_special_tokens=add_special_tokens)
            return Encoded(input_ids=[one.ids for one in many])
        one = self.backend.encode(text, pair, add_special_tokens=add_special_tokens)
        encoded = Encoded(input_ids=one.ids, token_type_ids=one.type_ids)
        encoded.sides = one.sequence_ids
        if return_offsets_mapping:
            encoded["offset_mapping"] = one.offsets
        return encoded

    def decode(self, ids: list[int]) -> str:
        return str(self.backend.decode(ids, skip_special_tokens=False))

    def save_pretrained(self, folder: Path) -> None:
        """Copy the files that it was made of."""
        for name in _FILES:
            if (self.folder / name).is_file():
                shutil.copyfile(self.folder / name, folder / name)
