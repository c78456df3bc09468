"""Lets one migration of a database run at a time. A second one waits for a limited time, and names the first."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, text

from service.storage.requirements import CannotMigrateError

KEY = 0x7061796D656E7473
"""Advisory lock that serializes concurrent starts ("payments" in ASCII)."""

_TRY_SECONDS, _SAY_SECONDS = 0.1, 10.0

_HOLDER = text("""
    SELECT pid, application_name, client_addr, backend_start, state FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND ((CAST(classid AS bigint) << 32) | CAST(objid AS bigint)) = :key
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
""")


def take(connection: Connection, patience_seconds: float, say: Callable[[str], None]) -> None:
    """Take the advisory lock, asking every tenth of a second.

    A blocking statement would hold a snapshot, and CREATE INDEX CONCURRENTLY of the other migration waits for all
    snapshots. ``say`` gets a line about the holder every 10 s. Raises CannotMigrateError after ``patience_seconds``.
    """
    began = time.monotonic()
    said: float | None = None
    while True:
        got = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": KEY}).scalar_one()
        connection.commit()
        if got:
            return
        waited = time.monotonic() - began
        if waited >= patience_seconds:
            raise CannotMigrateError(
                f"gave up after {waited:.0f} s: another migration still runs, {_holder(connection)}; "
                "wait for it, or end it with pg_terminate_backend(), then run this again"
            )
        if said is None or waited - said >= _SAY_SECONDS:
            said = waited
            say(f"waiting for another migration of this database, {_holder(connection)}")
        time.sleep(_TRY_SECONDS)


def release(connection: Connection) -> None:
    """Release the advisory lock for the next migration."""
    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": KEY})
    connection.commit()


def _holder(connection: Connection) -> str:
    found = connection.execute(_HOLDER, {"key": KEY}).first()
    connection.commit()
    return "which has just ended" if found is None else _described(found)


def _described(found: Any) -> str:
    """The holder's session in words. PostgreSQL shows a role without rights only the pid of another role's session."""
    name = f'"{found.application_name}"' if found.application_name else "of another role or without a name"
    place = f" from {found.client_addr}" if found.client_addr else ""
    since = f", connected since {found.backend_start:%Y-%m-%dT%H:%M:%SZ}" if found.backend_start else ""
    return f"pid {found.pid} {name}{place}{since}{f', {found.state}' if found.state else ''}"
