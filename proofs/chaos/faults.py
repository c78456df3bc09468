"""Troubles, and who brings them on."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from proofs.chaos.plan import Attack, Fault

_MOST_AT_ONCE = 16


def _nothing() -> None:
    """For a trouble that begins and ends in one call."""


@dataclass(frozen=True)
class Trouble:
    """What can be done, and undone."""

    places: frozenset[str]
    """What it needs for itself: no other trouble that names one of these is under way at the same time."""
    mend: Callable[[], object]
    """Takes its time; returns when what was struck can be worked with again."""
    begin: Callable[[], object] = _nothing
    """Strikes, and returns at once."""


class Injector:
    """Strikes in the order asked for, and sees to it that all comes back, beside what goes on.

    Of the things that an attack may strike one is taken that nothing else strikes now; if there is none, one is
    waited for.
    """

    def __init__(self, troubles: Mapping[Attack, Sequence[Trouble]], pool: ThreadPoolExecutor) -> None:
        self._troubles = troubles
        self._pool = pool
        self._under_way: dict[str, Future[object]] = {}
        self._begun: list[Future[object]] = []
        self.struck: Counter[Attack] = Counter()

    def inject(self, fault: Fault) -> None:
        """Raises what the return of something that stands in the way has raised."""
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
        """Returns when all that was struck works again. Raises what a return raised."""
        for mending in self._begun:
            mending.result()

    def _is_free(self, trouble: Trouble) -> bool:
        return all(self._under_way[place].done() for place in trouble.places & self._under_way.keys())


@contextmanager
def injector(troubles: Mapping[Attack, Sequence[Trouble]]) -> Iterator[Injector]:
    """For as long as the block lasts, and what it began."""
    with ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="mending") as pool:
        yield Injector(troubles, pool)
