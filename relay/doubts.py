"""What is doubted while the relay reads: that this is still the outbox it began with, and that positions only rise.

A position that is handed out again below what was read would never be read. So with the tail, at most once a second,
one statement asks for the server, the timeline, the outbox's table and the sequence that its positions come from.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from relay.gaps import Writers
from relay.log_reader import DoubtError, Found, OutboxSource
from relay.positions import Range
from relay.postgres import TIMELINE
from relay.receipt import Epoch

CHECK_SECONDS = 1.0

_LOOK = f"""
    SELECT control.system_identifier, {TIMELINE}, 'outbox'::regclass::oid::bigint,
        (SELECT doubt FROM relay_checkpoints WHERE relay = %(relay)s),
        sequence.seqcache, sequence.seqincrement, coalesce((SELECT max(position) FROM outbox), 0),
        coalesce(pg_sequence_last_value(sequence.seqrelid), 0)
    FROM pg_control_system() AS control
    LEFT JOIN pg_sequence AS sequence ON seqrelid = pg_get_serial_sequence('outbox', 'position')::regclass
"""
"""The sequence is read while the statement runs, the rows as of its begin: none of them has a later position."""


class Life(NamedTuple):
    """Which outbox of which life of which database positions belong to."""

    epoch: Epoch
    outbox: int
    """The table's OID: another one once it was dropped and restored."""


class State(NamedTuple):
    """What ``_LOOK`` finds."""

    life: Life
    doubt: str | None
    """What somebody who put the sequence right wrote into the checkpoint."""

    cache: int | None
    increment: int | None
    highest: int
    drawn: int

    def fault(self, begun: Life, high: int) -> str | None:
        """Why positions up to ``high``, read since ``begun``, can't be relied upon; None when they can."""
        if self.life != begun:
            return "the database was restored, promoted or exchanged"
        return self.doubt or self.sequence_fault(high)

    def sequence_fault(self, high: int) -> str | None:
        """Why the sequence hands out positions that are taken for used; None when it doesn't."""
        if (self.cache, self.increment) != (1, 1):
            return f"positions are drawn with cache {self.cache} and increment {self.increment}"
        used = max(self.highest, high)
        if self.drawn < used:
            return f"positions up to {self.drawn} are handed out again below {used}"
        return None


class Answering(OutboxSource, Protocol):
    """A source that answers other statements, too."""

    def ask(self, statement: str, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row of the statement, None when there is none."""


def look(source: Answering, relay: str) -> State:
    """How things stand now. Raises psycopg2.Error."""
    found = source.ask(_LOOK, {"relay": relay})
    if found is None:
        raise LookupError("pg_control_system() told nothing")
    system_identifier, timeline, outbox, *rest = found
    return State(Life(Epoch(system_identifier, timeline), outbox), *rest)


class DoubtingSource:
    """An outbox whose tail is read while nothing speaks against it. Raises DoubtError."""

    def __init__(self, source: Answering, relay: str, life: Life, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._relay = relay
        self._life = life
        self._clock = clock
        self._look_at = clock()

    def tail(self, last: int, limit: int) -> Found:
        """As the source's, after a look once in a while."""
        now = self._clock()
        if now >= self._look_at:
            fault = look(self._source, self._relay).fault(self._life, last)
            if fault is not None:
                raise DoubtError(fault)
            self._look_at = now + CHECK_SECONDS
        return self._source.tail(last, limit)

    def writers(self) -> Writers:
        """The source's."""
        return self._source.writers()

    def look(self, ranges: Sequence[Range], last: int, limit: int) -> Found:
        """The source's."""
        return self._source.look(ranges, last, limit)
