"""Relays to run and to kill, and a reader of their records."""

import os
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from confluent_kafka import Message

from devstack.kafka import Kafka
from devstack.ports import free_port
from devstack.saga_client import CommittedReader
from devstack.saga_client import until as wait_until
from devstack.service_process import ServiceProcess
from devstack.topics import Topics
from relay.main import run
from relay.settings import RelaySettings
from runtime.current import Current
from runtime.settings import load
from runtime.shutdown import Shutdown

TIMEOUT_SECONDS = 60.0
_LIMIT = "message.max.bytes=1000000"  # the mock cluster refuses no record for its size


def settings_for(database_url: str, kafka: Kafka, topics: Topics, **given: Any) -> RelaySettings:
    """Settings of this test's relay."""
    return load(
        RelaySettings,
        database_url=database_url,
        kafka_bootstrap_servers=kafka.bootstrap_servers,
        payment_events_topic=topics.events,
        payment_commands_topic=topics.commands,
        **{"relay_name": topics.group, "relay_poll_interval": "30s", "kafka_config": _LIMIT, **given},
    )


class RunningRelay:
    """A relay in a thread of the test; the block's end drains it."""

    def __init__(self, settings: RelaySettings) -> None:
        self._shutdown = Shutdown()
        self._thread = threading.Thread(target=self._run, args=(settings,))
        self.code: int | None = None

    def _run(self, settings: RelaySettings) -> None:
        self.code = run(Current(settings), self._shutdown)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._shutdown.request()
        self._thread.join(TIMEOUT_SECONDS)
        assert not self._thread.is_alive()


def relay_process(settings: RelaySettings, directory: Path, **environment: str) -> ServiceProcess:
    """A relay process as an operator would start it; not started yet."""
    given = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "PAYMENT_EVENTS_TOPIC": settings.payment_events_topic,
        "PAYMENT_COMMANDS_TOPIC": settings.payment_commands_topic,
        "RELAY_NAME": settings.relay_name,
        "RELAY_DELIVERY": settings.relay_delivery,
        "RELAY_BATCH_SIZE": str(settings.relay_batch_size),
    }
    own = Path(tempfile.mkdtemp(dir=directory))
    return ServiceProcess("relay", {**os.environ, **given, **environment}, free_port("127.0.0.1"), own)


def killed(settings: RelaySettings, directory: Path, crash_at: str) -> None:
    """Run a relay that dies at this point."""
    victim = relay_process(settings, directory, CRASH_AT=crash_at)
    victim.start()
    assert victim.process is not None
    assert victim.process.wait(TIMEOUT_SECONDS) == 128 + signal.SIGKILL


class Record(NamedTuple):
    """One record as a reader receives it."""

    event_id: str
    key: str
    value: str
    headers: list[tuple[str, str]]
    partition: int


class TopicReader(CommittedReader):
    """Reads a topic from its start, and keeps each record with unchanged headers."""

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self.records: list[Record] = []
        super().__init__(
            {"bootstrap.servers": kafka.bootstrap_servers, "reconnect.backoff.max.ms": 500}, [topic], ends=True
        )
        wait_until(self.begin, f"there is a topic {topic}", TIMEOUT_SECONDS)

    def read(self, *, until: Callable[["TopicReader"], bool]) -> list[Record]:
        """Read from the start until ``until`` is true; otherwise the test's time-out ends it."""
        while not until(self):
            self.records += map(_record, self.batch(0.1))
        return self.records

    def read_events(self, events: list[str]) -> list[Record]:
        """Read until each of ``events`` was seen, and then to the end, to find repeated events."""
        self.read(until=lambda reader: set(events) <= reader.event_ids)
        return self.read_to_end()

    def read_to_end(self) -> list[Record]:
        """Read to the present end."""
        self.records += map(_record, self.to_end(TIMEOUT_SECONDS))
        return self.records

    @property
    def event_ids(self) -> set[str]:
        return {record.event_id for record in self.records}

    @property
    def counts(self) -> Mapping[str, int]:
        return Counter(record.event_id for record in self.records)


def _record(message: Message) -> Record:
    given: Any = message.headers() or []
    headers = [(name, value.decode()) for name, value in given]
    key, value = message.key(), message.value()
    assert isinstance(key, bytes)
    assert isinstance(value, bytes)
    return Record(dict(headers)["ce_id"], key.decode(), value.decode(), headers, message.partition() or 0)


def publish(settings: RelaySettings, reader: TopicReader, events: list[str]) -> None:
    """Run a relay until the reader has read these events."""
    with RunningRelay(settings):
        reader.read_events(events)


def assert_once_and_in_order(reader: TopicReader, events: list[str]) -> None:
    """Check that no record is repeated and that the order is that of the outbox."""
    records = reader.read_events(events)
    assert [record.event_id for record in records] == events
