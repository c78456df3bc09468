"""A limit of rate, counted by each server process for itself."""

import time
from collections import deque
from collections.abc import Callable
from threading import Lock

_MOST_KEYS = 1000
"""Keys in memory. Beyond, all share one count: a flood from many addresses is limited as a whole."""


class RateLimit:
    """At most ``most`` events of one key in ``seconds``. Any thread may call it."""

    def __init__(self, most: int, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._events: dict[str, deque[float]] = {}
        self._lock = Lock()

    def wait(self, key: str) -> float:
        """Seconds until the next event of this key is allowed; 0 when it is allowed now."""
        with self._lock:
            events = self._recent(key)
            return events[0] + self._seconds - self._clock() if len(events) >= self._most else 0.0

    def note(self, key: str) -> None:
        """Count an event."""
        with self._lock:
            self._recent(key).append(self._clock())

    def take(self, key: str) -> float:
        """Count an event if it is allowed; else the seconds until it is."""
        wait = self.wait(key)
        if not wait:
            self.note(key)
        return wait

    def _recent(self, key: str) -> deque[float]:
        since = self._clock() - self._seconds
        if key not in self._events and len(self._events) >= _MOST_KEYS:
            self._events = {known: events for known, events in self._events.items() if events and events[-1] > since}
            if len(self._events) >= _MOST_KEYS:
                key = ""
        events = self._events.setdefault(key, deque())
        while events and events[0] <= since:
            events.popleft()
        return events
