"""The simulator's clock: real time plus the seconds that tests added."""

from __future__ import annotations

import time
from collections.abc import Callable

HOUR = 3600.0
DAY = 24 * HOUR


class Clock:
    """Seconds since the epoch, UTC. Only `reset` moves it back."""

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self._moved_by = 0.0

    def now(self) -> float:
        """The time, in seconds with their fraction."""
        return self._source() + self._moved_by

    def stamp(self) -> int:
        """The time in Stripe's format, whole seconds."""
        return int(self.now())

    def advance(self, seconds: float) -> None:
        """Move forward.

        Raises:
            ValueError: seconds is negative.
        """
        if seconds < 0:
            raise ValueError("the clock only moves forward")
        self._moved_by += seconds

    def reset(self) -> None:
        """Back to real time."""
        self._moved_by = 0.0
