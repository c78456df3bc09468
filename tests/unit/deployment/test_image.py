"""The image contains the code and libraries of its commands, runs nothing as root, and sets only known variables."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from consumer.settings import ConsumerSettings
from relay.settings import RelaySettings
from service.settings import ServiceSettings
from tests.unit.deployment.dockerfile import ROOT, copied, instructions, of

FIELDS = {name.upper() for kind in (ServiceSettings, ConsumerSettings, RelaySettings) for name in kind.model_fields}
PYTHONS_OWN = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
EACH_HELP = """
import runpy, sys
for command in sys.argv[1:]:
    sys.argv = ["cli.py", command, "--help"]
    try:
        runpy.run_path("cli.py", run_name="__main__")
    except SystemExit as end:
        assert end.code == 0, command
"""
"""One process for all commands, because most of its time is imports."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with exactly the files that the service's stage copies.

    Their bytecode comes along, which Python uses only beside an unchanged source: nothing is compiled twice.
    """
    directory = tmp_path_factory.mktemp("image")
    for name in copied("service"):
        source = ROOT / name
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, directory / name)
        else:
            shutil.copy(source, directory / name)
    return directory


def run(image: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    env = {"PATH": "/usr/bin:/bin", "HOME": str(image)}
    argv = [sys.executable, *words]
    return subprocess.run(argv, cwd=image, env=env, capture_output=True, text=True, check=False)


def test_image_runs_every_command(image: Path) -> None:
    shown = run(
        image, "-c", EACH_HELP, "serve", "consume", "relay", "db", "doctor", "stripe-events", "payment", "outbox"
    )
    assert (shown.returncode, shown.stderr) == (0, "")


def test_image_has_the_modules_that_commands_import_late(image: Path) -> None:
    shown = run(image, "-c", "import service.bootstrap, service.server, service.wiring, consumer.main, relay.main")
    assert (shown.returncode, shown.stderr) == (0, "")


def test_missing_settings_stop_the_image_at_once(image: Path) -> None:
    entrypoint, command = of("service", "ENTRYPOINT")[0].argv, of("service", "CMD")[0].argv
    shown = run(image, *entrypoint[1:], *command)
    assert shown.returncode == 2
    assert "DATABASE_URL: is not set" in shown.stderr.splitlines()


@pytest.mark.parametrize("stage", ["service", "simulator"])
def test_requirements_lock_every_imported_library(stage: str) -> None:
    locked = {re.split(r"==", line)[0] for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line}
    distributions = packages_distributions()
    names = copied("service") if stage == "service" else ["devstack/stripe_simulator"]
    for name in set(imported(names)):
        if name in sys.stdlib_module_names or (ROOT / name).exists():
            continue
        assert {normal(each) for each in distributions[name]} & locked, name


def imported(names: list[str]) -> Iterator[str]:
    for name in names:
        path = ROOT / name
        for file in path.rglob("*.py") if path.is_dir() else [path] if path.suffix == ".py" else []:
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    yield from (alias.name.partition(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
                    yield node.module.partition(".")[0]


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_image_installs_only_hash_locked_dependencies() -> None:
    installed = [each.rest for each in instructions() if each.word == "RUN" and "pip install" in each.rest]
    assert installed
    assert all("--require-hashes -r /requirements.txt" in each for each in installed)


def test_image_does_not_run_as_root() -> None:
    users = [each.rest for each in of("service", "USER")]
    assert users == ["10001"]
    assert of("simulator", "USER") == []
    assert instructions()[-1].rest == "service", "a plain build makes the service"


def test_every_variable_of_the_image_is_a_setting() -> None:
    set_ = {pair.partition("=")[0] for each in of("service", "ENV") for pair in each.rest.split()}
    assert {"HOST", "PORT", "OPS_HOST", "OPS_PORT", "HEALTH_NOTE"} <= set_
    assert set_ - PYTHONS_OWN - FIELDS == set()


def test_health_check_is_a_module_of_the_image(image: Path) -> None:
    (check,) = of("service", "HEALTHCHECK")
    assert check.argv[:2] == ["python", "-m"]
    assert (image / f"{check.argv[2].replace('.', '/')}.py").is_file()


def test_dockerignore_admits_exactly_the_copied_files() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    let_through = {line.removeprefix("!") for line in lines if line.startswith("!")}
    wanted = {name for stage in ("dependencies", "service", "simulator") for name in copied(stage)}
    wanted = (wanted - {"${REQUIREMENTS}"}) | {"requirements.txt", "requirements-otel.txt"}
    assert lines[0] == "*"
    assert let_through == wanted
    assert all((ROOT / name).exists() for name in wanted)
