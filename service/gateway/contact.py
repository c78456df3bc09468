"""Whether Stripe answers, for readiness and metrics: operators see an outage before a customer complains."""

import threading
import time
from collections.abc import Callable

from prometheus_client import Counter, Gauge

_REQUESTS = Counter("payment_stripe_requests", "Requests to Stripe, by how they were answered", ["resource", "answer"])
_SILENT = Gauge("payment_stripe_unanswered_seconds", "Since when Stripe has answered no request; 0 while it answers")

PATIENCE_SECONDS = 10.0
"""Silence that is no fault yet: a single time-out, or one lost request, is no outage."""

SPAN_SECONDS = 5.0
"""Shortest time between the first and the last failed request of an outage. Requests that all fail at one moment, as in
a process that was frozen, are no outage."""

FORGOTTEN_AFTER_SECONDS = 90.0
"""Without a request for this long, nothing is known: work that waits for Stripe asks at least once a minute."""


class Contact:
    """Notes the result of every request of a process; any thread may ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None
        self._last = 0.0
        self._fault = ""
        _SILENT.set_function(self.silent_for)

    def answered(self, resource: str, answer: str = "ok") -> None:
        """Stripe answered a request, whatever the answer."""
        _REQUESTS.labels(resource, answer).inc()
        self._since = None

    def failed(self, resource: str, answer: str, fault: str) -> None:
        """A request had no answer, a 5xx, or our key was refused: no payment can go on."""
        _REQUESTS.labels(resource, answer).inc()
        with self._lock:
            self._last, self._fault = self._clock(), fault
            self._since = self._since or self._last

    def silent_for(self) -> float:
        """Seconds without any answer; 0 while Stripe answers, or while no requests are made."""
        since, last, now = self._since, self._last, self._clock()
        if since is None or last - since < SPAN_SECONDS or now - last > FORGOTTEN_AFTER_SECONDS:
            return 0.0
        return now - since

    def fault(self) -> str | None:
        """The outage in a line, for readiness; None while Stripe answers."""
        seconds = self.silent_for()
        return None if seconds < PATIENCE_SECONDS else f"stripe: no answer for {seconds:.0f} s: {self._fault}"
