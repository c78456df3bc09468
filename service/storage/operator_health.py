"""The facts of a database that decide whether the service can work with it, for operators."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from service.storage.collations import Drift, drifted
from service.storage.engine import Connection
from service.storage.requirements import ServerState, server_state
from service.storage.schema_state import SchemaState, schema_state

OLDEST_VERSION = 14
"""The relay keeps its published positions in multiranges, which PostgreSQL 14 introduced (its release notes)."""

_SERVER = text("SELECT CAST(current_setting('server_version_num') AS integer) / 10000, clock_timestamp()")


class DatabaseFacts(NamedTuple):
    """The facts of one database. ``version`` is the server's major version."""

    version: int
    clock: datetime
    server: ServerState
    schema: SchemaState
    drifts: list[Drift]


def database_facts(connection: Connection) -> DatabaseFacts:
    """Reads the facts. Raises the database's error."""
    version, clock = connection.execute(_SERVER).one()
    found, schema = server_state(connection), schema_state(connection)
    # Older servers lack some of the functions that this query calls.
    drifts = drifted(connection) if version >= OLDEST_VERSION else []
    return DatabaseFacts(version, clock, found, schema, drifts)


def statements_are_limited(connection: Connection) -> bool:
    """Whether the session has a statement time-out. Raises the database's error."""
    return bool(connection.execute(text("SELECT current_setting('statement_timeout') <> '0'")).scalar_one())
