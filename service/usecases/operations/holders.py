"""Transactions that hold something up, in words: whose each is, how old it is, and how it ends."""

from datetime import datetime

from runtime.durations import age
from runtime.printable import printable
from service.storage.operator_session import Record


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
