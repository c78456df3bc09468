"""Keeps only sessions that accept writes: after one refused write, no session of the pool is used again.

A failover that ends no connections leaves a pool full of sessions with the old primary, which answers reads and
refuses every write (PostgreSQL documentation, "default_transaction_read_only", "Hot Standby").
"""

import math
import time
from collections.abc import MutableMapping
from typing import Any, cast

import psycopg2.extensions
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from runtime.database_hosts import has_turned_read_only
from runtime.logs import get_logger
from service.storage.availability import is_read_only

_log = get_logger(__name__)
_WATCH, _BORN = "writable", "born"
_SILENCE_SECONDS = 30.0


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
        if self._refused_at - before > _SILENCE_SECONDS:
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


def note(info: MutableMapping[str, Any], error: BaseException) -> None:
    """Report an error of a session. Callers that execute on the driver's own cursor need this."""
    if is_read_only(error):
        watch: WritableSessions = info[_WATCH]
        watch.refused()
