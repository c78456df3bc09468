"""Pools and transactions. Every transaction begins here, so the guard of Stripe calls, and what waits for a commit, are
here, too."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple, TypeVar

import psycopg2
import psycopg2.extensions
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from runtime.database_hosts import names_primary
from service.domain.errors import TransactionOpenError
from service.storage.availability import is_lock_wait, is_read_only, is_stale_plan
from service.storage.connections import IdleCheck, PoolMetrics, SilenceWatch, WritableSessions
from service.storage.renewal import DatabaseUrl, RenewedSessions, noting_the_url, url_of

__all__ = [
    "Connection", "Engine", "SQLAlchemyError", "Waits", "after_commit", "connect_for_migration", "in_transaction",
    "make_engine", "refuse_inside_transaction", "transaction",
]  # fmt: skip

T = TypeVar("T")
_open_transactions: ContextVar[int] = ContextVar("open_transactions", default=0)
_waiting: ContextVar[list[Callable[[], object]] | None] = ContextVar("waiting", default=None)
"""The calls that wait for the commit of the present transaction; None outside of one."""

MIGRATOR = "payment-service: db"
"""The application name of sessions that read or change the schema."""

CONSUMER = "payment-service: consumer"
"""The application name of a consumer's sessions, by which operators see that one is connected."""

_DIALECT = "postgresql+psycopg2://"
IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000

_ENCODING = "UTF8"
"""The encoding of every session, whatever a role or PGCLIENTENCODING sets. The startup packet carries it, as it carries
all settings below."""

_TCP: dict[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A connection whose packets get lost ends within 11 s (PostgreSQL documentation, "Parameter Key Words"). The kernel's
default is a quarter of an hour."""


class Waits(NamedTuple):
    """Time-outs of a pool's sessions: for a row lock (ms), a statement (ms), a connection (s) and any answer (s).
    ``program``: their application name."""

    row_ms: int = 8000
    statement_ms: int = 10_000
    connect_seconds: int = 5
    answer_seconds: float | None = None
    pool: str = "work"
    program: str = "payment-service"


FOR_OPERATORS = Waits()
"""An operator watches the command and can end it with Ctrl-C. Some statements take minutes."""

FOR_CALLERS = Waits(row_ms=2000, answer_seconds=15.0)
"""An HTTP caller waits for the answer, and only the caller can repeat the request. But a thread that waits for a row
serves nobody."""

FOR_COMMANDS = Waits(row_ms=250, answer_seconds=15.0, program=CONSUMER)
"""A command that meets a locked row runs again later. Meanwhile its connection serves commands that need not wait."""

FOR_LEASES = Waits(row_ms=500, statement_ms=2000, connect_seconds=2, answer_seconds=3.0, pool="leases")
"""Leases are renewed after a third of their time, so a renewal that fails quickly is repeated before the lease ends."""

FOR_READINESS = Waits(row_ms=500, statement_ms=1000, connect_seconds=2, answer_seconds=1.5, pool="readiness")
"""A late answer counts as no answer."""


def make_engine(database: DatabaseUrl, pool_size: int, waits: Waits = FOR_OPERATORS) -> Engine:
    """A pool of ``pool_size`` connections, which tests an idle connection before its next use.

    Where ``database`` is the settings of a process, user and password may become new while it runs.

    The time-outs keep a stuck statement, or a process paused inside a transaction, from holding a payment's row lock
    (PostgreSQL documentation, "Client Connection Defaults").
    """
    engine = create_engine(
        _DIALECT,
        creator=noting_the_url(database, partial(_connect, waits=waits)),
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,
        pool_timeout=10,
    )
    IdleCheck(engine)
    WritableSessions(engine, only_primary=names_primary(url_of(database)))
    if not isinstance(database, str):
        RenewedSessions(engine, database)
    if waits.answer_seconds is not None:
        SilenceWatch(engine, waits.answer_seconds)
    PoolMetrics(engine, waits.pool)
    return engine


def _connect(url: str, waits: Waits) -> psycopg2.extensions.connection:
    """Passes the URL to libpq unchanged, because libpq chooses among several hosts the one that accepts writes."""
    theirs = psycopg2.extensions.parse_dsn(url).get("options", "")
    ours = {
        "statement_timeout": waits.statement_ms,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_MS,
        "lock_timeout": waits.row_ms,
        "timezone": "UTC",
    }
    session: psycopg2.extensions.connection = psycopg2.connect(
        url,
        connect_timeout=waits.connect_seconds,
        application_name=waits.program,
        options=" ".join([theirs, *(f"-c {name}={value}" for name, value in ours.items())]),
        client_encoding=_ENCODING,
        **_TCP,
    )
    return session


@contextmanager
def _collected() -> Iterator[None]:
    """Collect the calls that wait for the commit; make them after the block, and drop them when it raises."""
    calls: list[Callable[[], object]] = []
    outer = _waiting.set(calls)
    try:
        yield
    finally:
        _waiting.reset(outer)
    for call in calls:
        call()


def after_commit(call: Callable[[], object]) -> None:
    """Make ``call`` once the present transaction of this thread has committed; never if it rolls back.

    Log lines go this way: a line that reports an effect is written only after the effect is durable.
    """
    calls = _waiting.get()
    if calls is None:
        call()
    else:
        calls.append(call)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One database transaction: the block's end commits it, any exception rolls it back."""
    with _collected():
        token = _open_transactions.set(_open_transactions.get() + 1)
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            _open_transactions.reset(token)


def in_transaction(engine: Engine, work: Callable[[Connection], T], *, lock_tries: int = 1) -> T:
    """Runs ``work`` in its own transaction, and repeats the whole of it after a try that certainly changed nothing.

    One repetition follows when a migration has outdated a plan, or when the server accepts no writes any more and
    another server may. A locked row allows ``lock_tries`` tries in all; no connection is held between them. No failed
    try commits anything, so ``work`` as a whole must be repeatable, never a part of it. Raises the last try's error.
    """
    begun_anew = False
    while True:
        try:
            with transaction(engine) as connection:
                return work(connection)
        except DBAPIError as error:
            if (is_stale_plan(error) or is_read_only(error)) and not begun_anew:
                begun_anew = True
            elif is_lock_wait(error) and lock_tries > 1:
                lock_tries -= 1
            else:
                raise


def refuse_inside_transaction() -> None:
    """Raises TransactionOpenError when the calling thread has an open transaction. Stripe is never called in one."""
    if _open_transactions.get():
        raise TransactionOpenError


def connect_for_migration(url: str) -> Connection:
    """One connection outside any pool, without the service's statement time-out."""
    creator = partial(psycopg2.connect, url, application_name=MIGRATOR, client_encoding=_ENCODING, **_TCP)
    return create_engine(_DIALECT, poolclass=NullPool, creator=creator).connect()
