"""Exactly-once delivery: every batch and its receipt are one Kafka transaction of one fenced producer."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from relay.health import Health
from relay.kafka_errors import RefusedError, error_of
from relay.log_reader import Row
from relay.producer import Beat, Client, raise_refusal
from relay.receipt import Receipt
from service.crash_points import CrashPoint, reached
from service.logs import get_logger

_log = get_logger(__name__)


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
        self._client = Client(client_config, health, beat, **{"transactional.id": relay})

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
        except RefusedError:
            self._client.patiently(self._client.producer.abort_transaction)
            raise

    def _transact(self, rows: Sequence[Row], receipt: Receipt) -> None:
        producer = self._client.producer
        place = [TopicPartition(self._receipt_topic, 0, receipt.offset, receipt.metadata())]
        self._client.send(rows)
        reached(CrashPoint.RELAY_IN_TRANSACTION)
        try:
            self._client.patiently(partial(producer.send_offsets_to_transaction, place, self._group))
            self._client.patiently(producer.commit_transaction)
        except KafkaException as exc:
            raise_refusal(error_of(exc))

    def idle(self) -> None:
        """Serve callbacks."""
        self._client.producer.poll(0)

    def close(self) -> None:
        """An open transaction is aborted by the next ``open``, here or elsewhere."""
        self._client.discard()
