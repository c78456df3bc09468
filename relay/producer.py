"""What both deliveries share: the librdkafka settings, rows made records, calls that wait without losing the lock."""

import json
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol, TypeVar

from confluent_kafka import KafkaError, KafkaException, Producer

from relay.kafka_errors import MALFORMED, RefusedError, error_of, passes, refusal
from relay.log_reader import Row
from relay.receipt import Receipt
from service.settings_source import SettingError

T = TypeVar("T")
Beat = Callable[[], None]
"""Called in every wait: keeps the lock, and raises when waiting is over."""

OnError = Callable[[KafkaError], None]

_SLICE_SECONDS = 1.0
_PAUSE_SECONDS = 0.05
_REPLAYED = ("replayed", "true")

_DEFAULTS: dict[str, Any] = {
    # As the Java client does, so that all writers of a key agree on its partition.
    "partitioner": "murmur2_random",
    "linger.ms": 5,
    "queue.buffering.max.messages": 250_000,
    "reconnect.backoff.max.ms": 1000,
    "topic.metadata.refresh.interval.ms": 10_000,
}

_OURS: dict[str, Any] = {"enable.idempotence": True, "delivery.report.only.error": True}
"""What exactly-once stands on: KAFKA_CONFIG cannot change it (librdkafka manual, CONFIGURATION.md)."""


class Publisher(Protocol):
    """Takes rows to Kafka. Methods raise KafkaException when this publisher is of no more use."""

    def open(self) -> Receipt | None:
        """Become the only writer; what Kafka holds by its own account, None when it has no account."""

    def publish(self, rows: Sequence[Row], receipt: Receipt) -> None:
        """Publish ``rows`` and, with them, the receipt that says so. Raises RefusedError."""

    def close(self) -> None:
        """Drop what is under way."""


def make_producer(client_config: dict[str, Any], on_error: OnError, **ours: Any) -> Producer:
    """A producer that has contacted nobody yet. Raises SettingError when librdkafka refuses the settings."""
    config = {**_DEFAULTS, **client_config, **_OURS, **ours, "error_cb": on_error}
    try:
        return Producer(config, logger=logging.getLogger("librdkafka"))
    except KafkaException as exc:
        raise SettingError(f"KAFKA_CONFIG: {error_of(exc).str()}") from exc


def patiently(call: Callable[[float], T], beat: Beat, on_error: OnError) -> T:
    """``call(seconds)`` until it is done. Raises KafkaException when trying again is no use."""
    while True:
        try:
            return call(_SLICE_SECONDS)
        except KafkaException as exc:
            error = error_of(exc)
            if not passes(error):
                raise
            on_error(error)
        beat()
        time.sleep(_PAUSE_SECONDS)


def send(producer: Producer, rows: Sequence[Row]) -> None:
    """Queue every row. Raises RefusedError when one cannot be a record or is too large for any broker."""
    produce, loads = producer.produce, json.loads
    for _, topic, key, value, text, replayed in rows:
        try:
            headers = list(map(tuple, loads(text)))
            if replayed:
                headers.append(_REPLAYED)
            try:
                produce(topic, value, key, headers=headers)
            except BufferError:
                _when_there_is_room(producer, topic, value, key, headers)
        except KafkaException as exc:
            raise_refusal(error_of(exc))
        except (TypeError, ValueError) as exc:
            raise RefusedError(MALFORMED, str(exc)) from exc


def _when_there_is_room(producer: Producer, topic: str, value: str, key: str, headers: list[Any]) -> None:
    while True:
        producer.poll(_PAUSE_SECONDS)
        try:
            producer.produce(topic, value, key, headers=headers)
        except BufferError:
            continue
        return


def raise_refusal(error: KafkaError) -> NoReturn:
    """Raises RefusedError when a record is at fault, else KafkaException."""
    raise refusal(error) or KafkaException(error)
