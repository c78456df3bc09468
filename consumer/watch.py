"""Logs what the process waits for, also when no probe asks for its readiness."""

import time
from collections.abc import Callable

from runtime.logs import get_logger
from runtime.shutdown import Shutdown

_log = get_logger(__name__)
_LOOK_EVERY = 5.0
_SAY_EVERY = 60.0


class Watch:
    """Logs a fault when it begins, once a minute while it lasts, and when it is over."""

    def __init__(self, readiness: Callable[[], str | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._readiness = readiness
        self._clock = clock
        self._said: str | None = None
        self._said_at = 0.0

    def run(self, shutdown: Shutdown) -> None:
        """Watch until draining begins."""
        while not shutdown.wait(_LOOK_EVERY):
            self.look()

    def look(self) -> None:
        """Look once. Numbers in a fault change every second, so a fault that differs only in them is not a new one."""
        fault, now = self._readiness(), self._clock()
        if fault is not None and (_kind(fault) != _kind(self._said) or now >= self._said_at + _SAY_EVERY):
            _log.warning("not ready", why=fault)
            self._said_at = now
        elif fault is None and self._said is not None:
            _log.info("ready again")
        self._said = fault


def _kind(fault: str | None) -> str | None:
    return None if fault is None else "".join(letter for letter in fault if not letter.isdigit())
