"""From a name, a folder or a hub id to a student."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.assets import assets_path
from labkit.errors import InputError
from labkit.students.card import Card, read_card
from labkit.students.cosine import CosineStudent
from labkit.students.late import LATE, LateStudent
from labkit.students.placement import Placement, choose_placement, precision_on_cpu

if TYPE_CHECKING:
    from labkit.linear import Precision

EMBEDDED = "mini"
"""The trained student that every installation has."""

COSINE = "minilm-cosine"
"""The embedded baseline: the packaged MiniLM's cosine."""

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
BASES = ("minilm", "tiny-encoder", "tiny-qwen3")
"""Bases that need no download: the packaged MiniLM, and random ones made on the spot."""


UntrainedStudent = CosineStudent | LateStudent
"""Students that read the frozen MiniLM alone: no pair is tokenised and nothing is trained."""

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
"""The file by which a folder is known to hold an adapter and no whole model."""


def load_student(
    source: str | os.PathLike[str] = EMBEDDED,
    *,
    placement: Placement | None = None,
    for_scoring: bool = False,
) -> Any:
    """Load a student.

    Args:
        source: the name of an embedded student, a checkpoint folder, or a hub id
            (``organisation/name``): a stock Qwen3-Reranker or a cross-encoder with one output.
        placement: device and dtype; chosen where None.
        for_scoring: a BERT on a CPU becomes a :class:`~labkit.packed_bert.PackedBert`, and a
            decoder's layers are laid out for the processor: both can then score, and not be
            trained. The dtype may be int8 only then.

    Returns:
        A CosineStudent, a LateStudent, an EncoderStudent or a DecoderStudent, in evaluation mode.

    Raises:
        InputError: there is no such model, or it is of a kind that cannot score pairs.
    """
    name = str(source)
    embedded = assets_path() / "models" / name
    folder = embedded if "/" not in name and embedded.is_dir() else Path(name)
    card = read_card(folder) if folder.is_dir() else None
    if card is not None and card.family == "cosine":
        return CosineStudent(card)
    if card is not None and card.family == "late":
        return LateStudent(card, folder)
    if not folder.is_dir() and (name.count("/") != 1 or name.startswith((".", "/", "~"))):
        raise InputError(
            f"no model {name!r}: expected {EMBEDDED}, {LATE}, {COSINE}, a folder with a "
            "checkpoint, or a hub id such as Qwen/Qwen3-Reranker-0.6B"
        )
    chosen = placement or choose_placement()
    precision = precision_on_cpu(chosen) if for_scoring else None
    if precision is None:
        return _load_stock(folder, card, chosen)
    from labkit.students.bert import read_packed

    return read_packed(folder, card, precision) or _for_scoring(folder, card, chosen, precision)


def _load_stock(folder: Path, card: Card | None, placement: Placement) -> Any:
    if not placement.dtype.is_floating_point:
        raise InputError(f"dtype is {placement.dtype}, expected one of floats but for scoring")
    if card is not None and (folder / ADAPTER_CONFIG).is_file():
        return _load_adapted(folder, card, placement)
    return _load_pair_student(str(folder), card, placement)


def _for_scoring(
    folder: Path, card: Card | None, placement: Placement, precision: Precision
) -> Any:
    import torch

    from labkit.students.bert import packed
    from labkit.students.encoder import EncoderStudent

    if precision == "int8":
        placement = replace(placement, dtype=torch.float32)
    student = _load_stock(folder, card, placement)
    if isinstance(student, EncoderStudent):
        return packed(student, precision)
    if precision == "int8":
        raise InputError("dtype is 'int8' and the student a decoder, expected a dtype of floats")
    student.lay_out(precision)
    return student


def _load_adapted(folder: Path, card: Card, placement: Placement) -> Any:
    import torch

    from labkit.students.adapter import put_on

    # Small products added to weights in half precision would be lost in the rounding; a large
    # decoder is loaded in the precision that fits the card.
    merged_in = placement
    if card.family == "encoder":
        merged_in = replace(placement, dtype=torch.float32)
    similarity = "similarity" in card.head
    student = put_on(
        load_base(card.base["id"], placement=merged_in, similarity=similarity), folder, card
    )
    student.model.to(placement.dtype)
    return type(student)(student.model, student.tokenizer, card).to(placement.device).eval()


def load_base(
    name: str, *, placement: Placement, similarity: bool = False, ages: bool = False, seed: int = 0
) -> Any:
    """A student to train, in ``placement``: one of :data:`BASES`, a checkpoint folder, a hub id.

    Args:
        similarity: an encoder adds late interaction to its score, and a new head begins as the
            embedded late student.
        ages: an encoder reads how long before the question each memory was.
        seed: of the head that ``minilm`` is given. The random bases are always the same ones.

    Raises:
        InputError: there is no such base, or it cannot take the similarity.
    """
    from labkit.students import tiny
    from labkit.students.adapter import with_fingerprint
    from labkit.students.decoder import DecoderStudent
    from labkit.students.encoder import EncoderStudent

    student: Any
    if name in ("minilm", MINILM):
        late = read_card(assets_path() / "models" / LATE) if similarity else None
        student = EncoderStudent.from_minilm(seed=seed, late=None if late is None else late.head)
        name, similarity = MINILM, False
    elif name == "tiny-encoder":
        student = EncoderStudent(*tiny.tiny_encoder())
    elif name == "tiny-qwen3":
        tokenizer = tiny.tiny_qwen_tokenizer()
        student = DecoderStudent(tiny.tiny_qwen3(tokenizer), tokenizer)
    else:
        student = load_student(name, placement=placement)
        if isinstance(student, UntrainedStudent):
            raise InputError(f"base is {name!r}, expected a cross-encoder or a Qwen3-Reranker")
        similarity = similarity and "similarity" not in student.card.head
    if similarity:
        raise InputError(f"base {name!r} takes no similarity, expected base.model minilm with it")
    if ages:
        if not isinstance(student, EncoderStudent):
            raise InputError(f"base {name!r} is a decoder and reads no ages, expected an encoder")
        student.card = replace(student.card, ages=True)
    student.model.to(device=placement.device, dtype=placement.dtype)
    return with_fingerprint(student.to(placement.device), name)


def _load_pair_student(source: str, card: Card | None, placement: Placement) -> Any:
    import torch
    import transformers
    from safetensors import SafetensorError
    from transformers.utils import logging

    from labkit.students.decoder import DecoderStudent
    from labkit.students.encoder import EncoderStudent

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        config = transformers.AutoConfig.from_pretrained(source)
        architecture = (config.architectures or ["none named"])[0]
        if architecture == "Qwen3ForCausalLM":
            kind = transformers.AutoModelForCausalLM
            student_class: type[DecoderStudent] | type[EncoderStudent] = DecoderStudent
        elif architecture.endswith("ForSequenceClassification"):
            kind = transformers.AutoModelForSequenceClassification
            student_class = EncoderStudent
        else:
            raise InputError(
                f"{source} is a {architecture}, expected Qwen3ForCausalLM (Qwen3-Reranker) or a "
                "...ForSequenceClassification with one output (a cross-encoder)"
            )
        tokenizer = transformers.AutoTokenizer.from_pretrained(source)
        model = kind.from_pretrained(source, dtype=placement.dtype)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"{source} cannot be loaded ({reason}), expected a checkpoint with config.json, "
            "weights and tokenizer, in a folder or on a hub that can be reached"
        ) from None
    family: str = student_class.family
    if card is not None and card.family != family:
        raise InputError(
            f"{source} has a card of family {card.family!r} and the weights of an {architecture}, "
            f"expected both to be {family!r}"
        )
    if tokenizer.pad_token_id is None:
        raise InputError(f"the tokenizer of {source} has no pad token, expected one")
    with torch.no_grad():
        return student_class(model.to(placement.device), tokenizer, card).eval()
