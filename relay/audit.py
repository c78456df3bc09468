"""Compares outbox and topics in both directions, event by event.

It finds events that are missing in a topic or unknown to the outbox, doubled, numbered twice, out of order, or that
can't be compared.

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


_OURS = "(seen.source = %(source)s OR seen.source IS NULL AND seen.topic <> ALL (%(shared)s))"

_UNKNOWN = f"""
    SELECT event_id::text, topic, partition, "offset", key, type, sequence, at FROM (
        SELECT DISTINCT ON (topic, event_id) * FROM seen
        WHERE {_OURS} AND at >= greatest(%(since)s, (
                SELECT CASE WHEN position > 1 THEN created_at + interval '10 minutes' END
                FROM outbox ORDER BY position LIMIT 1))
            AND NOT EXISTS (SELECT FROM outbox AS o WHERE o.event_id = seen.event_id AND NOT o.replayed)
        ORDER BY topic, event_id, partition, "offset") AS first
    ORDER BY at, topic, partition, "offset"
"""
"""Rows below the first position may be pruned: a record that is not younger than the first row proves nothing, and the
clocks of database and relay may differ.
"""

_NUMBERED_TWICE = f"""
    SELECT DISTINCT seen.key, seen.sequence, seen.event_id::text, o.event_id::text, seen.topic
    FROM seen JOIN outbox AS o ON o.key = seen.key AND o.sequence = seen.sequence AND NOT o.replayed
    WHERE o.event_id <> seen.event_id AND o.topic = seen.topic AND {_OURS} ORDER BY 1, 2, 3
"""


class Ours(NamedTuple):
    """Which records of a topic are this outbox's: those with its ``ce_source``; those without one, too, unless others
    write to the topic (``shared``).
    """

    source: str
    topics: tuple[str, ...] = ()
    """Topics to read, beside those that rows of the outbox name."""

    shared: tuple[str, ...] = ()


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


class Unknown(NamedTuple):
    """An event that its topic holds and the outbox does not: the database lost its row."""

    event_id: str
    topic: str
    partition: int
    offset: int
    key: str | None
    type: str | None
    sequence: int | None
    at: datetime


class NumberedTwice(NamedTuple):
    """A sequence that the topic's event has, and another event in the outbox: a reader drops the later one as old."""

    key: str
    sequence: int
    event_id: str
    other_event_id: str
    topic: str


class Report(NamedTuple):
    """The differences. Outbox and topics agree if all lists are empty."""

    compared: int
    missing: list[Missing]
    unknown: list[Unknown]
    numbered_twice: list[NumberedTwice]
    doubled: list[Doubled]
    out_of_order: list[OutOfOrder]
    uncompared: list[Uncompared]


def audit(
    url: str,
    kafka: Mapping[str, Any],
    checkpoint: Checkpoint,
    since: datetime,
    ours: Ours,
    beat: Callable[[], None] = lambda: None,
) -> Report:
    """Compare the rows that ``checkpoint`` says are published, and that were written since ``since``, with the topics;
    and the topics' records since then with the rows.

    Load the checkpoint first: rows that are published later are not looked for. ``beat`` is called while topics are
    read. Raises psycopg2.Error, KafkaException.
    """
    settled = checkpoint.settled
    with closing(connect(url, "audit")) as session:
        comparison = Comparison(session, kafka, beat)
        named = {topic for (topic,) in comparison.ask("SELECT DISTINCT topic FROM outbox")}
        comparison.read_topics(dict.fromkeys(sorted({*named, *ours.topics}), since))
        theirs = {"source": ours.source, "shared": list(ours.shared), "since": since}
        comparison.ask(_ABSENT, {"low": settled.low, "ranges": as_multirange(settled.above), "since": since})
        return Report(
            comparison.seen,
            [Missing(*row) for row in comparison.ask(_MISSING)],
            [Unknown(*row) for row in comparison.ask(_UNKNOWN, theirs)],
            [NumberedTwice(*row) for row in comparison.ask(_NUMBERED_TWICE, theirs)],
            [Doubled(*row) for row in comparison.ask(_DOUBLED)],
            [OutOfOrder(*row) for row in comparison.ask(_OUT_OF_ORDER)],
            [Uncompared(*row) for row in comparison.ask(_UNCOMPARED)],
        )
