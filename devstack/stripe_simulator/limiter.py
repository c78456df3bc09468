"""A request rate limit: so many a second of real time, refilled evenly."""

from __future__ import annotations

from collections.abc import Callable


class RateLimiter:
    """A token bucket that holds one second's worth."""

    def __init__(self, per_second: float, monotonic: Callable[[], float]) -> None:
        self._rate = per_second
        self._monotonic = monotonic
        self._tokens = per_second
        self._last = monotonic()

    def admit(self) -> bool:
        """Take one token, if there is one."""
        now = self._monotonic()
        self._tokens = min(self._rate, self._tokens + (now - self._last) * self._rate)
        self._last = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
