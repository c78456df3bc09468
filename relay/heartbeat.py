"""Waiting without missing the loss of the lock, and without outstaying the grace period."""

import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import get_ident
from typing import TypeVar

from relay.health import Health
from relay.leadership import Leadership
from runtime.background import in_thread
from runtime.errors import PaymentServiceError
from runtime.shutdown import Shutdown

T = TypeVar("T")
_SLICE_SECONDS = 0.5
_CLOSING_SECONDS = 3.0
"""What of the grace period is kept for closing down; of a short one half."""


class StoppedError(PaymentServiceError):
    """Draining began before there was anything to finish."""


class GraceOverError(PaymentServiceError):
    """What was under way could not be finished within the grace period."""


class Heartbeat:
    """Kept in every wait of the active relay. Also a thread for what cannot wait in slices."""

    def __init__(self, leadership: Leadership, shutdown: Shutdown, grace: float, health: Health) -> None:
        self._leadership = leadership
        self._shutdown = shutdown
        self._grace = grace - min(_CLOSING_SECONDS, grace / 2)
        self._until: float | None = None
        self._health = health
        self._worker = get_ident()

    @property
    def draining(self) -> bool:
        """Whether to take up nothing new."""
        return self._shutdown.requested

    def beat(self) -> None:
        """Go on working. Raises StoppedError, GraceOverError, or psycopg2.Error when the lock is lost."""
        self._health.beat()
        self._leadership.beat()
        if self._shutdown.requested:
            self._drain(time.monotonic())

    def check(self) -> None:
        """For whichever thread reads; in another one than the worker's, raises StoppedError once draining has begun."""
        if get_ident() == self._worker:
            self.beat()
        elif self._shutdown.requested:
            raise StoppedError

    def _drain(self, now: float) -> None:
        if not self._health.publishing:
            raise StoppedError
        self._until = self._until or now + self._grace
        if now > self._until:
            raise GraceOverError

    def start(self, work: Callable[[], T]) -> "Future[T]":
        """Begin ``work`` in another thread."""
        return in_thread("relay-ahead", work)

    def wait_for(self, work: "Future[T]") -> T:
        """The result of ``work``, or what it raised."""
        while not wait([work], _SLICE_SECONDS).done:
            self.beat()
        return work.result()

    def run(self, work: Callable[[], T]) -> T:
        """``work`` done in another thread."""
        return self.wait_for(self.start(work))
