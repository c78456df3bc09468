"""Why a producer gets no transactional id, which librdkafka calls nothing but late."""

import logging
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource

_SECONDS = 2.0
_FACTOR = "transaction.state.log.replication.factor"


def why_no_transactions(client_config: Mapping[str, Any]) -> str:
    """In words for an operator. Takes some seconds at most.

    A broker makes the log of transactions when the first one is asked for, and cannot while there are fewer brokers
    than replicas wanted (Apache Kafka documentation, "Broker Configs"; the default is 3).
    """
    config: dict[str, Any] = {**client_config, "logger": logging.getLogger("librdkafka")}
    admin = AdminClient(config)
    try:
        brokers = admin.list_topics(timeout=_SECONDS).brokers
    except KafkaException:
        return "no broker answers"
    resource = ConfigResource(ConfigResource.Type.BROKER, str(next(iter(brokers), 0)))
    try:
        answer = admin.describe_configs([resource], request_timeout=_SECONDS)[resource].result(_SECONDS)
        wanted = int(answer[_FACTOR].value)
    except (KafkaException, TimeoutError, KeyError):
        return f"brokers answer, and none coordinates transactions: are there as many as {_FACTOR} wants?"
    if wanted > len(brokers):
        return f"the brokers can't do transactions: {_FACTOR} is {wanted}, and there are {len(brokers)} of them"
    return "brokers answer, and none coordinates transactions"
