"""Whether Stripe answers, for readiness and metrics: operators see an outage before a customer complains."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from weakref import WeakSet

from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

_REQUESTS = Counter("payment_stripe_requests", "Requests to Stripe, by how they were answered", ["resource", "answer"])
_CALLS = Counter("payment_stripe_calls", "Requests to Stripe, by operation and result", ["operation", "result"])
_SECONDS = Histogram(
    "payment_stripe_call_seconds",
    "Time to Stripe's answer, or until the request was given up",
    ["operation"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80),
)

PATIENCE_SECONDS = 10.0
"""Silence that is no fault yet: a single time-out, or one lost request, is no outage."""

SPAN_SECONDS = 5.0
"""Shortest time between the beginning of the first and the end of the last failed request of an outage. Requests that
all fail at one moment are no outage."""

FORGOTTEN_AFTER_SECONDS = 90.0
"""Without a request for this long, nothing is known: work that waits for Stripe asks at least once a minute."""


class Result(StrEnum):
    """How a request ended."""

    OK = "ok"
    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    CONFLICT = "conflict"
    KEY_REFUSED = "key_refused"
    SERVER_ERROR = "server_error"
    NO_ANSWER = "no_answer"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A request under way. ``begun`` is a time of the contact's clock."""

    resource: str
    operation: str
    begun: float


class Contact:
    """Notes the beginning and the result of every request of a process; any thread may ask.

    ``longest``: seconds after which every request is given up. A request that took longer belongs to a process that was
    frozen, and says nothing about Stripe.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, longest: float = math.inf) -> None:
        self._clock = clock
        self._longest = longest
        self._lock = threading.Lock()
        self._waiting: set[Request] = set()
        self._answered_at = -math.inf
        self._since: float | None = None
        self._last = 0.0
        self._fault = "requests wait"
        _watched.add(self)

    def begin(self, resource: str, operation: str) -> Request:
        """Note that a request is sent. It waits until ``answered`` or ``failed``."""
        request = Request(resource, operation, self._clock())
        with self._lock:
            self._waiting.add(request)
        return request

    def answered(self, request: Request, answer: str = "ok", result: Result = Result.OK) -> None:
        """Stripe answered a request, whatever the answer."""
        with self._lock:
            self._waiting.discard(request)
            self._answered_at, self._since = self._clock(), None
        self._count(request, answer, result, self._answered_at)

    def failed(self, request: Request, answer: str, result: Result, fault: str) -> None:
        """A request had no answer, a 5xx, or our key was refused: no payment can go on."""
        with self._lock:
            self._waiting.discard(request)
            self._last, self._fault = self._clock(), fault
            if self._since is None:
                frozen = self._last - request.begun > self._longest + SPAN_SECONDS
                self._since = self._last if frozen else max(request.begun, self._answered_at)
        self._count(request, answer, result, self._last)

    def forget(self, request: Request) -> None:
        """The request waits no more, and nothing is known about an answer."""
        with self._lock:
            self._waiting.discard(request)

    @staticmethod
    def _count(request: Request, answer: str, result: Result, now: float) -> None:
        _REQUESTS.labels(request.resource, answer).inc()
        _CALLS.labels(request.operation, result).inc()
        _SECONDS.labels(request.operation).observe(now - request.begun)

    @property
    def waiting(self) -> int:
        """The number of requests that wait for an answer now."""
        return len(self._waiting)

    def silent_for(self) -> float:
        """Seconds without any answer, while requests wait or fail; 0 while Stripe answers, or is not asked."""
        with self._lock:
            now = self._clock()
            begun = min((request.begun for request in self._waiting), default=math.inf)
            waiting = max(begun, self._answered_at)
            return max(0.0, now - min(waiting, self._failing(now)))

    def _failing(self, now: float) -> float:
        """When the requests began to fail; infinity without an outage."""
        if self._since is None or self._last - self._since < SPAN_SECONDS:
            return math.inf
        return self._since if self._waiting or now - self._last <= FORGOTTEN_AFTER_SECONDS else math.inf

    def fault(self) -> str | None:
        """The outage in a line, for readiness; None while Stripe answers."""
        seconds = self.silent_for()
        return None if seconds < PATIENCE_SECONDS else f"stripe: no answer for {seconds:.0f} s: {self._fault}"


class _Silence(Collector):
    """Asks the contacts at the scrape: between two events of its own, a gauge would not grow."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        contacts = list(_watched)
        waiting = "Requests to Stripe that wait for an answer now"
        silence = "Seconds without any answer of Stripe's while requests wait or fail; 0 while it answers"
        yield GaugeMetricFamily("payment_stripe_waiting_calls", waiting, sum(contact.waiting for contact in contacts))
        seconds = max((contact.silent_for() for contact in contacts), default=0.0)
        yield GaugeMetricFamily("payment_stripe_unanswered_seconds", silence, seconds)


_watched: WeakSet[Contact] = WeakSet()
REGISTRY.register(_Silence())
