"""Writers of an outbox: rows as a service appends them, in transactions that a test controls."""

import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

import psycopg2
import psycopg2.extensions

Connection = psycopg2.extensions.connection

_APPEND = """
    INSERT INTO outbox (event_id, topic, key, type, sequence, value, headers, replayed)
    VALUES (%s, %s, %s, 'thing.happened', %s, %s, %s, %s)
"""


@contextmanager
def session(url: str) -> Iterator[Connection]:
    """A session outside autocommit: its transaction begins with its first statement."""
    connection = psycopg2.connect(url, connect_timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def append(
    connection: Connection,
    topic: str,
    key: str = "k",
    *,
    sequence: int | None = None,
    value: str = "{}",
    event_id: str | None = None,
    replayed: bool = False,
    headers: Sequence[tuple[str, str]] = (),
) -> str:
    """Append one row in the open transaction. Returns its event id."""
    event = event_id or str(uuid4())
    pairs = [("ce_id", event), *headers]
    with connection.cursor() as cursor:
        cursor.execute(_APPEND, (event, topic, key, sequence, value, json.dumps(pairs), replayed))
    return event


def write(url: str, topic: str, count: int, *, key: str = "k", first: int = 1) -> list[str]:
    """Commit ``count`` rows of one key, with sequences from ``first``. Returns their event ids."""
    with session(url) as connection:
        events = [append(connection, topic, key, sequence=first + number) for number in range(count)]
        connection.commit()
    return events


def execute(url: str, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Run and commit one statement. Returns its rows."""
    with session(url) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        rows = cursor.fetchall() if cursor.description else []
        connection.commit()
        return rows


def wait_for(url: str, query: str) -> None:
    """Wait until ``query`` finds a row."""
    while not execute(url, query):
        time.sleep(0.02)


def without_rules(url: str, *names: str) -> None:
    """Drop these constraints of the outbox (``topic_name``), as in an older schema."""
    for name in names:
        execute(url, f"ALTER TABLE outbox DROP CONSTRAINT ck_outbox_{name}")


class ConcurrentWriters:
    """Concurrent writers. Like the service, each locks its key's row before it appends; some roll back."""

    def __init__(self, url: str, topic: str, *, writers: int, transactions: int, keys: int = 5) -> None:
        self._url = url
        self._topic = topic
        self._transactions = transactions
        self._keys = keys
        execute(url, "CREATE TABLE keys (key text PRIMARY KEY, sequence bigint NOT NULL DEFAULT 0)")
        execute(url, "INSERT INTO keys SELECT 'key-' || n FROM generate_series(0, %s) n", keys - 1)
        self._threads = [threading.Thread(target=self._run, args=(seed,)) for seed in range(writers)]
        self.failures: list[BaseException] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def writing(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _run(self, seed: int) -> None:
        try:
            generator = random.Random(seed)
            with session(self._url) as connection:
                for _ in range(self._transactions):
                    self._transaction(connection, generator)
        except BaseException as exc:
            self.failures.append(exc)
            raise

    def _transaction(self, connection: Connection, generator: random.Random) -> None:
        with connection.cursor() as cursor:
            # Locks are taken in one order, so that no two writers wait for each other.
            for number in sorted(generator.sample(range(self._keys), generator.randint(1, 2))):
                key = f"key-{number}"
                cursor.execute("UPDATE keys SET sequence = sequence + 1 WHERE key = %s RETURNING sequence", (key,))
                (sequence,) = cursor.fetchone() or (0,)
                append(connection, self._topic, key, sequence=sequence)
            cursor.execute("SELECT pg_sleep(%s)", (generator.choice((0, 0, 0.002, 0.02)),))
        if generator.random() < 0.2:
            connection.rollback()
        else:
            connection.commit()
