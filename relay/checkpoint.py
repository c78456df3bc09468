"""The checkpoint row: the copy of the receipt in PostgreSQL, one row per relay."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from relay.doubts import Life
from relay.log_reader import DoubtError
from relay.positions import Settled
from relay.receipt import Epoch, Receipt

_MAX_RANGES = 500
"""Each batch rewrites the row, so its size is bounded. Ranges beyond are found again by asking the topics."""

_LOAD = """
    SELECT json_build_array(low, ranges, system_identifier, timeline, outbox_oid, doubt)
    FROM relay_checkpoints WHERE relay = %s
"""

_KEEP_DOUBT = """
    SET LOCAL synchronous_commit = on;
    INSERT INTO relay_checkpoints (relay, low, system_identifier, timeline, doubt)
    VALUES (%(relay)s, 0, %(system_identifier)s, %(timeline)s, 'there was no checkpoint')
    ON CONFLICT (relay) DO UPDATE SET doubt = %(doubt)s
        WHERE relay_checkpoints.doubt IS NULL AND %(doubt)s::text IS NOT NULL
"""

_MEND = "SET LOCAL synchronous_commit = on; SELECT mend_outbox_sequence()"

_TAKE = """
    INSERT INTO relay_checkpoints (relay, low, ranges, system_identifier, timeline, outbox_oid)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (relay) DO UPDATE SET low = excluded.low, ranges = excluded.ranges,
        system_identifier = excluded.system_identifier, timeline = excluded.timeline,
        outbox_oid = excluded.outbox_oid, doubt = nullif(relay_checkpoints.doubt, %s), updated_at = now()
    RETURNING xmin::text
"""
"""Clears only the doubt that this term has answered. A doubt that was written meanwhile is another one, and stays."""


_SAVE = """
    UPDATE relay_checkpoints SET low = %(low)s, ranges = %(ranges)s, updated_at = now()
    WHERE relay = %(relay)s AND xmin = %(written_by)s::xid AND 'outbox'::regclass = %(outbox)s::oid
        AND (%(last)s::bigint IS NULL OR EXISTS (SELECT FROM outbox WHERE position = %(last)s::bigint))
    RETURNING xmin::text
"""
"""``xmin`` is the transaction that wrote the row. A row restored from a backup was written by another transaction."""

Query = Callable[[str, Any], Any]


class Checkpoint(NamedTuple):
    """What was settled at the last save, in which life of which database."""

    settled: Settled
    epoch: Epoch
    outbox: int | None = None
    """The OID of the outbox's table; None when an older release wrote the row."""

    doubt: str | None = None
    """Why settled positions may have been handed out again; None when they were not."""


def load(query: Query, relay: str) -> Checkpoint | None:
    """The checkpoint of ``relay``; None when it has none."""
    found = query(_LOAD, (relay,))
    if found is None:
        return None
    low, ranges, system_identifier, timeline, outbox, doubt = found
    settled = Settled(low, tuple((start, end) for start, end in ranges))
    return Checkpoint(settled, Epoch(system_identifier, timeline), outbox, doubt)


def keep_doubt(query: Query, relay: str, life: Life, doubt: str | None) -> None:
    """Keep ``doubt`` in the checkpoint until a term has compared; creates a missing checkpoint.

    So the doubt survives a crash between the repair of a sequence and the comparison.
    """
    query(_KEEP_DOUBT, {"relay": relay, **life.epoch._asdict(), "doubt": doubt})


def mend_sequence(query: Query) -> str | None:
    """Repair the outbox's sequence. Returns why positions may have been handed out again; None when they were not.

    Raises psycopg2.Error when the sequence can't be repaired; the error says what to do.
    """
    doubt: str | None = query(_MEND, ())
    return doubt


class CheckpointWriter:
    """Writes the leader's checkpoint row, as long as nobody else has written it since."""

    def __init__(self, query: Query, relay: str, life: Life, receipt: Receipt, answered: str | None = None) -> None:
        """Take the row over for ``receipt``, which Kafka holds. ``answered`` is the doubt that was compared for."""
        self._query = query
        self._relay = relay
        self._outbox = life.outbox
        self.settled = receipt.settled
        """The positions that the row says are settled."""

        values = (relay, *_columns(receipt.settled), *life.epoch, life.outbox, answered)
        self._written_by: str = query(_TAKE, values)

    def save(self, receipt: Receipt) -> None:
        """Write ``receipt``. Raises DoubtError when the row or the outbox is not the one that this term began with."""
        low, ranges = _columns(receipt.settled)
        values = {
            "relay": self._relay,
            "low": low,
            "ranges": ranges,
            "written_by": self._written_by,
            "outbox": self._outbox,
            "last": receipt.last_row.position if receipt.last_row else None,
        }
        written_by: str | None = self._query(_SAVE, values)
        if written_by is None:
            raise DoubtError("the checkpoint or the outbox was restored, and nothing is written over it")
        self._written_by, self.settled = written_by, receipt.settled


def _columns(settled: Settled) -> tuple[int, str]:
    return settled.low, json.dumps(settled.above[:_MAX_RANGES])
