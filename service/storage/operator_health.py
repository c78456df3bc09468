"""What an operator must know of a database before the service can work with it."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from service.storage.engine import Connection
from service.storage.migrate import SchemaState, schema_state

OLDEST_VERSION = 14
"""Multiranges, which hold what the relay has published, came with it (PostgreSQL 14 release notes)."""

_SERVER = text(
    "SELECT CAST(current_setting('server_version_num') AS integer) / 10000, clock_timestamp(), pg_is_in_recovery()"
)


class DatabaseFacts(NamedTuple):
    """One server, one database. ``version`` is the major one; ``standby`` means that it takes no writes."""

    version: int
    clock: datetime
    standby: bool
    schema: SchemaState


def database_facts(connection: Connection) -> DatabaseFacts:
    """Raises the database's error."""
    version, clock, standby = connection.execute(_SERVER).one()
    return DatabaseFacts(version, clock, standby, schema_state(connection))
