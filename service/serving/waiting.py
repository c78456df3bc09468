"""Connections that wait for their clients, each with the deadline of its phase."""

from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import Generic, TypeVar

C = TypeVar("C")


class Phase(Enum):
    """The phases of a connection. Connections in the first phases of this list are closed first to make room."""

    HEAD = auto()
    BODY = auto()
    LEAVING = auto()
    ANSWER = auto()
    IDLE = auto()


class Waiting(Generic[C]):
    """The waiting connections by phase. All waits of a phase have the same length, so the oldest is due first.

    Times are monotonic, in seconds.
    """

    def __init__(self, seconds: Mapping[Phase, float]) -> None:
        self._seconds = dict(seconds)
        self._due: dict[Phase, dict[C, float]] = {phase: {} for phase in Phase}
        self._phases: dict[C, Phase] = {}

    def __len__(self) -> int:
        return len(self._phases)

    def __iter__(self) -> Iterator[C]:
        return iter(list(self._phases))

    def put(self, connection: C, phase: Phase, now: float) -> None:
        """Begin to wait in a phase. A connection that is in the phase already keeps its deadline."""
        if self._phases.get(connection) is phase:
            return
        self.take(connection)
        self._phases[connection] = phase
        self._due[phase][connection] = now + self._seconds[phase]

    def take(self, connection: C) -> Phase | None:
        """Stop waiting; returns the connection's last phase, None if it did not wait."""
        phase = self._phases.pop(connection, None)
        if phase is not None:
            del self._due[phase][connection]
        return phase

    def phase(self, connection: C) -> Phase | None:
        """The connection's phase; None if it does not wait."""
        return self._phases.get(connection)

    def expired(self, now: float) -> list[C]:
        """The connections whose deadline is over. They stay in their phases."""
        found = []
        for waiting in self._due.values():
            for connection, due in waiting.items():
                if due > now:
                    break
                found.append(connection)
        return found

    def next_due(self) -> float | None:
        """The first deadline; None without one."""
        firsts = [next(iter(waiting.values())) for waiting in self._due.values() if waiting]
        return min(firsts, default=None)

    def first_to_go(self) -> C | None:
        """The connection to close for a new one: the oldest of the first phase that has any."""
        return next((next(iter(waiting)) for waiting in self._due.values() if waiting), None)

    def hurry(self, seconds: Mapping[Phase, float], now: float) -> None:
        """Limit the waits to these seconds, including the waits that have begun."""
        for phase, limit in seconds.items():
            self._seconds[phase] = min(self._seconds[phase], limit)
            self._due[phase] = {one: min(due, now + limit) for one, due in self._due[phase].items()}
