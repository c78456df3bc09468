"""Kafka as the chaos run's sagas have it: they send until the broker has it, and read what is committed."""

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer
from confluent_kafka.cimpl import TopicPartition

from tests.support.acceptance_kafka import Place, Record, record_of

_POLL_SECONDS = 0.1
_SECONDS = 30.0
_SOON, _USUAL = 20, 500
"""Milliseconds that a broker keeps a fetch which brings nothing; the end of a partition is told with its answer."""


class Commands:
    """Any thread may send; a broker that is away is waited for."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._topic = topic
        self._producer = Producer(
            {"bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "linger.ms": 2, "log_level": 0}
        )
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="sender", daemon=True)
        self._thread.start()

    def send(self, command: dict[str, Any] | bytes, key: str | None = None) -> "Future[Place]":
        """Will hold where it landed."""
        value = command if isinstance(command, bytes) else json.dumps(command).encode()
        landed: Future[Place] = Future()

        def delivered(error: KafkaError | None, message: Message) -> None:
            partition, offset = message.partition(), message.offset()
            if error is not None or partition is None or offset is None:
                landed.set_exception(KafkaException(error))
            else:
                landed.set_result((partition, offset))

        self._producer.produce(self._topic, value, key=key, on_delivery=delivered)
        return landed

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _serve(self) -> None:
        while not self._closed.is_set():
            self._producer.poll(_POLL_SECONDS)


class Feed:
    """Hands over each committed record of the topics once, from their beginning, in a thread of its own."""

    def __init__(self, bootstrap_servers: str, topics: Iterable[str], take: Callable[[Record], None]) -> None:
        self._take = take
        self._consumer = _reader(bootstrap_servers)
        self._consumer.assign(_partitions(self._consumer, topics))
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="feed", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self._consumer.close()

    def _listen(self) -> None:
        while not self._closed.is_set():
            message = self._consumer.poll(_POLL_SECONDS)
            if message is not None and message.error() is None:  # an error: the broker is away, and comes back
                self._take(record_of(message))


def read_all(bootstrap_servers: str, topics: Iterable[str]) -> list[Record]:
    """What a ``read_committed`` reader finds in these topics from beginning to end. Raises KafkaException."""
    consumer = _reader(bootstrap_servers, _SOON)
    try:
        partitions = _partitions(consumer, topics)
        consumer.assign(partitions)
        unfinished = {(partition.topic, partition.partition) for partition in partitions}
        records: list[Record] = []
        while unfinished:
            message = consumer.poll(_SECONDS)
            if message is None:
                raise TimeoutError(f"the end of {unfinished} does not come: a transaction is open there")
            error = message.error()
            if error is None:
                records.append(record_of(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                unfinished.discard((message.topic(), message.partition()))
        return records
    finally:
        consumer.close()


def _reader(bootstrap_servers: str, fetch_wait: int = _USUAL) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": f"reader-{secrets.token_hex(6)}",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": fetch_wait,
            "isolation.level": "read_committed",
            "log_level": 0,
        }
    )


def _partitions(consumer: Consumer, topics: Iterable[str]) -> list[TopicPartition]:
    """Once the service has made the topics. Raises TimeoutError."""
    wanted, deadline = set(topics), time.monotonic() + _SECONDS
    found = consumer.list_topics(timeout=_SECONDS).topics
    while missing := {topic for topic in wanted if topic not in found or not found[topic].partitions}:
        if time.monotonic() > deadline:
            raise TimeoutError(f"there is no topic {missing}")
        time.sleep(_POLL_SECONDS)
        found = consumer.list_topics(timeout=_SECONDS).topics
    return [TopicPartition(topic, number, OFFSET_BEGINNING) for topic in wanted for number in found[topic].partitions]
