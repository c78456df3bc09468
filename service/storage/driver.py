"""Single statements, each a transaction of its own, past SQLAlchemy's own execution.

BEGIN, COMMIT and the building of result objects would double what such a statement costs (measured); it is still
SQLAlchemy that writes it, once.
"""

from typing import Any, NamedTuple

from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.sql import ClauseElement


class Prepared(NamedTuple):
    """A statement as the driver takes it: SQL, and those of its values that are always the same."""

    sql: str
    constants: dict[str, Any]


def prepared(statement: ClauseElement) -> Prepared:
    """The statement, rendered."""
    compiled = statement.compile(dialect=PGDialect_psycopg2())  # type: ignore[no-untyped-call]
    return Prepared(str(compiled), dict(compiled.params))


def run_alone(engine: Engine, statement: Prepared, **values: Any) -> list[tuple[Any, ...]]:
    """Run it in autocommit; its rows. Raises the driver's error, after which the connection is not used again."""
    pooled = engine.raw_connection()
    driver: Any = pooled.driver_connection
    try:
        driver.autocommit = True
        with driver.cursor() as cursor:
            cursor.execute(statement.sql, {**statement.constants, **values})
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        driver.autocommit = False
    except Exception:
        pooled.invalidate()
        raise
    finally:
        pooled.close()
    return rows
