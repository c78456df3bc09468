"""Creates topics at the start, where the broker allows it."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from runtime.logs import get_logger

_log = get_logger(__name__)
_TIMEOUT_SECONDS = 10.0
_BROKERS_DEFAULT = -1


def ensure_topics(
    client_config: Mapping[str, Any],
    names: Sequence[str],
    partitions: int,
    replication: int | None,
    largest_record: int | None = None,
) -> None:
    """Create the topics in ``names`` that do not exist. None is the broker's default; ``largest_record`` is in bytes.

    If the broker refuses to create a topic, the log says so, and an operator has to create it. Raises KafkaException
    when the broker does not answer.
    """
    config: dict[str, Any] = {**client_config, "logger": logging.getLogger("librdkafka")}
    admin = AdminClient(config)
    cluster = admin.list_topics(timeout=_TIMEOUT_SECONDS)
    absent = [name for name in names if name not in cluster.topics]
    if cluster.controller_id not in cluster.brokers:
        for name in absent:
            # librdkafka's mock cluster has no controller, and creates a topic when it is asked about one.
            admin.list_topics(name, timeout=_TIMEOUT_SECONDS)
    elif absent:
        limits = {} if largest_record is None else {"max.message.bytes": str(largest_record)}
        _create(admin, [NewTopic(name, partitions, replication or _BROKERS_DEFAULT, config=limits) for name in absent])


def _create(admin: AdminClient, topics: list[NewTopic]) -> None:
    answers = admin.create_topics(topics, operation_timeout=_TIMEOUT_SECONDS, request_timeout=_TIMEOUT_SECONDS)
    for name, made in answers.items():
        try:
            made.result()
        except KafkaException as exc:
            error = exc.args[0]
            if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
                continue
            if error.retriable() or error.code() == KafkaError._TIMED_OUT:
                raise
            _log.warning("topic not created: an operator has to create it", topic=name, error=error.str())
        else:
            _log.info("topic created", topic=name)
