"""Schedules webhooks: at least once, without a fixed order ("Receive Stripe events: best practices").

The sender takes deliveries from here. Tests can hold, shuffle, duplicate and lose them here, too.
"""

from __future__ import annotations

import heapq
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from devstack.stripe_simulator.wire import Json


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A receiver of events. During a rotation `secret` holds several secrets, comma-separated: each signs."""

    url: str
    secret: str
    events: tuple[str, ...] = ("*",)


@dataclass(frozen=True, slots=True)
class Manner:
    """Settings of the delivery of webhooks. Times in seconds of real time."""

    duplicates: int = 0
    """Extra copies of every event."""
    jitter: float = 0.0
    """Longest random delay of each copy, so that events overtake each other."""
    drop_rate: float = 0.0
    """Share of the copies that is lost for good."""
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
    """A queue ordered by due time, for one thread. It calls `on_change` when a delivery may have become due."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._tie = itertools.count()
        self.on_change: Callable[[], None] = lambda: None
        self.reset([])

    def reset(self, endpoints: list[Endpoint]) -> None:
        """Forget all deliveries."""
        self._endpoints = endpoints
        self._queue: list[tuple[float, int, Delivery]] = []
        self._held: list[Delivery] | None = None
        self._under_way: dict[int, Delivery] = {}
        self._counts: Counter[str] = Counter()
        self.shape(Manner())

    def set_endpoints(self, endpoints: list[Endpoint]) -> None:
        """Deliver to these from now on."""
        self._endpoints = endpoints

    def shape(self, manner: Manner) -> None:
        """Change the settings of the delivery."""
        self.manner = manner
        self._rng = random.Random(manner.seed)

    def publish(self, event_id: str, event_type: str, payload: str) -> None:
        """Send one event to every endpoint that wants its type."""
        for delivery in self._copies(event_id, event_type, payload):
            self._add(delivery)
        self.on_change()

    def hold(self) -> None:
        """Hold new and waiting deliveries back."""
        waiting = [entry[2] for entry in sorted(self._queue)]
        self._queue.clear()
        self._held = [*(self._held or []), *waiting]
        self.on_change()

    def release(self, shuffle_seed: int | None = None) -> int:
        """Release held deliveries, in order or shuffled. Returns their number."""
        held, self._held = self._held or [], None
        if shuffle_seed is not None:
            random.Random(shuffle_seed).shuffle(held)
        for delivery in held:
            self._push(delivery, 0.0)
        self.on_change()
        return len(held)

    def deliver_now(self) -> None:
        """Make all waiting deliveries due now."""
        self._queue = [(0.0, tie, delivery) for _, tie, delivery in sorted(self._queue)]
        heapq.heapify(self._queue)
        self.on_change()

    def take(self) -> Delivery | None:
        """The next due delivery; None when none is due."""
        if not self._queue or self._queue[0][0] > self._monotonic():
            return None
        delivery = heapq.heappop(self._queue)[2]
        self._under_way[id(delivery)] = delivery
        return delivery

    def seconds_to_next(self) -> float | None:
        """Seconds to the next due time; None when no delivery waits."""
        return max(0.0, self._queue[0][0] - self._monotonic()) if self._queue else None

    def idle(self) -> bool:
        """Whether no delivery waits or is in progress. Held deliveries do not count."""
        return not self._queue and not self._under_way

    def settle(self, delivery: Delivery, *, accepted: bool) -> None:
        """End a delivery after a 2xx answer, or repeat it later. Does nothing for a forgotten delivery."""
        if self._under_way.pop(id(delivery), None) is None:
            return
        self._counts["delivered" if accepted else "failed_attempts"] += 1
        if not accepted:
            self._retry(delivery)
        self.on_change()

    def status(self) -> Json:
        """Numbers of deliveries by state, for the control API."""
        waiting = {"waiting": len(self._queue), "under_way": len(self._under_way)}
        totals = {name: self._counts[name] for name in _COUNTED}
        return {**waiting, "held": len(self._held or []), "holding": self._held is not None, **totals}

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

    def _retry(self, delivery: Delivery) -> None:
        if delivery.attempt >= self.manner.max_attempts:
            self._counts["given_up"] += 1
            return
        wait = min(self.manner.retry_cap, self.manner.retry_base * 2 ** (delivery.attempt - 1))
        delivery.attempt += 1
        self._push(delivery, wait)


_COUNTED = ("delivered", "failed_attempts", "dropped", "given_up")
