"""The module that is trained: a student under its adapter, from chunks of pairs to log-odds."""

from __future__ import annotations

from pathlib import Path

import peft
import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from labkit.errors import InputError
from labkit.students.adapter import no_renaming_notes
from labkit.students.decoder import DecoderStudent
from labkit.students.encoder import EncoderStudent
from labkit.training.recipe import Adapter

Student = EncoderStudent | DecoderStudent


class Trainee(nn.Module):
    """A student whose layers carry adapters, or are tuned themselves where the rank is 0.

    The embeddings are never trained. An encoder's new head and the weight of its similarity always
    are; a decoder's "yes" and "no" rows are not.
    """

    def __init__(
        self,
        student: Student,
        adapter: Adapter,
        *,
        checkpointing: bool = False,
        autocast: bool = False,
    ) -> None:
        super().__init__()
        self.student = student
        student.requires_grad_(False)
        model = student.model
        if isinstance(student, EncoderStudent) and model.device.type == "cpu":
            # On a CPU the backward pass of torch's fused attention takes longer than all else
            # together; written out, a step of MiniLM at 48 tokens is 1.6 times as fast.
            model.set_attn_implementation("eager")
        self.adapted: tuple[peft.PeftModel, ...] = ()  # in a tuple: no second name for its weights
        if adapter.rank:
            # The adapters are put into the model's own layers; the student keeps calling it.
            with no_renaming_notes():
                self.adapted = (peft.get_peft_model(model, lora_config(student, adapter)),)
            for module in model.modules():
                if isinstance(module, BaseTunerLayer) and autocast:
                    # peft would widen every input to float32, for autocast to narrow it again
                    module.cast_input_dtype_enabled = False  # type: ignore[attr-defined]
        else:
            for name, parameter in model.named_parameters():
                if "embed" not in name and "lm_head" not in name:
                    parameter.requires_grad_(True)
        if isinstance(student, EncoderStudent) and student.similarity_weight is not None:
            student.similarity_weight.requires_grad_(True)
        if checkpointing:
            with no_renaming_notes():
                model.gradient_checkpointing_enable({"use_reentrant": False})
            model.enable_input_require_grads()

    def forward(
        self, chunks: list[dict[str, Tensor]], order: Tensor, similarity: Tensor | None
    ) -> Tensor:
        """Log-odds [n], float32, of the pairs in the order before they were put into chunks."""
        scored = torch.cat([self.student(**chunk) for chunk in chunks])
        log_odds = torch.empty_like(scored).index_put((order,), scored)
        if similarity is not None and isinstance(self.student, EncoderStudent):
            weight = self.student.similarity_weight
            assert weight is not None
            log_odds = log_odds + weight * similarity
        return log_odds

    def trainable(self) -> dict[str, Tensor]:
        """The weights that training changes, by name."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def rebalance(self, scale: float, weight: float, shift: float) -> None:
        """Make an encoder's score ``scale`` x logit + ``weight`` x similarity + ``shift``."""
        student = self.student
        assert isinstance(student, EncoderStudent) and student.similarity_weight is not None
        heads = {name: p for name, p in self.trainable().items() if ".classifier." in name}
        assert heads, "the head of an encoder is trained whole"
        with torch.no_grad():
            for name, parameter in heads.items():
                parameter.mul_(scale)
                if name.endswith(".bias"):
                    parameter.add_(shift)
            student.similarity_weight.fill_(weight)

    def save_trainable(self, file: Path) -> None:
        """Write :meth:`trainable` as safetensors."""
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        save_file({name: p.detach().contiguous() for name, p in self.trainable().items()}, part)
        part.replace(file)

    def load_trainable(self, file: Path, share: float = 1.0) -> None:
        """Read what :meth:`save_trainable` wrote.

        Args:
            share: of what is read in the weights that result; the rest is of those there are.

        Raises:
            InputError: the weights are those of another base or adapter.
        """
        weights = load_file(file)
        mine = self.trainable()
        if weights.keys() != mine.keys() or any(weights[k].shape != mine[k].shape for k in mine):
            raise InputError(
                f"{file} holds other weights than this recipe trains, "
                "expected those of the same base and adapter; start a new run folder"
            )
        with torch.no_grad():
            for name, parameter in mine.items():
                parameter.lerp_(weights[name].to(parameter), share)


def lora_config(student: Student, adapter: Adapter) -> peft.LoraConfig:
    """LoRA on every linear layer under the head; the head of an encoder is trained whole."""
    heads = ("classifier", "score", "lm_head")
    leaves = {
        name.rsplit(".", 1)[-1]
        for name, module in student.model.named_modules()
        if isinstance(module, nn.Linear) and name.split(".")[0] not in heads
    }
    saved = [name for name, _ in student.model.named_children() if name in heads[:2]]
    return peft.LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,  # type: ignore[arg-type]  # peft takes any number
        lora_dropout=adapter.dropout,
        target_modules=sorted(leaves),
        exclude_modules=[],
        modules_to_save=saved or None,
    )
