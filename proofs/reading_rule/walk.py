"""The search: it takes every step from each state, until it finds no new state."""

from collections import deque
from typing import NamedTuple
from unittest.mock import patch

from proofs.reading_rule.database import Database, Size, steps
from proofs.reading_rule.guarantees import BrokenError, check_end
from proofs.reading_rule.machine import Numbers, Relay, View
from proofs.reading_rule.rules import Rule

_BITS = 32
"""Bits of each of a state's three numbers: database, Kafka, relay."""

_MASK = (1 << _BITS) - 1


class Walked(NamedTuple):
    """The result of a walk."""

    states: int
    steps: int
    databases: int
    readers: int
    broken: str | None = None
    """The guarantee that was broken."""
    trace: tuple[str, ...] = ()
    """The shortest way to the broken guarantee, in words."""


class _Databases:
    """Databases by number, each with its view and its next steps."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self.numbers = Numbers[Database]()
        self._views: dict[View, View] = {}
        self._known: list[tuple[View, bool, list[tuple[str, int]]]] = []
        self._unlocked: list[int] = []
        self.numbers.of(Database())

    def unlocked_of(self, number: int) -> int:
        """The number of this database once all visible transactions have released their locks."""
        self.of(number)
        return self._unlocked[number]

    def of(self, number: int) -> tuple[View, bool, list[tuple[str, int]]]:
        """The database's view, whether it is quiet, and its next steps."""
        while number >= len(self._known):
            database = self.numbers.values[len(self._known)]
            view = View(database.visible(), database.snapshot(), database.locks())
            after = [(name, self.numbers.of(then)) for name, then in steps(database, self._size)]
            self._unlocked.append(self.numbers.of(database.unlocked))
            self._known.append((self._views.setdefault(view, view), database.quiet, after))
        return self._known[number]


class Walk:
    """A walk of one size and one rule, breadth first."""

    def __init__(self, size: Size, rule: Rule, *, limit: int, gaps_a_look: int) -> None:
        self._databases = _Databases(size)
        self._relay = Relay(rule, limit)
        self._unlocking_matters = rule.unlocking_matters
        self._gaps_a_look = gaps_a_look
        self._steps = 0
        self._at_rest: set[int] = set()

    def run(self, *, trace: bool = False) -> Walked:
        """Walk everything, or up to the first broken guarantee. With ``trace`` the result has the way there."""
        with patch("relay.log_reader.MAX_GAPS_A_LOOK", self._gaps_a_look):
            kafka, start = self._relay.begin()
            first = _packed(0, kafka, start)
            seen, waiting = {first}, deque([first])
            parents: dict[int, int] = {}
            while waiting:
                state = waiting.popleft()
                try:
                    after = self._after(state, start)
                except BrokenError as broken:
                    return self._walked(len(seen), str(broken), self._trace(parents, state))
                for then in after:
                    if then not in seen:
                        seen.add(then)
                        waiting.append(then)
                        if trace:
                            parents[then] = state
        return self._walked(len(seen))

    def _after(self, state: int, start: int) -> list[int]:
        number, kafka, relay = _unpacked(state)
        view, quiet, moves = self._databases.of(number)
        database = self._databases.numbers.values[number]
        if quiet:
            self._check_rest(number, kafka, relay)
        kafka_then, relay_then = self._relay.step(database, view, kafka, relay)
        after = [self._packed(number, kafka_then, relay_then), self._packed(number, kafka, start)]
        after += [self._packed(then, kafka, relay) for _, then in moves]
        self._steps += len(after)
        return after

    def _packed(self, database: int, kafka: int, relay: int) -> int:
        if not self._unlocking_matters and self._relay.points.values[relay].snapshot is None:
            database = self._databases.unlocked_of(database)
        return _packed(database, kafka, relay)

    def _check_rest(self, number: int, kafka: int, relay: int) -> None:
        """Check that the relay publishes everything once there are no more writers. Raises BrokenError."""
        database, (view, _, _) = self._databases.numbers.values[number], self._databases.of(number)
        path = dict[int, None]()
        state = _packed(number, kafka, relay)
        while state not in path:
            if state in self._at_rest:
                break
            path[state] = None
            kafka, relay = self._relay.step(database, view, kafka, relay)
            state = _packed(number, kafka, relay)
        else:
            check_end(view.rows, self._relay.kafkas.values[kafka].published)
        self._at_rest.update(path)

    def _trace(self, parents: dict[int, int], state: int) -> tuple[str, ...]:
        """The steps to ``state``, in words."""
        names = list[str]()
        while state in parents:
            names.append(self._step_between(parents[state], state))
            state = parents[state]
        return tuple(reversed(names))

    def _step_between(self, before: int, after: int) -> str:
        number, _, relay = _unpacked(before)
        then, _, relay_then = _unpacked(after)
        if relay_then == relay:
            _, _, moves = self._databases.of(number)
            return next(name for name, to in moves if then in {to, self._databases.unlocked_of(to)})
        if self._relay.points.values[relay_then].reader is None:
            return "the relay crashes, or finds that history changed"
        return self._relay.next_step(relay)

    def _walked(self, states: int, broken: str | None = None, trace: tuple[str, ...] = ()) -> Walked:
        databases, readers = len(self._databases.numbers.values), len(self._relay.reader.nodes)
        return Walked(states, self._steps, databases, readers, broken, trace)


def _packed(database: int, kafka: int, relay: int) -> int:
    return (relay << _BITS | kafka) << _BITS | database


def _unpacked(state: int) -> tuple[int, int, int]:
    return state & _MASK, state >> _BITS & _MASK, state >> 2 * _BITS
