"""Connections that wait for their clients, each under the deadline of what it waits for."""

from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import Generic, TypeVar

C = TypeVar("C")


class Phase(Enum):
    """What a connection waits for; those first in this list make room first."""

    HEAD = auto()
    BODY = auto()
    LEAVING = auto()
    ANSWER = auto()
    IDLE = auto()


class Waiting(Generic[C]):
    """Within a phase all have the same time, so the one that came first is the first to be due."""

    def __init__(self, seconds: Mapping[Phase, float]) -> None:
        self._seconds = dict(seconds)
        self._due: dict[Phase, dict[C, float]] = {phase: {} for phase in Phase}
        self._phases: dict[C, Phase] = {}

    def __len__(self) -> int:
        return len(self._phases)

    def __iter__(self) -> Iterator[C]:
        return iter(list(self._phases))

    def put(self, connection: C, phase: Phase, now: float) -> None:
        """Begin to wait; in the phase it is in already, the old deadline stays."""
        if self._phases.get(connection) is phase:
            return
        self.take(connection)
        self._phases[connection] = phase
        self._due[phase][connection] = now + self._seconds[phase]

    def take(self, connection: C) -> Phase | None:
        """Wait no longer; the phase it was in."""
        phase = self._phases.pop(connection, None)
        if phase is not None:
            del self._due[phase][connection]
        return phase

    def phase(self, connection: C) -> Phase | None:
        """What it waits for."""
        return self._phases.get(connection)

    def expired(self, now: float) -> list[C]:
        """Whose time is over; they are still waiting."""
        found = []
        for waiting in self._due.values():
            for connection, due in waiting.items():
                if due > now:
                    break
                found.append(connection)
        return found

    def next_due(self) -> float | None:
        """When the first deadline is."""
        firsts = [next(iter(waiting.values())) for waiting in self._due.values() if waiting]
        return min(firsts, default=None)

    def first_to_go(self) -> C | None:
        """Who makes room for a newcomer: the one that has been at it longest, those that kept their word last."""
        return next((next(iter(waiting)) for waiting in self._due.values() if waiting), None)

    def hurry(self, seconds: Mapping[Phase, float], now: float) -> None:
        """From now on at most so long, for those that wait already, too."""
        for phase, limit in seconds.items():
            self._seconds[phase] = min(self._seconds[phase], limit)
            self._due[phase] = {one: min(due, now + limit) for one, due in self._due[phase].items()}
