"""Changes of a live schema: nobody who reads or writes waits for them longer than a moment.

An index is built and a constraint is checked beside the work that goes on (PostgreSQL documentation, "CREATE INDEX",
"Building Indexes Concurrently"; "ALTER TABLE", NOT VALID and VALIDATE CONSTRAINT). Neither fits into one transaction,
so each step looks first whether it was done before: a migration that was interrupted is simply run again.
"""

import time
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from runtime.logs import get_logger
from service.storage.requirements import CannotMigrateError

log = get_logger(__name__)

TRIES = 15
"""How often a lock is tried for. Who waits for one keeps everybody waiting who comes after."""

LOCK_TIMEOUT_SECONDS = 2.0
PAUSE_SECONDS = 1.0

_LOCK_NOT_AVAILABLE, _UNIQUE_VIOLATION, _CHECK_VIOLATION = "55P03", "23505", "23514"


class RowsInTheWayError(CannotMigrateError):
    """Rows that stand in the table break a rule that a migration adds: which ones, and what to do."""


def _code(error: DBAPIError) -> str | None:
    code: str | None = getattr(error.orig, "pgcode", None)
    return code


def briefly(connection: Connection, statements: Sequence[str]) -> None:
    """These in one transaction, which gives up and tries again when it can't have its locks at once.

    The connection commits by itself. Raises the database's error, after the last try that for the lock.
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
    """Whether an index of this name is whole; None when there is none."""
    found = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
    state: bool | None = connection.execute(found, {"name": name}).scalar_one_or_none()
    return state


def build_index(connection: Connection, name: str, definition: str, duplicates: str) -> None:
    """``CREATE [UNIQUE] INDEX CONCURRENTLY``; what an interrupted build left is built anew.

    ``definition``: what stands before and after the name, with ``{}`` for it. ``duplicates``: a query for a few rows
    that can't stand beside each other, one text a row. Raises RowsInTheWayError.
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
    """Whether the table has a constraint of this name, checked or not."""
    found = text("SELECT FROM pg_constraint WHERE conname = :name AND conrelid = to_regclass(:table)")
    return connection.execute(found, {"name": name, "table": table}).first() is not None


def validate(connection: Connection, table: str, offenders: Mapping[str, str]) -> None:
    """Check what stands in the table against constraints that new rows obey already, in one reading of it.

    ``offenders``: by constraint a query for a few rows that break it, one text a row. Raises RowsInTheWayError.
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
    # Not by an index: one whose order has changed is what may have let these rows in.
    connection.exec_driver_sql(
        "SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off"
    )
    found = [str(row[0]) for row in connection.exec_driver_sql(query)]
    connection.exec_driver_sql("RESET enable_indexscan; RESET enable_indexonlyscan; RESET enable_bitmapscan")
    return f'{"; ".join(found)}. Mend these rows and run it again (docs/runbook.md, "Rows that a migration refuses")'
