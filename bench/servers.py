"""Real PostgreSQL and real Apache Kafka, started once for all benchmarks of a run."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property

import psycopg2
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bench import broker
from devstack.kafka_apache import ApacheKafka
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.service_process import migrate

POSTGRES_SETTINGS = {
    "fsync": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "wal_level": "logical",
    "logical_decoding_work_mem": "512MB",
}
"""As in production for costly settings (fsync), and without a checkpoint in the middle of a round.

The last two are for the peer that reads the write-ahead log; all contenders have them, so that all write the same log.
"""

PARTITIONS = 6


class Servers:
    """Servers that start at their first use; `close` ends them."""

    @cached_property
    def postgres(self) -> EmbeddedPostgres:
        """Raises PostgresUnavailableError, ProcessFailedError."""
        server = EmbeddedPostgres(POSTGRES_SETTINGS)
        self._open.append(server)
        return server.start()

    @cached_property
    def kafka(self) -> ApacheKafka:
        """Raises KafkaUnavailableError, ProcessFailedError."""
        started = broker.start()
        self._open.append(started)
        return started

    @cached_property
    def _template(self) -> str:
        name = f"template_{secrets.token_hex(4)}"
        migrate(self.postgres.databases.create(name))
        return name

    def __init__(self) -> None:
        self._open: list[EmbeddedPostgres | ApacheKafka] = []

    def close(self) -> None:
        for server in self._open:
            server.close()

    @contextmanager
    def database(self) -> Iterator[str]:
        """A fresh, migrated database."""
        name = f"bench_{secrets.token_hex(4)}"
        url = self.postgres.databases.create(name, template=self._template)
        try:
            yield url
        finally:
            self.postgres.databases.drop(name)

    @contextmanager
    def topic(self, name: str) -> Iterator[str]:
        """A new topic, which is deleted afterwards to save disk space."""
        topic = f"{name}_{secrets.token_hex(4)}"
        admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap_servers})
        admin.create_topics([NewTopic(topic, PARTITIONS)])[topic].result(30)
        try:
            yield topic
        finally:
            admin.delete_topics([topic])[topic].result(30)


def query(url: str, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Execute one statement in a new session, and commit."""
    with closing(psycopg2.connect(url)) as session, session, session.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []
