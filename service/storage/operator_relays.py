"""How far each relay is in the outbox: what waits, and which gaps it waits for."""

from typing import NamedTuple

from sqlalchemy import func, select, text

from service.storage.engine import Connection
from service.storage.models import OutboxRow
from service.storage.operator_session import Record, records

# What a relay says is settled: everything up to low, and the ranges above it. Its checkpoint follows Kafka by at most
# a batch, so a row just published may still count as waiting. Where positions are handed out again below, a row there
# is not the one that was meant; where the relay doubts, nothing is proven until it has compared.
# A role without a right to the sequence knows of no doubt but the relay's: PostgreSQL has no last value for it.
SETTLED = """
    SELECT relay, low, updated_at, coalesce(
            (SELECT range_agg(int8range(CAST(r->>0 AS bigint), CAST(r->>1 AS bigint), '[]'))
             FROM jsonb_array_elements(c.ranges) r),
            '{}'
        ) AS above,
        CASE WHEN doubt IS NOT NULL THEN 9223372036854775807 WHEN drawn < low THEN drawn ELSE 0 END AS unproven,
        coalesce(doubt, CASE WHEN drawn < low THEN
            format('positions up to %s are handed out again below %s', drawn, low) END) AS doubt
    FROM relay_checkpoints c, (
        SELECT CASE has_sequence_privilege(id, 'USAGE, SELECT') WHEN false THEN NULL
            ELSE coalesce(pg_sequence_last_value(id), 0) END AS drawn
        FROM CAST(pg_get_serial_sequence('outbox', 'position') AS regclass) AS id) AS sequence
"""

_RELAYS = text(
    f"""
    WITH s AS MATERIALIZED ({SETTLED})
    SELECT relay, low, updated_at, waits.rows AS waiting, waits.since AS oldest_waiting_at, doubt
    FROM s CROSS JOIN LATERAL (
        SELECT count(*) AS rows, min(created_at) AS since FROM (
            SELECT created_at FROM outbox WHERE position <= s.unproven
            UNION ALL
            SELECT created_at FROM outbox
            WHERE position > greatest(s.low, s.unproven) AND NOT position <@ s.above) AS waiting
    ) AS waits ORDER BY relay
    """
)

_GAPS = text("""
    WITH seen AS (
        SELECT relay, low, coalesce((SELECT range_agg(int8range(CAST(r->>0 AS bigint), CAST(r->>1 AS bigint), '[]'))
            FROM jsonb_array_elements(ranges) r), '{}') AS above
        FROM relay_checkpoints WHERE doubt IS NULL),
    gaps AS (
        SELECT relay, generate_series(lower(hole), least(upper(hole) - 1, lower(hole) + 999)) AS position
        FROM seen, unnest(int8multirange(int8range(low + 1, upper(above))) - above) AS hole
        WHERE NOT isempty(above))
    SELECT relay, position FROM gaps
    WHERE NOT EXISTS (SELECT FROM outbox WHERE outbox.position = gaps.position) ORDER BY relay, position
""")

_WRITERS = text("""
    SELECT held.pid, a.application_name AS program, a.state, a.xact_start AS since, a.wait_event_type AS waits_for
    FROM pg_locks AS held LEFT JOIN pg_stat_activity AS a ON a.pid = held.pid
    WHERE held.locktype = 'relation' AND held.relation = CAST('outbox' AS regclass) AND held.mode = 'RowExclusiveLock'
        AND held.granted AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY a.xact_start NULLS FIRST LIMIT 10
""")
"""A transaction that wrote to the outbox keeps this lock until it is over; one that was prepared has no process."""

_NAMES_IN_STATS = {"program": "application_name", "since": "xact_start", "waits_for": "wait_event_type"}
"""Programs that read ``outbox stats --json`` know the columns of pg_stat_activity."""


class Gaps(NamedTuple):
    """Positions that a relay waits for, and the oldest transactions that may still fill them."""

    positions: list[Record]
    writers: list[Record]


def stats(connection: Connection) -> Record:
    """Rows, by type too; how far each relay is, which gaps it waits for, and which open transactions may fill them."""
    by_type = connection.execute(
        select(OutboxRow.type, func.count(), func.count().filter(OutboxRow.replayed), func.max(OutboxRow.position))
        .group_by(OutboxRow.type)
        .order_by(OutboxRow.type)
    ).all()
    found = gaps(connection)
    return {
        "rows": sum(rows for _, rows, _, _ in by_type),
        "replayed": sum(replayed for _, _, replayed, _ in by_type),
        "last_position": max((last for _, _, _, last in by_type), default=None),
        "by_type": {type_: rows for type_, rows, _, _ in by_type},
        "relays": relays(connection),
        "gaps": found.positions,
        "writers": [{_NAMES_IN_STATS.get(name, name): row[name] for name in row} for row in found.writers],
    }


def gaps(connection: Connection) -> Gaps:
    """The gaps of every relay, and their writers, the oldest first; no writers without a gap."""
    positions = records(connection, _GAPS)
    return Gaps(positions, writers(connection) if positions else [])


def writers(connection: Connection) -> list[Record]:
    """Open transactions that have written to the outbox, the oldest first."""
    return records(connection, _WRITERS)


def relays(connection: Connection) -> list[Record]:
    """How far each relay is, and what waits for it."""
    return records(connection, _RELAYS)
