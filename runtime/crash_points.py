"""Crash points: named steps between two durable effects, where a test may kill the process.

``CRASH_AT=relay.after_read`` kills the process (SIGKILL) at that step, ``CRASH_AT=relay.after_read:3`` the third time.
``CRASH_AT=@FILE`` reads the same from a file at every step, so a test can choose the step while the process runs. The
process removes the file before it dies, so only one of several processes dies, and only once.
"""

import itertools
import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from runtime.settings_source import SettingError

_asked = os.environ.get("CRASH_AT", "")
_file = Path(_asked[1:]) if _asked.startswith("@") else None
_visits: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))


def reached(point: StrEnum) -> None:
    """Kill this process if CRASH_AT names ``point``."""
    if _asked and _is_fatal(point):
        os.kill(os.getpid(), signal.SIGKILL)


def _is_fatal(point: StrEnum) -> bool:
    try:
        target = _asked if _file is None else _file.read_text()
        name, _, nth = target.partition(":")
        if name != point or next(_visits[target]) != int(nth or 1):
            return False
        if _file is not None:
            _file.unlink()
    except FileNotFoundError:  # No process is to die, or another one has just died.
        return False
    return True


def refuse_unknown(*points: type[StrEnum]) -> None:
    """Check the name in CRASH_AT. Raises SettingError when it is none of ``points``."""
    name = _asked.partition(":")[0]
    if _asked and _file is None and not any(name in kind.__members__.values() for kind in points):
        raise SettingError(f"CRASH_AT: {name} is no crash point of this process")
