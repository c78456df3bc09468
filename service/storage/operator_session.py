"""Transactions and records for operators, who ask for more rows at once than callers do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Executable, text

from service.storage.engine import Connection, Engine, transaction

Record = dict[str, Any]
"""A row: column name → value."""

_LONGEST_STATEMENT = text("SET LOCAL statement_timeout = '120s'")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One snapshot for all reads of a command."""
    with transaction(engine.execution_options(isolation_level="REPEATABLE READ")) as connection:
        connection.execute(_LONGEST_STATEMENT)
        yield connection


def records(connection: Connection, statement: Executable, **values: Any) -> list[Record]:
    """What a statement finds."""
    return [dict(row) for row in connection.execute(statement, values).mappings()]
