"""Encoder students on a CPU without transformers and peft, whose imports take longer than a query.

Weights are read from their files, an adapter of the plain kind is folded in here, and
:class:`~labkit.packed_bert.PackedBert` runs them. What is not a BERT of the common kind, or not in
files of the common kind, is left to :mod:`~labkit.students.load`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from labkit.errors import InputError
from labkit.linear import Precision, has_int8
from labkit.packed_bert import ENCODER, PackedBert, can_read, read_config, read_weights
from labkit.retrieval.minilm import minilm_path
from labkit.students.card import Card
from labkit.students.encoder import EncoderStudent
from labkit.students.load import ADAPTER_CONFIG, ADAPTER_WEIGHTS, MINILM
from labkit.tokenizer import FILE as TOKENIZER
from labkit.tokenizer import FolderTokenizer

_ADAPTER_NAMES = "base_model.model."
_UNCOMMON = (
    ("alora_invocation_tokens", "alpha_pattern", "fan_in_fan_out", "lora_bias", "rank_pattern")
    + ("target_parameters", "trainable_token_indices", "use_dora", "use_qalora", "use_rslora")
)  # fmt: skip
"""Settings of peft that change what an adapter means; in the common kind none of them is set."""


def read_packed(folder: Path, card: Card | None, precision: Precision) -> EncoderStudent | None:
    """The student of a folder, or None where it is not one for :class:`PackedBert`.

    Raises:
        InputError: int8 is asked for where it is not to be had, or an adapter's base is another.
    """
    if card is not None and card.family != "encoder":
        return None
    adapted = card is not None and (folder / ADAPTER_CONFIG).is_file()
    if adapted:
        assert card is not None
        if card.base.get("id") != MINILM or not _is_common(folder):
            return None
    base = minilm_path() if adapted else folder
    config = read_config(base)
    whole = adapted or config.get("architectures") == ["BertForSequenceClassification"]
    readable = (base / "model.safetensors").is_file() and (base / TOKENIZER).is_file()
    if not (whole and readable and can_read(config)):
        return None
    weights = read_weights(base)
    if adapted:
        assert card is not None
        weights = _with_adapter(weights, folder, card)
    head = weights.get("classifier.weight")
    if head is None or len(head) != 1 or f"{ENCODER}pooler.dense.weight" not in weights:
        return None
    return EncoderStudent(
        PackedBert(_with_head(config), weights, expect_precision(precision)),
        FolderTokenizer(base),
        card,
    ).eval()


def packed(student: EncoderStudent, precision: Precision) -> EncoderStudent:
    """The same student for scoring on a CPU; itself where its model is no BERT of that kind."""
    config = student.model.config.to_dict()
    if not can_read(config) or type(student.model).__name__ != "BertForSequenceClassification":
        if precision == "int8":
            raise InputError(
                f"dtype is 'int8' and the model a {type(student.model).__name__}, expected a BERT "
                "with one output; leave out the dtype"
            )
        return student
    weights = {name: weight.detach().float() for name, weight in student.model.state_dict().items()}
    model = PackedBert(_with_head(config), weights, expect_precision(precision))
    model.config._commit_hash = getattr(student.model.config, "_commit_hash", None)
    return EncoderStudent(model, student.tokenizer, student.current_card()).eval()


def expect_precision(precision: Precision) -> Precision:
    if precision == "int8" and not has_int8():
        raise InputError(
            "dtype is 'int8', expected a processor with VNNI instructions and a PyTorch with "
            "oneDNN; leave out the dtype"
        )
    return precision


def _with_head(config: dict[str, Any]) -> dict[str, Any]:
    return {
        **config,
        "architectures": ["BertForSequenceClassification"],
        "id2label": {"0": "LABEL_0"},
        "label2id": {"LABEL_0": 0},
    }


def _is_common(folder: Path) -> bool:
    try:
        config = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return (
        config.get("peft_type") == "LORA"
        and config.get("bias") == "none"
        and not any(config.get(key) for key in _UNCOMMON)
        and (folder / ADAPTER_WEIGHTS).is_file()
    )


def _with_adapter(base: dict[str, Tensor], folder: Path, card: Card) -> dict[str, Tensor]:
    """``base`` plus ``alpha / rank * B @ A`` for each adapted layer, and the adapter's own head."""
    from labkit.students.adapter import expect_base, fingerprint_of, read_weights

    expect_base(card, fingerprint_of(base), folder)
    config = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    factor = config["lora_alpha"] / config["r"]
    weights = dict(base)
    products = read_weights(folder)
    with torch.inference_mode():
        for name, value in products.items():
            target = name.removeprefix(_ADAPTER_NAMES)
            if target.endswith(".lora_B.weight"):
                layer = target.removesuffix(".lora_B.weight")
                down = products[name.replace(".lora_B.", ".lora_A.")].float()
                weights[f"{layer}.weight"] = torch.addmm(
                    base[f"{layer}.weight"], value.float(), down, alpha=factor
                )
            elif not target.endswith(".lora_A.weight"):
                weights[target] = value.float()
    return weights
