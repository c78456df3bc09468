"""The connections of a process's pools, for metrics."""

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from runtime.connection_metrics import CONNECTIONS, IN_USE, OPEN


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
