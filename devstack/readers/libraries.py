"""Client libraries of readers, which the project itself does not use: downloaded once, each in its own directory."""

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from devstack.java_install import Say, cache_directory, only_one
from devstack.processes import Command, ProcessFailedError, run_to_end

PUBLISHED = "kafka-python-2.0.2"
"""The version that the published CampusG sagas pin."""

AIOKAFKA = "aiokafka-0.14.0"
ALL = (PUBLISHED, AIOKAFKA)

_SECONDS = 120.0
_TOO_NEW = (3, 12)
"""kafka-python 2.0.2 contains a copy of six that Python 3.12 cannot import."""


class LibraryUnavailableError(Exception):
    """The library is not available or not usable here; the message gives the reason."""


def find_library(name: str, say: Say = lambda _line: None) -> Path:
    """A directory for PYTHONPATH with the library and its dependencies. Raises LibraryUnavailableError."""
    if name == PUBLISHED and sys.version_info >= _TOO_NEW:
        raise LibraryUnavailableError("it needs Python 3.11")
    lock = Path(__file__).with_name(f"{name}.lock")
    made_for = f"{sys.version_info.major}.{sys.version_info.minor} {lock.read_text(encoding='utf-8')}"
    home = cache_directory() / f"{name}-{hashlib.sha256(made_for.encode()).hexdigest()[:12]}"
    if not home.is_dir():
        with only_one(home.with_name(f"{home.name}.lock"), say):
            if not home.is_dir():
                say(f"fetching {name}, once")
                _install(lock, home)
    return home


def _install(lock: Path, home: Path) -> None:
    building = Path(tempfile.mkdtemp(prefix=f"{home.name}-", suffix=".partial", dir=home.parent))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    argv = [*pip, "--require-hashes", "--target", str(building / "library"), "-r", str(lock)]
    try:
        run_to_end(Command(name="pip", argv=argv, log=building / "pip.log", scratch=building), _SECONDS)
        (building / "library").rename(home)
    except ProcessFailedError as error:
        raise LibraryUnavailableError(str(error)) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
