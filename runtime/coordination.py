"""Finds out why no broker coordinates: a client that waits for a transactional id or a group only sees time-outs.

The first such request makes a broker create the coordinator's log. It can't while there are fewer brokers than replicas
wanted (Apache Kafka documentation, "Broker Configs"; the defaults are 3). Only the broker's own log says so.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._metadata import ClusterMetadata, TopicMetadata

from runtime.plurals import number_of
from runtime.topic_policies import returns_settings

T = TypeVar("T")
_SECONDS = 2.0
_LATE_SECONDS = 4.0


class Coordinated(NamedTuple):
    """A service of coordinators, the topic of its log, the setting for the log's replicas, and another way out."""

    what: str
    log: str
    factor: str
    way_out: str


TRANSACTIONS = Coordinated(
    "transactions",
    "__transaction_state",
    "transaction.state.log.replication.factor",
    "or set RELAY_DELIVERY=at-least-once",
)
GROUPS = Coordinated(
    "consumer groups", "__consumer_offsets", "offsets.topic.replication.factor", "or start more brokers"
)


def explaining(
    call: Callable[[float], T], explain: Callable[[str], None], client_config: Mapping[str, Any], wanted: Coordinated
) -> Callable[[float], T]:
    """Wrap ``call(seconds)``, which is repeated until it succeeds. Once that takes long, ``explain`` gets the cause."""
    late_at = time.monotonic() + _LATE_SECONDS

    def explained(seconds: float) -> T:
        nonlocal late_at
        if time.monotonic() > late_at:
            late_at = math.inf
            explain(why_not(client_config, wanted) or f"brokers answer, and none coordinates {wanted.what}")
        return call(seconds)

    return explained


def why_not(client_config: Mapping[str, Any], wanted: Coordinated) -> str | None:
    """The cause in words for an operator; None when none is found. Takes some seconds at most."""
    config: dict[str, Any] = {**client_config, "logger": logging.getLogger("librdkafka")}
    admin = AdminClient(config)
    try:
        cluster = admin.list_topics(timeout=_SECONDS)
    except KafkaException:
        return "no broker answers"
    log = cluster.topics.get(wanted.log)
    return _why_not_made(admin, cluster, wanted) if log is None else _why_not_used(log)


def _why_not_made(admin: AdminClient, cluster: ClusterMetadata, wanted: Coordinated) -> str | None:
    factor, brokers = _factor(admin, cluster, wanted), len(cluster.brokers)
    if factor is None:
        return (
            f"brokers answer, and none coordinates {wanted.what}: are there as many as {wanted.factor} wants? "
            f"Lower it, {wanted.way_out}"
        )
    if factor <= brokers:
        return None
    return (
        f"the brokers can't do {wanted.what}: {wanted.factor} is {factor}, and the number of brokers is {brokers}; "
        f"set it to {brokers} in the brokers' settings, {wanted.way_out}"
    )


def _factor(admin: AdminClient, cluster: ClusterMetadata, wanted: Coordinated) -> int | None:
    """The number of replicas wanted; None when the brokers don't return it."""
    if not returns_settings(cluster):
        return None
    resource = ConfigResource(ConfigResource.Type.BROKER, str(next(iter(cluster.brokers), 0)))
    try:
        answer = admin.describe_configs([resource], request_timeout=_SECONDS)[resource].result(_SECONDS)
        return int(answer[wanted.factor].value)
    except (KafkaException, TimeoutError, KeyError):
        return None


def _why_not_used(log: TopicMetadata) -> str | None:
    partitions = log.partitions.values()
    lost = sum(partition.leader < 0 for partition in partitions)
    leaderless = number_of(lost, f"partition of {log.topic} has", f"partitions of {log.topic} have")
    return f"{leaderless} no leader: start the brokers that are missing" if lost else None
