"""At-least-once delivery: an idempotent producer without transactions, whose only account is the topics themselves.

For brokers that can't do transactions, and for readers that can't skip the control records by which they end. A term
begins with the topics read back (published_rows.py), and what ends a term in doubt is followed by another one: so a
row is sent again only by a relay that was frozen in the middle of sending, and overtaken.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaException

from relay.crash_points import CrashPoint
from relay.health import Health
from relay.kafka_errors import RecordRefusedError
from relay.log_reader import Row
from relay.producer import Beat, Client
from relay.receipt import Receipt
from runtime.crash_points import reached


class AtLeastOnce:
    """Everything is acknowledged when ``publish`` returns. Of a batch that is refused, what was delivered is known."""

    def __init__(self, client_config: Mapping[str, Any], health: Health, beat: Beat) -> None:
        # No message ever times out: a later one of its key would overtake it.
        self._client = Client(client_config, health, beat, **{"message.timeout.ms": 0})
        self._beat = beat
        self._delivered: set[int] = set()
        self.confirmed: Receipt | None = None

    def open(self) -> Receipt | None:
        """Wait for a broker. Nobody keeps an account."""
        self._client.patiently(partial(self._client.producer.list_topics, None))
        return None

    def publish(self, rows: Sequence[Row], receipt: Receipt) -> None:
        """Until every record is acknowledged. After a refusal, those that were are not sent again with the rest."""
        # Whoever was frozen before it sends learns here that it was overtaken.
        self._beat()
        refused = self._send([row for row in rows if row[0] not in self._delivered] if self._delivered else rows)
        if refused is not None:
            raise refused
        if self._delivered:
            self._delivered.difference_update(row[0] for row in rows)
        self.confirmed = receipt

    def _send(self, rows: Sequence[Row]) -> RecordRefusedError | None:
        """Send ``rows``, and wait for all that went. Raises KafkaException: what was delivered is known no more."""
        sent, refused = rows, None
        try:
            self._client.send(rows)
        except RecordRefusedError as exc:
            refused = exc
            sent = [row for row in rows if row[0] < (exc.position or 0)]
        reached(CrashPoint.IN_TRANSACTION)
        self._client.flush(whatever_fails=True)
        failures = self._client.failures
        if failures:
            refused = failures.refusal(rows)
            if refused is None:
                raise KafkaException(failures.cause())
        if refused is not None:
            self._delivered.update(failures.spared(sent))
        return refused

    def settle(self, _seconds: float) -> bool:
        """What ``publish`` returned from is certain."""
        return True

    def idle(self) -> None:
        """Serve callbacks."""
        self._client.poll(0)

    def close(self) -> None:
        """Whatever is still queued is found missing by the next turn."""
        self._client.discard()
