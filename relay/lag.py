"""Measures, beside the work, the rows that wait and the transaction that holds a gap.

The figures go on while the work waits for Kafka. They are NaN while they can't be measured, and outside a term.
"""

import math
import time
from threading import Event, Lock
from typing import Protocol

import psycopg2

from relay import checkpoint, metrics
from relay.gap_holder import Holder, HolderSearch
from relay.gaps import HeldGaps
from relay.health import Health
from relay.outbox_source import PLANS
from relay.positions import Settled
from relay.postgres import Connection, connect, error_line, query, sever
from runtime.background import in_thread
from runtime.broker_connection import Throttle
from runtime.logs import get_logger

_log = get_logger(__name__)
_SECONDS = 5.0
_HOLDER_SECONDS = 1.0
_PATIENCE_SECONDS = 5.0
"""The log names a transaction that is older."""

_UNKNOWN = math.nan
_COUNTED_ROWS = 10_000
"""More rows are not counted: their number is that of the positions, at most as many as writers rolled back too high."""

_END = 2**63 - 1

_WAITING = """
    SELECT count(*), coalesce(date_part('epoch', clock_timestamp() - min(created_at)), 0),
        coalesce((SELECT max(position) FROM outbox), 0)
    FROM (SELECT found.created_at
          FROM unnest(%(firsts)s::bigint[], %(lasts)s::bigint[]) AS missing (first, last)
          CROSS JOIN LATERAL (
              SELECT created_at FROM outbox WHERE position BETWEEN missing.first AND missing.last
              ORDER BY position LIMIT %(limit)s) AS found
          LIMIT %(limit)s) AS waiting
"""

_SETTINGS = (*PLANS, ("statement_timeout", "5s"), ("lock_timeout", "2s"))


class Gaps(Protocol):
    """What a reader says about its gaps."""

    @property
    def open_gaps(self) -> int:
        """The number of gaps that may still be filled."""

    def held_gaps(self) -> HeldGaps | None:
        """The gaps that running transactions may still fill; None when there are none."""


class LagMeter:
    """Measures while it is open: rows every 5 s, the holder of a gap every second while there is a gap.

    Until the first report, the checkpoint says what is published. While the checkpoint is doubted, nothing does.
    """

    def __init__(self, url: str, relay: str, health: Health) -> None:
        self._url = url
        self._relay = relay
        self._health = health
        self._session: Connection | None = None
        self._settled: Settled | None = None
        self._held: HeldGaps | None = None
        self._look_at = 0.0
        self._search = HolderSearch()
        self._throttle = Throttle()
        self._over = Event()
        self._setting = Lock()
        in_thread("relay-lag", self._run)

    def report(self, settled: Settled, gaps: Gaps) -> None:
        """Take the settled positions that Kafka has acknowledged, and the gaps. Only the worker's thread calls this."""
        self._settled = settled
        number, now = gaps.open_gaps, time.monotonic()
        if number == 0:
            self._held = None
        elif self._held is None or now >= self._look_at:
            self._held, self._look_at = gaps.held_gaps(), now + _HOLDER_SECONDS
        _set_gaps(number)

    def close(self) -> None:
        """Stop measuring, and set the metrics to NaN: no figure is better than an old one."""
        with self._setting:
            self._over.set()
            _forget()
        session = self._session
        if session is not None:
            sever(session)

    def _run(self) -> None:
        measure_at = 0.0
        while not self._over.is_set():
            try:
                if time.monotonic() >= measure_at:
                    self._set(*self._waiting())
                    measure_at = time.monotonic() + _SECONDS
                self._name(self._search.find(self._connected(), self._held) if self._held else None)
            except psycopg2.Error as exc:
                self._set(_UNKNOWN, _UNKNOWN)
                self._name(None, _UNKNOWN)
                self._hang_up()
                _log.warning("the lag is not known", why=error_line(exc))
                self._over.wait(_SECONDS)
            self._over.wait(_HOLDER_SECONDS)
        self._hang_up()

    def _connected(self) -> Connection:
        if self._session is None:
            self._session = connect(self._url, "lag", _SETTINGS)
        return self._session

    def _waiting(self) -> tuple[float, float]:
        """The number of rows that Kafka has not acknowledged, and the age of the oldest in seconds."""
        session, settled = self._connected(), self._settled
        if settled is None:
            saved = checkpoint.load(lambda statement, values: query(session, statement, values), self._relay)
            if saved is not None and saved.doubt is not None:
                return _UNKNOWN, _UNKNOWN
            settled = saved.settled if saved is not None else Settled()
        missing = [*settled.gaps(), (settled.high + 1, _END)]
        ranges = {"firsts": [first for first, _ in missing], "lasts": [last for _, last in missing]}
        with session.cursor() as cursor:
            cursor.execute(_WAITING, {**ranges, "limit": _COUNTED_ROWS})
            rows, seconds, highest = cursor.fetchone() or (0, 0.0, 0)
        if rows == _COUNTED_ROWS:
            rows = sum(max(0, min(last, highest) - first + 1) for first, last in missing)
        return float(rows), max(0.0, seconds)

    def _set(self, rows: float, seconds: float) -> None:
        with self._setting:
            if not self._over.is_set():
                _set_lag(rows, seconds)

    def _name(self, holder: Holder | None, seconds: float = 0.0) -> None:
        with self._setting:
            if not self._over.is_set():
                self._health.gap_holder = None if holder is None else str(holder)
                metrics.GAP_HOLDER_SECONDS.set(seconds if holder is None else holder.seconds)
        if holder is not None and holder.seconds >= _PATIENCE_SECONDS and self._throttle.lets_through(holder.name):
            _log.warning("gap_held", **holder._asdict())

    def _hang_up(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None


def _set_lag(rows: float, seconds: float) -> None:
    metrics.LAG_ROWS.set(rows)
    metrics.LAG_SECONDS.set(seconds)


def _set_gaps(number: float) -> None:
    for gauge in (metrics.GAPS, metrics.OPEN_GAPS):
        gauge.set(number)


def _forget() -> None:
    _set_lag(_UNKNOWN, _UNKNOWN)
    _set_gaps(_UNKNOWN)
    metrics.GAP_HOLDER_SECONDS.set(_UNKNOWN)


_forget()
