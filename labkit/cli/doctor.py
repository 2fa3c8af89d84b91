"""``labkit doctor``"""

from __future__ import annotations

import json

import typer

from labkit.cli.shared import AsJson


def doctor(as_json: AsJson = False) -> None:
    """Say what is installed, which device is used, and whether the embedded model is intact.

    Exits with 1 if something is broken. A hub that cannot be reached is no fault.
    """
    from dataclasses import asdict

    from labkit.doctor import check_all

    checks = []
    for check in check_all():
        checks.append(check)
        if not as_json:
            print(f"{check.status:<7}{check.name:<22}{check.found}")
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
    if any(check.status == "broken" for check in checks):
        raise typer.Exit(1)
