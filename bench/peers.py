"""The contenders beside our relay: a loop without a record of its progress, and the relay of the textbooks."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import msgspec
import psycopg2
from confluent_kafka import Producer

from bench.servers import query

_PRODUCER = {"linger.ms": 5, "queue.buffering.max.messages": 250_000, "partitioner": "murmur2_random", "log_level": 0}
"""The settings of our relay that concern speed; headers are decoded in the same way, too."""

_decode: Callable[[str], list[Any]] = msgspec.json.Decoder(list[tuple[str, str]]).decode

_FETCH = 5000
_CLAIM = 2000


@contextmanager
def _quiet_garbage() -> Iterator[None]:
    """No searches for reference cycles, of which our relay makes few."""
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


class BareLoop:
    """A server-side cursor, `produce` for each row and one flush: the limit of Python, psycopg2 and librdkafka."""

    def __init__(self, bootstrap: str, topic: str, *, with_headers: bool) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, **_PRODUCER})
        self._topic = topic
        columns = "position, key, value, headers::text" if with_headers else "position, key, value, NULL"
        self._select = f"SELECT {columns} FROM outbox WHERE position > %s ORDER BY position"
        self._read = 0

    def publish(self, url: str) -> float:
        """Publish all unread rows; returns the seconds."""
        with _quiet_garbage(), closing(psycopg2.connect(url)) as session, session.cursor("bare") as cursor:
            cursor.itersize = _FETCH
            began = time.perf_counter()
            cursor.execute(self._select, (self._read,))
            for position, key, value, headers in cursor:
                pairs = None if headers is None else _decode(headers)
                _produce(self._producer, self._topic, value, key, pairs)
                self._read = position
            self._producer.flush()
            return time.perf_counter() - began


def _produce(producer: Any, topic: str, value: str, key: str, headers: list[tuple[str, str]] | None) -> None:
    while True:
        try:
            producer.produce(topic, value, key, headers=headers)
        except BufferError:
            producer.poll(0.05)
        else:
            return


_TEXTBOOK_TABLE = """
    CREATE TABLE textbook_outbox (
        id bigint PRIMARY KEY, topic text NOT NULL, key text NOT NULL, value text NOT NULL, headers json NOT NULL,
        published_at timestamptz
    ) WITH (fillfactor = 85);
    CREATE INDEX ON textbook_outbox (id) WHERE published_at IS NULL;
"""
_TEXTBOOK_FILL = """
    INSERT INTO textbook_outbox SELECT position, topic, key, value, headers FROM outbox
    WHERE position > (SELECT coalesce(max(id), 0) FROM textbook_outbox)
"""
_TEXTBOOK_CLAIM = """
    SELECT id, key, value, headers::text FROM textbook_outbox WHERE published_at IS NULL
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""
_TEXTBOOK_MARK = "UPDATE textbook_outbox SET published_at = now() WHERE id = ANY(%s)"


class TextbookRelay:
    """Claim with SKIP LOCKED, produce, flush, UPDATE, commit; at least once.

    Tuned: large claims, a partial index, one UPDATE for each claim, asynchronous commits, no pause between claims.
    """

    def __init__(self, url: str, bootstrap: str, topic: str) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, **_PRODUCER, "enable.idempotence": True})
        self._topic = topic
        query(url, _TEXTBOOK_TABLE)

    def publish(self, url: str) -> float:
        """Copy new rows of the outbox to its table and publish them; returns the seconds."""
        query(url, _TEXTBOOK_FILL)
        with _quiet_garbage(), closing(psycopg2.connect(url)) as session, session.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
            session.commit()
            began = time.perf_counter()
            while self._publish_some(cursor):
                session.commit()
            return time.perf_counter() - began

    def _publish_some(self, cursor: Any) -> bool:
        cursor.execute(_TEXTBOOK_CLAIM, (_CLAIM,))
        rows = cursor.fetchall()
        for _, key, value, headers in rows:
            _produce(self._producer, self._topic, value, key, _decode(headers))
        self._producer.flush()
        if rows:
            cursor.execute(_TEXTBOOK_MARK, ([row[0] for row in rows],))
        return bool(rows)
