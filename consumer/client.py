"""The consumer's librdkafka settings (librdkafka manual, CONFIGURATION.md)."""

import logging
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaException

from consumer.settings import ConsumerSettings
from runtime.settings_source import SettingError

_CLASSIC_ONLY: dict[str, Any] = {
    # What stays here keeps running while the rest moves; an eager assignor would stop all keys at each rebalance.
    "partition.assignment.strategy": "cooperative-sticky",
    # A killed process's partitions move after this many ms, the least that brokers allow by default.
    "session.timeout.ms": 6000,
    "heartbeat.interval.ms": 1500,
}

_FETCH_BYTES = 128 * 1024

_DEFAULTS: dict[str, Any] = {
    "client.id": "payment-consumer",
    # A broker that is away is told by error_cb; librdkafka's own log would say it twenty times a second.
    "log_level": 2,
    "reconnect.backoff.ms": 500,
    "reconnect.backoff.max.ms": 2000,
    "allow.auto.create.topics": False,
    "topic.metadata.refresh.interval.ms": 10_000,
    "statistics.interval.ms": 1000,
    # Read ahead by at most 16 MiB: the default of 64 MiB is for those who do nothing but read.
    "queued.max.messages.kbytes": 16 * 1024,
    "queued.min.messages": 2000,
    # These count what is fetched, and that may be compressed a thousandfold: the less is fetched at once, the less is
    # unpacked at once. One batch comes whole whatever its size (KIP-74).
    "fetch.message.max.bytes": _FETCH_BYTES,
    "fetch.max.bytes": _FETCH_BYTES,
}

_OURS: dict[str, Any] = {
    # To a consumer only the least that fetch.max.bytes may be; KAFKA_CONFIG may raise it for the relay.
    "message.max.bytes": _FETCH_BYTES,
    # Where reading starts is asked and said (consumer/starts.py): any other reset skips without a word.
    "auto.offset.reset": "error",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": False,
    "isolation.level": "read_committed",
}
"""What the offset tracker stands on: KAFKA_CONFIG cannot change it."""


def make_consumer(settings: ConsumerSettings, **callbacks: Callable[..., None]) -> Consumer:
    """A consumer that joins nothing yet. Raises SettingError when librdkafka refuses the settings."""
    given = settings.client_config()
    classic = _CLASSIC_ONLY if given.get("group.protocol", "classic") == "classic" else {}
    config = {**_DEFAULTS, **classic, **given, **_OURS, "group.id": settings.consumer_group_id, **callbacks}
    if classic:
        config["partition.assignment.strategy"] = classic["partition.assignment.strategy"]
    try:
        return Consumer(config, logger=logging.getLogger("librdkafka"))
    except KafkaException as exc:
        raise SettingError(f"KAFKA_CONFIG: {exc.args[0].str()}") from exc
