"""The transaction that holds a gap open: its process, its age, and what else an operator needs to find it."""

import time
from collections.abc import Callable
from typing import NamedTuple

from relay.gaps import HeldGaps
from relay.postgres import Connection

_FIND = """
    SELECT own.pid, prepared.gid, activity.application_name, activity.state,
        date_part('epoch', clock_timestamp() - coalesce(activity.xact_start, prepared.prepared)) AS age
    FROM pg_locks AS own
    LEFT JOIN pg_stat_activity AS activity USING (pid)
    LEFT JOIN pg_prepared_xacts AS prepared ON prepared.transaction = own.transactionid
    WHERE own.locktype = 'transactionid' AND own.mode = 'ExclusiveLock' AND own.granted
        AND own.transactionid::text::bigint = ANY (%s)
    ORDER BY age DESC NULLS LAST LIMIT 1
"""
"""A prepared transaction holds its locks without a process (PostgreSQL documentation, "pg_locks", "pg_prepared_xacts").

Without the role pg_read_all_stats the activity of another user shows only its pid. The query stays out of it: its text
may hold a row's values.
"""


class Holder(NamedTuple):
    """The oldest transaction that may fill a gap."""

    position: int
    """The lowest position that is missing."""

    pid: int | None
    """None for a prepared transaction."""

    gid: str | None
    """The name of a prepared transaction."""

    application: str | None
    state: str | None
    seconds: float

    @property
    def name(self) -> str:
        """The process or the prepared transaction, in words."""
        return f"pid {self.pid}" if self.pid is not None else f"prepared {self.gid!r}"

    def __str__(self) -> str:
        return f"position {self.position} waits for a transaction of {self.seconds:.0f} s: {self.name}"


class HolderSearch:
    """Finds the holder. A holder whose begin PostgreSQL hides is as old as its gap has been watched."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[int, float] = {}

    def find(self, session: Connection, held: HeldGaps | None) -> Holder | None:
        """The oldest of the writers that are running now; None when none is. Raises psycopg2.Error."""
        now = self._clock()
        writers = frozenset() if held is None else held.writers
        self._since = {writer: self._since.get(writer, now) for writer in writers}
        if held is None:
            return None
        with session.cursor() as cursor:
            cursor.execute(_FIND, (sorted(writers),))
            found = cursor.fetchone()
        if found is None:
            return None
        pid, gid, application, state, age = found
        seconds = now - min(self._since.values()) if age is None else max(0.0, age)
        return Holder(held.position, pid, gid, application, state, seconds)
