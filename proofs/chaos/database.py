"""Actions of administrators and others on the database of a working service. None of them loses data."""

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
"""The place of faults that hold locks for long, because a restore would wait for them."""

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
"""A value that differs between two queries only if a transaction wrote in between, provided no writer is active."""


def promoted(server: EmbeddedPostgres) -> Trouble:
    """Restart the server as a standby and promote it: nothing is lost, and a new timeline begins."""
    return Trouble(frozenset({server.kind}), server.promote)


def restored(server: EmbeddedPostgres, url: str) -> Trouble:
    """Dump the whole database and restore the dump into it, under running processes with their sessions.

    All other sessions are read-only from before the dump until after the restore, so that nothing is lost. Work in
    progress is refused and must be repeated.
    """

    def restore() -> None:
        with _read_only(server):
            _dump(server, url)
            _restore(server, url)

    return Trouble(frozenset({server.kind, LOCKS}), restore)


def rows_locked(url: str) -> Trouble:
    """A forgotten session of somebody locks the newest payments' rows."""
    return Trouble(frozenset({LOCKS}), lambda: _hold(url, _NEWEST_PAYMENTS, lambda: time.sleep(_ROWS_LOCKED_SECONDS)))


def writers_locked_out(url: str) -> Trouble:
    """A lock as of CREATE INDEX on the outbox, which allows reads and no writes."""
    return Trouble(frozenset({LOCKS}), lambda: _hold(url, _NO_WRITERS, lambda: time.sleep(_WRITERS_LOCKED_OUT_SECONDS)))


def outbox_locked(server: EmbeddedPostgres, url: str, relays: Affected, watch: Watch) -> Trouble:
    """A lock as of a long ALTER TABLE of the outbox: a relay must report that it cannot read."""
    outage = Outage("the outbox is locked", ("outbox", "database"), relays)

    def hold() -> None:
        with _locked(url, _NO_READERS) as release:
            watch.outage(outage, release)

    return Trouble(frozenset({LOCKS, server.kind}), hold)


def of_database(
    server: EmbeddedPostgres, url: str, relays: Sequence[ServiceProcess], watch: Watch
) -> dict[Attack, list[Trouble]]:
    """All faults in the database."""
    return {
        Attack.PROMOTED: [promoted(server)],
        Attack.RESTORED: [restored(server, url)],
        Attack.ROWS_LOCKED: [rows_locked(url), writers_locked_out(url)],
        Attack.OUTBOX_LOCKED: [outbox_locked(server, url, [relays], watch)],
    }


def no_commands(url: str, meanwhile: Callable[[], None]) -> None:
    """Lock the commands, so that no process can accept or finish one until ``meanwhile`` returns."""
    _hold(url, "LOCK TABLE commands IN EXCLUSIVE MODE", meanwhile)


def _hold(url: str, lock: str, meanwhile: Callable[[], None]) -> None:
    """Hold a lock. A lock that the server's death ends counts as released."""
    with _locked(url, lock):
        meanwhile()


@contextmanager
def _locked(url: str, lock: str) -> Iterator[Callable[[], None]]:
    """Hold a lock until the block ends or the given function is called. Raises psycopg2.Error after a long wait."""
    with closing(_with_lock(url, lock)) as session:
        yield session.rollback


def _with_lock(url: str, lock: str) -> psycopg2.extensions.connection:
    until = time.monotonic() + _LOCK_SECONDS
    while True:
        session = None
        try:
            session = psycopg2.connect(url, connect_timeout=10)
            session.cursor().execute(lock)
        except psycopg2.Error:  # the server is unavailable, or a deadlock chose this session
            if session is not None:
                session.close()
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return session


@contextmanager
def _read_only(server: EmbeddedPostgres) -> Iterator[None]:
    """Make all sessions read-only, open ones too (PostgreSQL documentation, "default_transaction_read_only")."""
    _administer(server, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        _administer(server, "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")


def _dump(server: EmbeddedPostgres, url: str) -> None:
    """Dump the database, repeatedly until no transaction wrote meanwhile. Raises ProcessFailedError."""
    for _ in range(_ATTEMPTS):
        time.sleep(_PAUSE_SECONDS)
        before = _administer(server, _WRITERS)
        server.run("pg_dump", "--format=custom", f"--file={_DUMP}", url)
        if before == _administer(server, _WRITERS) and before[1] == 0:
            return
    raise ProcessFailedError("somebody writes to a database that may only be read")


def _restore(server: EmbeddedPostgres, url: str) -> None:
    """Restore the dump, repeatedly after a deadlock with a reader. Raises ProcessFailedError."""
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
    """Execute the statements as administrator; returns the only row of the last."""
    with closing(psycopg2.connect(server.url, connect_timeout=10)) as session:
        session.autocommit = True
        with session.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchone() or () if cursor.description else ()
