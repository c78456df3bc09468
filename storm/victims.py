"""Who can be killed, and how they come back."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from devstack.kafka_apache import ApacheKafka
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.service_process import ServiceProcess
from storm.plan import Kill, Victim

_MOST_AT_ONCE = 8


@dataclass(frozen=True)
class Mortal:
    """``kill`` is kill -9; ``revive`` returns when it can be worked with again."""

    kill: Callable[[], object]
    revive: Callable[[], object]


def process(found: ServiceProcess) -> Mortal:
    return Mortal(found.kill, found.restart)


def server(found: EmbeddedPostgres | ApacheKafka) -> Mortal:
    return Mortal(found.kill, found.start)


class Killer:
    """Kills in the order asked for, and brings each victim back at once, beside what goes on.

    Only what works is killed: a victim that is still coming back is waited for.
    """

    def __init__(self, mortals: dict[Victim, list[Mortal]]) -> None:
        self._mortals = mortals
        self._pool = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="reviver")
        self._coming_back: dict[tuple[Victim, int], Future[object]] = {}
        self.killed: Counter[Victim] = Counter()

    def kill(self, order: Kill) -> None:
        """Raises what the victim's last return raised."""
        choice = self._mortals[order.victim]
        place = (order.victim, order.which % len(choice))
        if place in self._coming_back:
            self._coming_back[place].result()
        choice[place[1]].kill()
        self.killed[order.victim] += 1
        self._coming_back[place] = self._pool.submit(choice[place[1]].revive)

    def all_back(self) -> None:
        """Returns when all who were killed work again. Raises what a return raised."""
        for coming_back in self._coming_back.values():
            coming_back.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
