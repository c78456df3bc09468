"""Whether Kafka can be reached and the group is joined, in one line for /ready."""

import json
import time
from collections.abc import Callable, Collection

from confluent_kafka import KafkaError

from consumer.joining import Joining
from consumer.lag import Lag
from consumer.metrics import JOINED
from consumer.offsets import Partition
from runtime.broker_connection import BrokerConnection

_SILENCE = 30.0


class KafkaHealth:
    """The state of Kafka by librdkafka's callbacks (librdkafka manual, STATISTICS.md). Ready while in the group."""

    def __init__(self, owned: Callable[[], Collection[Partition]], lag: Lag, joining: Joining) -> None:
        self._owned = owned
        self._joining = joining
        self._lag = lag
        self._connection = BrokerConnection()
        self._joined = False
        self._consumer_error: str | None = None
        self._consumer_error_at = 0.0

    def fault(self) -> str | None:
        """The reason why no records can arrive, or None."""
        if not self._connection.connected:
            return f"kafka: {self._connection.last_error}"
        if self._consumer_error is not None:
            return f"kafka: {self._consumer_error}"
        if self._joined or self._owned():
            return self._lag.fault()
        why = self._joining.why()
        return "kafka: joining the consumer group" + (f": {why}" if why else "")

    def records_come(self) -> None:
        """Note that a record or a partition came, so the last fault of topic or group is over."""
        self._consumer_error = None

    def on_consumer_error(self, error: KafkaError) -> None:
        """Take an error of the topic or the group: missing, not allowed, polled too late."""
        self._consumer_error, self._consumer_error_at = error.str(), time.monotonic()
        self.on_error(error)

    def on_error(self, error: KafkaError) -> None:
        """Take an error of any Kafka client of the consumer."""
        self._connection.on_error(error)

    def on_statistics(self, text: str) -> None:
        """Take librdkafka's statistics: brokers' state, the group's state, lag by partition."""
        statistics = json.loads(text)
        self._connection.on_statistics(statistics)
        self._joined = statistics.get("cgrp", {}).get("join_state") == "steady"
        if self._joined and time.monotonic() - self._consumer_error_at > _SILENCE:
            self._consumer_error = None  # Not repeated, and the group is joined: it is over, though no record came.
        JOINED.set(self._joined)
        self._joining.update(waits=self._connection.connected and not self._joined)
        self._lag.update(statistics.get("topics", {}))
