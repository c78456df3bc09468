"""Ends a pool's sessions with an old DATABASE_URL as soon as their work is done, so that an old role can be dropped."""

from collections.abc import Callable
from typing import Any

import psycopg2
from psycopg2.extensions import connection
from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from runtime.current import Current
from runtime.logs import get_logger

DatabaseUrl = str | Current[Any]
"""A URL, or the settings that have it now."""

_BEGUN_WITH = "begun with"
_log = get_logger(__name__)


def url_of(database: DatabaseUrl) -> str:
    """The URL as it is now."""
    return database if isinstance(database, str) else database.database_url()


def noting_the_url(
    database: DatabaseUrl, connect: Callable[[str], connection]
) -> Callable[[ConnectionPoolEntry], connection]:
    """Begins a session, and notes in its entry of the pool the URL with which it began."""

    def begin(record: ConnectionPoolEntry) -> connection:
        url = record.info[_BEGUN_WITH] = url_of(database)
        return connect(url)

    return begin


class RenewedSessions:
    """Watches the sessions of one ``engine``. It needs no statement.

    A session in use goes on until it is given back, and then ends. An idle one is replaced by the thread that renews
    the secrets, or by the thread that takes it first.
    """

    def __init__(self, engine: Engine, current: Current[Any]) -> None:
        self._engine = engine
        self._current = current
        event.listen(engine, "checkout", self._taken)
        event.listen(engine, "checkin", self._given_back)
        current.subscribe(lambda _settings: self._replace_idle())

    def _is_old(self, record: ConnectionPoolEntry) -> bool:
        return bool(record.info.get(_BEGUN_WITH) != self._current.database_url())

    def _taken(self, _session: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        if self._is_old(record):
            raise DisconnectionError("a session with an old DATABASE_URL")

    def _given_back(self, session: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        if session is not None and self._is_old(record):
            record.invalidate()

    def _replace_idle(self) -> None:
        """Take and give back each idle session once: a pool gives out first what has been idle longest."""
        try:
            for _ in range(self._engine.pool.checkedin()):  # type: ignore[attr-defined]
                self._engine.raw_connection().close()
        except (psycopg2.Error, SQLAlchemyError) as error:
            _log.warning("idle_sessions_kept", why=type(error).__name__)
