"""Whether the database can be worked with now, and whether an error says that it cannot."""

from typing import NamedTuple

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from service.storage.migrate import schema_state

_PASSING_SQLSTATES = frozenset(
    {
        "25006",  # read_only_sql_transaction: a standby, before or after a failover
        "42P01",  # undefined_table: the schema is not migrated yet
        "42703",  # undefined_column: the schema is not migrated yet
    }
)
"""Beside connection faults, time-outs and deadlocks (PostgreSQL documentation, "PostgreSQL Error Codes")."""


class Unready(NamedTuple):
    """The failing part, and what to do about it."""

    part: str
    message: str


def is_unavailable(error: BaseException) -> bool:
    """Whether this passes: the same request may succeed later, with nothing mended in it."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeoutError):
        return True
    return isinstance(error, DBAPIError) and getattr(error.orig, "pgcode", None) in _PASSING_SQLSTATES


def unready(engine: Engine) -> Unready | None:
    """None when the database is reachable and at the schema this code expects."""
    try:
        with engine.connect() as connection:
            schema = schema_state(connection)
    except (DBAPIError, PoolTimeoutError) as error:
        if not is_unavailable(error):
            raise
        return Unready("database", "The database cannot be reached; nothing is lost, try again shortly.")
    if schema.at_head:
        return None
    found = schema.current or "empty"
    return Unready("schema", f"The schema is at {found}, this code expects {schema.head}; run: cli.py db upgrade")
