"""Work that is left lying, as an operator should hear of it."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, text

from service.storage.engine import Connection
from service.storage.operator_relays import relays
from service.storage.operator_session import Record

_LEFT = text(
    """
    SELECT clock_timestamp(), count(*), min(next_attempt_at),
        (SELECT count(*) FROM dead_letters WHERE state = 'open')
    FROM commands WHERE state <> 'done' AND next_attempt_at < now() - :patience
    """
).bindparams(bindparam("patience"))


class LeftLying(NamedTuple):
    """As of ``clock``, the database's: commands that are due for longer than is usual, dead letters, relays."""

    clock: datetime
    overdue: int
    overdue_since: datetime | None
    dead_letters: int
    relays: list[Record]


def left_lying(connection: Connection, patience: timedelta) -> LeftLying:
    """``patience``: how long a due command may wait."""
    clock, overdue, since, letters = connection.execute(_LEFT, {"patience": patience}).one()
    return LeftLying(clock, overdue, since, letters, relays(connection))
