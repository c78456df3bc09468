"""Sessions of the relay: in autocommit mode, and quick to notice that the server is gone."""

import os
import socket
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any
from weakref import WeakSet

import psycopg2
import psycopg2.extensions

from relay.positions import Range
from relay.receipt import Epoch
from runtime.connection_metrics import CONNECTIONS, OPEN
from runtime.database_hosts import is_refused_as_read_only

Connection = psycopg2.extensions.connection

TIMELINE = "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int"
"""The timeline that is written now. pg_control_checkpoint() has that of the last checkpoint, stale after a failover."""

_sessions: dict[str, WeakSet[Connection]] = {}
_changing = Lock()

_EPOCH = f"SELECT system_identifier, {TIMELINE} FROM pg_control_system()"


def connect(url: str, purpose: str, settings: Sequence[tuple[str, str]] = ()) -> Connection:
    """A session with ``settings``, on a server that takes writes.

    libpq gives up within seconds on a host that vanished (PostgreSQL documentation, "Parameter Key Words"). Raises
    psycopg2.OperationalError.
    """
    session = psycopg2.connect(
        url,
        application_name=f"relay: {purpose}",
        connect_timeout=5,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
        target_session_attrs="read-write",
        client_encoding="UTF8",
    )
    session.autocommit = True
    with session.cursor() as cursor:
        for name, value in (("timezone", "UTC"), *settings):
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
    _count(session, purpose)
    return session


def _count(session: Connection, purpose: str) -> None:
    """Show the session in /metrics until it is closed, by us or by the server. A scrape looks at the session itself."""
    with _changing:
        _sessions.setdefault(purpose, WeakSet()).add(session)
    CONNECTIONS.labels(purpose, OPEN).set_function(lambda: _open(purpose))


def _open(purpose: str) -> int:
    with _changing:
        return sum(not session.closed for session in _sessions[purpose])


def query(session: Connection, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
    """Run a statement. The first column of the first row; None when there is none. Raises psycopg2.Error."""
    with session.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def error_line(error: Exception) -> str:
    """The error in one line. Of several hosts' errors the important one is a host that answers and takes no writes."""
    if is_refused_as_read_only(error):
        return "read-only: no server that takes writes can be reached"
    return str(error).strip().partition("\n")[0] or type(error).__name__


def epoch_of(session: Connection) -> Epoch:
    """The life of the database that ``session`` is connected to."""
    with session.cursor() as cursor:
        cursor.execute(_EPOCH)
        found = cursor.fetchone()
    if found is None:
        raise LookupError("pg_control_system() returned nothing")
    return Epoch(*found)


def as_multirange(ranges: Sequence[Range]) -> str:
    """``ranges`` in PostgreSQL's notation of an int8multirange."""
    return "{" + ",".join(f"[{start},{end}]" for start, end in ranges) + "}"


def sever(session: Connection) -> None:
    """Cut the session's connection: a call that waits for an answer, in any thread, fails at once.

    Never waits. Closing or canceling would wait for the server's answer.
    """
    try:
        with socket.socket(fileno=os.dup(session.fileno())) as ours:
            ours.shutdown(socket.SHUT_RDWR)
    except (OSError, psycopg2.Error):
        return  # The session is closed already.
