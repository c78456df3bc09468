"""Which webhook goes where and when: at least once, in no promised order ("Receive Stripe events: best practices").

Threads take deliveries from here. What a test asks for (hold, shuffle, duplicates, losses) is decided here too.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from devstack.stripe_simulator.wire import Json


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where events go. During a rotation `secret` holds several, comma-separated: each signs."""

    url: str
    secret: str
    events: tuple[str, ...] = ("*",)


@dataclass(frozen=True, slots=True)
class Manner:
    """How webhooks are delivered. Times in seconds of real time."""

    duplicates: int = 0
    """Extra copies of every event."""
    jitter: float = 0.0
    """Each copy is late by up to this much: events overtake each other."""
    drop_rate: float = 0.0
    """This share of the copies is lost for good."""
    retry_base: float = 0.5
    retry_cap: float = 30.0
    max_attempts: int = 20
    seed: int | None = None


@dataclass(slots=True)
class Delivery:
    """One copy of one event on its way to one endpoint."""

    endpoint: Endpoint
    event_id: str
    event_type: str
    payload: str
    attempt: int = 1


class Deliveries:
    """A queue ordered by due time. Every method may be called from any thread."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._ready = threading.Condition()
        self._tie = itertools.count()
        self._closed = False
        self.reset([])

    def reset(self, endpoints: list[Endpoint]) -> None:
        """Forget everything under way."""
        with self._ready:
            self._endpoints = endpoints
            self._queue: list[tuple[float, int, Delivery]] = []
            self._held: list[Delivery] | None = None
            self._under_way = 0
            self._counts: Counter[str] = Counter()
            self.shape(Manner())

    def set_endpoints(self, endpoints: list[Endpoint]) -> None:
        """Deliver to these from now on."""
        with self._ready:
            self._endpoints = endpoints

    def shape(self, manner: Manner) -> None:
        """Change how webhooks are delivered."""
        with self._ready:
            self.manner = manner
            self._rng = random.Random(manner.seed)

    def publish(self, event_id: str, event_type: str, payload: str) -> None:
        """Send one event to every endpoint that wants its type."""
        with self._ready:
            for delivery in self._copies(event_id, event_type, payload):
                self._add(delivery)

    def hold(self) -> None:
        """Keep new and waiting deliveries back."""
        with self._ready:
            waiting = [entry[2] for entry in sorted(self._queue)]
            self._queue.clear()
            self._held = [*(self._held or []), *waiting]

    def release(self, shuffle_seed: int | None = None) -> int:
        """Let go what was held, in order or shuffled. Returns how many."""
        with self._ready:
            held, self._held = self._held or [], None
            if shuffle_seed is not None:
                random.Random(shuffle_seed).shuffle(held)
            for delivery in held:
                self._push(delivery, 0.0)
            return len(held)

    def deliver_now(self) -> None:
        """Do not wait for retries and jitter."""
        with self._ready:
            self._queue = [(0.0, tie, delivery) for _, tie, delivery in sorted(self._queue)]
            heapq.heapify(self._queue)
            self._ready.notify_all()

    def take(self) -> Delivery | None:
        """The next delivery that is due; waits for one. None when closed."""
        with self._ready:
            while not self._closed:
                if self._queue and (wait := self._queue[0][0] - self._monotonic()) <= 0:
                    self._under_way += 1
                    return heapq.heappop(self._queue)[2]
                self._ready.wait(wait if self._queue else None)
            return None

    def settle(self, delivery: Delivery, *, accepted: bool) -> None:
        """The endpoint answered with 2xx, or it did not and the delivery is tried again."""
        with self._ready:
            self._under_way = max(0, self._under_way - 1)
            self._counts["delivered" if accepted else "failed_attempts"] += 1
            if not accepted:
                self._retry(delivery)
            self._ready.notify_all()

    def drain(self, timeout: float) -> bool:
        """Wait until nothing is due or under way (what is held stays). False when time ran out."""
        with self._ready:
            return self._ready.wait_for(lambda: not self._queue and not self._under_way, timeout)

    def status(self) -> Json:
        """Counts, for a look from outside."""
        with self._ready:
            waiting = {"waiting": len(self._queue), "under_way": self._under_way}
            totals = {name: self._counts[name] for name in _COUNTED}
            return {**waiting, "held": len(self._held or []), "holding": self._held is not None, **totals}

    def close(self) -> None:
        """Let every thread that waits go."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def _copies(self, event_id: str, event_type: str, payload: str) -> Iterator[Delivery]:
        for endpoint in self._endpoints:
            if any(fnmatchcase(event_type, pattern) for pattern in endpoint.events):
                for _ in range(1 + self.manner.duplicates):
                    yield Delivery(endpoint, event_id, event_type, payload)

    def _add(self, delivery: Delivery) -> None:
        if self.manner.drop_rate and self._rng.random() < self.manner.drop_rate:
            self._counts["dropped"] += 1
        else:
            self._push(delivery, self._rng.uniform(0, self.manner.jitter) if self.manner.jitter else 0.0)

    def _push(self, delivery: Delivery, delay: float) -> None:
        if self._held is not None:
            self._held.append(delivery)
            return
        heapq.heappush(self._queue, (self._monotonic() + delay, next(self._tie), delivery))
        self._ready.notify()

    def _retry(self, delivery: Delivery) -> None:
        if delivery.attempt >= self.manner.max_attempts:
            self._counts["given_up"] += 1
            return
        wait = min(self.manner.retry_cap, self.manner.retry_base * 2 ** (delivery.attempt - 1))
        delivery.attempt += 1
        self._push(delivery, wait)


_COUNTED = ("delivered", "failed_attempts", "dropped", "given_up")
