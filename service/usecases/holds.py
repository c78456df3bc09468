"""Holds that must go: their number and age for metrics, so that money kept by mistake is seen while it is young."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from prometheus_client import Gauge

from service.storage import commands
from service.storage.engine import Engine, transaction

_HOLDS = Gauge("payment_holds_to_cancel", "Holds of failed or reverted payments that are not known to be gone")
_OLDEST = Gauge("payment_holds_to_cancel_oldest_seconds", "Age of the oldest of these holds; 0 without one")

EVERY_SECONDS = 15.0


@dataclass(slots=True)
class HoldsWatch:
    """Counts them once in a while."""

    engine: Engine
    clock: Callable[[], float] = time.monotonic
    _counted_at: float | None = field(default=None, init=False)

    def look(self) -> None:
        """Count, unless that was done a moment ago. Raises the database's error."""
        now = self.clock()
        if self._counted_at is not None and now - self._counted_at < EVERY_SECONDS:
            return
        with transaction(self.engine) as connection:
            count, seconds = commands.holds_to_cancel(connection)
        self._counted_at = now
        _HOLDS.set(count)
        _OLDEST.set(seconds)
