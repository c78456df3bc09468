"""Exactly-once delivery: every batch and its receipt are one Kafka transaction of fenced producers."""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from relay.crash_points import CrashPoint
from relay.health import Health
from relay.kafka_errors import error_of
from relay.log_reader import Row
from relay.producer import Beat
from relay.receipt import OLD_VERSION, Receipt
from relay.records import Acknowledged
from relay.stages import Stage
from relay.traces import Publication
from relay.transactional_producer import TransactionalProducer
from runtime.coordination import GROUPS, explaining, why_not
from runtime.crash_points import reached
from runtime.logs import get_logger

_log = get_logger(__name__)
_SLICE_SECONDS = 0.5
_UNSETTLED_SECONDS = 20.0
"""Longest wait for a receipt whose transaction is not settled yet. A running broker needs milliseconds for it."""


class ExactlyOnce:
    """Two producers alternate: while one commits its transaction, the other prepares the next one.

    A transaction begins when all records of the previous one are in the topic, and is committed after the previous one.
    So readers see a key's records in order, and no receipt is committed before an earlier one. The transactional ids
    and the group are named after the relay, so a newer instance fences an older one. The name of a relay has no slash,
    so no name is the second id of another relay.
    """

    def __init__(
        self,
        client_config: Mapping[str, Any],
        relay: str,
        receipt_topic: str,
        health: Health,
        beat: Beat,
        acknowledged: Acknowledged = lambda _: None,
    ) -> None:
        """The receipt is the offset of group ``relay`` on partition 0 of ``receipt_topic``, which must exist."""
        self._config = client_config
        self._group_config = {
            **client_config,
            "group.id": relay,
            "enable.auto.commit": False,
            # Waits for a transaction that is still being settled (KIP-447, require_stable).
            "isolation.level": "read_committed",
        }
        self._group: Any = None
        self._receipt_topic = receipt_topic
        self._beat = beat
        self._health = health
        self._acknowledged = acknowledged
        self._transactions = partial(TransactionalProducer, client_config, health=health, beat=beat)
        self._relay = relay
        self._next = self._transactions(relay)
        self._last = self._transactions(f"{relay}/2")
        self._under_way: tuple[Future[None], Receipt, Publication] | None = None
        self.confirmed: Receipt | None = None

    def open(self) -> Receipt | None:
        """Fence every older instance and settle its open transactions, then read the receipt: in this order."""
        self._health.enter(Stage.FENCING)
        self._next.open()
        self._last.open()
        self._health.enter(Stage.RECEIPT)
        consumer = Consumer(self._group_config, logger=logging.getLogger("librdkafka"))
        try:
            self._group = consumer.consumer_group_metadata()
            found = self._receipt(consumer)
            if found is None or found.version == OLD_VERSION:
                self._fence_old_name()
                found = self._receipt(consumer)
            return found
        finally:
            consumer.close()

    def _fence_old_name(self) -> None:
        """Fence the second producer of relays that write receipts of the old version. Raises KafkaException.

        Its name may be the name of another relay, so it is fenced only while there is no receipt of this version.
        """
        old = self._transactions(f"{self._relay}.2")
        try:
            old.open()
        except KafkaException as exc:
            if error_of(exc).code() != KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
                raise
            _log.info("nobody may write under the old name of the second producer", name=f"{self._relay}.2")
        finally:
            old.close()

    def _receipt(self, consumer: Consumer) -> Receipt | None:
        place = [TopicPartition(self._receipt_topic, 0)]
        try:
            (found,) = self._next.patiently(
                explaining(
                    lambda seconds: consumer.committed(place, seconds), self._health.explain, self._config, GROUPS
                ),
                _UNSETTLED_SECONDS,
            )
        except KafkaException as exc:
            if error_of(exc).code() != KafkaError._TIMED_OUT:
                raise
            why = why_not(self._config, GROUPS)
            if why is not None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, why)) from exc
            # Pending for ever where a broker lost a transaction's markers (Apache Kafka 4.3 and 4.4: KAFKA-20734).
            _log.warning("the receipt does not settle, and counts as lost", waited_seconds=_UNSETTLED_SECONDS)
            return None
        if found.error is not None:
            raise KafkaException(found.error)
        if found.offset < 0 or not found.metadata:
            return None
        try:
            return Receipt.parse(found.offset, found.metadata)
        except ValueError as exc:
            _log.warning("the group of this relay holds an offset that is no receipt", error=str(exc))
            return None

    def publish(self, rows: Sequence[Row], receipt: Receipt) -> None:
        """Prepare one transaction and begin to commit it. Raises RecordRefusedError after aborting it."""
        place = TopicPartition(self._receipt_topic, 0, receipt.offset, receipt.metadata())
        publication = Publication(rows)
        try:
            self._next.prepare(rows, place, self._group)
        except Exception as exc:
            publication.failed(exc)
            raise
        reached(CrashPoint.BEFORE_KAFKA_COMMIT)
        if self._under_way is not None:
            self._health.enter(Stage.COMMITTING)
        while not self.settle(_SLICE_SECONDS):
            self._beat()
        self._under_way = self._next.commit(), receipt, publication
        self._next, self._last = self._last, self._next

    def settle(self, seconds: float) -> bool:
        """Wait at most ``seconds`` for the commit under way. Returns whether no commit is under way any more."""
        if self._under_way is None:
            return True
        commit, receipt, publication = self._under_way
        if not wait([commit], seconds).done:
            return False
        commit.result()
        publication.done()
        self._under_way, self.confirmed = None, receipt
        self._acknowledged(publication.rows)
        return True

    def idle(self) -> None:
        """Serve callbacks."""
        self._next.idle()
        self._last.idle()

    def close(self) -> None:
        """Drop everything under way; the next ``open``, here or elsewhere, settles it."""
        self._next.close()
        self._last.close()
