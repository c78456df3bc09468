"""Whether a database error passes."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

_PASSING_SQLSTATES = frozenset(
    {
        "25006",  # read_only_sql_transaction: a standby, before or after a failover
        "42P01",  # undefined_table: the schema is not migrated yet
        "42703",  # undefined_column: the schema is not migrated yet
    }
)
"""Beside connection faults, time-outs and deadlocks (PostgreSQL documentation, "PostgreSQL Error Codes")."""


def is_unavailable(error: BaseException) -> bool:
    """Whether this passes: the same request may succeed later, with nothing mended in it."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeoutError):
        return True
    return isinstance(error, DBAPIError) and getattr(error.orig, "pgcode", None) in _PASSING_SQLSTATES
