"""The connections of a process's pools, for metrics."""

from prometheus_client import Gauge
from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

_CONNECTIONS = Gauge(
    "payment_database_connections",
    "Database connections by pool: open (in use or idle), and in use",
    ["pool", "state"],
    multiprocess_mode="livesum",
)
_IN_USE = "in use"


class PoolMetrics:
    """Counts the connections of one ``engine`` as they are opened, taken, given back and closed."""

    def __init__(self, engine: Engine, pool: str) -> None:
        self._open = _CONNECTIONS.labels(pool, "open")
        self._in_use = _CONNECTIONS.labels(pool, "in_use")
        event.listen(engine, "connect", self._connected)
        # Last: a listener before it may refuse the connection, and the pool then tries another.
        event.listen(engine, "checkout", self._taken)
        event.listen(engine, "checkin", self._given_back)
        event.listen(engine, "close", self._closed)

    def _connected(self, _connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        self._open.inc()

    def _taken(self, _connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        record.info[_IN_USE] = True
        self._in_use.inc()

    def _given_back(self, _connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        if record.info.pop(_IN_USE, False):
            self._in_use.dec()

    def _closed(self, connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        self._open.dec()
        self._given_back(connection, record)
