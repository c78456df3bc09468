"""Work that nobody has done in the usual time, for operators."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, text

from service.storage.engine import Connection
from service.storage.operator_relays import Gaps, gaps, relays
from service.storage.operator_session import Record

_LEFT = text(
    """
    SELECT clock_timestamp(), count(*), min(next_attempt_at),
        (SELECT count(*) FROM dead_letters WHERE state = 'open')
    FROM commands WHERE state <> 'done' AND next_attempt_at < now() - :patience
    """
).bindparams(bindparam("patience"))


class UnfinishedWork(NamedTuple):
    """Overdue commands, open dead letters, relays and gaps at the time ``clock`` of the database."""

    clock: datetime
    overdue: int
    overdue_since: datetime | None
    dead_letters: int
    relays: list[Record]
    gaps: Gaps


def unfinished_work(connection: Connection, patience: timedelta) -> UnfinishedWork:
    """Count the unfinished work. ``patience``: the time that a due command may wait before it counts."""
    clock, overdue, since, letters = connection.execute(_LEFT, {"patience": patience}).one()
    return UnfinishedWork(clock, overdue, since, letters, relays(connection), gaps(connection))
