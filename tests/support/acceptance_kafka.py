"""What a client of the contract has of Kafka: it sends, and it hears all that is published."""

import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, Producer

from devstack.kafka import Kafka
from tests.support.topics import partitions_of_mock

WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.1
# a record of several MiB is taken by a broker of default settings when it is compressed to less than one
_LARGE = {"compression.type": "gzip", "message.max.bytes": 8 * 1024 * 1024}


@dataclass(frozen=True)
class Record:
    """One record that was heard."""

    topic: str
    partition: int
    offset: int
    key: str | None
    value: bytes | None
    headers: dict[str, str]

    @cached_property
    def body(self) -> dict[str, Any]:
        """Its JSON."""
        found: dict[str, Any] = json.loads(self.value or b"null")
        return found

    @property
    def type(self) -> str:
        return str(self.body["type"])

    @property
    def correlation_id(self) -> str:
        return str(self.body["correlation_id"])

    @property
    def payload(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body["payload"]
        return found

    @property
    def payment_id(self) -> str:
        return str(self.payload["payment_id"])

    @property
    def status(self) -> str | None:
        return self.payload.get("status")

    @property
    def error(self) -> str | None:
        return self.payload.get("error")

    @property
    def answers(self) -> tuple[str, str] | None:
        """Type and correlation id of the command that this answers; None for news."""
        command_type = self.headers.get("command_type")
        return None if command_type is None else (command_type, self.correlation_id)

    @property
    def told(self) -> str:
        """In short: ``release_payment: payment.failed INVALID_STATE``."""
        words = (self.headers.get("command_type", "news") + ":", self.type, self.error, self.status)
        return " ".join(word for word in words if word is not None)


Place = tuple[int, int]  # partition and offset
Headers = dict[str, str | bytes | None]
Matches = Callable[[Record], bool]


class Sender:
    """Puts records on the commands topic."""

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self._topic = topic
        self._producer = Producer(
            {"bootstrap.servers": kafka.bootstrap_servers, "acks": "all", "log_level": 3, **_LARGE}
        )

    def send(
        self, value: bytes | None, *, partition: int = -1, headers: Headers | None = None, age: timedelta = timedelta()
    ) -> Place:
        """Where it landed. No key, as the published sagas send. ``age``: how long ago the record says it was sent."""
        sent_at = int((datetime.now(UTC) - age).timestamp() * 1000)
        landed: list[Message] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            landed.append(message)

        self._producer.produce(
            self._topic, value, partition=partition, headers=headers or {}, timestamp=sent_at, on_delivery=delivered
        )
        assert self._producer.flush(WAIT_SECONDS) == 0, "the broker took no record"
        found, offset = landed[0].partition(), landed[0].offset()
        assert found is not None
        assert offset is not None
        return found, offset

    def close(self) -> None:
        self._producer.close()


class Listener:
    """Hears topics from their beginning, in a thread, only what is committed.

    The mock cluster has no transactions, and the relay then publishes at least once: what comes again under its
    event id is left out, as a careful client does.
    """

    def __init__(self, kafka: Kafka, *topics: str) -> None:
        self._deduplicate = kafka.kind == "mock"
        self._seen: set[str] = set()
        self._records: list[Record] = []
        self._heard = threading.Condition()
        self._closed = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka.bootstrap_servers,
                "group.id": f"listener-{secrets.token_hex(6)}",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "topic.metadata.refresh.interval.ms": 500,
                "log_level": 3,
            }
        )
        if self._deduplicate:
            self._consumer.assign(partitions_of_mock(kafka, topics))
        else:
            self._consumer.subscribe(list(topics))
        self._thread = threading.Thread(target=self._listen, name="listener", daemon=True)
        self._thread.start()

    def records(self, matches: Matches) -> list[Record]:
        """Those heard so far, in the order of their partitions."""
        with self._heard:
            return [record for record in self._records if matches(record)]

    def wait(self, matches: Matches, what: str, *, count: int = 1) -> list[Record]:
        """As soon as there are so many, all there are. Fails when they do not come."""

        def enough() -> bool:
            return sum(matches(record) for record in self._records) >= count

        with self._heard:
            heard = self._heard.wait_for(enough, WAIT_SECONDS)
        found = self.records(matches)
        assert heard, f"{what}: heard {len(found)} of {count} in {WAIT_SECONDS:.0f} s: {[r.body for r in found]}"
        return found

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self._consumer.close()

    def _listen(self) -> None:
        while not self._closed.is_set():
            message = self._consumer.poll(_POLL_SECONDS)
            if message is None or message.error() is not None:
                continue  # the topic is not there yet, or the broker is away: told by the wait that fails
            record = record_of(message)
            if self._is_new(record):
                with self._heard:
                    self._records.append(record)
                    self._heard.notify_all()

    def _is_new(self, record: Record) -> bool:
        event_id = record.headers.get("ce_id")
        if not self._deduplicate or event_id is None or "replayed" in record.headers:
            return True
        new = event_id not in self._seen
        self._seen.add(event_id)
        return new


def record_of(message: Message) -> Record:
    """A message that is no error."""
    topic, partition, offset, key = message.topic(), message.partition(), message.offset(), message.key()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    pairs = message.headers() or []
    headers = dict(pairs.items() if isinstance(pairs, dict) else pairs)
    return Record(
        topic=topic,
        partition=partition,
        offset=offset,
        key=_text(key),
        value=message.value(),
        headers={name: _text(value) or "" for name, value in headers.items()},
    )


def _text(value: str | bytes | None) -> str | None:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
