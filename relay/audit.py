"""Compares outbox and topics, event by event: events that are missing, doubled, out of order, or can't be compared.

Operators use it as proof. For its own doubts the relay has another comparison: published_rows.py.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any, NamedTuple

from relay.checkpoint import Checkpoint
from relay.comparison import CANDIDATES, MAYBE_GONE, PUBLISHED, UNSETTLED, Comparison
from relay.postgres import as_multirange, connect

_ABSENT = f"""
    CREATE TEMP TABLE absent AS
        WITH c AS ({CANDIDATES.format(where=f"NOT {UNSETTLED} AND created_at >= %(since)s")})
        SELECT position, event_id::text, topic, key, type, sequence, replayed, created_at, {MAYBE_GONE} AS maybe_gone
        FROM c WHERE NOT {PUBLISHED} AND NOT EXISTS (
            SELECT FROM dead_letters d WHERE d.partition = -1 AND d."offset" = c.position)
"""

_MISSING = """
    SELECT position, event_id, topic, key, type, sequence, replayed, created_at
    FROM absent WHERE NOT maybe_gone ORDER BY position
"""

_UNCOMPARED = """
    SELECT topic, count(*), min(position), max(position), min(created_at), max(created_at)
    FROM absent WHERE maybe_gone GROUP BY topic ORDER BY topic
"""

_DOUBLED = """
    SELECT event_id::text, topic, count(*) FROM seen WHERE NOT replayed GROUP BY event_id, topic
    HAVING count(*) > 1 AND EXISTS (SELECT FROM outbox WHERE outbox.event_id = seen.event_id) ORDER BY min("offset")
"""

_OUT_OF_ORDER = """
    WITH first AS (
        SELECT DISTINCT ON (topic, event_id) topic, partition, "offset", event_id FROM seen WHERE NOT replayed
        ORDER BY topic, event_id, partition, "offset"),
    placed AS (
        SELECT first.*, o.key, o.sequence, max(o.sequence) OVER (
            PARTITION BY first.topic, first.partition, o.key ORDER BY first."offset"
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS after_sequence
        FROM first JOIN outbox o ON o.event_id = first.event_id AND NOT o.replayed AND o.sequence IS NOT NULL)
    SELECT event_id::text, topic, partition, "offset", key, sequence, after_sequence FROM placed
    WHERE sequence < after_sequence ORDER BY topic, partition, "offset"
"""


class Missing(NamedTuple):
    """A row that counts as published, and that no ``read_committed`` reader finds. Appending it again publishes it."""

    position: int
    event_id: str
    topic: str
    key: str
    type: str
    sequence: int | None
    replayed: bool
    created_at: datetime


class Uncompared(NamedTuple):
    """Rows of one topic that no reader finds, and that the broker may have deleted."""

    topic: str
    rows: int
    first_position: int
    last_position: int
    first_created_at: datetime
    last_created_at: datetime


class Doubled(NamedTuple):
    """An event that its topic holds more than once, not counting replays."""

    event_id: str
    topic: str
    times: int


class OutOfOrder(NamedTuple):
    """An event that comes after a later event of its key."""

    event_id: str
    topic: str
    partition: int
    offset: int
    key: str
    sequence: int
    after_sequence: int


class Report(NamedTuple):
    """The differences. Outbox and topics agree if all four lists are empty."""

    compared: int
    missing: list[Missing]
    doubled: list[Doubled]
    out_of_order: list[OutOfOrder]
    uncompared: list[Uncompared]


def audit(
    url: str, kafka: Mapping[str, Any], checkpoint: Checkpoint, since: datetime, beat: Callable[[], None] = lambda: None
) -> Report:
    """Compare the rows that ``checkpoint`` says are published, and that were written since ``since``, with the topics.

    Load the checkpoint first: rows that are published later are not looked for. ``beat`` is called while topics are
    read. Raises psycopg2.Error, KafkaException.
    """
    settled = checkpoint.settled
    with closing(connect(url, "audit")) as session:
        comparison = Comparison(session, kafka, beat)
        comparison.read_topics({topic: since for (topic,) in comparison.ask("SELECT DISTINCT topic FROM outbox")})
        comparison.ask(_ABSENT, {"low": settled.low, "ranges": as_multirange(settled.above), "since": since})
        return Report(
            comparison.seen,
            [Missing(*row) for row in comparison.ask(_MISSING)],
            [Doubled(*row) for row in comparison.ask(_DOUBLED)],
            [OutOfOrder(*row) for row in comparison.ask(_OUT_OF_ORDER)],
            [Uncompared(*row) for row in comparison.ask(_UNCOMPARED)],
        )
