"""Who can be killed, and how they come back."""

import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from devstack.kafka_apache import ApacheKafka
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.service_process import ServiceProcess
from storm.plan import Blow, Victim

_MOST_AT_ONCE = 8
_FROZEN_SECONDS = 7.0
"""Longer than a lease, and than PostgreSQL and Kafka wait for a silent relay or consumer."""


@dataclass(frozen=True)
class Mortal:
    """``kill`` is kill -9, ``freeze`` SIGSTOP; ``revive`` and ``thaw`` return when it can be worked with again."""

    kill: Callable[[], object]
    revive: Callable[[], object]
    freeze: Callable[[], None] = lambda: None
    thaw: Callable[[], None] = lambda: None


def process(found: ServiceProcess) -> Mortal:
    """One of the service's processes."""

    def send(number: signal.Signals) -> None:
        if found.process is not None:
            found.process.send(number)

    def thaw() -> None:
        time.sleep(_FROZEN_SECONDS)
        send(signal.SIGCONT)
        found.wait_until_ready()

    return Mortal(found.kill, found.restart, lambda: send(signal.SIGSTOP), thaw)


def server(found: EmbeddedPostgres | ApacheKafka) -> Mortal:
    """What they stand on."""
    return Mortal(found.kill, found.start)


class Killer:
    """Strikes in the order asked for, and brings each victim back at once, beside what goes on.

    Only what works is struck: a victim that is still coming back is waited for.
    """

    def __init__(self, mortals: dict[Victim, list[Mortal]]) -> None:
        self._mortals = mortals
        self._pool = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="reviver")
        self._coming_back: dict[tuple[Victim, int], Future[object]] = {}
        self.killed: Counter[Victim] = Counter()
        self.frozen: Counter[Victim] = Counter()

    def strike(self, blow: Blow) -> None:
        """Raises what the victim's last return raised."""
        choice = self._mortals[blow.victim]
        place = (blow.victim, blow.which % len(choice))
        if place in self._coming_back:
            self._coming_back[place].result()
        victim = choice[place[1]]
        strike, heal, counted = (
            (victim.freeze, victim.thaw, self.frozen) if blow.frozen else (victim.kill, victim.revive, self.killed)
        )
        strike()
        counted[blow.victim] += 1
        self._coming_back[place] = self._pool.submit(heal)

    def all_back(self) -> None:
        """Returns when all who were struck work again. Raises what a return raised."""
        for coming_back in self._coming_back.values():
            coming_back.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
