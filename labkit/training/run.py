"""A training run: a folder that says what was done, and a student that is better or is not saved.

RUN/recipe.yaml     the resolved recipe, with where its data was
RUN/run.json        hashes of the data, versions, device, precision, command
RUN/log.jsonl       a line for every few steps and every look at the dev queries
RUN/curves.html     the same as curves
RUN/stages/NAME     checkpoints while the stage runs; afterwards ``best.safetensors``, ``done.json``
                    and ``student/``, the student as the stage left it
RUN/student         the best student; not there after a regression
RUN/report.json     what became better, with its interval
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import platform
import random
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
import yaml

from labkit import __version__
from labkit.errors import InputError
from labkit.files import whole_folder, write_whole
from labkit.records import RELEVANT
from labkit.rendering import RENDERING_VERSION
from labkit.students.adapter import save_adapter
from labkit.students.encoder import EncoderStudent
from labkit.students.load import load_base
from labkit.students.placement import Placement, choose_placement, fast_bfloat16
from labkit.training.batches import Chunks, StageBatches, parts_of
from labkit.training.curves import write_curves
from labkit.training.development import Reading, Verdict, balance, compare, read
from labkit.training.groups import TokenisedQuery, of_name, read_split, tokenised
from labkit.training.losses import Loss, make_loss
from labkit.training.recipe import Recipe, Stage, recipe_to_json, set_of
from labkit.training.trainee import Trainee
from labkit.training.trainer import StudentTrainer

Report = Callable[[str], None]
Advance = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended: the verdict against the start, and each stage's against the one before."""

    verdict: Verdict
    stages: Mapping[str, Verdict]
    kept: Mapping[str, bool]
    student: Path | None

    @staticmethod
    def read(out: Path) -> Result | None:
        """That of a run's folder; None where the run is not finished."""
        file = out / "report.json"
        if not file.is_file():
            return None
        found = json.loads(file.read_text(encoding="utf-8"))
        kept = {name: stage.pop("kept") for name, stage in found["stages"].items()}
        student = found["student"]
        return Result(
            Verdict.from_json(found["verdict"]),
            {name: Verdict.from_json(stage) for name, stage in found["stages"].items()},
            kept,
            None if student is None else out / student,
        )

    def to_json(self) -> dict[str, Any]:
        """What ``report.json`` holds."""
        stages = {
            name: {**dataclasses.asdict(verdict), "kept": self.kept[name]}
            for name, verdict in self.stages.items()
        }
        return {
            "verdict": dataclasses.asdict(self.verdict),
            "stages": stages,
            "student": None if self.student is None else self.student.name,
        }


def train(
    recipe: Recipe,
    data: Mapping[str, str],
    out: Path,
    *,
    resume: bool = False,
    device: str | None = None,
    command: str = "",
    report: Report = lambda line: None,
    advance: Advance = lambda what, done, total: None,
) -> Result:
    """Run a recipe.

    Args:
        recipe: what to do.
        data: data set -> its file or folder; see :func:`~labkit.training.groups.read_split`. Those
            of ``recipe.assets`` need not be given.
        out: the run's folder; must be new, unless ``resume``.
        resume: go on from the last checkpoint in ``out``; a run that is finished is left as it is.
        device: as for :func:`choose_placement`.
        command: as typed, for the card.
        report: takes lines for the person.
        advance: takes progress.

    Raises:
        InputError: data is missing or empty, the folder is in use, the recipe or the data are
            other ones than the folder's, or a loss was not finite.
    """
    placement = choose_placement(_card_of_process(device), recipe.base.weights)
    if placement.device.type == "cuda" and placement.device.index is not None:
        torch.cuda.set_device(placement.device)  # the Trainer takes the current one
    bfloat16 = uses_bfloat16(recipe, placement)
    data = recipe.places(data)
    resolved = recipe_to_json(recipe, data)
    for stage in recipe.stages.values():
        parts_of(stage, _world())
    text = yaml.safe_dump(_plain(resolved), sort_keys=False, allow_unicode=True)
    main = _is_main()
    if main:
        _check_folder(out, text, resume)
    finished = Result.read(out) if resume else None
    if finished is not None:
        report(f"the run in {out} is finished: {finished.verdict}")
        return finished
    digests = {name: data_sha256(path) for name, path in data.items()}
    if resume:
        _expect_same_data(out, digests)
    report(f"on {placement}; products in {'bfloat16' if bfloat16 else 'float32'}")
    transformers.set_seed(recipe.seed)
    random.seed(recipe.seed)

    student = load_base(
        recipe.base.model,
        placement=placement,
        similarity=recipe.base.similarity,
        ages=recipe.base.ages,
        seed=recipe.seed,
    )
    set_dropout(student.model, recipe.base.dropout)
    trainee = Trainee(
        student,
        recipe.adapter,
        checkpointing=recipe.gradient_checkpointing,
        autocast=bfloat16,
    )
    trainable = sum(p.numel() for p in trainee.trainable().values())
    report(f"{trainable:,} of {sum(p.numel() for p in trainee.parameters()):,} weights are trained")

    def precision() -> contextlib.AbstractContextManager[Any]:
        if not bfloat16:
            return contextlib.nullcontext()
        return torch.autocast(placement.device.type, torch.bfloat16)

    sets, development = _read_data(recipe, data, student, advance)
    for name, queries in sets.items():
        report(f"{name}: {len(queries):,} queries to train on")
    facts = _facts(recipe, digests, placement, bfloat16, command, sets)
    if main:  # not before the data is read: what cannot be trained leaves no folder behind
        write_whole(out / "recipe.yaml", [text])
        write_whole(out / "run.json", [json.dumps(facts, indent=2) + "\n"])

    chunks = Chunks(student)
    log = Log(out / "log.jsonl", main)

    def look() -> Reading:
        return read(trainee, development, chunks, precision())

    start = look()
    report(f"before training: dev MAP {start.map:.4f}, log loss {start.log_loss:.4f}")
    if not log.rows:
        log.add({"stage": "start", "step": 0, "dev": start.to_json()})
    before, verdicts, kept = start, dict[str, Verdict](), dict[str, bool]()
    for number, (name, stage) in enumerate(recipe.stages.items()):
        folder = out / "stages" / name
        if placement.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(placement.device)
        _train_stage(
            name, number, stage, recipe, trainee, sets, chunks, folder, log, look,
            placement, bfloat16, report, advance,
        )  # fmt: skip
        if placement.device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(placement.device) / 2**30
            report(f"stage {name}: at most {peak:.1f} GiB of GPU memory at once")
        if stage.average < 1:
            trainee.load_trainable(folder / "start.safetensors", share=1 - stage.average)
        after = look()
        judges = judges_of(stage, recipe.development.sets)
        verdicts[name] = compare(before.of(judges), after.of(judges))
        kept[name] = verdicts[name].difference > 0 or (
            after.log_loss < before.log_loss and verdicts[name].difference > -0.002
        )
        report(f"stage {name}: {verdicts[name]}" + ("" if kept[name] else "; not kept"))
        if kept[name]:
            before = after
        if main:
            _save(trainee, folder / "student", recipe, facts, after, f"after stage {name}")
            write_curves(log.rows, out / "curves.html", recipe.name)
        if not kept[name]:
            trainee.load_trainable(folder / "start.safetensors")
        _together()
    if any(kept.values()) and recipe.base.similarity:
        before = _rebalanced(
            trainee, development, chunks, precision, look, before, start.map, report
        )
    # Where no stage was kept, all began at the start: the best of them says how the run ended.
    verdict = compare(start, before)
    if not any(kept.values()):
        verdict = max(verdicts.values(), key=lambda each: each.after)
    saved = None if verdict.outcome == "REGRESSION" or not any(kept.values()) else out / "student"
    result = Result(verdict, verdicts, kept, saved)
    if main:
        if saved is not None:
            _save(trainee, saved, recipe, facts, before, "best on the dev queries")
        write_whole(out / "report.json", [json.dumps(result.to_json(), indent=2) + "\n"])
    report(str(verdict) + ("" if saved else "; no student is saved"))
    return result


def _rebalanced(
    trainee: Trainee,
    development: Mapping[str, Sequence[TokenisedQuery]],
    chunks: Chunks,
    precision: Callable[[], contextlib.AbstractContextManager[Any]],
    look: Callable[[], Reading],
    before: Reading,
    least: float,
    report: Report,
) -> Reading:
    """Set logit and similarity right against each other; kept where dev labels are likelier.

    And where the MAP stays above ``least``, that of the start: the run would else be lost by it.
    """
    found = balance(trainee, development, chunks, precision())
    if found is None:
        return before
    kept = {name: p.detach().clone() for name, p in trainee.trainable().items()}
    trainee.rebalance(found.scale, found.weight, found.shift)
    after = look()
    report(
        f"{found.scale:.3f} x logit + {found.weight:.3f} x similarity: dev MAP {after.map:.4f} "
        f"from {before.map:.4f}, log loss {after.log_loss:.4f} from {before.log_loss:.4f}"
    )
    if after.log_loss < before.log_loss and after.map > least:
        return after
    with torch.no_grad():
        for name, parameter in trainee.trainable().items():
            parameter.copy_(kept[name])
    return before


# --- one stage -----------------------------------------------------------------------------------


def _train_stage(
    name: str,
    number: int,
    stage: Stage,
    recipe: Recipe,
    trainee: Trainee,
    sets: Mapping[str, Sequence[TokenisedQuery]],
    chunks: Chunks,
    folder: Path,
    log: Log,
    look: Callable[[], Reading],
    placement: Placement,
    bfloat16: bool,
    report: Report,
    advance: Advance,
) -> None:
    """Train one stage and leave the trainee as it was at the best look at the dev queries."""
    done, best_file = folder / "done.json", folder / "best.safetensors"
    if done.is_file():
        trainee.load_trainable(best_file)
        report(f"stage {name} is done already")
        return
    main = _is_main()
    losses = losses_of(stage)
    checkpoint = _last_checkpoint(folder)
    if main and checkpoint is None:
        trainee.save_trainable(folder / "start.safetensors")
    _together()
    log.forget(name, after=0 if checkpoint is None else _step_of(checkpoint))
    batches = StageBatches(
        sets,
        stage,
        losses,
        recipe.groups,
        chunks,
        processes=_world(),
        seed=recipe.seed + 1000 * number,
    )
    watch = Watch(name, stage, recipe, trainee, log, look, best_file, report, advance)
    trainer = StudentTrainer(
        trainee,
        _arguments(stage, recipe, folder, placement, bfloat16),
        batches,
        losses,
        {loss: weight for loss, weight in stage.losses.items() if weight > 0},
        [watch],
    )
    trainer.remove_callback(transformers.PrinterCallback)
    if checkpoint is not None:
        report(f"stage {name} goes on from step {_step_of(checkpoint)}")
    if not watch.out_of_patience:  # it may have been killed after its last look
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    _together()
    trainee.load_trainable(best_file)
    if main:
        write_whole(done, [json.dumps({"best_step": watch.best_step, "map": watch.best}) + "\n"])
        for old in folder.glob("checkpoint-*"):
            shutil.rmtree(old)
    _together()


def judges_of(stage: Stage, development: Sequence[str]) -> list[str]:
    """The dev sets that say whether a stage is worth keeping: those that it trains on, else all.

    General ability is learned on other data than what the student is for in the end, and may cost
    some of it at first; what it brings shows after the stages that build on it.
    """
    mixed = {set_of(name) for name, share in stage.mix.items() if share > 0}
    return [name for name in development if name in mixed] or list(development)


def losses_of(stage: Stage) -> dict[str, Loss]:
    """The losses of a stage that count for something, by name."""
    return {
        name: make_loss(name, stage.temperature, no_answer=stage.no_answer)
        for name, weight in stage.losses.items()
        if weight > 0
    }


def _arguments(
    stage: Stage, recipe: Recipe, folder: Path, placement: Placement, bfloat16: bool
) -> transformers.TrainingArguments:
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        max_steps=stage.steps,
        per_device_train_batch_size=1,  # one micro-batch of the plan
        gradient_accumulation_steps=stage.micro_batches,
        learning_rate=stage.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(stage.warmup * stage.steps),
        weight_decay=stage.weight_decay,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        bf16=bfloat16,
        use_cpu=placement.device.type == "cpu",
        logging_steps=max(1, min(20, recipe.development.every)),
        save_strategy="no",  # with each look at the dev queries, see Watch
        save_total_limit=2,
        ddp_find_unused_parameters=False,
        dataloader_pin_memory=False,  # the chunks are on the device already
        remove_unused_columns=False,
        report_to=[],
        disable_tqdm=True,
        seed=recipe.seed,
    )
    # One process uses one card: on a machine with several, the Trainer would else copy the model
    # to all of them (nn.DataParallel) and cut our chunks in pieces. torchrun is the way to many.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments


class Watch(transformers.TrainerCallback):  # type: ignore[misc]
    """Looks at the dev queries now and then, keeps the best weights, stops when patience ends."""

    def __init__(
        self,
        name: str,
        stage: Stage,
        recipe: Recipe,
        trainee: Trainee,
        log: Log,
        look: Callable[[], Reading],
        best_file: Path,
        report: Report,
        advance: Advance,
    ) -> None:
        self.name = name
        self.stage = stage
        self.every = recipe.development.every
        self.patience = recipe.development.patience
        self.trainee = trainee
        self.log = log
        self.look = look
        self.best_file = best_file
        self.report = report
        self.advance = advance
        self.best, self.best_step, self.looks_since = float("-inf"), 0, 0
        self.judges = judges_of(stage, recipe.development.sets)
        for row in log.looks(name):
            self._count(row)
        self._started = time.monotonic()

    def _count(self, row: Mapping[str, Any]) -> bool:
        # Of the numbers as the log has them, so that a run that goes on finds the same best look.
        values = [row["dev"]["sets"][judge] for judge in self.judges]
        value = sum(values) / len(values)
        if value > self.best:
            self.best, self.best_step, self.looks_since = value, row["step"], 0
            return True
        self.looks_since += 1
        return False

    @property
    def out_of_patience(self) -> bool:
        """Whether the last ``patience`` looks were no better than one before them."""
        return self.looks_since >= self.patience

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if logs and "loss" in logs:
            row = {k: v for k, v in logs.items() if k in ("loss", "grad_norm", "learning_rate")}
            row |= {k: v for k, v in logs.items() if k.startswith("loss_")}
            self.log.add({"stage": self.name, "step": state.global_step, **row})

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        step = state.global_step
        self.advance(self.name, step, self.stage.steps)
        if step % self.every and step != self.stage.steps:
            return
        reading = self.look()
        seconds = round(time.monotonic() - self._started, 1)
        row = {"stage": self.name, "step": step, "dev": reading.to_json(), "seconds": seconds}
        self.log.add(row)
        if self._count(row) and self.log.main:
            self.trainee.save_trainable(self.best_file)
        sets = ", ".join(f"{n} {v.mean():.3f}" for n, v in reading.precision.items())
        self.report(
            f"{self.name} step {step}: dev MAP {reading.map:.4f} ({sets}), "
            f"log loss {reading.log_loss:.4f}, {seconds:.0f} s"
        )
        control.should_save = True
        if self.out_of_patience:
            control.should_training_stop = True


class Log:
    """``log.jsonl``: one line a row, written as it happens, cut back when a run goes on."""

    def __init__(self, path: Path, main: bool) -> None:
        self.path = path
        self.main = main
        self.rows: list[dict[str, Any]] = []
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                # a line that was not finished when the run was killed
                with contextlib.suppress(ValueError):
                    self.rows.append(json.loads(line))

    def add(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        if self.main:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as handle:
                handle.write(json.dumps(row) + "\n")

    def looks(self, stage: str) -> list[dict[str, Any]]:
        """Rows of a stage that hold a look at the dev queries."""
        return [row for row in self.rows if row["stage"] == stage and "dev" in row]

    def forget(self, stage: str, *, after: int) -> None:
        """Drop the rows of a stage beyond a step: they will come again."""
        self.rows = [r for r in self.rows if r["stage"] != stage or r["step"] <= after]
        if self.main and self.path.is_file():
            write_whole(self.path, (json.dumps(row) + "\n" for row in self.rows))


# --- data ----------------------------------------------------------------------------------------


def _read_data(
    recipe: Recipe, data: Mapping[str, str], student: Any, advance: Advance
) -> tuple[dict[str, Sequence[TokenisedQuery]], dict[str, list[TokenisedQuery]]]:
    wanted = {set_of(name) for name in recipe.mixed}
    whole: dict[str, list[TokenisedQuery]] = {}
    development = {}
    for name in recipe.data:
        count = 0

        def counted(name: str = name) -> None:
            nonlocal count
            count += 1
            advance(f"tokenise {name}", count, 0)

        if name in wanted:
            whole[name] = tokenised(student, read_split(data[name], "train"), on_example=counted)
        if name in recipe.development.sets:
            examples = list(read_split(data[name], "dev"))
            examples = [example for example in examples if example.memories]
            rng = np.random.default_rng(recipe.seed)
            chosen = rng.permutation(len(examples))[: recipe.development.queries]
            development[name] = tokenised(
                student,
                [examples[i] for i in sorted(chosen)],
                keep=recipe.development.candidates,
                on_example=counted,
            )
            if not any((q.labels >= RELEVANT).any() for q in development[name]):
                raise InputError(
                    f"{data[name]} has no dev query with a relevant memory, expected some for "
                    f"{name!r}, or leave it out of development.sets"
                )
    if not development:
        raise InputError("development.sets is empty, expected a set with a dev split")
    sets = {name: of_name(whole, name, str(data[set_of(name)])) for name in recipe.mixed}
    return sets, development


def data_sha256(path: str) -> str:
    """sha256 over the names and bytes of the JSONL files of a data set.

    Raises:
        InputError: there is nothing at ``path``.
    """
    place = Path(path)
    if not place.exists():
        raise InputError(f"{place}: no such file or folder, expected train.jsonl or lives")
    files = sorted(place.glob("*.jsonl")) if place.is_dir() else [place]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode())
        with file.open("rb") as handle:
            digest.update(hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()


# --- the run's folder ----------------------------------------------------------------------------


def _check_folder(out: Path, recipe: str, resume: bool) -> None:
    file = out / "recipe.yaml"
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file, expected a new folder for the run")
    if not file.is_file():
        if resume and not out.is_dir():
            raise InputError(f"{out} is not there, expected the folder of a run to go on with")
        if out.is_dir() and any(out.iterdir()) and not resume:
            raise InputError(f"{out} is not empty, expected a new folder for the run")
        return
    if not resume:
        raise InputError(f"{out} holds a run already, expected a new folder, or --resume")
    if file.read_text(encoding="utf-8") != recipe:
        raise InputError(
            f"{file} is not the recipe that was given, expected the same recipe, --set and --data "
            "to go on with; start a new folder for another"
        )


def _expect_same_data(out: Path, digests: Mapping[str, str]) -> None:
    file = out / "run.json"
    if not file.is_file():  # killed while it read its data
        return
    before = json.loads(file.read_text(encoding="utf-8"))["data"]
    for name, digest in digests.items():
        if name in before and before[name]["sha256"] != digest:
            raise InputError(
                f"the data of {name!r} is no longer what the run in {out} began with (sha256 "
                f"{digest[:12]}, expected {before[name]['sha256'][:12]}); put it back, or start a "
                "new folder"
            )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _facts(
    recipe: Recipe,
    digests: Mapping[str, str],
    placement: Placement,
    bfloat16: bool,
    command: str,
    sets: Mapping[str, Sequence[TokenisedQuery]],
) -> dict[str, Any]:
    # A set that is mixed whole counts whole, else what is mixed of its kinds.
    counts: dict[str, int] = {}
    for mixed, queries in sets.items():
        if mixed not in digests:
            counts[set_of(mixed)] = counts.get(set_of(mixed), 0) + len(queries)
    counts |= {mixed: len(queries) for mixed, queries in sets.items() if mixed in digests}
    packages = ("torch", "transformers", "peft", "accelerate", "numpy")
    return {
        "labkit": __version__,
        "command": command or " ".join(sys.argv),
        "recipe": recipe.name,
        "seed": recipe.seed,
        "data": {
            name: {"sha256": digest, "queries": counts.get(name, 0)}
            for name, digest in digests.items()
        },
        "versions": {name: version(name) for name in packages},
        "python": platform.python_version(),
        "device": str(placement.device),
        "precision": "bfloat16" if bfloat16 else "float32",
        "processes": _world(),
    }


def _save(
    trainee: Trainee,
    folder: Path,
    recipe: Recipe,
    facts: Mapping[str, Any],
    reading: Reading,
    what: str,
) -> None:
    student = trainee.student
    card = student.current_card() if isinstance(student, EncoderStudent) else student.card
    card = replace(
        card,
        rendering=RENDERING_VERSION,
        training={**facts, "dev": reading.to_json(), "saved": what},
        description=recipe.description,
    )
    with whole_folder(folder) as part:
        if trainee.adapted:
            save_adapter(trainee.adapted[0], card, part)
        else:
            student.card = card
            student.save(part)


# --- where it runs -------------------------------------------------------------------------------


def _card_of_process(device: str | None) -> str | None:
    """``device``, or the card of this process where torchrun started one for each.

    Raises:
        InputError: one process is to use another card than the first, which the Trainer takes.
    """
    number = (device or "").removeprefix("cuda:")
    other = number.isdecimal() and int(number) > 0
    if other and _world() == 1 and torch.cuda.is_available():
        raise InputError(
            f"--device is {device}, expected cuda; one process trains on the first card it sees: "
            f"start it with CUDA_VISIBLE_DEVICES={number}"
        )
    if _world() > 1 and device in (None, "cuda") and torch.cuda.is_available():
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return device


def uses_bfloat16(recipe: Recipe, placement: Placement) -> bool:
    """Whether matrix products are in bfloat16: as the recipe says, else where that is faster."""
    if recipe.precision != "auto":
        return recipe.precision == "bfloat16"
    return fast_bfloat16(placement.device)


def set_dropout(model: Any, dropout: float | None) -> None:
    """Set all dropout of a model; None leaves it."""
    if dropout is None:
        return
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout


def _last_checkpoint(folder: Path) -> Path | None:
    found = [
        path for path in folder.glob("checkpoint-*") if (path / "trainer_state.json").is_file()
    ]
    return max(found, key=_step_of, default=None)


def _step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.rsplit("-", 1)[1])


def _world() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def _is_main() -> bool:
    return int(os.environ.get("RANK", "0")) == 0


def _together() -> None:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
