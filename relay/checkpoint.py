"""The checkpoint row: the copy in PostgreSQL of what Kafka holds, one row per relay."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from relay.doubts import Life
from relay.log_reader import DoubtError
from relay.positions import Settled
from relay.receipt import Epoch, Receipt

_MAX_RANGES = 500
"""A row is rewritten with every batch: what does not fit is found again by asking the topic."""

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
"""A doubt that somebody has written meanwhile stays: it is another one, and not answered yet."""


_SAVE = """
    UPDATE relay_checkpoints SET low = %(low)s, ranges = %(ranges)s, updated_at = now()
    WHERE relay = %(relay)s AND xmin = %(written_by)s::xid AND 'outbox'::regclass = %(outbox)s::oid
        AND (%(last)s::bigint IS NULL OR EXISTS (SELECT FROM outbox WHERE position = %(last)s::bigint))
    RETURNING xmin::text
"""
"""``xmin`` is the transaction that wrote the row: a row that came back from a backup was written by another one."""

Query = Callable[[str, Any], Any]


class Checkpoint(NamedTuple):
    """What was published, as of the last save, and of which life of which database."""

    settled: Settled
    epoch: Epoch
    outbox: int | None = None
    """The OID of the outbox's table; None when an older release wrote the row."""

    doubt: str | None = None
    """Why positions that are settled may have been handed out again; None when they were not."""


def load(query: Query, relay: str) -> Checkpoint | None:
    """The checkpoint of ``relay``, None when it has none."""
    found = query(_LOAD, (relay,))
    if found is None:
        return None
    low, ranges, system_identifier, timeline, outbox, doubt = found
    settled = Settled(low, tuple((start, end) for start, end in ranges))
    return Checkpoint(settled, Epoch(system_identifier, timeline), outbox, doubt)


def keep_doubt(query: Query, relay: str, life: Life, doubt: str | None) -> None:
    """Let ``doubt`` stand in the checkpoint, which is made if there is none, until a term has compared.

    So a crash between the mending of a sequence and the comparison forgets nothing.
    """
    query(_KEEP_DOUBT, {"relay": relay, **life.epoch._asdict(), "doubt": doubt})


def mend_sequence(query: Query) -> str | None:
    """Put right the sequence of the outbox; why positions may have been handed out again, None when they were not.

    Raises psycopg2.Error, which says what to do, when it can't be put right.
    """
    doubt: str | None = query(_MEND, ())
    return doubt


class CheckpointWriter:
    """The checkpoint row of the leader, who writes it as long as it is the one that it wrote last."""

    def __init__(self, query: Query, relay: str, life: Life, receipt: Receipt, answered: str | None = None) -> None:
        """Takes the row over for ``receipt``, which Kafka holds. ``answered`` is the doubt that was compared for."""
        self._query = query
        self._relay = relay
        self._outbox = life.outbox
        self.settled = receipt.settled
        """What the row says."""

        values = (relay, *_columns(receipt.settled), *life.epoch, life.outbox, answered)
        self._written_by: str = query(_TAKE, values)

    def save(self, receipt: Receipt) -> None:
        """Raises DoubtError when the row, or the outbox, isn't the one any more that this term began with."""
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
