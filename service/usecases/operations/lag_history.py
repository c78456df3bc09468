"""The relay's lag over the last hours, as this process has seen it.

The samples are kept in memory: nothing is written for them, and a monitoring system keeps the longer history. All
processes read the same database as often, so that their histories agree.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

SECONDS = 15.0
KEPT = 24 * 60 * 4
"""Samples of a day."""

Read = Callable[[], tuple[datetime, int, float] | None]
"""The database's clock, the rows that wait, and the age of the oldest in seconds; None while no relay has published."""


class Sample(NamedTuple):
    """The lag at one moment (UTC). ``seconds``: the age of the oldest row that waited."""

    at: datetime
    rows: int
    seconds: float


class LagHistory:
    """Samples in order of time. One thread adds, and any thread reads."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._samples: deque[Sample] = deque(maxlen=KEPT)

    def sample(self) -> None:
        """Take a sample now. Raises the database's error."""
        found = self._read()
        if found is not None:
            self._samples.append(Sample(*found))

    def since(self, begin: datetime) -> list[Sample]:
        """Samples from ``begin`` on."""
        return [sample for sample in list(self._samples) if sample.at >= begin]
