"""At-least-once delivery, for brokers without transactions: an idempotent producer, and the mirror its only memory."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaException

from relay.health import Health
from relay.log_reader import Row
from relay.producer import Beat, Client
from relay.receipt import Receipt
from service.crash_points import CrashPoint, reached


class AtLeastOnce:
    """After a crash the last batch comes again, in its order. When a record is refused, its neighbours may too."""

    def __init__(self, client_config: Mapping[str, Any], health: Health, beat: Beat) -> None:
        # No message ever times out: a later one of its key would overtake it.
        self._client = Client(client_config, health, beat, **{"message.timeout.ms": 0})
        self.confirmed: Receipt | None = None

    def open(self) -> Receipt | None:
        """Wait for a broker. Nobody keeps an account."""
        self._client.patiently(partial(self._client.producer.list_topics, None))
        return None

    def publish(self, rows: Sequence[Row], receipt: Receipt) -> None:
        """Until every record is acknowledged."""
        self._client.send(rows)
        reached(CrashPoint.RELAY_IN_TRANSACTION)
        self._client.flush(whatever_fails=True)
        failures = self._client.failures
        if failures:
            raise failures.refusal(rows) or KafkaException(failures.cause())
        self.confirmed = receipt

    def settle(self, _seconds: float) -> bool:
        """What ``publish`` returned from is certain."""
        return True

    def idle(self) -> None:
        """Serve callbacks."""
        self._client.poll(0)

    def close(self) -> None:
        """Whatever is still queued comes again from the outbox."""
        self._client.discard()
