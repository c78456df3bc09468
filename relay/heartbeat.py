"""Waiting that notices the loss of the lock, and ends with the grace period."""

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
"""The part of the grace period that is kept for closing down; of a short period, half of it."""


class StoppedError(PaymentServiceError):
    """Draining began before there was anything to finish."""


class GraceOverError(PaymentServiceError):
    """A batch under way could not be finished within the grace period."""


class Heartbeat:
    """The worker calls ``beat`` in every wait. Calls that can't wait in slices get a thread of their own."""

    def __init__(
        self,
        leadership: Leadership,
        shutdown: Shutdown,
        grace: float,
        health: Health,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        """``is_over``: whether the term is to end for another one; nothing under way is given up for that."""
        self._leadership = leadership
        self._shutdown = shutdown
        self._grace = grace - min(_CLOSING_SECONDS, grace / 2)
        self._until: float | None = None
        self._health = health
        self._is_over = is_over
        self._worker = get_ident()

    @property
    def draining(self) -> bool:
        """Whether draining has begun: nothing new may be started."""
        return self._shutdown.requested or self._is_over()

    def beat(self) -> None:
        """Confirm that the work may go on. Raises StoppedError, GraceOverError, psycopg2.Error when the lock is lost.

        Only the worker's thread may call this.
        """
        self._health.beat()
        self._leadership.beat()
        if self._shutdown.requested:
            self._drain(time.monotonic())

    def check(self) -> None:
        """As ``beat``, for any thread. Outside the worker's thread it only raises StoppedError once draining began."""
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
        """Start ``work`` in another thread."""
        return in_thread("relay-ahead", work)

    def wait_for(self, work: "Future[T]") -> T:
        """Beat until ``work`` is done; its result. Raises what ``work`` or ``beat`` raises."""
        while not wait([work], _SLICE_SECONDS).done:
            self.beat()
        return work.result()

    def run(self, work: Callable[[], T]) -> T:
        """Run ``work`` in another thread; its result. Raises as ``wait_for`` does."""
        return self.wait_for(self.start(work))
