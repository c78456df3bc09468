"""The database's sessions as an operator looks for them: consumers, transactions left open, and who locks a payment."""

from uuid import UUID

from sqlalchemy import TextClause, text

from service.domain.commands.command import CommandKey
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


def _lockers(rows: str) -> TextClause:
    """Whose transaction holds one of these rows; ``rows``: a query of their ``xmax AS locker``.

    A row that is locked, or changed without a commit yet, names the transaction (PostgreSQL documentation, "xmax").
    Several that lock a row together have a number of their own there, and are not found.
    """
    return text(
        f"""
        SELECT {_ACTIVITY} FROM ({rows}) AS held_row
        JOIN pg_locks AS held ON held.locktype = 'transactionid' AND held.transactionid = held_row.locker
            AND held.mode = 'ExclusiveLock' AND held.granted
        LEFT JOIN pg_stat_activity AS a ON a.pid = held.pid
        WHERE coalesce(a.xact_start < clock_timestamp() - make_interval(secs => :age), true)
        """
    )


_OF_PAYMENT = _lockers("SELECT xmax AS locker FROM payments WHERE payment_id = :payment")
_OF_COMMAND = _lockers(
    """
    SELECT xmax AS locker FROM commands WHERE correlation_id = :id AND command_type = :type
    UNION SELECT p.xmax FROM payments AS p JOIN commands AS c USING (payment_id)
    WHERE c.correlation_id = :id AND c.command_type = :type
    """
)
_OF_LETTER = _lockers("SELECT xmax AS locker FROM dead_letters WHERE id = :letter")


def consumers(connection: Connection) -> int:
    """The number of sessions that consumers have."""
    found: int = connection.execute(_CONSUMERS, {"consumer": CONSUMER}).scalar_one()
    return found


def open_transactions(connection: Connection) -> list[Record]:
    """Transactions that have written or locked something and are old, the oldest first."""
    return records(connection, _OPEN, age=OLD_SECONDS)


def lockers(connection: Connection, payment_id: UUID, age: float = 0) -> list[Record]:
    """The sessions that keep a payment's row locked, in transactions of ``age`` seconds or more."""
    return records(connection, _OF_PAYMENT, payment=payment_id, age=age)


def lockers_of_command(connection: Connection, key: CommandKey) -> list[Record]:
    """The sessions that keep the row of a command, or that of its payment, locked."""
    return records(connection, _OF_COMMAND, id=key.correlation_id, type=key.command_type, age=0)


def lockers_of_letter(connection: Connection, id_: int) -> list[Record]:
    """The sessions that keep the row of a dead letter locked."""
    return records(connection, _OF_LETTER, letter=id_, age=0)
