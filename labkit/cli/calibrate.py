"""``labkit calibrate``"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labkit.cli.shared import (
    AsJson,
    Candidates,
    Device,
    Dtype,
    FirstStageOption,
    first_stage_method,
    load_reranker,
    note,
)
from labkit.errors import InputError
from labkit.files import whole_folder

if TYPE_CHECKING:
    from labkit.scoring.decisions import Decisions
    from labkit.scoring.holdout import Selection
    from labkit.scoring.reranker import Reranker
    from labkit.scoring.scored import ScoredData, ScoredQuery
    from labkit.scoring.thresholds import Unit

ELSEWHERE = 4
"""Queries asked of the memories of a dialogue that are none of its own, for abstention."""

ModelArgument = Annotated[str, typer.Argument(help="Embedded name, checkpoint folder or hub id.")]
HeldOut = Annotated[
    list[str],
    typer.Option(
        "--data",
        help="Held-out queries: any file that rerank reads; again for more. PATH:dev (train, test) "
        "takes the lives of one split.",
    ),
]
Kind = Annotated[list[str] | None, typer.Option(help="Only queries of this kind; again for more.")]
Sample = Annotated[
    int | None, typer.Option(min=1, help="Draw N queries of each file; all where not given.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of the draw.")]
UnitOption = Annotated[
    str, typer.Option("--unit", help="What a promise is about: query, or dialogue.")
]


def calibrate(
    model: ModelArgument,
    data: HeldOut,
    out: Annotated[
        Path, typer.Option(help="Folder for the checkpoint, the diagram and what was scored.")
    ],
    decide_on: Annotated[
        list[str] | None,
        typer.Option(
            help="Other held-out queries, to find the thresholds on: makes their promises exact "
            "for a calibration that reads the query. Again for more; --data where not given."
        ),
    ] = None,
    abstain_on: Annotated[
        list[str] | None,
        typer.Option(
            help="Held-out queries to learn from when to abstain, many without an answer. Again "
            "for more; those of --decide-on, else of --data, where not given."
        ),
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Write the model's own card, not a copy's.")
    ] = False,
    method: Annotated[
        list[str] | None,
        typer.Option(help="none, temperature, platt, beta, isotonic, query; again for more."),
    ] = None,
    first_stage: FirstStageOption = "fused",
    candidates: Candidates = 50,
    kind: Kind = None,
    sample: Sample = None,
    seed: Seed = 0,
    unit: UnitOption = "query",
    device: Device = None,
    dtype: Dtype = None,
    as_json: AsJson = False,
) -> None:
    """Make a model's scores mean something: probabilities, named thresholds, when to abstain.

    Scores held-out queries once, fits on them and writes the checkpoint's card. The calibration is
    chosen by cross-validated log loss; the order of a query's memories never changes.
    """
    from labkit.scoring.calibration import METHODS, probability
    from labkit.scoring.decisions import decide, decided
    from labkit.scoring.diagrams import reliability_diagram, write_page
    from labkit.scoring.transfer import Quality

    chosen_unit = parse_unit(unit)
    for each in method or ():
        if each not in METHODS:
            raise InputError(f"--method is {each!r}, expected one of {', '.join(METHODS)}")
    scorer = Scorer.load(model, first_stage, candidates, kind, sample, seed, device, dtype, out)
    target = _target(model, scorer, out, in_place)
    fitting = scorer.score(data)
    deciding = scorer.score(decide_on) if decide_on else None
    abstaining = scorer.score(abstain_on) if abstain_on else None
    elsewhere = scorer.score(abstain_on or decide_on or data, elsewhere=ELSEWHERE)
    decisions = decide(
        fitting, deciding, abstaining, elsewhere, methods=method or tuple(METHODS), unit=chosen_unit
    )
    provenance = scorer.provenance(data, fitting)
    if decide_on and deciding:
        provenance["decided_on"] = scorer.provenance(decide_on, deciding)
    if abstain_on and abstaining:
        provenance["abstained_on"] = scorer.provenance(abstain_on, abstaining)
    if decisions.abstention is not None:
        provenance["asked_elsewhere"] = len(elsewhere)
    scorer.reranker.student.card = decided(scorer.reranker.card, decisions, provenance)
    target()
    held_out = {name: probability(z) for name, z in decisions.choice.held_out.items()}
    qualities = {name: Quality.of(p, fitting.relevant) for name, p in held_out.items()}
    before_after = {"before": held_out["none"], "after": held_out[decisions.choice.method]}
    page = out / "reliability.html"
    title = f"{scorer.reranker.name}: {len(fitting):,} held-out queries, by cross-validation"
    write_page(reliability_diagram(before_after, fitting.relevant, title=title), page)
    summary = {
        "model": scorer.reranker.name,
        "chosen": decisions.choice.method,
        "by_cross_validation": {name: asdict(quality) for name, quality in qualities.items()},
        "thresholds": decisions.thresholds,
        "operating_points": decisions.points,
        "abstention_auroc": decisions.abstention_auroc,
        "notes": decisions.notes,
        **provenance,
    }
    if as_json:
        print(json.dumps(summary))
        return
    _print(decisions, qualities, len(fitting), page)


def _print(decisions: Decisions, qualities: dict[str, Any], queries: int, page: Path) -> None:
    from rich.console import Console

    console = Console()
    table = plain_table("calibration", "ECE", "ECE, equal mass", "Brier", "log loss")
    for name, q in qualities.items():
        mark = " *" if name == decisions.choice.method else ""
        table.add_row(
            name + mark, f"{q.ece:.4f}", f"{q.ece_mass:.4f}", f"{q.brier:.4f}", f"{q.log_loss:.4f}"
        )
    console.print(table)
    print(f"{queries:,} queries, by cross-validation; * chosen, none = the model as it is\n")
    points = plain_table("threshold", "from p", "precision", "recall", "F1", "kept", "empty")
    for name, threshold in decisions.thresholds.items():
        point = decisions.points[name]
        did = point["on_its_data"]
        points.add_row(
            name,
            f"{threshold:.4f}",
            *(
                "" if did[key] is None else f"{did[key]:.3f}"
                for key in ("precision", "recall", "f1")
            ),
            f"{did['kept']:.1f}",
            f"{did['empty']:.0%}",
        )
    console.print(points)
    for name, point in decisions.points.items():
        about = "" if point.get("exact", True) else "; not exact: fitted on the same queries"
        print(f"{name}: {point['promise'] or 'best F1, no promise'} (n {point['n']:,}{about})")
    if decisions.abstention is not None and decisions.abstention_auroc is not None:
        value, low, high = decisions.abstention_auroc
        print(f"\nabstention AUROC {value:.3f} (95 % {low:.3f} to {high:.3f})")
    for line in decisions.notes:
        note(line)
    note(f"reliability before and after: {page}")


def plain_table(*names: str) -> Any:
    """A table without a frame; the first column is text, the others numbers."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for i, name in enumerate(names):
        table.add_column(name, justify="right" if i else "left", no_wrap=True)
    return table


def parse_unit(text: str) -> Unit:
    if text == "query":
        return "query"
    if text == "dialogue":
        return "dialogue"
    raise InputError(f"--unit is {text!r}, expected query or dialogue")


def _target(model: str, scorer: Scorer, out: Path, in_place: bool) -> Callable[[], None]:
    """What writes the checkpoint when all is fitted; what cannot be written is said at once."""
    source = scorer.folder
    student = scorer.reranker.student
    if source is not None and out.resolve().is_relative_to(source.resolve()):
        raise InputError(f"--out is {out}, in the model's own folder {source}, expected another")
    if in_place:
        if source is None:
            raise InputError(
                f"--in-place got {model}, expected a folder; without it a copy is made"
            )
        return lambda: student.card.save(source)
    copy = out / "model"
    if source is not None and source.resolve().is_relative_to(copy.resolve()):
        raise InputError(f"{copy} is the model itself, expected another --out, or --in-place")

    def write() -> None:
        with whole_folder(copy) as part:
            if source is None:
                student.save(part)
            else:
                shutil.copytree(source, part, dirs_exist_ok=True)
                student.card.save(part)

    return write


@dataclass(slots=True)
class Scorer:
    """A model with its first stage, and where what it scored is kept."""

    reranker: Reranker
    folder: Path | None
    selection: Selection
    store: Path
    digest: str

    @staticmethod
    def load(
        model: str,
        first_stage: str,
        candidates: int,
        kind: list[str] | None,
        sample: int | None,
        seed: int,
        device: str | None,
        dtype: str | None,
        out: Path,
    ) -> Scorer:
        from labkit.assets import assets_path
        from labkit.scoring.holdout import Selection, model_digest

        selection = Selection(
            method=first_stage_method(first_stage),
            candidates=candidates,
            kinds=tuple(kind) if kind else None,
            sample=sample,
            seed=seed,
        )
        reranker = load_reranker(model, device, dtype)
        embedded = assets_path() / "models" / model
        inside = "/" not in model and embedded.is_dir()
        path = embedded if inside else Path(model)
        folder = path if path.is_dir() else None
        return Scorer(reranker, folder, selection, out / "scored", model_digest(reranker, folder))

    def score(self, specs: list[str], elsewhere: int | None = None) -> ScoredData:
        """All queries of the files, scored now or before; see :class:`Selection` on the rest."""
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

        from labkit.scoring.holdout import score_file
        from labkit.scoring.scored import ScoredData

        columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
        queries: list[ScoredQuery] = []
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            for spec in specs:
                path, selection = self._parse(spec)
                selection = replace(selection, elsewhere=elsewhere)
                task = progress.add_task(path.name, total=None)
                scored = score_file(
                    self.reranker,
                    path,
                    selection,
                    store=self.store,
                    model_sha256=self.digest,
                    on_progress=lambda done, total, task=task: progress.update(  # type: ignore[misc]
                        task, completed=done, total=total
                    ),
                )
                queries += scored.queries
        return ScoredData(queries)

    def _parse(self, spec: str) -> tuple[Path, Selection]:
        if spec == "-":
            raise InputError(
                "queries are to come from '-', expected a file: what was scored is kept by its hash"
            )
        path, colon, split = spec.rpartition(":")
        if colon and split in ("train", "dev", "test"):
            return Path(path), replace(self.selection, split=split)  # type: ignore[arg-type]
        return Path(spec), self.selection

    def provenance(self, specs: list[str], data: ScoredData) -> dict[str, Any]:
        """What was scored: names and hash of the files, how many queries, which candidates."""
        from labkit.scoring.holdout import data_digest

        parsed = [self._parse(spec) for spec in specs]
        return {
            "data": [
                path.name + (f":{chosen.split}" if chosen.split else "") for path, chosen in parsed
            ],
            "data_sha256": data_digest([path for path, _ in parsed]),
            "queries": len(data),
            "pairs": len(data.log_odds),
            "first_stage": self.selection.method,
            "candidates": self.selection.candidates,
        }
