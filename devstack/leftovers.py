"""The processes and directories that this process must remove, so that it can exit cleanly at any moment.

The guards would remove them, too, but only after this process has ended, and a parent that waits for this process
would still see them.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Protocol
from weakref import WeakSet

_REMOVAL_SECONDS = 5.0
_PAUSE_SECONDS = 0.05


class Killable(Protocol):
    def kill(self) -> int:
        """Kill it; returns when its whole process tree has ended."""
        ...


class LeavingError(Exception):
    """This process is exiting and starts nothing any more."""


_lock = Lock()
_leaving = False
_processes: WeakSet[Killable] = WeakSet()
_directories: set[Path] = set()


@contextmanager
def starting() -> Iterator[None]:
    """A block for a start with its registration, which the exit does not interrupt. Raises LeavingError in the exit."""
    with _lock:
        if _leaving:
            raise LeavingError
        yield


def know_process(process: Killable) -> None:
    """Register a process to end with this one. Call it inside `starting`."""
    _processes.add(process)


def know_directory(directory: Path) -> None:
    """Register a directory to remove with this process. Call it inside `starting`."""
    _directories.add(directory)


def end() -> None:
    """Kills every registered process and removes every registered directory; no start is possible afterwards."""
    global _leaving  # noqa: PLW0603 - a process leaves once
    with _lock:
        _leaving = True
    for process in list(_processes):
        process.kill()
    deadline = time.monotonic() + _REMOVAL_SECONDS
    while any(directory.exists() for directory in _directories) and time.monotonic() < deadline:
        for directory in _directories:  # Repeated, because a thread may still be copying files into the directory.
            shutil.rmtree(directory, ignore_errors=True)
        time.sleep(_PAUSE_SECONDS)
