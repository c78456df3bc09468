"""At-least-once delivery: an idempotent producer without transactions. Only the topics show which records were sent.

It is meant for brokers that can't do transactions, and for readers that can't skip the control records at the end of a
transaction. Each term begins by reading the topics back (published_rows.py), so a row is sent again only by a relay
that was frozen while it sent, and overtaken.
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
from relay.records import Acknowledged
from relay.traces import Publication
from runtime.crash_points import reached


class AtLeastOnce:
    """A publisher whose records are all acknowledged when ``publish`` returns.

    After a refusal it remembers which records of the batch were delivered.
    """

    def __init__(
        self,
        client_config: Mapping[str, Any],
        health: Health,
        beat: Beat,
        acknowledged: Acknowledged = lambda _: None,
    ) -> None:
        # No message ever times out: a later one of its key would overtake it.
        self._client = Client(client_config, health, beat, **{"message.timeout.ms": 0})
        self._beat = beat
        self._acknowledged = acknowledged
        self._delivered: set[int] = set()
        self.confirmed: Receipt | None = None

    def open(self) -> Receipt | None:
        """Wait for a broker; there is no receipt to return."""
        self._client.patiently(partial(self._client.producer.list_topics, None))
        return None

    def publish(self, rows: Sequence[Row], receipt: Receipt) -> None:
        """Send ``rows`` and wait until each is acknowledged. Skips rows that an earlier, refused call delivered."""
        # A relay that was frozen before this point learns here that it was overtaken.
        self._beat()
        with Publication(rows):
            refused = self._send([row for row in rows if row[0] not in self._delivered] if self._delivered else rows)
            if refused is not None:
                raise refused
        if self._delivered:
            self._delivered.difference_update(row[0] for row in rows)
        self.confirmed = receipt
        self._acknowledged(rows)

    def _send(self, rows: Sequence[Row]) -> RecordRefusedError | None:
        """Send ``rows``, wait for all that were sent, and return a refusal.

        Raises KafkaException; then nobody knows which rows were delivered.
        """
        sent, refused = rows, None
        try:
            self._client.send(rows)
        except RecordRefusedError as exc:
            refused = exc
            sent = [row for row in rows if row[0] < (exc.position or 0)]
        reached(CrashPoint.IN_TRANSACTION)
        self._client.flush(despite_failures=True)
        failures = self._client.failures
        if failures:
            refused = failures.refusal(rows)
            if refused is None:
                raise KafkaException(failures.cause())
        if refused is not None:
            self._delivered.update(failures.spared(sent))
        return refused

    def settle(self, _seconds: float) -> bool:
        """True: ``publish`` returns only when its rows are certain."""
        return True

    def idle(self) -> None:
        """Serve callbacks."""
        self._client.poll(0)

    def close(self) -> None:
        """Drop records that are still queued; the next term finds them missing in their topics."""
        self._client.discard()
