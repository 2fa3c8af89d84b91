"""``transformers.Trainer`` for groups of pairs: our losses, our batches, only what is trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from torch.utils.data import Sampler, SequentialSampler

from labkit.errors import InputError
from labkit.training.batches import StageBatches
from labkit.training.losses import Loss
from labkit.training.trainee import Trainee

WEIGHTS = "trainable.safetensors"


class NotFinite(InputError):
    """A loss was NaN or infinite; the message names the file with the batch that caused it."""


class StudentTrainer(transformers.Trainer):  # type: ignore[misc]
    """Trains a :class:`Trainee` through one stage.

    Every loss is divided by its weight in the whole step (over micro-batches and processes), so
    the gradient does not depend on how a step was divided. A checkpoint holds what is trained, not
    the base.
    """

    def __init__(
        self,
        trainee: Trainee,
        arguments: transformers.TrainingArguments,
        batches: StageBatches,
        losses: Mapping[str, Loss],
        weights: Mapping[str, float],
        callbacks: list[transformers.TrainerCallback],
    ) -> None:
        super().__init__(
            model=trainee,
            args=arguments,
            train_dataset=batches,
            data_collator=_only,
            callbacks=callbacks,
        )
        # The loss is divided by what the whole step holds, not by the number of its parts.
        self.loss_is_scaled_for_ga = True
        self.losses = losses
        self.loss_weights = weights
        self._sums: dict[str, float] = dict.fromkeys(losses, 0.0)
        self._parts_summed = 0

    def _get_train_sampler(self, *_: Any) -> Sampler[int]:
        return SequentialSampler(self.train_dataset)  # the order is part of the plan

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """The weighted sum of the losses of a micro-batch, as its share of the step."""
        log_odds = model(inputs["chunks"], inputs["order"], inputs["similarity"]).float()
        loss = log_odds.new_zeros(())
        for name, function in self.losses.items():
            terms = function(log_odds, inputs["labels"], inputs["groups"], inputs["weights"])
            share = (terms.values * terms.weights).sum() / inputs["totals"][name].clamp(min=1e-12)
            loss = loss + self.loss_weights[name] * share
            self._sums[name] += float(share.detach())
        self._parts_summed += 1
        if not torch.isfinite(loss):
            file = Path(self.args.output_dir) / "not_finite.json"
            step = self.state.global_step + 1
            values = log_odds.detach().tolist()
            text = json.dumps({"step": step, "ids": inputs["ids"], "log_odds": _as_json(values)})
            file.write_text(text + "\n", encoding="utf-8")
            raise NotFinite(
                f"the loss of step {step} is {float(loss.detach())}, expected a finite number; "
                f"{file} names the queries. A lower learning_rate often mends it"
            )
        # Processes average their gradients, and the step is divided already.
        scaled: Tensor = loss * self.args.world_size
        return scaled

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Adds the mean of each loss over the steps since the last line."""
        steps = self._parts_summed / self.args.gradient_accumulation_steps
        if "loss" in logs and steps:
            # Each process has summed its own parts of the steps.
            sums = torch.tensor(list(self._sums.values()), device=self.args.device)
            means = (self.accelerator.reduce(sums, "sum") / steps).tolist()
            named = zip(self._sums, means, strict=True)
            logs = {**logs, **{f"loss_{name}": round(mean, 6) for name, mean in named}}
            self._sums = dict.fromkeys(self._sums, 0.0)
            self._parts_summed = 0
        super().log(logs, start_time)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        if not self.args.should_save:  # the trainer calls it in every process
            return
        self.accelerator.unwrap_model(self.model).save_trainable(
            Path(output_dir or self.args.output_dir) / WEIGHTS
        )

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        trainee = self.accelerator.unwrap_model(model or self.model)
        trainee.load_trainable(Path(resume_from_checkpoint) / WEIGHTS)


def _as_json(values: list[float]) -> list[float | str]:
    """Numbers as JSON can hold them: what is not finite becomes its name."""
    return [v if v == v and abs(v) != float("inf") else str(v) for v in values]


def _only(items: list[dict[str, Any]]) -> dict[str, Any]:
    return items[0]  # a micro-batch is one item of the data set
