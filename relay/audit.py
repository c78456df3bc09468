"""Outbox and topics compared, event by event: what is missing, doubled, out of order; what is published already.

The relay asks this when it cannot trust its memory; an operator asks it for proof. Events are matched by topic and
``ce_id``. An event may be replayed several times under one id, so replays are matched by their number.
"""

import csv
import io
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from relay.checkpoint import Checkpoint
from relay.positions import Range, Settled
from relay.postgres import Connection, as_multirange, connect
from relay.topic_scan import Place, extents, scan

_CLOCK_SKEW = timedelta(minutes=10)
"""How far the clocks of database, relay and broker may be apart."""

_SHORTEST_RETENTION = timedelta(days=7)
"""Kafka's default (log.retention.hours), used when a partition was emptied and does not tell from when."""

_SEEN = """
    CREATE TEMP TABLE seen (topic text, partition int, "offset" bigint, at timestamptz, event_id uuid, replayed boolean)
"""

_CANDIDATES = """
    SELECT position, event_id, topic, key, type, sequence, replayed, created_at,
        row_number() OVER same AS nth, first_value(created_at) OVER same AS first_at
    FROM outbox WHERE {where}
    WINDOW same AS (PARTITION BY topic, event_id, replayed ORDER BY position)
"""

_HOW_OFTEN = """
    (SELECT count(*) FROM seen WHERE seen.event_id = c.event_id AND seen.topic = c.topic
        AND seen.replayed = c.replayed AND (NOT c.replayed OR seen.at >= c.first_at - interval '100 ms'))
"""

_UNSETTLED = "position > %(low)s AND NOT position <@ %(ranges)s::int8multirange"

_PUBLISHED = f"""
    WITH c AS ({_CANDIDATES.format(where=_UNSETTLED)}),
    published AS (
        SELECT position, position - row_number() OVER (ORDER BY position) AS island FROM c
        WHERE created_at < %(horizon)s OR nth <= {_HOW_OFTEN})
    SELECT min(position), max(position) FROM published GROUP BY island ORDER BY 1
"""

_MISSING = f"""
    WITH c AS ({_CANDIDATES.format(where=f"NOT ({_UNSETTLED}) AND created_at >= %(since)s")})
    SELECT position, event_id::text, topic, key, type, sequence, replayed, created_at FROM c
    WHERE created_at >= %(horizon)s AND nth > {_HOW_OFTEN}
        AND NOT (NOT replayed AND EXISTS (SELECT FROM seen WHERE seen.event_id = c.event_id AND seen.topic = c.topic))
        AND NOT EXISTS (SELECT FROM dead_letters d
                        WHERE d.topic = c.topic AND d.partition = -1 AND d."offset" = c.position)
    ORDER BY position
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
    """A published row that no ``read_committed`` reader finds; appending it anew publishes it."""

    position: int
    event_id: str
    topic: str
    key: str
    type: str
    sequence: int | None
    replayed: bool
    created_at: datetime


class Doubled(NamedTuple):
    """An event that stands in its topic more than once, replays aside."""

    event_id: str
    topic: str
    times: int


class OutOfOrder(NamedTuple):
    """An event that stands behind a later one of its key."""

    event_id: str
    topic: str
    partition: int
    offset: int
    key: str
    sequence: int
    after_sequence: int


class Report(NamedTuple):
    """What does not agree; all empty is proof that outbox and topics do."""

    compared: int
    missing: list[Missing]
    doubled: list[Doubled]
    out_of_order: list[OutOfOrder]


class Comparison:
    """A database session that holds what the topics hold."""

    def __init__(self, session: Connection, kafka: Mapping[str, Any], beat: Callable[[], None]) -> None:
        self._session = session
        self._kafka = kafka
        self._beat = beat
        self.seen = 0

    def ask(self, statement: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of one statement."""
        with self._session.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    def read_topics(self, topics: list[str], since: datetime) -> datetime:
        """Read ``topics`` back; rows older than the answer cannot be compared, the broker has deleted that time."""
        wanted = extents(self._kafka, topics, since - _CLOCK_SKEW)
        with self._session.cursor() as cursor:
            cursor.execute(_SEEN)
            for some in scan(self._kafka, wanted, self._beat):
                self.seen += len(some)
                lines = io.StringIO()
                csv.writer(lines).writerows(some)
                lines.seek(0)
                cursor.copy_expert("COPY seen FROM STDIN (FORMAT csv)", lines)
            cursor.execute("CREATE INDEX ON seen (event_id)")
            cursor.execute("ANALYZE seen")
        return self._horizon({place for place, extent in wanted.items() if extent.cut})

    def _horizon(self, cut: set[Place]) -> datetime:
        firsts = self.ask("SELECT topic, partition, min(at) FROM seen GROUP BY topic, partition")
        first = {(topic, partition): at for topic, partition, at in firsts}
        unknown = datetime.now(UTC) - _SHORTEST_RETENTION
        return max((first.get(place, unknown) for place in cut), default=datetime.min.replace(tzinfo=UTC))


def reconcile(url: str, kafka: Mapping[str, Any], known: Settled, beat: Callable[[], None]) -> Settled:
    """``known``, and of the rows it does not hold those that the topics hold. Raises psycopg2.Error, KafkaException."""
    with closing(connect(url, "reconcile")) as session:
        comparison = Comparison(session, kafka, beat)
        values = {"low": known.low, "ranges": as_multirange(known.above)}
        topics, since = comparison.ask(
            f"SELECT array_agg(DISTINCT topic), min(created_at) FROM outbox WHERE {_UNSETTLED}", values
        )[0]
        if since is None:
            return known
        horizon = comparison.read_topics(topics, since)
        found: list[Range] = [(start, end) for start, end in comparison.ask(_PUBLISHED, {**values, "horizon": horizon})]
    return known.add(found)


def audit(
    url: str, kafka: Mapping[str, Any], checkpoint: Checkpoint, since: datetime, beat: Callable[[], None] = lambda: None
) -> Report:
    """Compare what ``checkpoint`` says is published, and was written since ``since``, with the topics.

    Load the checkpoint first: what is published after that is not looked for. Raises psycopg2.Error, KafkaException.
    """
    settled = checkpoint.settled
    with closing(connect(url, "audit")) as session:
        comparison = Comparison(session, kafka, beat)
        topics = comparison.ask("SELECT array_agg(DISTINCT topic) FROM outbox")[0][0] or []
        horizon = comparison.read_topics(topics, since)
        values = {"low": settled.low, "ranges": as_multirange(settled.above), "since": since, "horizon": horizon}
        return Report(
            comparison.seen,
            [Missing(*row) for row in comparison.ask(_MISSING, values)],
            [Doubled(*row) for row in comparison.ask(_DOUBLED)],
            [OutOfOrder(*row) for row in comparison.ask(_OUT_OF_ORDER)],
        )
