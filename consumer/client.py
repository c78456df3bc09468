"""The consumer's librdkafka settings (librdkafka manual, CONFIGURATION.md)."""

import logging
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaException

from consumer.settings import ConsumerSettings
from runtime.kafka_settings import refused

_CLASSIC_ONLY: dict[str, Any] = {
    # Partitions that stay are read on while others move; an eager assignor would stop all of them at each rebalance.
    "partition.assignment.strategy": "cooperative-sticky",
    # The partitions of a killed process move after this many ms, the minimum that brokers allow by default.
    "session.timeout.ms": 6000,
    "heartbeat.interval.ms": 1500,
}

_FETCH_BYTES = 128 * 1024

_DEFAULTS: dict[str, Any] = {
    "client.id": "payment-consumer",
    # error_cb reports a broker that is away; librdkafka's own log would report it twenty times a second.
    "log_level": 2,
    "reconnect.backoff.ms": 500,
    "reconnect.backoff.max.ms": 2000,
    "allow.auto.create.topics": False,
    "topic.metadata.refresh.interval.ms": 10_000,
    "statistics.interval.ms": 1000,
    # Read ahead by at most 16 MiB: the default of 64 MiB is for programs that do nothing but read.
    "queued.max.messages.kbytes": 16 * 1024,
    "queued.min.messages": 2000,
    # These count fetched bytes, maybe compressed a thousandfold: a small fetch limits the bytes unpacked at once.
    # A single batch comes whole, also a larger one (KIP-74).
    "fetch.message.max.bytes": _FETCH_BYTES,
    "fetch.max.bytes": _FETCH_BYTES,
}

_OURS: dict[str, Any] = {
    # For a consumer this is only the lower limit of fetch.max.bytes; KAFKA_CONFIG may raise it for the relay.
    "message.max.bytes": _FETCH_BYTES,
    # consumer/starts.py asks Kafka where to start, and reports gaps. Any other reset would skip records silently.
    "auto.offset.reset": "error",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": False,
    "isolation.level": "read_committed",
}
"""The offset tracker depends on these: KAFKA_CONFIG can't change them."""


def make_consumer(settings: ConsumerSettings, **callbacks: Callable[..., None]) -> Consumer:
    """A consumer that has not joined the group yet. Raises SettingError when librdkafka refuses the settings."""
    given = settings.client_config()
    classic = _CLASSIC_ONLY if given.get("group.protocol", "classic") == "classic" else {}
    config = {**_DEFAULTS, **classic, **given, **_OURS, "group.id": settings.consumer_group_id, **callbacks}
    if classic:
        config["partition.assignment.strategy"] = classic["partition.assignment.strategy"]
    try:
        return Consumer(config, logger=logging.getLogger("librdkafka"))
    except KafkaException as exc:
        raise refused(exc.args[0].str()) from exc
