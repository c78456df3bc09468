"""Compares outbox and topics in one database session: it loads the topics' events into temporary tables.

Events are matched by topic and ``ce_id``. An event may be replayed several times under one ``ce_id``, so replays are
matched by the id of the replay, too.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from relay.postgres import Connection
from relay.topic_scan import scan
from runtime.topic_reader import Place, extents

_CLOCK_SKEW = timedelta(minutes=10)
"""The largest difference allowed between the clocks of database, relay and broker."""

_SEEN = """
    CREATE TEMP TABLE seen (
        topic text, partition int, "offset" bigint, at timestamptz, event_id uuid, replayed boolean, replay_id text,
        source text, type text, key text, sequence bigint);
    CREATE TEMP TABLE cut (topic text, partition int)
"""

_FLOORS = """
    CREATE INDEX ON seen (event_id);
    ANALYZE seen;
    CREATE TEMP TABLE floors AS
        SELECT cut.topic, max(coalesce(first.position, 9223372036854775807)) AS position
        FROM cut LEFT JOIN LATERAL (
            SELECT o.position FROM seen AS s
            JOIN outbox AS o ON o.event_id = s.event_id AND o.topic = s.topic AND o.replayed = s.replayed
            WHERE s.topic = cut.topic AND s.partition = cut.partition
            ORDER BY s."offset", o.position DESC LIMIT 1) AS first ON true
        GROUP BY cut.topic
"""
"""For each topic that lost records to retention: the lost records may be those of rows below this position.

A partition holds records in the order of their rows' positions, except for rows that were committed late.
"""

_REPLAY_ID = """
    CASE WHEN replayed AND json_typeof(headers) = 'array'
        THEN (SELECT header ->> 1 FROM json_array_elements(headers) AS header
              WHERE json_typeof(header) = 'array' AND header ->> 0 = 'replay_id' LIMIT 1) END
"""

CANDIDATES = f"""
    SELECT *, row_number() OVER same AS nth, first_value(created_at) OVER same AS first_at
    FROM (SELECT position, event_id, topic, key, type, sequence, replayed, created_at, {_REPLAY_ID} AS replay_id
          FROM outbox WHERE {{where}}) AS chosen
    WINDOW same AS (PARTITION BY topic, event_id, replayed, replay_id ORDER BY position)
"""

PUBLISHED = """
    CASE WHEN NOT c.replayed THEN
        EXISTS (SELECT FROM seen WHERE seen.event_id = c.event_id AND seen.topic = c.topic)
    WHEN c.replay_id IS NOT NULL THEN
        EXISTS (SELECT FROM seen WHERE seen.event_id = c.event_id AND seen.topic = c.topic
                AND seen.replay_id = c.replay_id)
    ELSE
        nth <= (SELECT count(*) FROM seen WHERE seen.event_id = c.event_id AND seen.topic = c.topic
                AND seen.replayed AND seen.replay_id IS NULL AND seen.at >= c.first_at - interval '100 ms')
    END
"""
"""The topic of candidate ``c`` holds it; or, for an original, holds a replay of it.

A replay is known by the id of its replay, whatever the clocks of database, relay and broker show. A row of an older
release has none: its records are those since it was written, and in doubt it is published again.
"""

MAYBE_GONE = "EXISTS (SELECT FROM floors WHERE floors.topic = c.topic AND c.position < floors.position)"
"""The broker may have deleted the record of candidate ``c``."""

UNSETTLED = "(position > %(low)s AND NOT position <@ %(ranges)s::int8multirange)"


class Comparison:
    """A database session with the topics' events in it."""

    def __init__(self, session: Connection, kafka: Mapping[str, Any], beat: Callable[[], None]) -> None:
        self._session = session
        self._kafka = kafka
        self._beat = beat
        self.seen = 0

    def ask(self, statement: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of one statement; none for a statement without a result."""
        with self._session.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def read_topics(self, since: Mapping[str, datetime]) -> None:
        """Read each topic back from its time on, into the tables ``seen`` and ``floors``.

        Raises KafkaException, psycopg2.Error.
        """
        wanted = extents(self._kafka, {topic: at - _CLOCK_SKEW for topic, at in since.items()})
        self.ask(_SEEN)
        for some in scan(self._kafka, wanted, self._beat):
            self.seen += len(some)
            self._copy("seen", some)
        cut: list[Place] = [place for place, extent in wanted.items() if extent.cut]
        self._copy("cut", cut)
        self.ask(_FLOORS)

    def _copy(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        lines = io.StringIO()
        csv.writer(lines).writerows(rows)
        lines.seek(0)
        with self._session.cursor() as cursor:
            cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT csv)", lines)
