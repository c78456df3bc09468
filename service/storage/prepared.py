"""Statements of the hot paths: rendered once, planned once for each connection, executed by the driver.

An ORM session takes two to three times as long, and PostgreSQL plans its statement each time: an INSERT into the
outbox takes 486 µs instead of 166, an UPDATE of a command 412 instead of 172 (``make bench BENCH=statements``). The
statements are still SQLAlchemy's, made from the models, in its transactions and on its connections.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any, cast
from uuid import UUID

import psycopg2
from sqlalchemy import ClauseElement, Connection, Engine
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

from service.storage import connections
from service.storage.availability import is_stale_plan

_NUMBERED = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
"""Renders parameters as ``$1::type``, which PREPARE needs. Nothing uses the asyncpg driver."""

_FIRST_REPLAN = 64
"""Number of uses of a session before its first replan; a power of two."""

_numbers = count(1)
_ADAPTED: dict[type, Callable[[Any], str]] = {UUID: str, dict: json.dumps, list: json.dumps}
"""Types that the driver does not accept, or adapts slowly."""

Call = tuple["Prepared", Mapping[str, Any]]
"""A statement and the values of its parameters, by name."""


class Prepared:
    """One statement. ``names``: the columns of an INSERT that has no values of its own."""

    def __init__(self, statement: ClauseElement, names: Iterable[str] = ()) -> None:
        compiled = cast(SQLCompiler, statement.compile(dialect=_NUMBERED, column_keys=[*names] or None))
        self._order = tuple(compiled.positiontup or ())
        self._constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        self.name = f"hot_{next(_numbers)}"
        self.definition = f"PREPARE {self.name} AS {compiled}"
        self.text = f"EXECUTE {self.name}({', '.join(['%s'] * len(self._order))})"

    def bound(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order of the parameters. Raises KeyError when one is missing."""
        given = {**self._constants, **values}
        found = [given[name] for name in self._order]
        return [adapt(value) if (adapt := _ADAPTED.get(type(value))) else value for value in found]


class _Plans:
    """The generation of the plans in use. A migration that outdates one plan outdates the plans of all sessions."""

    def __init__(self) -> None:
        self.generation = 0

    def known_to(self, cursor: Any, info: dict[str, Any]) -> set[str]:
        """The names of a session's prepared statements, after statements of an earlier generation are deallocated.

        ``info`` lives as long as the server's session, and prepared statements outlive a rollback.
        """
        now = self.generation
        if info.get("generation", now) != now:
            cursor.execute("DEALLOCATE ALL")
            info["prepared"] = set()
        info["generation"] = now
        self._grow_with_the_tables(cursor, info)
        known: set[str] = info.setdefault("prepared", set())
        return known

    def _grow_with_the_tables(self, cursor: Any, info: dict[str, Any]) -> None:
        """Discard a session's plans each time its number of uses has doubled.

        PostgreSQL keeps a generic plan until something outdates it. A plan for an empty table scans the whole table,
        until autovacuum has analyzed the table, after a minute at the earliest (``autovacuum_naptime``).
        """
        uses = info["uses"] = info.get("uses", 0) + 1
        if uses >= _FIRST_REPLAN and uses & (uses - 1) == 0:
            cursor.execute("DISCARD PLANS")

    def doubt(self, info: dict[str, Any], error: BaseException) -> None:
        """Start a new generation when the error shows an outdated plan of the present one; later sessions find it."""
        if is_stale_plan(error) and info.get("generation") == self.generation:
            self.generation += 1


_plans = _Plans()


def run(connection: Connection, *calls: Call) -> list[tuple[Any, ...]]:
    """Execute the calls in one round trip, in their order; returns the rows of the last.

    Each call sees the effects of those before it. Raises SQLAlchemy's errors, and any error ends the transaction.
    """
    text = "; ".join(statement.text for statement, _ in calls)
    values = [value for statement, given in calls for value in statement.bound(given)]
    cursor: Any = connection.connection.cursor()
    try:
        _prepare(cursor, connection.info, calls)
        cursor.execute(text, values)
        return cursor.fetchall() if cursor.description else []
    except psycopg2.Error as exc:
        _plans.doubt(connection.info, exc)
        connections.note_error(connection.info, exc)
        raise _translated(connection, text, exc) from exc


def run_alone(engine: Engine, statement: Prepared, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Execute one statement that is its own transaction, without BEGIN and COMMIT; returns its rows.

    Raises the driver's error, after which the connection is not used again.
    """
    try:
        return _run_alone(engine, statement, values)
    except psycopg2.Error as exc:
        if not is_stale_plan(exc):
            raise
        return _run_alone(engine, statement, values)


def _run_alone(engine: Engine, statement: Prepared, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    pooled = engine.raw_connection()
    driver: Any = pooled.driver_connection
    try:
        driver.autocommit = True
        with driver.cursor() as cursor:
            _prepare(cursor, pooled.info, [(statement, values)])
            cursor.execute(statement.text, statement.bound(values))
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        driver.autocommit = False
    except Exception as exc:
        _plans.doubt(pooled.info, exc)
        connections.note_error(pooled.info, exc)
        pooled.invalidate()
        raise
    finally:
        pooled.close()
    return rows


def _prepare(cursor: Any, info: dict[str, Any], calls: Iterable[Call]) -> None:
    known = _plans.known_to(cursor, info)
    for statement, _ in calls:
        if statement.name not in known:
            cursor.execute(statement.definition)
            known.add(statement.name)


def _translated(connection: Connection, text: str, error: psycopg2.Error) -> BaseException:
    """The driver's error as SQLAlchemy would raise it. A connection that the server has closed is not used again."""
    lost = bool(connection.connection.driver_connection.closed)  # type: ignore[union-attr]
    if lost:
        connection.invalidate(error)
    return DBAPIError.instance(
        text, None, error, psycopg2.Error, hide_parameters=True, connection_invalidated=lost, dialect=connection.dialect
    )
