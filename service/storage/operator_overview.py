"""What an operator sees at one glance. Each statement goes by an index, and reads a bounded number of rows."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from service.storage.engine import Connection
from service.storage.operator_session import Record, records

MOST_OPEN = 10_000
"""Open commands that are counted. With more, the figures are those of the commands that are due first."""

_OPEN = text(
    """
    WITH open AS MATERIALIZED (
        SELECT * FROM commands WHERE state <> 'done' ORDER BY next_attempt_at LIMIT :most
    ), aged AS (
        SELECT *, extract(epoch FROM clock_timestamp() - received_at) AS age,
            coalesce(lease_expires_at > now(), false) AS leased FROM open
    )
    SELECT command_type, state, count(*) AS rows, min(received_at) AS oldest_at,
        count(*) FILTER (WHERE age < 10) AS below_10_seconds,
        count(*) FILTER (WHERE age >= 10 AND age < 60) AS below_1_minute,
        count(*) FILTER (WHERE age >= 60 AND age < 600) AS below_10_minutes,
        count(*) FILTER (WHERE age >= 600 AND age < 3600) AS below_1_hour,
        count(*) FILTER (WHERE age >= 3600) AS older,
        count(*) FILTER (WHERE leased) AS leased,
        count(*) FILTER (WHERE NOT leased AND next_attempt_at < now() - CAST('30 s' AS interval)) AS overdue,
        count(*) FILTER (WHERE attempts > 0) AS after_fault
    FROM aged GROUP BY command_type, state ORDER BY command_type, state
    """
)

_FAULTS = text(
    """
    WITH open AS MATERIALIZED (
        SELECT * FROM commands WHERE state <> 'done' ORDER BY next_attempt_at LIMIT :most
    )
    SELECT last_error AS fault, count(*) AS rows, min(received_at) AS oldest_at FROM open
    WHERE attempts > 0 AND last_error IS NOT NULL GROUP BY last_error ORDER BY count(*) DESC LIMIT 5
    """
)

RECENT_MESSAGES = 300
"""Messages at the end of the outbox in which the latest answers are looked for."""

_ANSWERS = text(
    """
    WITH tail AS MATERIALIZED (
        SELECT type, value, headers FROM outbox
        WHERE NOT replayed AND position > (SELECT max(position) FROM outbox) - :rows
            AND created_at > now() - CAST('1 h' AS interval)
    ), answers AS (
        SELECT (SELECT h->>1 FROM json_array_elements(headers) h WHERE h->>0 = 'command_type') AS command_type,
            (SELECT h->>1 FROM json_array_elements(headers) h WHERE h->>0 = 'correlation_id') AS correlation_id,
            CASE WHEN type = 'payment.failed' THEN CAST(value AS json)->'payload'->>'error' END AS error
        FROM tail WHERE type LIKE 'payment.%'
    )
    SELECT count(*) AS answers, count(*) FILTER (WHERE c.last_error IS NOT NULL) AS after_fault,
        count(*) FILTER (WHERE error = 'STRIPE_ERROR') AS refused
    FROM answers a JOIN commands c USING (command_type, correlation_id)
    """
)

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

_WRITERS = text(
    """
    SELECT held.pid, a.application_name AS program, a.state, a.xact_start AS since, a.wait_event_type AS waits_for
    FROM pg_locks AS held LEFT JOIN pg_stat_activity AS a ON a.pid = held.pid
    WHERE held.locktype = 'relation' AND held.relation = CAST('outbox' AS regclass) AND held.mode = 'RowExclusiveLock'
        AND held.granted AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY a.xact_start NULLS FIRST LIMIT 10
    """
)
"""A transaction that wrote to the outbox keeps this lock until it is over; one that was prepared has no process."""

_LETTERS = text(
    """
    SELECT reason, count(*) AS rows, min(received_at) AS oldest_at, max(received_at) AS newest_at
    FROM dead_letters WHERE state = 'open' GROUP BY reason ORDER BY count(*) DESC, reason
    """
)

_CLOCK = text("SELECT clock_timestamp()")


class Overview(NamedTuple):
    """The figures as of ``clock``, the database's."""

    clock: datetime
    open: list[Record]
    faults: list[Record]
    answers: Record
    relays: list[Record]
    sessions: Record
    writers: list[Record]
    letters: list[Record]


def overview(connection: Connection) -> Overview:
    """Raises the database's error."""
    return Overview(
        clock=clock(connection),
        open=records(connection, _OPEN, most=MOST_OPEN),
        faults=records(connection, _FAULTS, most=MOST_OPEN),
        answers=records(connection, _ANSWERS, rows=RECENT_MESSAGES)[0],
        relays=records(connection, _RELAY),
        sessions=records(connection, _SESSIONS)[0],
        writers=records(connection, _WRITERS),
        letters=records(connection, _LETTERS),
    )


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
