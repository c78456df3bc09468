"""Connections and transactions. The only place a transaction begins, so the Stripe guard sits here too."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

import psycopg2
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from service.domain.errors import TransactionOpenError

__all__ = [
    "Connection",
    "Engine",
    "SQLAlchemyError",
    "connect_for_migration",
    "make_engine",
    "refuse_inside_transaction",
    "transaction",
]

_open_transactions: ContextVar[int] = ContextVar("open_transactions", default=0)

TRIED_AFTER_SECONDS = 1.0
STATEMENT_TIMEOUT_MS = 10_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000


def make_engine(url: str, pool_size: int) -> Engine:
    """Pool of ``pool_size`` connections; one that has idled is tried before it is used.

    Time-outs keep a stuck statement, or a process stopped inside a transaction, from holding a payment's row
    (PostgreSQL documentation, "Client Connection Defaults").
    """
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg2://", 1),
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,
        pool_timeout=10,
        connect_args={
            "connect_timeout": 5,
            "application_name": "payment-service",
            "options": (
                f"-c statement_timeout={STATEMENT_TIMEOUT_MS} "
                f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_MS} "
                "-c lock_timeout=8000 -c timezone=UTC"
            ),
        },
    )
    event.listen(engine, "checkin", _note_idle)
    event.listen(engine, "checkout", partial(_try_idle, engine))
    return engine


def _note_idle(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info["idle_since"] = time.monotonic()


def _try_idle(engine: Engine, connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
    """The pool's own pre-ping would cost a round trip for every transaction, a third of a short one."""
    idle = time.monotonic() - record.info.get("idle_since", time.monotonic())
    if idle < TRIED_AFTER_SECONDS:
        return
    try:
        engine.dialect.do_ping(connection)
    except psycopg2.Error as exc:
        raise DisconnectionError from exc


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One database transaction: commits on leaving, rolls back on any exception."""
    token = _open_transactions.set(_open_transactions.get() + 1)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        _open_transactions.reset(token)


def refuse_inside_transaction() -> None:
    """Raises TransactionOpenError when the calling thread has a transaction open: Stripe is never called then."""
    if _open_transactions.get():
        raise TransactionOpenError


def connect_for_migration(url: str) -> Connection:
    """One connection of its own, without the service's statement time-out."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg2://", 1), poolclass=NullPool)
    return engine.connect()
