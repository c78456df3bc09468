"""Relays, writers and a reader on servers that die."""

import random
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from confluent_kafka.admin import AdminClient

from devstack.kafka import Kafka
from devstack.service_process import ServiceProcess
from devstack.topics import make_topic, unique_topics
from relay.settings import RelaySettings
from tests.integration.relay.running import TopicReader, relay_process, settings_for
from tests.integration.relay.writers import ConcurrentWriters, execute, session

PARTITIONS = 3


class PersistentWriters(ConcurrentWriters):
    """Concurrent writers, with slow commits and rollbacks, that continue after an outage of the database."""

    def _run(self, seed: int) -> None:
        generator, left = random.Random(seed), self._transactions
        while left:
            try:
                with session(self._url) as connection:
                    while left:
                        self._transaction(connection, generator)
                        left -= 1
            except psycopg2.Error:
                time.sleep(0.05)  # The outbox will show whether the last transaction was committed.


class RelaysUnderFaults:
    """Several relays of one name, whose records are compared with the outbox."""

    def __init__(self, url: str, kafka: Kafka, directory: Path, relays: int, batch_size: int) -> None:
        self.url = url
        self.topics = unique_topics()
        make_topic(kafka, self.topics.events, PARTITIONS)
        self.settings: RelaySettings = settings_for(url, kafka, self.topics, relay_batch_size=batch_size)
        self.relays: list[ServiceProcess] = [relay_process(self.settings, directory) for _ in range(relays)]
        self.reader = TopicReader(kafka, self.topics.events)
        self._kafka = kafka

    def start(self) -> None:
        """Start every relay that does not run."""
        for relay in self.relays:
            if not relay.running:
                relay.start()

    def kill_all(self) -> None:
        for relay in self.relays:
            relay.kill()

    def freeze(self, relay: ServiceProcess) -> None:
        """SIGSTOP: it holds its sessions and transactions, and does nothing."""
        assert relay.process is not None
        relay.process.send(signal.SIGSTOP)

    def thaw(self, relay: ServiceProcess) -> None:
        """SIGCONT."""
        assert relay.process is not None
        relay.process.send(signal.SIGCONT)

    def forget_receipt(self) -> None:
        """Delete the receipt, as a broker deletes the offsets of a group that was silent for a week."""
        admin = AdminClient({"bootstrap.servers": self._kafka.bootstrap_servers})
        admin.delete_consumer_groups([self.settings.relay_name])[self.settings.relay_name].result(30)

    def forget(self) -> None:
        """Delete both the relay's receipt and its checkpoint."""
        self.forget_receipt()
        execute(self.url, "DELETE FROM relay_checkpoints")

    def wait_for_events(self, number: int) -> None:
        """Wait until a reader has this number of events."""
        self.reader.read(until=lambda reader: len(reader.records) >= number)

    def check(self) -> None:
        """Check that each outbox row is in the topic once, and that each key has its commit order."""
        rows = execute(self.url, "SELECT key, event_id::text FROM outbox ORDER BY position")
        written: dict[str, list[str]] = defaultdict(list)
        for key, event in rows:
            written[str(key)].append(str(event))
        published: dict[str, list[str]] = defaultdict(list)
        for record in self.reader.read_events([str(event) for _, event in rows]):
            published[record.key].append(record.event_id)
        assert published == written


@contextmanager
def relays_under_faults(
    url: str, kafka: Kafka, directory: Path, *, relays: int = 1, batch_size: int = 5000
) -> Iterator[RelaysUnderFaults]:
    """Relays that are not started yet; they end with the block."""
    rig = RelaysUnderFaults(url, kafka, directory, relays, batch_size)
    try:
        yield rig
    finally:
        for relay in rig.relays:
            if relay.running:
                relay.kill()
        rig.reader.close()
