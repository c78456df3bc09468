"""Exactly-once delivery: every batch and its receipt are one Kafka transaction of one fenced producer."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from relay.health import Health
from relay.kafka_errors import RefusedError, error_of, raise_refusal
from relay.log_reader import Row
from relay.producer import Beat, Client
from relay.receipt import Receipt
from service.crash_points import CrashPoint, reached
from service.logs import get_logger

_log = get_logger(__name__)
_BATCH_BYTES = 1_000_000
"""librdkafka's default batch.size."""


class ExactlyOnce:
    """The transactional id and the group are the relay's name, so a newer instance fences an older one."""

    def __init__(
        self, client_config: Mapping[str, Any], relay: str, receipt_topic: str, health: Health, beat: Beat
    ) -> None:
        """``receipt_topic``: the receipt is the group's offset on its partition 0; it must exist."""
        self._group_config = {
            **client_config,
            "group.id": relay,
            "enable.auto.commit": False,
            # Waits for a transaction that is still being settled (KIP-447, require_stable).
            "isolation.level": "read_committed",
        }
        self._group: Any = None
        self._receipt_topic = receipt_topic
        self._new_client = partial(Client, client_config, health, beat, **{"transactional.id": relay})
        self._batch_bytes = _BATCH_BYTES
        self._client = self._new_client()

    def open(self) -> Receipt | None:
        """Fence every older instance, settle what it left open, then read the receipt: in this order."""
        self._client.patiently(self._client.producer.init_transactions)
        consumer = Consumer(self._group_config, logger=logging.getLogger("librdkafka"))
        try:
            self._group = consumer.consumer_group_metadata()
            place = [TopicPartition(self._receipt_topic, 0)]
            (found,) = self._client.patiently(lambda seconds: consumer.committed(place, seconds))
        finally:
            consumer.close()
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
        """One transaction. Raises RefusedError after it was aborted."""
        self._client.producer.begin_transaction()
        try:
            self._transact(rows, receipt)
        except RefusedError as exc:
            self._client.patiently(self._client.producer.abort_transaction)
            if exc.position is None:
                self._begin_anew(alone=len(rows) == 1)
            raise

    def _transact(self, rows: Sequence[Row], receipt: Receipt) -> None:
        place = [TopicPartition(self._receipt_topic, 0, receipt.offset, receipt.metadata())]
        self._client.send(rows)
        reached(CrashPoint.RELAY_IN_TRANSACTION)
        try:
            self._client.patiently(partial(self._client.within_deadline, partial(self._send_receipt, place)))
            self._client.patiently(self._client.producer.commit_transaction)
        except KafkaException as exc:
            raise_refusal(error_of(exc))

    def _send_receipt(self, place: list[TopicPartition], seconds: float) -> None:
        """While the records are on their way. When one of them fails just then, only a second call says why."""
        try:
            self._client.producer.send_offsets_to_transaction(place, self._group, seconds)
        except KafkaException as exc:
            if error_of(exc).code() != KafkaError._STATE:
                raise
            self._client.flush()
            self._client.producer.send_offsets_to_transaction(place, self._group, seconds)

    def _begin_anew(self, *, alone: bool) -> None:
        """A new producer: the refused records' sequence numbers are lost to the old one.

        Unless it was one record ``alone``, the broker may have refused the size of the batch that librdkafka made of
        several: the new one makes smaller ones.
        """
        self._batch_bytes = _BATCH_BYTES if alone else max(1, self._batch_bytes // 4)
        self._client.discard()
        self._client = self._new_client(**{"batch.size": self._batch_bytes})
        self._client.patiently(self._client.producer.init_transactions)

    def idle(self) -> None:
        """Serve callbacks."""
        self._client.producer.poll(0)

    def close(self) -> None:
        """An open transaction is aborted by the next ``open``, here or elsewhere."""
        self._client.discard()
