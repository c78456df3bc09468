"""The database's clock, as the relay knows it between two looks at it."""

import time
from collections.abc import Callable
from typing import Any

_CLOCK = "SELECT date_part('epoch', clock_timestamp())"


class DatabaseClock:
    """Goes on with this host's monotonic clock. One thread calls ``read``; any thread may call ``now``."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def read(self, ask: Callable[[str], Any]) -> None:
        """Look at the database's clock; ``ask`` runs a statement. Half of the round trip is its error at most."""
        asked = time.monotonic()
        there = ask(_CLOCK)
        self._ahead = there - (asked + time.monotonic()) / 2

    def now(self) -> float:
        """Seconds since 1970."""
        return time.monotonic() + self._ahead
