"""The pace of our requests: no limit until Stripe answers 429, then additive increase and multiplicative decrease.

Stripe allows 25 requests per second in test mode and 100 in live mode (Stripe documentation, "Rate limits"). Other
programs share the allowance, so the right pace follows only from Stripe's answers.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from threading import Lock

from service.domain.errors import StripeBusyError

WINDOW_SECONDS = 1.0
DECREASE = 0.75
GROWTH_PER_SECOND = 0.05
SLOWEST = 2.0
"""Requests per second that are always allowed, so that the limit can learn that it may grow."""


class Pace:
    """The pace of all threads of a process. Rates are in requests per second."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = Lock()
        self._accepted: deque[float] = deque(maxlen=10_000)
        self._cut: float | None = None
        self._cut_at = 0.0
        self._next_slot = 0.0

    @property
    def limit(self) -> float | None:
        """The rate that is allowed now; None: no limit."""
        with self._lock:
            return self._limit(self._clock())

    def wait(self, at_most: float) -> None:
        """Wait until the pace allows this request.

        Raises StripeBusyError at once if that takes longer than ``at_most`` seconds; nothing was sent.
        """
        with self._lock:
            now = self._clock()
            limit = self._limit(now)
            if limit is None:
                return
            slot = max(now, self._next_slot)
            delay = slot - now
            if delay > at_most:
                raise StripeBusyError("waiting for our turn: Stripe limits our requests", delay)
            self._next_slot = slot + 1 / limit
        if delay > 0:
            self._sleep(delay)

    def accepted(self) -> None:
        """Stripe accepted a request."""
        with self._lock:
            self._accepted.append(self._clock())

    def too_fast(self) -> None:
        """Stripe answered 429. Of many answers at once, only the first lowers the limit."""
        with self._lock:
            now = self._clock()
            limit = self._limit(now)
            if self._cut is not None and now - self._cut_at < WINDOW_SECONDS:
                return
            passed = sum(1 for moment in self._accepted if moment > now - WINDOW_SECONDS) / WINDOW_SECONDS
            self._cut = max(SLOWEST, DECREASE * min(passed, limit or math.inf))
            self._cut_at = self._next_slot = now

    def _limit(self, now: float) -> float | None:
        """The limit now. It grows linearly; once it has doubled without another 429, it is lifted."""
        if self._cut is None:
            return None
        growth = GROWTH_PER_SECOND * (now - self._cut_at)
        if growth >= 1:
            self._cut = None
            return None
        return self._cut * (1 + growth)
