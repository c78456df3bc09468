"""Measures the rows not published yet, beside the work. While the work waits, the figures go on, or are NaN."""

import math
from threading import Event

import psycopg2

from relay import metrics
from relay.postgres import Connection, connect, error_line, sever
from runtime.background import in_thread
from runtime.logs import get_logger

_log = get_logger(__name__)
_SECONDS = 5.0
_UNKNOWN = math.nan

_LAG = """
    WITH published AS (
        SELECT coalesce(%(high)s, (SELECT low FROM relay_checkpoints WHERE relay = %(relay)s), 0) AS high)
    SELECT coalesce((SELECT max(position) FROM outbox), 0) - high,
        coalesce((SELECT extract(epoch FROM clock_timestamp() - created_at) FROM outbox
                  WHERE position > high ORDER BY position LIMIT 1), 0)
    FROM published
"""
"""A result below zero shows that the outbox lost published rows."""


class LagMeter:
    """Measures while it is open. ``high`` is the highest position published; None while the receipt is not read yet."""

    def __init__(self, url: str, relay: str) -> None:
        self._url = url
        self._relay = relay
        self._session: Connection | None = None
        self._over = Event()
        self.high: int | None = None
        in_thread("relay-lag", self._run)

    def close(self) -> None:
        """Stop measuring, and set the metrics to NaN: no figure is better than an old one."""
        self._over.set()
        session = self._session
        if session is not None:
            sever(session)
        _tell(_UNKNOWN, _UNKNOWN)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                rows, seconds = self._measure()
            except psycopg2.Error as exc:
                rows = seconds = _UNKNOWN
                self._hang_up()
                _log.warning("the lag is not known", why=error_line(exc))
            if not self._over.is_set():
                _tell(rows, seconds)
            self._over.wait(_SECONDS)
        self._hang_up()

    def _measure(self) -> tuple[float, float]:
        if self._session is None:
            self._session = connect(self._url, "lag", (("statement_timeout", "5s"), ("lock_timeout", "2s")))
        with self._session.cursor() as cursor:
            cursor.execute(_LAG, {"high": self.high, "relay": self._relay})
            rows, seconds = cursor.fetchone() or (_UNKNOWN, _UNKNOWN)
        return float(rows), float(seconds)

    def _hang_up(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None


def _tell(rows: float, seconds: float) -> None:
    metrics.LAG_ROWS.set(rows)
    metrics.LAG_SECONDS.set(seconds)


_tell(_UNKNOWN, _UNKNOWN)
