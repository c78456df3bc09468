"""Programs that tests fetch or build once and keep in the cache of all runs."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from devstack.java_install import cache_directory, only_one


def kept(name: str, make: Callable[[Path], None]) -> Path:
    """The directory ``name`` of the cache; ``make`` fills a new one, which is kept only when it is complete.

    Raises what ``make`` raises.
    """
    home = cache_directory() / name
    if not home.is_dir():
        with only_one(home.with_name(f"{name}.lock"), lambda _line: None):
            if not home.is_dir():
                _make(home, make)
    return home


def _make(home: Path, make: Callable[[Path], None]) -> None:
    building = Path(tempfile.mkdtemp(prefix=f"{home.name}-", suffix=".partial", dir=home.parent))
    try:
        make(building)
        building.rename(home)
    finally:
        shutil.rmtree(building, ignore_errors=True)
