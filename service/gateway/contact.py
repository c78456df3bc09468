"""Whether Stripe answers, for readiness and metrics: an outage is seen by everybody before a customer complains."""

import threading
import time
from collections.abc import Callable

from prometheus_client import Counter, Gauge

_REQUESTS = Counter("payment_stripe_requests", "Requests to Stripe, by how they were answered", ["resource", "answer"])
_SILENT = Gauge("payment_stripe_unanswered_seconds", "Since when Stripe has answered no request; 0 while it answers")

PATIENCE_SECONDS = 10.0
"""A single time-out, or a request that Stripe lost, is no outage."""

SPAN_SECONDS = 5.0
"""Between the first and the last request that failed. What fails at one moment, as all connections of a process do that
was frozen, says nothing of what followed."""

FORGOTTEN_AFTER_SECONDS = 90.0
"""Without a request for so long nothing is known: what waits for Stripe asks at least once a minute."""


class Contact:
    """Fed by every request of a process; asked by any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None
        self._last = 0.0
        self._fault = ""
        _SILENT.set_function(self.silent_for)

    def answered(self, resource: str, answer: str = "ok") -> None:
        """Stripe took the request on, whatever it said to it."""
        _REQUESTS.labels(resource, answer).inc()
        self._since = None

    def failed(self, resource: str, answer: str, fault: str) -> None:
        """No answer, a 5xx, or our key refused: no payment can go on."""
        _REQUESTS.labels(resource, answer).inc()
        with self._lock:
            self._last, self._fault = self._clock(), fault
            self._since = self._since or self._last

    def silent_for(self) -> float:
        """Seconds for which no request was answered; 0 while Stripe answers, or is not asked."""
        since, last, now = self._since, self._last, self._clock()
        if since is None or last - since < SPAN_SECONDS or now - last > FORGOTTEN_AFTER_SECONDS:
            return 0.0
        return now - since

    def fault(self) -> str | None:
        """What keeps payments from going on; None while Stripe answers."""
        seconds = self.silent_for()
        return None if seconds < PATIENCE_SECONDS else f"stripe: no answer for {seconds:.0f} s: {self._fault}"
