"""Prometheus's promtool: the one on the PATH, or the one of Debian's package, unpacked into the cache without root.

The Go module would have to be compiled, which takes minutes: promtool imports the clients of every cloud.
"""

import os
import shutil
import subprocess
from pathlib import Path

from devstack.processes import Command, ProcessFailedError, run_to_end
from tests.support.kept_programs import kept

_NAME = "promtool-debian"
_SECONDS = 90.0
_UPDATE = ("-o", "Dir::State::Lists={0}/lists", "-o", "Dir::Cache={0}/cache", "-o", "Debug::NoLocking=1")
"""Lists of our own: those of the machine may be missing or old, and only root may update them."""


class PromtoolUnavailableError(Exception):
    """No promtool is installed, and no Debian package of it is available."""


def find_program() -> Path:
    """The program. Raises PromtoolUnavailableError."""
    given = shutil.which("promtool")
    if given is not None:
        return Path(given)
    try:
        return kept(_NAME, _fetch) / "promtool"
    except ProcessFailedError as error:
        raise PromtoolUnavailableError(str(error)) from error


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of promtool, with its output. It collects garbage rarely, in one thread."""
    env = {**os.environ, "GOGC": "400", "GOMAXPROCS": "1"}
    return subprocess.run([program, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False)


def _fetch(building: Path) -> None:
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise PromtoolUnavailableError(f"it is not on the PATH, and without {tool} Debian's package is no use")
    try:
        _run(building, "apt-get", "-q", "download", "prometheus")
    except ProcessFailedError:
        own = [word.format(building) for word in _UPDATE]
        (building / "lists" / "partial").mkdir(parents=True)
        (building / "cache" / "archives" / "partial").mkdir(parents=True)
        _run(building, "apt-get", "-q", *own, "update")
        _run(building, "apt-get", "-q", *own, "download", "prometheus")
    (package,) = building.glob("prometheus_*.deb")
    _run(building, "dpkg-deb", "--extract", str(package), "package")
    shutil.move(building / "package" / "usr" / "bin" / "promtool", building / "promtool")
    package.unlink()
    for leftover in ("package", "lists", "cache"):
        shutil.rmtree(building / leftover, ignore_errors=True)


def _run(building: Path, *argv: str) -> None:
    log, scratch = building / "fetching.log", building
    run_to_end(
        Command(name=argv[0], argv=list(argv), log=log, env=dict(os.environ), cwd=building, scratch=scratch), _SECONDS
    )
