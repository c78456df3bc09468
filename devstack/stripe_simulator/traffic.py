"""The API's load: latency, the request rate limit, the locks on objects ("Rate limits")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from devstack.stripe_simulator.errors import lock_timeout, rate_limited


@dataclass(frozen=True, slots=True)
class Traffic:
    """Settings of the API's load. Seconds; requests per second."""

    latency_before: float = 0.0
    latency_after: float = 0.0
    rate_limit: float | None = None
    object_locks: bool = True
    """Refuse a second change of an intent during the first, with `lock_timeout`."""


class Gate:
    """Admits requests at the set rate, and one change of an intent at a time."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._locked: set[str] = set()
        self.shape(Traffic())

    def shape(self, traffic: Traffic) -> None:
        """Change the settings. The rate is a token bucket with the tokens of one second."""
        self.traffic = traffic
        self._tokens = traffic.rate_limit or 0.0
        self._refilled_at = self._monotonic()

    def admit(self) -> None:
        """Take one token. Raises RefusedError 429 `rate_limit` when there is none."""
        rate = self.traffic.rate_limit
        if rate is None:
            return
        now = self._monotonic()
        self._tokens = min(rate, self._tokens + (now - self._refilled_at) * rate)
        self._refilled_at = now
        if self._tokens < 1:
            raise rate_limited()
        self._tokens -= 1

    def lock(self, intent: str) -> bool:
        """Lock an intent, if locks are on. Raises RefusedError 429 `lock_timeout` when another request has it."""
        if not self.traffic.object_locks:
            return False
        if intent in self._locked:
            raise lock_timeout()
        self._locked.add(intent)
        return True

    def unlock(self, intent: str) -> None:
        """Unlock the intent for the next request."""
        self._locked.discard(intent)
