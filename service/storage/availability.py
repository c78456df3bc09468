"""Whether a database error passes."""

import psycopg2
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

_PASSING_SQLSTATES = frozenset(
    {
        "25006",  # read_only_sql_transaction: a standby, before or after a failover
        "42P01",  # undefined_table: the schema is not migrated yet
        "42703",  # undefined_column: the schema is not migrated yet
    }
)
"""Beside connection faults, time-outs and deadlocks (PostgreSQL documentation, "PostgreSQL Error Codes")."""


_REFUSING_CLASSES = ("22", "23", "54", "P0")
"""Data exception, integrity constraint violation, program limit exceeded, a trigger's exception (same appendix)."""


def is_unavailable(error: BaseException) -> bool:
    """Whether this passes: the same request may succeed later, with nothing mended in it.

    Takes the driver's errors as they are, and as SQLAlchemy wraps them.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg2.OperationalError | psycopg2.InterfaceError | PoolTimeoutError):
        return True
    return isinstance(cause, psycopg2.Error) and cause.pgcode in _PASSING_SQLSTATES


def is_refused(error: BaseException) -> bool:
    """Whether the database will not have these values, however often they are sent."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, psycopg2.Error) and (cause.pgcode or "").startswith(_REFUSING_CLASSES)
