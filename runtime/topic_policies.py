"""Finds topic settings by which records are lost or refused (Apache Kafka documentation, "Topic Configs")."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._metadata import ClusterMetadata, TopicMetadata
from prometheus_client import Gauge

from runtime.logs import get_logger
from runtime.plurals import number_of

_log = get_logger(__name__)
_FAULTS = Gauge("kafka_topic_faults", "1 where a topic's setting loses or refuses records", ["topic", "setting"])
_SECONDS = 2.0
_DAY_MS = 24 * 3600 * 1000
_SMALL_BYTES = 64 * 1024 * 1024
LARGEST_COMMAND = 1024 * 1024
"""The most bytes of a command; a larger one becomes a dead letter."""


class TopicFacts(NamedTuple):
    """One topic: its settings, and the replicas of its weakest partition."""

    settings: Mapping[str, str]
    replicas: int
    in_sync: int
    leaderless: int
    """The number of partitions without a leader."""

    def number(self, setting: str, otherwise: int) -> int:
        """A setting that is a number; ``otherwise`` if the broker does not return it."""
        return int(self.settings.get(setting) or otherwise)


class TopicFault(NamedTuple):
    """A fault of a topic, and its repair. ``loses``: records are lost or refused in normal operation, too."""

    topic: str
    setting: str
    detail: str
    mend: str
    loses: bool


class Found(NamedTuple):
    """Topics whose settings the broker returned (``known``), and the reasons for missing settings (``unknown``)."""

    known: dict[str, TopicFacts]
    unknown: dict[str, str]


def read(client_config: Mapping[str, Any], names: Sequence[str]) -> Found:
    """Read the settings of the topics in ``names`` that exist. Raises KafkaException when no broker answers."""
    config: dict[str, Any] = {**client_config, "logger": logging.getLogger("librdkafka")}
    admin = AdminClient(config)
    cluster = admin.list_topics(timeout=_SECONDS)
    there = [name for name in names if name in cluster.topics and cluster.topics[name].error is None]
    if not there or not returns_settings(cluster):
        return Found({}, {})
    asked = admin.describe_configs(
        [ConfigResource(ConfigResource.Type.TOPIC, name) for name in there], request_timeout=_SECONDS
    )
    found = Found({}, {})
    for resource, answer in asked.items():
        try:
            settings = {name: entry.value for name, entry in answer.result(_SECONDS).items()}
        except (KafkaException, TimeoutError) as exc:
            found.unknown[resource.name] = str(exc.args[0].str() if isinstance(exc, KafkaException) else exc)
        else:
            found.known[resource.name] = _facts(cluster.topics[resource.name], settings)
    return found


def returns_settings(cluster: ClusterMetadata) -> bool:
    """Whether brokers return settings: librdkafka's mock cluster lets such a request time out."""
    return cluster.controller_id in cluster.brokers


def _facts(topic: TopicMetadata, settings: Mapping[str, str]) -> TopicFacts:
    partitions = topic.partitions.values()
    return TopicFacts(
        settings,
        min((len(partition.replicas) for partition in partitions), default=0),
        min((len(partition.isrs) for partition in partitions), default=0),
        sum(partition.leader < 0 for partition in partitions),
    )


def faults(topics: Mapping[str, TopicFacts], commands: str, dead_letters: str) -> Iterator[TopicFault]:
    """The faults of each topic, and whether a large command fits into ``commands`` and ``dead_letters``."""
    for name, facts in topics.items():
        yield from _cleanup(name, facts)
        yield from _replicas(name, facts)
    if commands in topics:
        yield from _sizes(commands, dead_letters, topics)


def _cleanup(topic: str, facts: TopicFacts) -> Iterator[TopicFault]:
    if "compact" in facts.settings.get("cleanup.policy", ""):
        policy = facts.settings["cleanup.policy"]
        detail = f"cleanup.policy is {policy}: older records of a key are deleted unread, records without one refused"
        yield TopicFault(topic, "cleanup.policy", detail, _set(topic, "cleanup.policy=delete"), loses=True)
    milliseconds = facts.number("retention.ms", -1)
    if 0 <= milliseconds < _DAY_MS:
        detail = f"retention.ms keeps records for {milliseconds / 3_600_000:.1f} h: an outage that is longer loses them"
        yield TopicFault(topic, "retention.ms", detail, _set(topic, "retention.ms=604800000"), loses=False)
    size = facts.number("retention.bytes", -1)
    if 0 <= size < _SMALL_BYTES:
        detail = (
            f"retention.bytes keeps {size} bytes a partition, of any age: a burst deletes records before they are read"
        )
        yield TopicFault(topic, "retention.bytes", detail, _set(topic, "retention.bytes=-1"), loses=False)


def _replicas(topic: str, facts: TopicFacts) -> Iterator[TopicFault]:
    """Faults of replicas. A broker caps ``min.insync.replicas`` at their number, and takes records: seen with 4.x."""
    least = facts.number("min.insync.replicas", 1)
    if facts.leaderless:
        partitions = number_of(facts.leaderless, "partition has", "partitions have")
        detail = f"{partitions} no leader: nothing is written there or read"
        yield TopicFault(topic, "leader", detail, "start the brokers that hold them", loses=True)
    elif facts.in_sync < min(least, facts.replicas):
        replicas = number_of(facts.in_sync, "replica is", "replicas are")
        detail = f"min.insync.replicas is {least}, and {replicas} in sync: records are refused"
        yield TopicFault(topic, "min.insync.replicas", detail, "start the brokers that are missing", loses=True)
    elif least > facts.replicas:
        replicas = number_of(facts.replicas, "replica")
        detail = f"min.insync.replicas is {least} of {replicas}: it promises more copies than there are"
        mend = f"make more replicas, or {_set(topic, f'min.insync.replicas={facts.replicas}')}"
        yield TopicFault(topic, "min.insync.replicas", detail, mend, loses=False)


def _sizes(commands: str, dead_letters: str, topics: Mapping[str, TopicFacts]) -> Iterator[TopicFault]:
    largest = topics[commands].number("max.message.bytes", LARGEST_COMMAND)
    if largest < LARGEST_COMMAND:
        detail = f"max.message.bytes is {largest}: a command may have {LARGEST_COMMAND}, and is refused to its sender"
        yield TopicFault(
            commands, "max.message.bytes", detail, _set(commands, "max.message.bytes=1048588"), loses=False
        )
    needed = 3 * largest // 2
    if dead_letters in topics and topics[dead_letters].number("max.message.bytes", needed) < needed:
        detail = f"max.message.bytes is below {needed}: a large dead letter stays in the database and is not published"
        yield TopicFault(
            dead_letters, "max.message.bytes", detail, _set(dead_letters, "max.message.bytes=33554432"), loses=False
        )


def _set(topic: str, setting: str) -> str:
    return f"kafka-configs.sh --alter --topic {topic} --add-config {setting}"


def warn(client_config: Mapping[str, Any], names: Sequence[str], commands: str, dead_letters: str) -> None:
    """Log the faults of topics, and set their metric, at the start. Raises KafkaException when no broker answers."""
    _FAULTS.clear()
    found = read(client_config, names)
    for topic, why in found.unknown.items():
        _log.info("the settings of a topic are not known", topic=topic, why=why)
    for fault in faults(found.known, commands, dead_letters):
        _FAULTS.labels(fault.topic, fault.setting).set(1)
        _log.warning(
            "a topic is set so that records are lost" if fault.loses else "a topic's setting is doubtful",
            topic=fault.topic,
            why=fault.detail,
            mend=fault.mend,
        )
