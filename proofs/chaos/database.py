"""What administrators and other people do to a database while a service works on it. Nothing is lost by any of it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote

import psycopg2
import psycopg2.extensions

from devstack.postgres_embedded import EmbeddedPostgres
from devstack.processes import ProcessFailedError
from devstack.service_process import ServiceProcess
from proofs.chaos.faults import Trouble
from proofs.chaos.plan import Attack
from proofs.chaos.readiness import Affected, Outage, Watch

LOCKS = "locks"
"""The place of whoever holds locks for long: a restore would wait for them."""

_ROWS_LOCKED_SECONDS = 8.0
_WRITERS_LOCKED_OUT_SECONDS = 6.0
_LOCK_SECONDS = 60.0
_DUMP = "chaos.dump"
_ATTEMPTS = 10
_PAUSE_SECONDS = 0.2

_NEWEST_PAYMENTS = "SELECT FROM payments ORDER BY created_at DESC LIMIT 30 FOR UPDATE"
_NO_WRITERS = "LOCK TABLE outbox IN SHARE MODE"
_NO_READERS = "LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE"

_WRITERS = """
    SELECT pg_snapshot_xmax(pg_current_snapshot())::text, count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL
"""
"""What does not change between two looks, with nobody there, unless something was written in between."""


def promoted(server: EmbeddedPostgres) -> Trouble:
    """Stopped, and back as a standby that is promoted: nothing is lost, and a new timeline begins."""
    return Trouble(frozenset({server.kind}), server.promote)


def restored(server: EmbeddedPostgres, url: str) -> Trouble:
    """A dump of the whole database put back into it, under running processes with their sessions.

    All but the restore may only read from before the dump until after the restore, so that nothing is lost; what was
    under way is refused, and must be tried again.
    """

    def restore() -> None:
        with _read_only(server):
            _dump(server, url)
            _restore(server, url)

    return Trouble(frozenset({server.kind, LOCKS}), restore)


def rows_locked(url: str) -> Trouble:
    """Somebody's forgotten session has the newest payments' rows."""
    return Trouble(frozenset({LOCKS}), lambda: _hold(url, _NEWEST_PAYMENTS, lambda: time.sleep(_ROWS_LOCKED_SECONDS)))


def writers_locked_out(url: str) -> Trouble:
    """An index is built on the outbox: it can be read, and not written."""
    return Trouble(frozenset({LOCKS}), lambda: _hold(url, _NO_WRITERS, lambda: time.sleep(_WRITERS_LOCKED_OUT_SECONDS)))


def outbox_locked(server: EmbeddedPostgres, url: str, relays: Affected, watch: Watch) -> Trouble:
    """A long change of the outbox: a relay must say that it can't read."""
    outage = Outage("the outbox is locked", ("outbox", "database"), relays)

    def hold() -> None:
        with _locked(url, _NO_READERS) as release:
            watch.outage(outage, release)

    return Trouble(frozenset({LOCKS, server.kind}), hold)


def of_database(
    server: EmbeddedPostgres, url: str, relays: Sequence[ServiceProcess], watch: Watch
) -> dict[Attack, list[Trouble]]:
    """All that others do there."""
    return {
        Attack.PROMOTED: [promoted(server)],
        Attack.RESTORED: [restored(server, url)],
        Attack.ROWS_LOCKED: [rows_locked(url), writers_locked_out(url)],
        Attack.OUTBOX_LOCKED: [outbox_locked(server, url, [relays], watch)],
    }


def no_commands(url: str, meanwhile: Callable[[], None]) -> None:
    """Nobody can accept or finish a command until ``meanwhile`` returns."""
    _hold(url, "LOCK TABLE commands IN EXCLUSIVE MODE", meanwhile)


def _hold(url: str, lock: str, meanwhile: Callable[[], None]) -> None:
    """A lock that is lost because the server died is as good as one that was given back."""
    with _locked(url, lock):
        meanwhile()


@contextmanager
def _locked(url: str, lock: str) -> Iterator[Callable[[], None]]:
    """Until the block ends, or what it gives is called. Raises psycopg2.Error when the lock can't be had for long."""
    with closing(_with_lock(url, lock)) as session:
        yield session.rollback


def _with_lock(url: str, lock: str) -> psycopg2.extensions.connection:
    until = time.monotonic() + _LOCK_SECONDS
    while True:
        session = None
        try:
            session = psycopg2.connect(url, connect_timeout=10)
            session.cursor().execute(lock)
        except psycopg2.Error:  # the server is away, or chose this session in a deadlock
            if session is not None:
                session.close()
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return session


@contextmanager
def _read_only(server: EmbeddedPostgres) -> Iterator[None]:
    """Sessions that stand hear of it, too (PostgreSQL documentation, "default_transaction_read_only")."""
    _administer(server, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        _administer(server, "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")


def _dump(server: EmbeddedPostgres, url: str) -> None:
    """Again until nothing was written while it was made. Raises ProcessFailedError."""
    for _ in range(_ATTEMPTS):
        time.sleep(_PAUSE_SECONDS)
        before = _administer(server, _WRITERS)
        server.run("pg_dump", "--format=custom", f"--file={_DUMP}", url)
        if before == _administer(server, _WRITERS) and before[1] == 0:
            return
    raise ProcessFailedError("somebody writes to a database that may only be read")


def _restore(server: EmbeddedPostgres, url: str) -> None:
    """Again when it was chosen to give way in a deadlock with a reader. Raises ProcessFailedError."""
    writing = f"{url}?options={quote('-c default_transaction_read_only=off')}"
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            server.run(
                *("pg_restore", "--clean", "--if-exists", "--single-transaction", "--exit-on-error"),
                *(f"--dbname={writing}", _DUMP),
            )
        except ProcessFailedError as error:
            if attempt == _ATTEMPTS or "deadlock detected" not in str(error):
                raise
        else:
            return


def _administer(server: EmbeddedPostgres, *statements: str) -> tuple[Any, ...]:
    """The last one's only row."""
    with closing(psycopg2.connect(server.url, connect_timeout=10)) as session:
        session.autocommit = True
        with session.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchone() or () if cursor.description else ()
