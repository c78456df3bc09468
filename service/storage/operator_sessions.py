"""The database's sessions as an operator looks for them: consumers, transactions left open, and who locks a payment."""

from uuid import UUID

from sqlalchemy import text

from service.storage.engine import CONSUMER, Connection
from service.storage.operator_session import Record, records

OLD_SECONDS = 10
"""Age at which an open transaction that has written or locked something is shown: none of the service's gets so old."""

MOMENT_SECONDS = 2
"""A lock of this age is not one that a command holds in passing."""

_CONSUMERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = :consumer"
)

_ACTIVITY = "a.pid, a.application_name AS program, a.state, a.xact_start AS since, a.wait_event_type AS waits_for"

_OPEN = text(
    f"""
    SELECT {_ACTIVITY} FROM pg_stat_activity AS a
    WHERE a.datname = current_database() AND a.backend_xid IS NOT NULL
        AND a.xact_start < clock_timestamp() - make_interval(secs => :age)
    ORDER BY a.xact_start LIMIT 10
    """
)

_LOCKERS = text(
    f"""
    SELECT {_ACTIVITY} FROM payments AS p
    JOIN pg_locks AS held ON held.locktype = 'transactionid' AND held.transactionid = p.xmax
        AND held.mode = 'ExclusiveLock' AND held.granted
    JOIN pg_stat_activity AS a ON a.pid = held.pid
    WHERE p.payment_id = :payment
        AND coalesce(a.xact_start < clock_timestamp() - make_interval(secs => :age), true)
    """
)
"""A row that is locked, or changed without a commit yet, names the transaction (PostgreSQL documentation, "xmax")."""


def consumers(connection: Connection) -> int:
    """The number of sessions that consumers have."""
    found: int = connection.execute(_CONSUMERS, {"consumer": CONSUMER}).scalar_one()
    return found


def open_transactions(connection: Connection) -> list[Record]:
    """Transactions that have written or locked something and are old, the oldest first."""
    return records(connection, _OPEN, age=OLD_SECONDS)


def lockers(connection: Connection, payment_id: UUID) -> list[Record]:
    """The sessions that keep a payment's row locked."""
    return records(connection, _LOCKERS, payment=payment_id, age=MOMENT_SECONDS)
