"""One transactional id of the relay: its producer, and the one transaction that it may have under way."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from relay.crash_points import CrashPoint
from relay.health import Health
from relay.kafka_errors import RecordRefusedError, error_of
from relay.log_reader import Row
from relay.producer import Beat, Client
from runtime.coordination import TRANSACTIONS, explaining
from runtime.crash_points import reached

T = TypeVar("T")

_BATCH_BYTES = 1_000_000
"""librdkafka's default batch.size."""

_DEFAULTS: dict[str, Any] = {
    # This costs a small transaction nothing: librdkafka waits as long before it adds partitions (rdkafka_txnmgr.h). A
    # full outbox goes out faster (docs/performance.md).
    "linger.ms": 1
}


class TransactionalProducer:
    """Runs transactions of one id, one after the other. A newer instance of the same id fences an older one."""

    def __init__(self, config: Mapping[str, Any], transactional_id: str, health: Health, beat: Beat) -> None:
        self._config = config
        self._health = health
        self._new_client = partial(
            Client, {**_DEFAULTS, **config}, health, beat, **{"transactional.id": transactional_id}
        )
        self._batch_bytes = _BATCH_BYTES
        self._client = self._new_client()

    def open(self) -> None:
        """Fence every older instance and settle its open transaction. Explains a long wait in /ready."""
        fence = self._client.producer.init_transactions
        self._client.patiently(explaining(fence, self._health.explain, self._config, TRANSACTIONS))

    def prepare(self, rows: Sequence[Row], receipt: TopicPartition, group: Any) -> None:
        """Do everything but the commit: Kafka then has every record and the receipt, and no reader sees them.

        Raises RecordRefusedError after aborting the transaction, KafkaException.
        """
        self._client.producer.begin_transaction()
        try:
            self._hand_over(rows, receipt, group)
        except RecordRefusedError:
            self._client.patiently(self._client.producer.abort_transaction)
            if self._client.failures:
                self._begin_anew(smaller=self._client.failures.batch_refused)
            raise

    def _hand_over(self, rows: Sequence[Row], receipt: TopicPartition, group: Any) -> None:
        client = self._client
        try:
            client.send(rows)
            reached(CrashPoint.IN_TRANSACTION)
            client.patiently(partial(client.within_deadline, partial(self._send_receipt, receipt, group)))
            client.flush(despite_failures=False)
            if client.failures:
                # This call can't succeed. It raises the error that names the failure.
                client.patiently(client.producer.commit_transaction)
        except KafkaException as exc:
            raise client.reason(rows, exc) from exc

    def _send_receipt(self, receipt: TopicPartition, group: Any, seconds: float) -> None:
        """Send the receipt while the records are under way. If one fails meanwhile, only a second call says why."""
        send = self._client.producer.send_offsets_to_transaction
        try:
            send([receipt], group, seconds)
        except KafkaException as exc:
            if error_of(exc).code() != KafkaError._STATE:
                raise
            self._client.flush(despite_failures=False)
            send([receipt], group, seconds)

    def commit(self) -> "Future[None]":
        """Begin to commit the prepared transaction. The future ends with the commit, or with its final failure."""
        return self._client.commit_in_background()

    def _begin_anew(self, *, smaller: bool) -> None:
        """Make a new producer: the old one would skip the sequence numbers of refused records, and then fail.

        ``smaller``: use smaller batches, because the broker may have refused the size of a batch of several records.
        """
        if smaller:
            self._batch_bytes = max(1, self._batch_bytes // 4)
        self._client.discard()
        self._client = self._new_client(**{"batch.size": self._batch_bytes})
        self.open()

    def patiently(self, call: Callable[[float], T], at_most: float) -> T:
        """As ``Client.patiently``."""
        return self._client.patiently(call, at_most)

    def idle(self) -> None:
        """Serve callbacks."""
        self._client.poll(0)

    def close(self) -> None:
        """Drop everything under way; the next ``open``, here or elsewhere, aborts an open transaction."""
        self._client.discard()
