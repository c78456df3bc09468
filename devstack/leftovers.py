"""What this process has started and not yet ended, so that it can leave at any moment and leave nothing behind.

The guards would end it all too, but only after this process is gone; whoever waits for us then still sees it.
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
        """Returns when nothing of it is left."""
        ...


class LeavingError(Exception):
    """Nothing is started any more."""


_lock = Lock()
_leaving = False
_processes: WeakSet[Killable] = WeakSet()
_directories: set[Path] = set()


@contextmanager
def starting() -> Iterator[None]:
    """What starts in this block is known before the end begins, or does not start. Raises LeavingError."""
    with _lock:
        if _leaving:
            raise LeavingError
        yield


def know_process(process: Killable) -> None:
    """To be ended with us. Call it inside `starting`."""
    _processes.add(process)


def know_directory(directory: Path) -> None:
    """To be removed with us. Call it inside `starting`."""
    _directories.add(directory)


def end() -> None:
    """Kills every process that still runs, and removes every directory; from now on nothing can be started."""
    global _leaving  # noqa: PLW0603 - a process leaves once
    with _lock:
        _leaving = True
    for process in list(_processes):
        process.kill()
    deadline = time.monotonic() + _REMOVAL_SECONDS
    while any(directory.exists() for directory in _directories) and time.monotonic() < deadline:
        for directory in _directories:  # again and again: a thread may still be copying into one
            shutil.rmtree(directory, ignore_errors=True)
        time.sleep(_PAUSE_SECONDS)
