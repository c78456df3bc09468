"""Sends records to the commands topic."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from datetime import datetime
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from devstack.saga_client.records import Place

Headers = Mapping[str, str | bytes | None]

_POLL_SECONDS = 0.1


class CommandSender:
    """Any thread may send. The sender waits for an unavailable broker, without repeated or reordered records."""

    def __init__(self, kafka: Mapping[str, Any], topic: str) -> None:
        """``kafka``: settings of librdkafka, ``bootstrap.servers`` among them."""
        self._topic = topic
        self._producer = Producer({"log_level": 3, "linger.ms": 2, **kafka, "enable.idempotence": True})
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="sender", daemon=True)
        self._thread.start()

    def send(
        self,
        value: bytes | None,
        *,
        partition: int = -1,
        headers: Headers | None = None,
        timestamp: datetime | None = None,
    ) -> "Future[Place]":
        """A future of the record's place, or of KafkaException. The service orders commands by content, not by key."""
        landed: Future[Place] = Future()

        def delivered(error: KafkaError | None, message: Message) -> None:
            place, offset = message.partition(), message.offset()
            if error is not None or place is None or offset is None:
                landed.set_exception(KafkaException(error))
            else:
                landed.set_result((place, offset))

        self._producer.produce(
            self._topic,
            value,
            partition=partition,
            headers=dict(headers or {}),
            timestamp=0 if timestamp is None else int(timestamp.timestamp() * 1000),
            on_delivery=delivered,
        )
        return landed

    def close(self) -> None:
        """Wait for records in flight, then end."""
        self._closed.set()
        self._thread.join()
        self._producer.close()

    def _serve(self) -> None:
        while not self._closed.is_set():
            self._producer.poll(_POLL_SECONDS)
