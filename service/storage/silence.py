"""Ends connections on which the server does not answer, because the driver would wait for ever."""

import math
import os
import socket
import threading
import time
from contextlib import suppress

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from runtime.logs import get_logger

_log = get_logger(__name__)
_LINE = "line"
_LOOKS = 8
"""Checks of a connection within its time, so that it ends at most an eighth of that time late."""


class SilenceWatch:
    """Ends a connection of ``engine`` that has been in use for ``seconds`` without a break.

    The server's time-outs end every statement earlier, so such a connection has received no answer. TCP's time-outs
    notice a network that loses packets, but not a hanging host, whose kernel still acknowledges them. A thread that
    waits on an ended connection gets OperationalError.
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
            line = record.info.pop(_LINE, None)
            if line is not None:
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
