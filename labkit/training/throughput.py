"""Pairs a second of our trainer against sentence-transformers' ``CrossEncoderTrainer``.

    python -m labkit.training.throughput assets/lives --json

Both train the packaged MiniLM under the same new head, with the same weights trained (the same
low-rank adapters, or the layers with ``--rank 0``), by binary cross-entropy and fused AdamW, on the
same pairs, as many of them in each step, in the same process with the same threads. The peer reads
the two texts, whose token ids are those of our pairs, in the shuffled batches that it makes; ours
reads whole queries in chunks of like length. The peer tokenises in every step; what ours takes to
tokenise its pairs beforehand is counted too, as if each were read once.

Repetitions of the two take turns, because another process may take the machine in between; each is
timed from the end of its warm-up step to the end of its last one. Medians are shown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import transformers

from labkit.errors import InputError
from labkit.records import RELEVANT, Example
from labkit.rendering import render_memory, render_query
from labkit.students.adapter import no_renaming_notes
from labkit.students.encoder import EncoderStudent
from labkit.students.placement import choose_placement
from labkit.training.batches import Chunks, StageBatches
from labkit.training.groups import TokenisedQuery, read_split, tokenised
from labkit.training.losses import make_loss
from labkit.training.recipe import Adapter, Groups, Stage
from labkit.training.run import set_dropout
from labkit.training.trainee import Trainee, lora_config
from labkit.training.trainer import StudentTrainer

PAIRS_OF_QUERY = 8
"""One relevant memory and seven others, so that all steps hold as many pairs."""

_WARM_UP = 1
_RATE = 1e-4


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one repetition's timed steps: on the clock, and of the processor."""

    wall: float
    processor: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours and the peer's repetitions in one precision, all of ``pairs`` pairs."""

    precision: str
    pairs: int
    ours: tuple[Timing, ...]
    peers: tuple[Timing, ...]

    def pairs_per_second(self, clock: str) -> tuple[float, float]:
        """Ours and the peer's, by the median repetition; ``clock`` is ``wall`` or ``processor``."""
        ours, peers = (
            statistics.median(getattr(timing, clock) for timing in timings)
            for timings in (self.ours, self.peers)
        )
        return self.pairs / ours, self.pairs / peers

    def ratio(self, clock: str) -> float:
        """How many times as fast ours is."""
        ours, peers = self.pairs_per_second(clock)
        return ours / peers

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"precision": self.precision, "pairs": self.pairs}
        for clock in ("wall", "processor"):
            ours, peers = self.pairs_per_second(clock)
            found[clock] = {
                "ours_pairs_per_second": round(ours, 2),
                "peers_pairs_per_second": round(peers, 2),
                "ratio": round(ours / peers, 3),
                "ours_seconds": [round(getattr(t, clock), 3) for t in self.ours],
                "peers_seconds": [round(getattr(t, clock), 3) for t in self.peers],
            }
        return found


class _Clock(transformers.TrainerCallback):  # type: ignore[misc]
    """Times the steps after the warm-up."""

    def __init__(self) -> None:
        self._marks: list[tuple[float, float]] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step in (_WARM_UP, state.max_steps):
            if args.device.type == "cuda":
                torch.cuda.synchronize(args.device)
            self._marks.append((time.perf_counter(), time.process_time()))

    def timing(self) -> Timing:
        (wall, processor), (wall_end, processor_end) = self._marks
        return Timing(wall_end - wall, processor_end - processor)


def compare(
    data: str,
    *,
    steps: int = 3,
    queries_per_step: int = 4,
    repetitions: int = 3,
    rank: int = 32,
    precisions: Sequence[str] = ("float32", "bfloat16"),
    device: str = "cpu",
) -> list[Comparison]:
    """Time both trainers.

    Args:
        data: as for :func:`~labkit.training.groups.read_split`; its train queries are read.
        steps: timed steps of a repetition; one more warms up.
        queries_per_step: of :data:`PAIRS_OF_QUERY` pairs each.
        repetitions: of each trainer in each precision.
        rank: of the adapters; 0 tunes the layers.
        precisions: of the products; weights and optimiser are float32.
        device: of both.

    Raises:
        InputError: the data has too few queries, a precision is not known, or the device is not
            here.
    """
    place = choose_placement(device, "float32").device
    for precision in precisions:
        if precision not in ("float32", "bfloat16"):
            raise InputError(f"precision is {precision!r}, expected float32 or bfloat16")
    stage = Stage(
        mix={"data": 1.0},
        losses={"bce": 1.0},
        steps=_WARM_UP + steps,
        queries_per_step=queries_per_step,
        learning_rate=_RATE,
    )
    examples = _examples(data, stage.steps * queries_per_step)
    student = EncoderStudent.from_minilm()
    began = time.perf_counter(), time.process_time()
    for example in examples:
        student.tokenize(example.query, example.memories)
    share = steps / stage.steps
    reading = Timing(
        (time.perf_counter() - began[0]) * share, (time.process_time() - began[1]) * share
    )
    queries = tokenised(student, examples)
    # accelerate prepares a model once, for one precision; so each precision has models of its own.
    models = {precision: (_ours(rank, place), _peer(rank, place)) for precision in precisions}
    timings: dict[str, tuple[list[Timing], list[Timing]]] = {p: ([], []) for p in precisions}
    for number in range(repetitions):
        for precision in precisions:
            trainee, peer = models[precision]
            ours, peers = timings[precision]
            for mine in (True, False) if number % 2 == 0 else (False, True):
                if mine:
                    timing = _time_ours(trainee, queries, stage, precision, place)
                    wall, processor = timing.wall, timing.processor
                    ours.append(Timing(wall + reading.wall, processor + reading.processor))
                else:
                    peers.append(_time_peer(peer, examples, stage, precision, place))
    pairs = steps * queries_per_step * PAIRS_OF_QUERY
    return [
        Comparison(precision, pairs, tuple(ours), tuple(peers))
        for precision, (ours, peers) in timings.items()
    ]


def _examples(data: str, count: int) -> list[Example]:
    """Examples of one relevant memory and seven others, the first ones of the data."""
    found: list[Example] = []
    for example in read_split(data, "train"):
        relevant = [m for m in example.memories if example.label(m.id) >= RELEVANT]
        others = [m for m in example.memories if example.label(m.id) < RELEVANT]
        if relevant and len(others) >= PAIRS_OF_QUERY - 1:
            memories = (relevant[0], *others[: PAIRS_OF_QUERY - 1])
            # The peer's pairs are of two texts; ours would read the instruction as a third.
            query = replace(example.query, instruction=None)
            found.append(replace(example, query=query, memories=memories))
        if len(found) == count:
            return found
    raise InputError(
        f"{data} has {len(found)} train queries with one relevant memory and "
        f"{PAIRS_OF_QUERY - 1} others, expected {count}; take fewer --steps or --queries"
    )


def _ours(rank: int, device: torch.device) -> Trainee:
    student = EncoderStudent.from_minilm().to(device)
    set_dropout(student.model, 0.0)
    return Trainee(student, Adapter(rank=rank))


def _time_ours(
    trainee: Trainee,
    queries: Sequence[TokenisedQuery],
    stage: Stage,
    precision: str,
    device: torch.device,
) -> Timing:
    losses = {"bce": make_loss("bce")}
    groups = Groups(positives=1, negatives=PAIRS_OF_QUERY - 1)
    batches = StageBatches({"data": queries}, stage, losses, groups, Chunks(trainee.student))
    clock = _Clock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            **_shared(folder, stage, precision, device),
            per_device_train_batch_size=1,
            dataloader_pin_memory=False,
            remove_unused_columns=False,
        )
        weights = dict.fromkeys(losses, 1.0)
        trainer = StudentTrainer(trainee, arguments, batches, losses, weights, [clock])
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
    return clock.timing()


def _peer(rank: int, device: torch.device) -> Any:
    """The peer's cross-encoder on the same weights, of which the same are trained."""
    import peft
    from sentence_transformers import CrossEncoder

    student = EncoderStudent.from_minilm()
    with tempfile.TemporaryDirectory() as folder:
        student.save(Path(folder))
        peer = CrossEncoder(folder, device=str(device), max_length=512)
    model = peer.model
    set_dropout(model, 0.0)
    model.requires_grad_(False)
    if rank:
        with no_renaming_notes():
            peft.get_peft_model(model, lora_config(student, Adapter(rank=rank)))
    else:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_("embed" not in name)
    return peer


def _time_peer(
    peer: Any, examples: Sequence[Example], stage: Stage, precision: str, device: torch.device
) -> Timing:
    import datasets
    from sentence_transformers.cross_encoder import (
        CrossEncoderTrainer,
        CrossEncoderTrainingArguments,
    )
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

    rows = [
        (render_query(example.query).text, render_memory(memory), example.label(memory.id))
        for example in examples
        for memory in example.memories
    ]
    names = ("query", "memory", "label")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    clock = _Clock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = CrossEncoderTrainingArguments(
            **_shared(folder, stage, precision, device),
            per_device_train_batch_size=stage.queries_per_step * PAIRS_OF_QUERY,
        )
        trainer = CrossEncoderTrainer(
            model=peer,
            args=arguments,
            train_dataset=datasets.Dataset.from_dict(columns),
            loss=BinaryCrossEntropyLoss(peer),
            callbacks=[clock],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
    return clock.timing()


def _shared(folder: str, stage: Stage, precision: str, device: torch.device) -> dict[str, Any]:
    """What both trainers are told."""
    return {
        "output_dir": folder,
        "max_steps": stage.steps,
        "learning_rate": stage.learning_rate,
        "optim": "adamw_torch_fused",
        "bf16": precision == "bfloat16",
        "use_cpu": device.type == "cpu",
        "save_strategy": "no",
        "logging_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
    }


def table(found: Sequence[Comparison]) -> str:
    """The comparisons as a Markdown table."""
    lines = [
        "| products | clock | ours, pairs/s | CrossEncoderTrainer, pairs/s | ratio |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for each in found:
        for clock in ("wall", "processor"):
            ours, peers = each.pairs_per_second(clock)
            lines.append(
                f"| {each.precision} | {clock} | {ours:.1f} | {peers:.1f} "
                f"| {each.ratio(clock):.2f} |"
            )
    return "\n".join(lines)


def settings(rank: int, device: str) -> Mapping[str, Any]:
    """What the numbers depend on beside the code."""
    from importlib.metadata import version

    return {
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
        "threads": torch.get_num_threads(),
        "rank": rank,
        "versions": {
            name: version(name) for name in ("torch", "transformers", "sentence-transformers")
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m labkit.training.throughput",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", help="a folder of lives, or of labkit synth or labkit import")
    parser.add_argument("--steps", type=int, default=3, help="timed steps each (default 3)")
    parser.add_argument("--queries", type=int, default=4, help="of 8 pairs, in a step (default 4)")
    parser.add_argument("--repetitions", type=int, default=3, help="of each trainer (default 3)")
    parser.add_argument("--rank", type=int, default=32, help="0 tunes the layers (default 32)")
    parser.add_argument("--device", default="cpu", help="of both: cpu, cuda, cuda:1 (cpu)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    given = parser.parse_args(arguments)
    try:
        found = compare(
            given.data,
            steps=given.steps,
            queries_per_step=given.queries,
            repetitions=given.repetitions,
            rank=given.rank,
            device=given.device,
        )
    except InputError as error:
        parser.error(str(error))
    if given.json:
        measured = [each.to_json() for each in found]
        print(json.dumps({**settings(given.rank, given.device), "comparisons": measured}, indent=1))
    else:
        print(table(found))


if __name__ == "__main__":
    main()
