"""Watches a pool's connections: tests idle ones, ends silent ones, drops those that take no writes, and counts them.

A failover that ends no connections leaves a pool full of sessions with the old primary, which answers reads and refuses
every write (PostgreSQL documentation, "default_transaction_read_only", "Hot Standby").
"""

import math
import os
import socket
import threading
import time
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, cast

import psycopg2
import psycopg2.extensions
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from runtime.connection_metrics import CONNECTIONS, IN_USE, OPEN
from runtime.database_hosts import has_turned_read_only
from runtime.logs import get_logger
from service.storage.availability import is_read_only

_log = get_logger(__name__)
_LINE, _WATCH, _BORN, _IDLE_SINCE = "line", "writable", "born", "idle_since"
"""Names in a connection's record."""

_CHECKED_AFTER_SECONDS = 1.0
_LOOKS = 8
"""Checks of a connection within its time, so that it ends at most an eighth of that time late."""

_WARNING_SECONDS = 30.0
"""Refused writes within this time make one warning."""


class IdleCheck:
    """Tests a connection of ``engine`` only after a second without use.

    SQLAlchemy's pre-ping would add a round trip to every transaction, a third of a short one.
    """

    def __init__(self, engine: Engine) -> None:
        self._dialect = engine.dialect
        event.listen(engine, "checkin", self._given_back)
        event.listen(engine, "checkout", self._taken)

    def _given_back(self, _connection: object, record: ConnectionPoolEntry) -> None:
        record.info[_IDLE_SINCE] = time.monotonic()

    def _taken(self, connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        idle = time.monotonic() - record.info.get(_IDLE_SINCE, time.monotonic())
        if idle < _CHECKED_AFTER_SECONDS:
            return
        try:
            self._dialect.do_ping(connection)
        except psycopg2.Error as exc:
            raise DisconnectionError from exc


class SilenceWatch:
    """Ends a connection of ``engine`` that has been in use for ``seconds`` without a break.

    The server's time-outs end every statement earlier, so such a connection has received no answer, and the driver
    would wait for ever. TCP's time-outs notice a network that loses packets, but not a hanging host, whose kernel still
    acknowledges them. A thread that waits on an ended connection gets OperationalError.
    """

    def __init__(self, engine: Engine, seconds: float) -> None:
        self._seconds = seconds
        self._ends: dict[ConnectionPoolEntry, float] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        # The watch listens first, so that it also covers the statements of other listeners.
        event.listen(engine, "connect", self._connected, insert=True)
        event.listen(engine, "checkout", self._taken, insert=True)
        event.listen(engine, "checkin", self._given_back)
        event.listen(engine, "close", self._closed)
        event.listen(engine, "engine_disposed", self._disposed)

    def _connected(self, connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        # A duplicate: the driver may close its descriptor, whose number another connection would then get.
        record.info[_LINE] = socket.socket(fileno=os.dup(connection.fileno()))
        with self._lock:
            self._ends[record] = time.monotonic() + self._seconds
            if self._thread is None or not self._thread.is_alive():
                self._over.clear()
                self._thread = threading.Thread(target=self._run, name="silence-watch", daemon=True)
                self._thread.start()

    def _taken(self, _connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        with self._lock:
            self._ends[record] = time.monotonic() + self._seconds

    def _given_back(self, _connection: object, record: ConnectionPoolEntry) -> None:
        with self._lock:
            self._ends.pop(record, None)

    def _closed(self, _connection: object, record: ConnectionPoolEntry) -> None:
        with self._lock:
            self._ends.pop(record, None)
            if (line := record.info.pop(_LINE, None)) is not None:
                line.close()

    def _disposed(self, _engine: Engine) -> None:
        self._over.set()

    def _run(self) -> None:
        while not self._over.wait(self._seconds / _LOOKS):
            self._look(time.monotonic())

    def _look(self, now: float) -> None:
        with self._lock:
            silent = [record for record, ends in self._ends.items() if ends <= now]
            for record in silent:
                self._ends[record] = math.inf
                with suppress(OSError):  # not connected any more
                    record.info[_LINE].shutdown(socket.SHUT_RDWR)
        if silent:
            _log.warning("no answer from the database: connections ended", number=len(silent), seconds=self._seconds)


class WritableSessions:
    """Watches the sessions of one ``engine``. It needs no statement, because a read-only server reports itself.

    ``only_primary``: a session that has turned read-only is not even used for reads, because another server may have
    newer data.
    """

    def __init__(self, engine: Engine, *, only_primary: bool) -> None:
        self._only_primary = only_primary
        self._refused_at = -math.inf
        event.listen(engine, "connect", self._connected)
        event.listen(engine, "checkout", self._taken)
        event.listen(engine, "handle_error", self._failed)

    def refused(self) -> None:
        """Drop all present sessions, each at its next use. The session in its place connects to the primary."""
        before, self._refused_at = self._refused_at, time.monotonic()
        if self._refused_at - before > _WARNING_SECONDS:
            _log.warning("the database takes no writes: its sessions are dropped")

    def _connected(self, _connection: object, record: ConnectionPoolEntry) -> None:
        record.info.update({_WATCH: self, _BORN: time.monotonic()})

    def _taken(self, connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        turned = self._only_primary and has_turned_read_only(cast(psycopg2.extensions.connection, connection))
        if turned or record.info[_BORN] <= self._refused_at:
            raise DisconnectionError("a session of a server that takes no writes")

    def _failed(self, context: ExceptionContext) -> None:
        if context.connection is not None and is_read_only(context.original_exception):
            self.refused()


def note_error(info: MutableMapping[str, Any], error: BaseException) -> None:
    """Report an error of a session. Callers that execute on the driver's own cursor need this."""
    if is_read_only(error):
        watch: WritableSessions = info[_WATCH]
        watch.refused()


class PoolMetrics:
    """Counts the connections of one ``engine`` as they are opened, taken, given back and closed."""

    def __init__(self, engine: Engine, pool: str) -> None:
        self._open = CONNECTIONS.labels(pool, OPEN)
        self._in_use = CONNECTIONS.labels(pool, IN_USE)
        event.listen(engine, "connect", self._connected)
        # Last: a listener before it may refuse the connection, and the pool then tries another.
        event.listen(engine, "checkout", self._taken)
        event.listen(engine, "checkin", self._given_back)
        event.listen(engine, "close", self._closed)

    def _connected(self, _connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        self._open.inc()

    def _taken(self, _connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        record.info[IN_USE] = True
        self._in_use.inc()

    def _given_back(self, _connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        if record.info.pop(IN_USE, False):
            self._in_use.dec()

    def _closed(self, connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        self._open.dec()
        self._given_back(connection, record)
