"""Transactions that hold something up, in words: whose each is, how old it is, and how it ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from runtime.durations import age
from runtime.printable import printable
from service.domain.commands.command import CommandKey
from service.storage.availability import is_lock_wait
from service.storage.engine import Connection, Engine, SQLAlchemyError, transaction
from service.storage.operator_overview import clock
from service.storage.operator_session import Record, reading
from service.storage.operator_sessions import lockers_of_command
from service.usecases.operations.errors import OperatorError


class LockedError(OperatorError):
    """Another transaction held a row for too long; the message names it."""


def named(row: Record, clock: datetime) -> str:
    """``process 4711 (psql), idle in transaction, 12 s old``. ``clock``: the database's.

    PostgreSQL hides state and age of another role's session (``pg_read_all_stats``); a prepared transaction has
    no process.
    """
    since = row["since"]
    program = f" ({printable(row['program'])})" if row["program"] else ""
    parts = (
        f"process {row['pid']}{program}" if row["pid"] else "a prepared transaction",
        row["state"] and printable(row["state"]),
        f"{age((clock - since).total_seconds())} old" if since else "of unknown age",
    )
    return ", ".join(part for part in parts if part)


def ending(row: Record) -> str:
    """How an operator ends it, and rolls it back."""
    if row["pid"]:
        return f"SELECT pg_terminate_backend({row['pid']}) ends it and rolls it back"
    return "ROLLBACK PREPARED ends it; pg_prepared_xacts has its name"


@contextmanager
def naming_the_locker(engine: Engine, of: str, lockers: Callable[[Connection], list[Record]]) -> Iterator[None]:
    """Around an act on the object ``of``, in a transaction of its own. Nothing is read unless a lock times out.

    Raises LockedError with the transaction that ``lockers`` finds: the database's error does not name it.
    """
    try:
        yield
    except SQLAlchemyError as error:
        if not is_lock_wait(error):
            raise
        with reading(engine) as connection:
            found, now = lockers(connection), clock(connection)
        by = "; ".join(f"{named(each, now)}; {ending(each)}" for each in found) or "another transaction"
        raise LockedError(f"{of} is locked by {by}. Runbook: “A payment's row is locked”") from error


@contextmanager
def command_locked(engine: Engine, key: CommandKey) -> Iterator[Connection]:
    """A transaction that locks a command, or its payment. Raises LockedError as ``naming_the_locker`` does."""
    lockers = partial(lockers_of_command, key=key)
    of = f"{key.command_type} {key.correlation_id}"
    with naming_the_locker(engine, of, lockers), transaction(engine) as connection:
        yield connection
