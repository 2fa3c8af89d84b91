"""``labkit threshold``"""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labkit.cli.calibrate import (
    HeldOut,
    Kind,
    ModelArgument,
    Sample,
    Scorer,
    Seed,
    UnitOption,
    parse_unit,
    plain_table,
)
from labkit.cli.shared import AsJson, Candidates, Device, Dtype, FirstStageOption, note
from labkit.errors import InputError

if TYPE_CHECKING:
    from labkit.scoring.scored import ScoredData
    from labkit.scoring.thresholds import Target, Unit
    from labkit.scoring.transfer import Transfer


def threshold(
    model: ModelArgument,
    data: HeldOut,
    target: Annotated[
        list[str] | None,
        typer.Option(help="f1, precision=0.9 or recall=0.9; again for more."),
    ] = None,
    promise: Annotated[
        bool,
        typer.Option(
            "--promise",
            help="Find thresholds that hold on further queries of the kind: recall as the share of "
            "evidence that is kept, in expectation; precision with --confidence.",
        ),
    ] = False,
    confidence: Annotated[float, typer.Option(help="Of a promised precision.")] = 0.9,
    name: Annotated[
        str | None, typer.Option(help="Store the threshold in the model's card under this name.")
    ] = None,
    simulate: Annotated[
        bool,
        typer.Option("--simulate", help="Check by 1,000 draws from the data that promises hold."),
    ] = False,
    size: Annotated[
        int | None, typer.Option(min=2, help="Queries of a simulated draw; as many as there are.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to keep what was scored, and the figure of --simulate."),
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
    """Show how a model's thresholds hold on labelled data, or find one for a target there.

    Without --target: probabilities, named thresholds and abstention of the card, measured on data
    that they were not fitted on, beside the best threshold that this data would have had.
    """
    from labkit.scoring.calibration import calibrated, probability
    from labkit.scoring.transfer import transfer

    if simulate and target:
        raise InputError("got --simulate and --target, expected one of them")
    if name is not None and (not target or len(target) > 1):
        raise InputError("--name needs one --target, the threshold to store")
    chosen_unit = parse_unit(unit)
    if simulate and chosen_unit != "query":
        raise InputError(f"got --simulate and --unit {unit}, expected query: it draws queries")
    targets = [_target(text, promise) for text in target or ()]
    if not 0 < confidence < 1:
        raise InputError(f"--confidence is {confidence:g}, expected more than 0 and less than 1")
    with ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="labkit-")))
        scorer = Scorer.load(
            model, first_stage, candidates, kind, sample, seed, device, dtype, folder
        )
        if name is not None and scorer.folder is None:
            raise InputError(
                f"--name got {model}, expected a checkpoint folder; labkit calibrate makes one"
            )
        scored = scorer.score(data)
    p = probability(calibrated(scorer.reranker.calibration, scored))
    if simulate:
        _simulate(p, scored, size, out, scorer.reranker.name, as_json)
        return
    if not target:
        report = transfer(scorer.reranker.card, scored)
        print(json.dumps(report.to_json())) if as_json else _print_transfer(report)
        return
    found = [_find(each, p, scored, promise, confidence, chosen_unit) for each in targets]
    if name is not None:
        _store(name, found[0], scorer, data, scored)
    if as_json:
        print(json.dumps(found))
    else:
        _print_found(found, len(scored))


def _target(text: str, promise: bool) -> Target:
    """What is asked for; what cannot be found is said before anything is scored."""
    from labkit.scoring.thresholds import parse_target

    target = parse_target(text)
    if promise and (target.name == "f1" or target.least is None):
        raise InputError("--promise got f1, expected --target precision=... or recall=...")
    if promise and target.name == "recall" and target.least == 1:
        raise InputError(f"--promise got {text}, expected less than 1: nothing can promise all")
    return target


def _find(
    target: Target, p: Any, data: ScoredData, promise: bool, confidence: float, unit: Unit
) -> dict[str, Any]:
    from labkit.scoring.conformal import evidence_threshold, precision_threshold
    from labkit.scoring.thresholds import find_threshold, held

    if not promise:
        found = find_threshold(p, data, target, unit=unit)
        return {
            "target": str(target),
            "threshold": found.threshold,
            "promise": None,
            "on_its_data": asdict(found.held),
            "intervals": found.intervals,
            "n": found.units,
            "unit": unit,
        }
    who = "queries" if unit == "query" else "dialogues"
    assert target.least is not None
    if target.name == "recall":
        careful = evidence_threshold(p, data, 1 - target.least, unit=unit)
        value, n = careful.threshold, careful.n
        words = f"at most {1 - target.least:.4g} of the evidence dropped, in expectation over {who}"
    else:
        lean = precision_threshold(p, data, target.least, confidence, unit=unit)
        value, n = lean.threshold, lean.n
        words = (
            f"precision of at least {target.least:g}, in the mean over {who} that keep something, "
            f"with confidence {confidence:g}"
        )
    return {
        "target": str(target),
        "threshold": value,
        "promise": words,
        "on_its_data": asdict(held(p, data, value)),
        "n": n,
        "unit": unit,
    }


def _store(
    name: str, found: dict[str, Any], scorer: Scorer, specs: list[str], data: ScoredData
) -> None:
    from dataclasses import replace

    card = scorer.reranker.card
    assert scorer.folder is not None
    facts = {key: value for key, value in found.items() if key != "threshold"}
    facts["rule"] = f"labkit threshold, {facts.pop('target')}"
    replace(
        card,
        thresholds={**card.thresholds, name: found["threshold"]},
        operating_points={
            **card.operating_points,
            name: {**facts, "found_on": scorer.provenance(specs, data)},
        },
    ).save(scorer.folder)
    note(f"stored as {name} in {scorer.folder / 'labkit.json'}")


def _print_found(found: list[dict[str, Any]], queries: int) -> None:
    for one in found:
        intervals = one.get("intervals", {})
        values = {"threshold": one["threshold"], **one["on_its_data"]}
        print(f"{one['target']}: {one['promise'] or 'on this data, no promise'}")
        for name in ("threshold", "precision", "recall", "f1"):
            extent = "  {:.4f} to {:.4f}".format(*intervals[name]) if name in intervals else ""
            print(f"  {name:<11}{values[name]:.4f}{extent}")
        print(f"  keeps {values['kept']:.1f} memories a query; {values['empty']:.0%} keep none\n")
    drawn = any("intervals" in one for one in found)
    print(f"{queries:,} queries" + ("; intervals: 95 %, bootstrap" if drawn else ""))


def _print_transfer(report: Transfer) -> None:
    from rich.console import Console

    console = Console()
    table = plain_table("probabilities", "ECE", "ECE, equal mass", "Brier", "log loss", "mean")
    for name, q in (("bare sigmoid", report.bare), ("calibrated", report.calibrated)):
        values = (q.ece, q.ece_mass, q.brier, q.log_loss, q.mean)
        table.add_row(name, *(f"{value:.4f}" for value in values))
    console.print(table)
    print(
        f"{report.queries:,} queries, {report.pairs:,} pairs, "
        f"{report.base_rate:.4f} of them relevant\n"
    )
    points = plain_table(
        "threshold", "from p", "precis.", "recall", "F1", "to best", "dropped", "kept", "empty"
    )
    best = report.best
    rows = [*report.points.items(), *([("best here", best)] if best else [])]
    for name, (value, did) in rows:
        points.add_row(
            name,
            f"{value:.4f}",
            *(f"{number:.3f}" for number in (did.precision, did.recall, did.f1)),
            f"{best[1].f1 - did.f1:.3f}" if best else "",
            f"{did.dropped:.3f}",
            f"{did.kept:.1f}",
            f"{did.empty:.0%}",
        )
    console.print(points)
    print("to best: F1 short of the best; dropped: share of a query's evidence; kept: memories")
    told = report.abstention
    if told is not None:
        print(
            f"\nabstention: AUROC {told.auroc:.3f}, ECE {told.quality.ece:.3f}, "
            f"{told.with_answer} queries with and {told.without} without an answer"
        )


def _simulate(
    p: Any, data: ScoredData, size: int | None, out: Path | None, name: str, as_json: bool
) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from labkit.scoring.decisions import ALPHA, CONFIDENCE
    from labkit.scoring.diagrams import simulation_figure, write_page
    from labkit.scoring.simulation import DRAWS, simulate_evidence, simulate_precision

    queries = size or len(data)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("draws", total=2 * DRAWS)

        def step() -> None:
            progress.advance(task)

        found = [
            simulate_evidence(p, data, ALPHA, size=queries, on_draw=step),
            simulate_precision(p, data, CONFIDENCE, size=queries, on_draw=step),
        ]
    if out is not None:
        title = f"{name}: {DRAWS:,} draws of {queries:,} queries"
        write_page(simulation_figure(found, title=title), out / "promises.html")
        note(f"how the risks fell out: {out / 'promises.html'}")
    if as_json:
        print(
            json.dumps(
                [
                    {
                        "promise": one.promise,
                        "level": one.level,
                        "realised": one.realised,
                        "plain": one.plain,
                        "draws": one.draws,
                        "size": queries,
                    }
                    for one in found
                ]
            )
        )
        return
    for one in found:
        print(one.promise)
        print(
            f"  risk allowed {one.level:.3f}, realised {one.realised:.3f} "
            f"(plain thresholds {one.plain:.3f}), {one.draws:,} draws"
        )
    print(f"calibration sets of {queries:,} queries drawn from the data, with replacement")
