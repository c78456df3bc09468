"""Sessions of the relay: autocommit, and quick to notice that the other side is gone."""

import os
import socket
from collections.abc import Sequence

import psycopg2
import psycopg2.extensions

from relay.positions import Range
from relay.receipt import Epoch
from runtime.database_hosts import is_refused_as_read_only

Connection = psycopg2.extensions.connection

TIMELINE = "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int"
"""The one written now: pg_control_checkpoint() tells the last checkpoint's, stale after a failover."""

_EPOCH = f"SELECT system_identifier, {TIMELINE} FROM pg_control_system()"


def connect(url: str, purpose: str, settings: Sequence[tuple[str, str]] = ()) -> Connection:
    """One session with ``settings``, on the primary if the URL names several hosts.

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
    return session


def told(error: Exception) -> str:
    """The error in a line. libpq tells that of each host: what counts is one that answers, and takes no writes."""
    if is_refused_as_read_only(error):
        return "read-only: no server that takes writes can be reached"
    return str(error).strip().partition("\n")[0] or type(error).__name__


def epoch_of(session: Connection) -> Epoch:
    """Which life of which database this is."""
    with session.cursor() as cursor:
        cursor.execute(_EPOCH)
        found = cursor.fetchone()
    if found is None:
        raise LookupError("pg_control_system() told nothing")
    return Epoch(*found)


def as_multirange(ranges: Sequence[Range]) -> str:
    """``ranges`` in PostgreSQL's notation of an int8multirange."""
    return "{" + ",".join(f"[{start},{end}]" for start, end in ranges) + "}"


def sever(session: Connection) -> None:
    """Cut the session's connection: a call that waits for an answer, in whichever thread, fails at once.

    Never waits itself, unlike closing or canceling, for which the server has to answer.
    """
    try:
        with socket.socket(fileno=os.dup(session.fileno())) as ours:
            ours.shutdown(socket.SHUT_RDWR)
    except (OSError, psycopg2.Error):
        return  # it is closed, or the other side was faster
