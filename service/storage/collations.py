"""Finds indexes whose collation has changed. An update of the operating system or of ICU can change the order of text.

An index built in the old order misses rows when it is searched in the new order, and a unique index then accepts the
same text twice (PostgreSQL documentation, "ALTER COLLATION", "ALTER DATABASE", REFRESH COLLATION VERSION). All
identifiers of this service use COLLATE "C", the order of bytes, which never changes. Only three kinds of index can be
affected: one that an operator has added, one from before schema 0004, and that of Alembic's table, which has one row.
"""

from typing import NamedTuple

from sqlalchemy import Connection, text

from service.storage.models import Base
from service.storage.requirements import VERSIONS

_DEFAULT = 100
"""The oid of pg_catalog."default", which means the database's own collation."""

_RECORDS_DATABASE = text("SELECT CAST(current_setting('server_version_num') AS integer) >= 150000")
"""PostgreSQL 15 was the first to record the version of a database's collation (its release notes)."""

_OF_DATABASE = f"""
    SELECT CAST({_DEFAULT} AS oid), CAST('the database''s collation' AS text), datcollversion,
        pg_database_collation_actual_version(oid), format('ALTER DATABASE %I REFRESH COLLATION VERSION', datname)
    FROM pg_database WHERE datname = current_database() UNION ALL
"""

_DRIFTED = """
    WITH versions (id, name, recorded, actual, refresh) AS ({of_database}
        SELECT oid, format('collation %s', oid::regcollation), collversion, pg_collation_actual_version(oid),
            format('ALTER COLLATION %s REFRESH VERSION', oid::regcollation)
        FROM pg_collation WHERE collversion IS NOT NULL)
    SELECT name, recorded, actual, refresh, ARRAY(
        SELECT format('%s', indexrelid::regclass) FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
        WHERE id = ANY (indcollation) AND relname = ANY (:tables)
            AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) ORDER BY 1)
    FROM versions WHERE recorded IS DISTINCT FROM actual AND recorded IS NOT NULL
"""


class Drift(NamedTuple):
    """A collation that has changed since indexes of the service were built with it."""

    name: str
    recorded: str
    actual: str | None
    refresh: str
    """The statement that records the present version."""

    indexes: list[str]

    @property
    def detail(self) -> str:
        """The change, and the indexes at risk."""
        change = f"{self.name} was version {self.recorded}, and is {self.actual or 'gone'} now"
        if self.indexes == [f"{VERSIONS}_pkc"]:
            return f"{change}; no data of the service is in its order, only {VERSIONS}_pkc, which has one row"
        return f"{change}; {', '.join(self.indexes)} may miss rows, or accept the same text twice"

    @property
    def mend(self) -> str:
        """The statements that mend the indexes, in their order."""
        built = [f"REINDEX INDEX CONCURRENTLY {index}" for index in self.indexes]
        return f"run: {'; '.join([*built, self.refresh])}; a unique index that cannot be built names the rows to mend"


def drifted(connection: Connection) -> list[Drift]:
    """The changed collations that indexes of the service use. Raises the database's error."""
    recorded = connection.execute(_RECORDS_DATABASE).scalar_one()
    # The text depends on the server: before PostgreSQL 15 it does not know the function.
    statement = text(_DRIFTED.format(of_database=_OF_DATABASE if recorded else ""))
    rows = connection.execute(statement, {"tables": [*Base.metadata.tables, VERSIONS]})
    return [drift for drift in map(Drift._make, rows) if drift.indexes]
