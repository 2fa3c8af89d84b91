"""``labkit annotations status|export|import|agreement|log|user``: what people said, and who may."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labkit.cli.shared import AsJson, note
from labkit.errors import InputError

if TYPE_CHECKING:
    from labkit.annotation.agreement import Readers
    from labkit.annotation.store import Store

app = typer.Typer(
    help="What people said of hard memories: look at it, merge it, make training data of it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Where = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="An SQLite file or a PostgreSQL URL; else LABKIT_DATABASE_URL, else "
        "annotations.sqlite in the user's data folder.",
    ),
]


def _open(where: str | None) -> Store:
    from labkit.annotation.store import Store

    return Store(where)


def _read(where: str | None) -> Store:
    """A store that is only read from: a mistyped path is none that is empty."""
    if where is not None and "://" not in where and not Path(where).is_file():
        raise InputError(f"--store {where}: no such file, expected what people annotated in")
    return _open(where)


@app.command()
def status(where: Where = None, as_json: AsJson = False) -> None:
    """Who labelled how much, and what is still to be settled."""
    from labkit.annotation.agreement import to_adjudicate
    from labkit.annotation.consensus import decide

    with _read(where) as store:
        events = len(store.events())
        standing = store.standing()
    decisions = decide(standing).values()
    annotators: dict[str, Counter[str]] = {}
    for event in standing:
        annotators.setdefault(event.annotator, Counter())[event.kind] += 1
    found: dict[str, Any] = {
        "store": store.place,
        "events": events,
        "items": len(decisions),
        "decided": dict(sorted(Counter(decision.how for decision in decisions).items())),
        "to_adjudicate": len(to_adjudicate(standing)),
        "annotators": {name: dict(kinds) for name, kinds in sorted(annotators.items())},
    }
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    print(f"{found['store']}: {events:,} events on {len(decisions):,} items that were judged")
    for how, count in found["decided"].items():
        print(f"  {how}: {count:,}")
    print(f"  annotators differ, to adjudicate: {found['to_adjudicate']:,}")
    for name, kinds in found["annotators"].items():
        print(f"{name}: {', '.join(f'{kind} {count:,}' for kind, count in kinds.items())}")


@app.command()
def export(
    data: Annotated[
        Path,
        typer.Argument(
            help="The data that was annotated: a folder as labkit train reads it (its splits are "
            "kept), or a file (all of it is train)."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write; must be new.")],
    only_corrected: Annotated[
        bool, typer.Option("--only-corrected", help="Leave out queries that nobody corrected.")
    ] = False,
    where: Where = None,
    as_json: AsJson = False,
) -> None:
    """Write the data with people's labels, as labkit train and datasets read it, with a card."""
    import datasets

    from labkit.annotation.export import export as write
    from labkit.annotation.export import read_splits

    datasets.disable_progress_bars()
    with _read(where) as store:
        found = write(store, read_splits(data), out, only_corrected=only_corrected)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    note(
        f"wrote {out}: {found['labels_replaced']:,} labels by people in "
        f"{sum(found['corrected_examples'].values()):,} of {sum(found['examples'].values()):,} "
        f"queries; {found['changed']:,} on another level than before, "
        f"{found['false_negatives_found']:,} relevant where the data said not"
    )
    left = {
        "label left as it was, cannot be told": found["cannot_tell"],
        "label left as it was, annotators differ": found["undecided"],
        "not in this data, or its text has changed": found["of_other_data"],
    }
    for why, count in left.items():
        if count:
            note(f"{why}: {count:,}")


@app.command("import")
def merge(
    path: Annotated[
        Path,
        typer.Argument(
            help="An exported folder, or events as labkit annotations log --json prints them; - is "
            "stdin."
        ),
    ],
    where: Where = None,
    as_json: AsJson = False,
) -> None:
    """Add another store's events; those that are here already are not added again."""
    from labkit.annotation.events import read_events

    with _open(where) as store:
        merged = store.merge(read_events(path))
    if as_json:
        print(json.dumps({"new": merged.new, "known": merged.known}))
    else:
        print(f"{merged.new:,} new events, {merged.known:,} were here already")


@app.command()
def agreement(
    where: Where = None,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="A student calls relevant from here on.")
    ] = 0.5,
    as_json: AsJson = False,
) -> None:
    """Agreement of annotators, of people with teachers and students, and what to adjudicate."""
    from labkit.annotation.agreement import called, report, report_to_json, to_adjudicate

    with _read(where) as store:
        standing = store.standing()
    found = report(standing, threshold=threshold)
    unsettled = to_adjudicate(standing)
    if as_json:
        differ = [
            {
                "item": decision.item,
                "query": decision.query,
                "memory": decision.memory,
                "how": decision.how,
                "votes": {vote.annotator: vote.level for vote in decision.votes},
            }
            for decision in unsettled
        ]
        print(json.dumps({**report_to_json(found), "to_adjudicate": differ}, ensure_ascii=False))
        return
    print(
        f"Krippendorff's alpha, ordinal: {found.alpha}; "
        f"{found.alpha.values:,} labels of {found.alpha.units:,} items with two or more"
    )
    for title, rows in (
        ("annotators, weighted kappa", found.annotators),
        ("people, teachers and students, weighted kappa", found.models),
        ("the same on the random control alone", found.models_at_random),
    ):
        _print(title, rows)
    for calls in found.calls:
        print(
            f"{calls.model}: finds {calls.found:,} of the {calls.relevant:,} that people call "
            f"relevant, rejects {calls.rejected:,} of the {calls.irrelevant:,} that they do not"
        )
    print(f"to adjudicate: {len(unsettled):,}")
    for decision in unsettled:
        votes = ", ".join(f"{vote.annotator}: {called(vote.level)}" for vote in decision.votes)
        print(f"  {decision.item}  {decision.query} / {decision.memory}  {votes}")


def _print(title: str, rows: tuple[Readers, ...]) -> None:
    from labkit.annotation.agreement import with_interval

    if rows:
        print(f"{title}:")
    for row in rows:
        print(
            f"  {row.first}, {row.second}: {with_interval(row.kappa, row.interval)}, "
            f"n {row.items:,} of {row.queries:,} queries"
        )


@app.command()
def log(
    item: Annotated[str | None, typer.Option(help="Only of this item.")] = None,
    query: Annotated[str | None, typer.Option(help="Only of this query.")] = None,
    annotator: Annotated[str | None, typer.Option(help="Only by this annotator.")] = None,
    where: Where = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Whole events as JSONL, which import takes.")
    ] = False,
) -> None:
    """Everything that was done, in order; nothing is ever deleted."""
    from labkit.annotation.agreement import called
    from labkit.annotation.events import event_to_json

    with _read(where) as store:
        events = store.events(annotator=annotator, item=item, query=query)
    gone = {(event.undo_of, event.annotator) for event in events if event.kind == "undo"}
    for event in events:
        if as_json:
            print(json.dumps(event_to_json(event), ensure_ascii=False))
            continue
        said: str = event.kind
        if event.kind in ("label", "adjudication"):
            said += f" {called(event.level)}"
        parts = [event.time, event.annotator, event.item, f"{event.query} / {event.memory}", said]
        if event.undo_of is not None:
            parts.append(f"of {event.undo_of}")
        if (event.id, event.annotator) in gone:
            parts.append("(undone)")
        if event.note:
            parts.append(json.dumps(event.note, ensure_ascii=False))
        print("  ".join(str(part) for part in parts))


@app.command()
def user(
    name: Annotated[str, typer.Argument(help="Under which they log in and annotate.")],
    file: Annotated[Path, typer.Option(help="The file that python app.py --auth FILE takes.")],
) -> None:
    """Add somebody who may log in to the lab, or give them another password; it is asked for."""
    from getpass import getpass

    from labkit.annotation.users import set_password

    password = getpass(f"password of {name}: ")
    if getpass("the same again: ") != password:
        raise InputError("the two passwords differ, expected the same twice; nothing was written")
    new = set_password(file, name, password)
    note(f"{name} {'can log in' if new else 'has another password'}: python app.py --auth {file}")
