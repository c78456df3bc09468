"""At-least-once delivery, for brokers without transactions: an idempotent producer, and the mirror its only memory."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from relay.kafka_errors import refusal
from relay.log_reader import Row
from relay.producer import Beat, OnError, make_producer, patiently, raise_refusal, send
from relay.receipt import Receipt
from service.crash_points import CrashPoint, reached

_FLUSH_SECONDS = 1.0


class AtLeastOnce:
    """After a crash the last batch comes again, in its order. When a record is refused, its neighbours may too."""

    def __init__(self, client_config: dict[str, Any], beat: Beat, on_error: OnError) -> None:
        self._failures: list[KafkaError] = []
        self._beat = beat
        self._on_error = on_error
        # No message ever times out: a later one of its key would overtake it.
        ours = {"message.timeout.ms": 0, "on_delivery": self._delivered}
        self._producer: Producer = make_producer(client_config, on_error, **ours)

    def open(self) -> Receipt | None:
        """Wait for a broker. Nobody keeps an account."""
        patiently(partial(self._producer.list_topics, None), self._beat, self._on_error)
        return None

    def publish(self, rows: Sequence[Row], receipt: Receipt) -> None:
        """Until every record is acknowledged."""
        self._failures.clear()
        send(self._producer, rows)
        reached(CrashPoint.RELAY_IN_TRANSACTION)
        while self._producer.flush(_FLUSH_SECONDS):
            self._beat()
        for error in sorted(self._failures, key=lambda error: refusal(error) is not None):
            raise_refusal(error)

    def close(self) -> None:
        """Whatever is still queued comes again from the outbox."""
        self._producer.purge(blocking=False)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failures.append(error)
