"""Low-rank adapters in a folder: a few MB that name the base which they belong to.

``peft`` writes and reads the weights. Beside them, ``labkit.json`` holds the base's id and a
fingerprint of its weights: an adapter put on another base gives scores that look like scores.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from labkit.errors import InputError
from labkit.files import write_whole
from labkit.students.card import Card
from labkit.students.load import ADAPTER_CONFIG, ADAPTER_WEIGHTS

_SAMPLE = 256


def fingerprint(model: nn.Module) -> str:
    """sha256 over name, shape and up to 256 evenly spaced values of every weight of a base.

    Values are taken in bfloat16, so that a base is itself in either precision. Heads that are not
    part of the base (``classifier``) are left out, for they are drawn anew.
    """
    return fingerprint_of(model.state_dict())


def fingerprint_of(weights: Mapping[str, Tensor]) -> str:
    """:func:`fingerprint` of a model with these weights."""
    digest = hashlib.sha256()
    for name, weight in sorted(weights.items()):
        if name.startswith("classifier"):
            continue
        digest.update(f"{name} {tuple(weight.shape)}".encode())
        flat = weight.detach().reshape(-1)
        step = max(1, len(flat) // _SAMPLE)
        sample = flat[::step][:_SAMPLE].to(device="cpu", dtype=torch.bfloat16)
        digest.update(sample.view(torch.int16).numpy().tobytes())
    return digest.hexdigest()


def save_adapter(adapted: Any, card: Card, folder: Path) -> None:
    """Write an adapter (a ``peft.PeftModel``) and its card; the base is named, not written."""
    folder.mkdir(parents=True, exist_ok=True)
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # peft's template of a card; ours is richer
    path = folder / ADAPTER_CONFIG
    config = json.loads(path.read_text(encoding="utf-8"))
    # peft notes where the base lay on this machine; its id means something elsewhere too.
    config["base_model_name_or_path"] = card.base["id"]
    for key in ("target_modules", "modules_to_save"):
        if isinstance(config.get(key), list):
            config[key] = sorted(config[key])  # peft keeps sets, whose order is not stable
    write_whole(path, [json.dumps(config, indent=2, sort_keys=True), "\n"])
    card.save(folder)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The weights of an adapter, by peft's names.

    Raises:
        InputError: the file is missing or damaged.
    """
    file = folder / ADAPTER_WEIGHTS
    try:
        found: dict[str, Tensor] = load_file(file)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{file} cannot be read ({' '.join(str(error).split())[:200]}), expected the weights "
            "that belong to the adapter_config.json beside it"
        ) from None
    return found


@contextlib.contextmanager
def no_renaming_notes() -> Iterator[None]:
    """Keeps to itself that transformers renames what peft, and we until version 6, still call."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*gradient_checkpointing", FutureWarning)
        yield


def expect_base(card: Card, got: str, folder: Path) -> None:
    """Refuse a base with another fingerprint than that which the adapter was trained on."""
    wanted = card.base.get("fingerprint")
    if wanted != got:
        raise InputError(
            f"the adapter in {folder} was trained on {card.base.get('id')} with fingerprint "
            f"{str(wanted)[:12]}, got a base with {got[:12]}; load it on that base"
        )


def put_on(student: Any, folder: Path, card: Card, *, merge: bool = True) -> Any:
    """The student of ``folder``'s adapter on a fresh base, whose weights are changed.

    Args:
        student: the base as a student, with the head that training began with.
        folder: see :func:`save_adapter`.
        card: the folder's.
        merge: fold the low-rank products into the layers, so that scoring costs no more than the
            base does.

    Raises:
        InputError: the base is not the one that the adapter was trained on, or its weights cannot
            be read.
    """
    import peft

    expect_base(card, fingerprint(student.model), folder)
    read_weights(folder)  # peft would look for a missing file on a hub
    with no_renaming_notes():
        adapted = peft.PeftModel.from_pretrained(student.model, str(folder))
    if merge:
        student.model = adapted.merge_and_unload()
    student.model.requires_grad_(False)
    return student


def with_fingerprint(student: Any, id_: str) -> Any:
    """The student with its base's id and fingerprint in the card."""
    base = {**student.card.base, "id": id_, "fingerprint": fingerprint(student.model)}
    student.card = replace(student.card, base=base)
    return student
