"""Changes a live schema without a long wait for readers or writers.

Indexes are built and constraints are checked while the work goes on (PostgreSQL documentation, "CREATE INDEX",
"Building Indexes Concurrently"; "ALTER TABLE", NOT VALID and VALIDATE CONSTRAINT). Neither fits into one transaction,
so each step first checks whether it is done already. An interrupted migration can simply run again.
"""

import time
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from runtime.logs import get_logger
from service.storage.requirements import CannotMigrateError

log = get_logger(__name__)

TRIES = 15
"""How often a lock is requested. A request that waits blocks every later request for the same table."""

LOCK_TIMEOUT_SECONDS = 2.0
PAUSE_SECONDS = 1.0

_LOCK_NOT_AVAILABLE, _UNIQUE_VIOLATION, _CHECK_VIOLATION = "55P03", "23505", "23514"


class RowsInTheWayError(CannotMigrateError):
    """Existing rows break a rule that a migration adds. The message names some of them and the remedy."""


def _code(error: DBAPIError) -> str | None:
    code: str | None = getattr(error.orig, "pgcode", None)
    return code


def briefly(connection: Connection, statements: Sequence[str]) -> None:
    """Run the statements in one transaction, which is given up and repeated while its locks are not free.

    The connection is in autocommit mode. Raises the database's error, that of the lock only after the last try.
    """
    for left in reversed(range(TRIES)):
        try:
            _at_once(connection, statements)
        except DBAPIError as exc:
            if _code(exc) != _LOCK_NOT_AVAILABLE or not left:
                raise
            log.info("the migration waits for a lock", statement=statements[0][:60], tries_left=left)
            time.sleep(PAUSE_SECONDS)
        else:
            return


def _at_once(connection: Connection, statements: Sequence[str]) -> None:
    connection.exec_driver_sql("BEGIN")
    try:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS:g}s'")
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("COMMIT")
    except DBAPIError:
        connection.exec_driver_sql("ROLLBACK")
        raise


def index_state(connection: Connection, name: str) -> bool | None:
    """Whether the index of this name is valid; None when there is no such index."""
    found = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
    state: bool | None = connection.execute(found, {"name": name}).scalar_one_or_none()
    return state


def build_index(connection: Connection, name: str, definition: str, duplicates: str) -> None:
    """``CREATE [UNIQUE] INDEX CONCURRENTLY``; the invalid index of an interrupted build is dropped and built again.

    ``definition``: the statement with ``{}`` in place of the name. ``duplicates``: a query for a few rows that break
    the uniqueness, one text for each row. Raises RowsInTheWayError.
    """
    whole = index_state(connection, name)
    if whole:
        return
    if whole is False:
        connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY {name}")
    try:
        connection.exec_driver_sql(definition.format(f"CONCURRENTLY {name}"))
    except DBAPIError as exc:
        connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        if _code(exc) != _UNIQUE_VIOLATION:
            raise
        raise RowsInTheWayError(f"{name}: {_rows(connection, duplicates)}") from exc


def has_constraint(connection: Connection, table: str, name: str) -> bool:
    """Whether the table has a constraint of this name, validated or not."""
    found = text("SELECT FROM pg_constraint WHERE conname = :name AND conrelid = to_regclass(:table)")
    return connection.execute(found, {"name": name, "table": table}).first() is not None


def validate(connection: Connection, table: str, offenders: Mapping[str, str]) -> None:
    """Check the existing rows against constraints that new rows obey already, in one scan of the table.

    ``offenders``: for each constraint a query for a few rows that break it, one text for each row. Raises
    RowsInTheWayError.
    """
    parts = ", ".join(f"VALIDATE CONSTRAINT {name}" for name in offenders)
    try:
        connection.exec_driver_sql(f"ALTER TABLE {table} {parts}")
    except DBAPIError as exc:
        if _code(exc) != _CHECK_VIOLATION:
            raise
        name = exc.orig.diag.constraint_name  # type: ignore[union-attr]
        raise RowsInTheWayError(f"{name}: {_rows(connection, offenders[name])}") from exc


def _rows(connection: Connection, query: str) -> str:
    # No index scans: an index whose collation has changed may be the reason why these rows were accepted.
    connection.exec_driver_sql(
        "SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off"
    )
    found = [str(row[0]) for row in connection.exec_driver_sql(query)]
    connection.exec_driver_sql("RESET enable_indexscan; RESET enable_indexonlyscan; RESET enable_bitmapscan")
    return f'{"; ".join(found)}. Mend these rows and run it again (runbook, "Rows that a migration refuses")'
