"""What an operator sees at one glance. Each statement goes by an index, and reads a bounded number of rows."""

from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import text

from service.domain.audit_results import AuditKind
from service.storage import audits, operator_relays, operator_sessions, operator_tail
from service.storage.engine import Connection
from service.storage.operator_session import Record, records

MOST_OPEN = 10_000
"""Open commands that are counted. With more, the figures are those of the commands that are due first."""

_OPEN = text(
    """
    WITH open AS MATERIALIZED (
        SELECT command_type, state, received_at, attempts, last_error, next_attempt_at,
            extract(epoch FROM clock_timestamp() - received_at) AS age,
            coalesce(lease_expires_at > now(), false) AS leased
        FROM commands WHERE state <> 'done' ORDER BY next_attempt_at LIMIT :most
    )
    SELECT command_type, state, CASE WHEN attempts > 0 THEN last_error END AS fault, count(*) AS rows,
        min(received_at) AS oldest_at,
        count(*) FILTER (WHERE age < 10) AS below_10_seconds,
        count(*) FILTER (WHERE age >= 10 AND age < 60) AS below_1_minute,
        count(*) FILTER (WHERE age >= 60 AND age < 600) AS below_10_minutes,
        count(*) FILTER (WHERE age >= 600 AND age < 3600) AS below_1_hour,
        count(*) FILTER (WHERE age >= 3600) AS older,
        count(*) FILTER (WHERE leased) AS leased,
        count(*) FILTER (WHERE NOT leased AND next_attempt_at < now() - CAST('30 s' AS interval)) AS overdue,
        count(*) FILTER (WHERE attempts > 0) AS after_fault
    FROM open GROUP BY command_type, state, fault
    """
)
"""Read once; what it finds is added up by type, and by fault."""

_SHOWN_FAULTS = 5

_RELAY = text(
    """
    WITH relays AS (
        SELECT relay, low, updated_at, doubt, coalesce(
            (SELECT range_agg(int8range(CAST(r->>0 AS bigint), CAST(r->>1 AS bigint), '[]'))
             FROM jsonb_array_elements(ranges) r), '{}') AS above
        FROM relay_checkpoints
    ), reached AS (
        SELECT *, greatest(low, coalesce(upper(above) - 1, low)) AS high FROM relays
    )
    SELECT relay, low, high, updated_at, doubt,
        greatest(coalesce((SELECT max(position) FROM outbox), 0) - high, 0) AS rows,
        (SELECT min(created_at) FROM (
            SELECT created_at FROM outbox WHERE position > high ORDER BY position LIMIT 1) AS first) AS oldest_at,
        ARRAY(SELECT lower(hole) FROM unnest(int8multirange(int8range(low, high, '(]')) - above) AS hole
              ORDER BY 1 LIMIT 20) AS gaps,
        ARRAY(SELECT upper(hole) - 1 FROM unnest(int8multirange(int8range(low, high, '(]')) - above) AS hole
              ORDER BY 1 LIMIT 20) AS gap_ends
    FROM reached ORDER BY relay
    """
)

_SESSIONS = text(
    """
    SELECT count(*) AS relays, count(*) FILTER (WHERE EXISTS (
        SELECT FROM pg_locks AS held WHERE held.pid = a.pid AND held.locktype = 'advisory' AND held.granted)) AS leading
    FROM pg_stat_activity AS a WHERE datname = current_database() AND application_name = 'relay: leader'
    """
)
"""Everybody may read these two columns of all sessions (PostgreSQL documentation, "pg_stat_activity")."""

_LETTERS = text(
    """
    SELECT reason, count(*) AS rows, min(received_at) AS oldest_at, max(received_at) AS newest_at
    FROM dead_letters WHERE state = 'open' GROUP BY reason ORDER BY count(*) DESC, reason
    """
)

_CLOCK = text("SELECT clock_timestamp()")


class RelayView(NamedTuple):
    """The relay's progress as of ``clock``, the database's; its sessions, and the transactions that may hold a gap."""

    clock: datetime
    relays: list[Record]
    sessions: Record
    writers: list[Record]


class Overview(NamedTuple):
    """The figures. ``open``: by type and state; ``faults``: the most frequent ones of open commands.

    ``consumers``: their sessions. ``unread``: published commands that nobody accepts.
    ``transactions``: those left open. ``audits``: the last run of each audit that has run.
    """

    relay: RelayView
    open: list[Record]
    faults: list[Record]
    answers: Record
    letters: list[Record]
    consumers: int
    unread: int
    transactions: list[Record]
    audits: dict[AuditKind, audits.LastAudit]


def overview(connection: Connection) -> Overview:
    """Raises the database's error."""
    parts = records(connection, _OPEN, most=MOST_OPEN)
    faults = _added_up([part for part in parts if part["fault"] is not None], ("fault",))
    return Overview(
        relay=relay(connection),
        open=sorted(_added_up(parts, ("command_type", "state")), key=itemgetter("command_type", "state")),
        faults=sorted(faults, key=itemgetter("rows"), reverse=True)[:_SHOWN_FAULTS],
        answers=operator_tail.answers(connection),
        letters=letters(connection),
        consumers=operator_sessions.consumers(connection),
        unread=operator_tail.unread(connection),
        transactions=operator_sessions.open_transactions(connection),
        audits=audits.last(connection),
    )


def _added_up(parts: list[Record], names: tuple[str, ...]) -> list[Record]:
    """The parts with these values in common, added up; of the times the earliest."""
    sums: dict[tuple[Any, ...], Record] = {}
    for part in parts:
        key = tuple(part[name] for name in names)
        known = sums.setdefault(key, dict(zip(names, key, strict=True)))
        for name, value in part.items():
            if isinstance(value, datetime):
                known[name] = min(known.get(name, value), value)
            elif isinstance(value, int):
                known[name] = known.get(name, 0) + value
    return list(sums.values())


def relay(connection: Connection) -> RelayView:
    """Raises the database's error."""
    now, relays = clock(connection), records(connection, _RELAY)
    return RelayView(now, relays, records(connection, _SESSIONS)[0], operator_relays.writers(connection))


def letters(connection: Connection) -> list[Record]:
    """Open dead letters by reason, the most frequent first."""
    return records(connection, _LETTERS)


def clock(connection: Connection) -> datetime:
    """The database's clock."""
    found: datetime = connection.execute(_CLOCK).scalar_one()
    return found


def lag(connection: Connection) -> tuple[datetime, int, float] | None:
    """The database's clock, the rows that wait for the relay, and the age of the oldest one in seconds; None before
    any relay has published."""
    now = clock(connection)
    relays = records(connection, _RELAY)
    if not relays:
        return None
    last = max(relays, key=lambda relay: int(relay["rows"]))
    age = (now - last["oldest_at"]).total_seconds() if last["oldest_at"] else 0.0
    return now, int(last["rows"]), max(age, 0.0)
