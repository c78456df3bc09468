"""Waiting without losing the lock, and without outstaying the grace period."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Self, TypeVar

from relay import metrics
from relay.leadership import Leadership
from service.shutdown import Shutdown

T = TypeVar("T")
_SLICE_SECONDS = 0.5
_LAG_SECONDS = 5.0
_CLOSING_SECONDS = 3.0
"""What of the grace period is kept for closing down; of a short one half."""

_LAG = """
    SELECT json_build_array(
        greatest(0, coalesce((SELECT max(position) FROM outbox), 0) - %(high)s),
        coalesce((SELECT extract(epoch FROM clock_timestamp() - created_at) FROM outbox
                  WHERE position > %(high)s ORDER BY position LIMIT 1), 0))
"""


class StoppedError(Exception):
    """Draining began before there was anything to finish."""


class GraceOverError(Exception):
    """What was under way could not be finished within the grace period."""


class Vigil:
    """Kept in every wait of the active relay. Also a thread for what cannot wait in slices."""

    def __init__(self, leadership: Leadership, shutdown: Shutdown, grace: float) -> None:
        self._leadership = leadership
        self._shutdown = shutdown
        self._grace = grace - min(_CLOSING_SECONDS, grace / 2)
        self._until: float | None = None
        self._thread = ThreadPoolExecutor(1, "relay-ahead")
        self._measure_at = 0.0
        self.publishing = False
        """Whether there may be something to finish once draining has begun."""

        self.high: Callable[[], int] = lambda: 0
        """The highest position read, for the lag."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True)

    @property
    def draining(self) -> bool:
        """Whether to take up nothing new."""
        return self._shutdown.requested

    def beat(self) -> None:
        """Keep the lock. Raises StoppedError, GraceOverError, or psycopg2.Error when the lock is lost."""
        self._leadership.beat()
        now = time.monotonic()
        if now >= self._measure_at:
            self._measure_at = now + _LAG_SECONDS
            rows, seconds = self._leadership.query(_LAG, {"high": self.high()})
            metrics.LAG_ROWS.set(rows)
            metrics.LAG_SECONDS.set(seconds)
        if self._shutdown.requested:
            self._drain(now)

    def check(self) -> None:
        """For the other thread, which must not use the lock's session. Raises StoppedError once draining has begun."""
        if self._shutdown.requested:
            raise StoppedError

    def _drain(self, now: float) -> None:
        if not self.publishing:
            raise StoppedError
        self._until = self._until or now + self._grace
        if now > self._until:
            raise GraceOverError

    def start(self, work: Callable[[], T]) -> "Future[T]":
        """Begin ``work`` in the other thread."""
        return self._thread.submit(work)

    def wait_for(self, work: "Future[T]") -> T:
        """The result of ``work``, or what it raised."""
        while not wait([work], _SLICE_SECONDS).done:
            self.beat()
        return work.result()

    def aside(self, work: Callable[[], T]) -> T:
        """``work`` done in the other thread."""
        return self.wait_for(self.start(work))
