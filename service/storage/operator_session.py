"""Transactions, sessions and records for operators, who read more rows at once than callers do."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from sqlalchemy import Executable, Select, TextClause, text
from sqlalchemy.orm import Session

from service.storage.engine import Connection, Engine, transaction
from service.storage.models import Base

Record = dict[str, Any]
"""A row: column name → value."""

Row = TypeVar("Row", bound=Base)

_LONGEST_STATEMENT = text("SET LOCAL statement_timeout = '120s'")


@contextmanager
def _snapshot(engine: Engine, settings: TextClause) -> Iterator[Connection]:
    with transaction(engine.execution_options(isolation_level="REPEATABLE READ")) as connection:
        connection.execute(settings)
        yield connection


def reading(engine: Engine) -> AbstractContextManager[Connection]:
    """A transaction in which all reads see one snapshot, with a longer statement time-out."""
    return _snapshot(engine, _LONGEST_STATEMENT)


_GLANCE = text("SET LOCAL statement_timeout = '3s'; SET LOCAL enable_seqscan = off")
"""Fresh or stale statistics could make the planner read a whole table where an index would do."""


def glancing(engine: Engine) -> AbstractContextManager[Connection]:
    """One snapshot for all reads of a page, each of which goes by an index and ends within 3 s."""
    return _snapshot(engine, _GLANCE)


def session_in(connection: Connection) -> Session:
    """An ORM session inside the caller's transaction: closing it neither commits nor rolls back."""
    return Session(connection, join_transaction_mode="rollback_only")


def records(connection: Connection, statement: Executable, **values: Any) -> list[Record]:
    """The rows that a statement returns."""
    return [dict(row) for row in connection.execute(statement, values).mappings()]


def whole_records(connection: Connection, statement: Select[Row]) -> list[Record]:
    """The rows of one model that a statement returns, with all their columns."""
    with session_in(connection) as session:
        return [
            {column.name: getattr(row, column.name) for column in row.__table__.columns}
            for row in session.scalars(statement)
        ]
