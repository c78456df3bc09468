"""Faults, and the injector that begins and ends them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from proofs.chaos.plan import Attack, Fault

_MOST_AT_ONCE = 16


def _nothing() -> None:
    """The beginning of a fault that begins and ends in one call."""


@dataclass(frozen=True)
class Trouble:
    """A fault that can be begun and mended."""

    places: frozenset[str]
    """The things that it needs exclusively: no other fault in progress names one of them."""
    mend: Callable[[], object]
    """Ends the fault, which may take long; returns when its target works again."""
    begin: Callable[[], object] = _nothing
    """Begins the fault and returns at once."""


class Injector:
    """Begins faults in the given order and mends them in the background.

    For each attack it chooses a target without a fault in progress, and waits for one if necessary.
    """

    def __init__(self, troubles: Mapping[Attack, Sequence[Trouble]], pool: ThreadPoolExecutor) -> None:
        self._troubles = troubles
        self._pool = pool
        self._under_way: dict[str, Future[object]] = {}
        self._begun: list[Future[object]] = []
        self.struck: Counter[Attack] = Counter()

    def inject(self, fault: Fault) -> None:
        """Begin one fault. Raises the exception of an earlier mend that it had to wait for."""
        choice = self._troubles[fault.attack]
        turned = [choice[(fault.which + step) % len(choice)] for step in range(len(choice))]
        trouble = next((one for one in turned if self._is_free(one)), turned[0])
        for place in trouble.places & self._under_way.keys():
            self._under_way[place].result()
        trouble.begin()
        self.struck[fault.attack] += 1
        mending = self._pool.submit(trouble.mend)
        self._begun.append(mending)
        self._under_way.update(dict.fromkeys(trouble.places, mending))

    def all_back(self) -> None:
        """Wait until all targets work again. Raises the exception of a failed mend."""
        for mending in self._begun:
            mending.result()

    def _is_free(self, trouble: Trouble) -> bool:
        return all(self._under_way[place].done() for place in trouble.places & self._under_way.keys())


@contextmanager
def injector(troubles: Mapping[Attack, Sequence[Trouble]]) -> Iterator[Injector]:
    """An injector for the block; leaving waits for the faults that began in it."""
    with ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="mending") as pool:
        yield Injector(troubles, pool)
