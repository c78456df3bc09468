"""Checks while the relay reads that this is still the outbox of the term's beginning, and that positions only rise.

A row would never be read if its position were handed out again below the last position read. So with the tail, at most
once a second, one statement asks for the server, the timeline, the outbox's table and the sequence of its positions.
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
        CASE has_sequence_privilege(sequence.seqrelid, 'USAGE, SELECT') WHEN false THEN NULL
            ELSE coalesce(pg_sequence_last_value(sequence.seqrelid), 0) END
    FROM pg_control_system() AS control
    LEFT JOIN pg_sequence AS sequence ON seqrelid = pg_get_serial_sequence('outbox', 'position')::regclass
"""
"""The sequence is read while the statement runs, the rows as of its start, so no row has a later position."""


class Life(NamedTuple):
    """The origin of positions: one outbox in one life of one database."""

    epoch: Epoch
    outbox: int
    """The table's OID. It changes when the table is dropped and restored."""


class State(NamedTuple):
    """The result of ``_LOOK``."""

    life: Life
    doubt: str | None
    """The doubt in the checkpoint; each repair of the sequence writes one."""

    cache: int | None
    increment: int | None
    highest: int
    drawn: int | None
    """The last position that the sequence gave; None when the role has no right to know."""

    def fault(self, begun: Life, high: int) -> str | None:
        """Why positions up to ``high``, read in the life ``begun``, can't be relied upon; None when they can."""
        if self.life != begun:
            return "the database was restored, promoted or exchanged"
        return self.doubt or self.sequence_fault(high)

    def sequence_fault(self, high: int) -> str | None:
        """Why the sequence hands out positions that count as used; None when it doesn't."""
        if (self.cache, self.increment) != (1, 1):
            return f"positions are drawn with cache {self.cache} and increment {self.increment}"
        if self.drawn is None:
            return "the role may not read the sequence of the outbox's positions"
        used = max(self.highest, high)
        if self.drawn < used:
            return f"positions up to {self.drawn} are handed out again below {used}"
        return None


class Answering(OutboxSource, Protocol):
    """A source that also runs other statements."""

    def ask(self, statement: str, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row of the statement; None when there is none."""


def look(source: Answering, relay: str) -> State:
    """The state of database, outbox and sequence now. Raises psycopg2.Error."""
    found = source.ask(_LOOK, {"relay": relay})
    if found is None:
        raise LookupError("pg_control_system() returned nothing")
    system_identifier, timeline, outbox, *rest = found
    return State(Life(Epoch(system_identifier, timeline), outbox), *rest)


class DoubtingSource:
    """An outbox that is checked for doubts before its tail is read. Raises DoubtError."""

    def __init__(self, source: Answering, relay: str, life: Life, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._relay = relay
        self._life = life
        self._clock = clock
        self._look_at = clock()

    def tail(self, last: int, limit: int) -> Found:
        """The source's tail, after a check at most once in CHECK_SECONDS."""
        now = self._clock()
        if now >= self._look_at:
            fault = look(self._source, self._relay).fault(self._life, last)
            if fault is not None:
                raise DoubtError(fault)
            self._look_at = now + CHECK_SECONDS
        return self._source.tail(last, limit)

    def writers(self) -> Writers:
        """The source's writers."""
        return self._source.writers()

    def look(self, ranges: Sequence[Range], last: int, limit: int) -> Found:
        """The source's look."""
        return self._source.look(ranges, last, limit)
