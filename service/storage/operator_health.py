"""What an operator must know of a database before the service can work with it."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from service.storage.collations import Drift, drifted
from service.storage.engine import Connection
from service.storage.requirements import ServerState, server_state
from service.storage.schema_state import SchemaState, schema_state

OLDEST_VERSION = 14
"""Multiranges, which hold what the relay has published, came with it (PostgreSQL 14 release notes)."""

_SERVER = text("SELECT CAST(current_setting('server_version_num') AS integer) / 10000, clock_timestamp()")


class DatabaseFacts(NamedTuple):
    """One server, one database. ``version`` is the major one."""

    version: int
    clock: datetime
    server: ServerState
    schema: SchemaState
    drifts: list[Drift]


def database_facts(connection: Connection) -> DatabaseFacts:
    """Raises the database's error."""
    version, clock = connection.execute(_SERVER).one()
    found, schema = server_state(connection), schema_state(connection)
    # Some of its functions are younger than the oldest version that we take.
    drifts = drifted(connection) if version >= OLDEST_VERSION else []
    return DatabaseFacts(version, clock, found, schema, drifts)


def statements_are_limited(connection: Connection) -> bool:
    """Whether a stuck statement is ended. Raises the database's error."""
    return bool(connection.execute(text("SELECT current_setting('statement_timeout') <> '0'")).scalar_one())
