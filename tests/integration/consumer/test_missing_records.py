"""Records deleted before they were read are reported. A recreated topic is read from its beginning."""

import threading

import pytest
import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from prometheus_client import REGISTRY

from devstack.kafka import Kafka
from devstack.ports import free_port
from devstack.topics import Topics, make_topic
from service.domain.received_records import Origin
from tests.integration.consumer.conftest import Start
from tests.integration.consumer.running import authorize, committed, eventually, handled, metric, produce
from tests.integration.consumer.test_broker_away import ready
from tests.unit.consumer.doubles import LONG, RecordingCommands

pytestmark = [pytest.mark.kafka, pytest.mark.real_kafka]


def batch(first: int, count: int) -> list[bytes]:
    """Commands of different orders, with consecutive numbers."""
    return [authorize(f"order-{number}", number) for number in range(first, first + count)]


def numbers(commands: RecordingCommands) -> set[int]:
    """The numbers of the handled commands."""
    return {number for _, number in handled(commands)}


def delete_before(kafka: Kafka, topics: Topics, offset: int) -> None:
    """Delete the first records of a partition, as retention does."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    (deleted,) = admin.delete_records([TopicPartition(topics.commands, 0, offset)]).values()
    deleted.result(30)


def skipped(topics: Topics) -> float:
    """The number of the topic's offsets that disappeared unread."""
    labels = {"topic": topics.commands, "partition": "0"}
    return REGISTRY.get_sample_value("payment_consumer_skipped_offsets_total", labels) or 0.0


def test_topic_recreated_under_a_running_consumer_is_read_from_its_beginning(
    kafka: Kafka, topics: Topics, start: Start
) -> None:
    """The consumer is full meanwhile. When it continues, its old offset also exists in the new topic."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    make_topic(kafka, topics.commands, partitions=1)
    produce(kafka, topics.commands, batch(0, 20))
    gate = threading.Event()
    gate.set()

    def hold(_: Origin) -> None:
        gate.wait(LONG)

    commands, port = RecordingCommands(before=hold), free_port()
    start(commands, consumer_concurrency=1, kafka_topic_partitions=1, ops_port=port)
    commands.wait_for(20)
    eventually(lambda: committed(kafka, topics) == 20)
    gate.clear()
    produce(kafka, topics.commands, batch(20, 4))
    eventually(lambda: metric("payment_consumer_held") == 4)
    admin.delete_topics([topics.commands])[topics.commands].result(30)
    make_topic(kafka, topics.commands, partitions=1)
    produce(kafka, topics.commands, batch(100, 30))
    gate.set()
    eventually(lambda: numbers(commands) == {*range(24), *range(100, 130)})
    eventually(lambda: "another topic" in ready(port))
    eventually(lambda: committed(kafka, topics) == 30)


def test_topic_recreated_during_an_outage_of_the_consumer_is_read_from_its_beginning(
    kafka: Kafka, topics: Topics, start: Start
) -> None:
    """Offsets that were committed under the old topic's id do not apply to the new topic."""
    make_topic(kafka, topics.commands, partitions=1)
    produce(kafka, topics.commands, batch(0, 25))
    group = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": topics.group})
    stale = TopicPartition(topics.commands, 0, 20, metadata="topic-id=AAAAAAAAAAAAAAAAAAAAAQ")
    eventually(lambda: _commits(group, stale))
    group.close()
    commands = RecordingCommands()
    start(commands, kafka_topic_partitions=1)
    commands.wait_for(25)
    assert numbers(commands) == set(range(25))


def _commits(group: Consumer, offset: TopicPartition) -> bool:
    try:
        group.commit(offsets=[offset], asynchronous=False)
    except KafkaException:
        return False
    return True


def test_retention_under_a_full_consumer_is_reported(kafka: Kafka, topics: Topics, start: Start) -> None:
    make_topic(kafka, topics.commands, partitions=1)
    produce(kafka, topics.commands, batch(0, 20))
    gate = threading.Event()

    def hold(_: Origin) -> None:
        gate.wait(LONG)

    commands, port = RecordingCommands(before=hold), free_port()
    with structlog.testing.capture_logs() as lines:
        start(commands, consumer_concurrency=1, ops_port=port)
        eventually(lambda: metric("payment_consumer_held") == 4 and "full" in stage())
        delete_before(kafka, topics, 10)
        gate.set()
        eventually(lambda: numbers(commands) == {0, 1, 2, 3, *range(10, 20)})
    assert skipped(topics) == 6
    eventually(lambda: f"{topics.commands}[0]: 6 records deleted unread" in ready(port))
    assert [(line["first"], line["last"]) for line in lines if line.get("skipped")] == [(4, 9)]
    eventually(lambda: committed(kafka, topics) == 20)


def stage() -> str:
    """The stage that the poll loop reports."""
    found = [
        sample.labels["payment_consumer_stage"]
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "payment_consumer_stage" and sample.value
    ]
    return " ".join(found)


def test_retention_during_an_outage_of_the_consumer_is_reported(kafka: Kafka, topics: Topics, start: Start) -> None:
    make_topic(kafka, topics.commands, partitions=1)
    produce(kafka, topics.commands, batch(0, 5))
    before = RecordingCommands()
    first = start(before)
    before.wait_for(5)
    assert first.stop() == 0
    produce(kafka, topics.commands, batch(5, 15))
    delete_before(kafka, topics, 12)
    port, after = free_port(), RecordingCommands()
    start(after, ops_port=port)
    eventually(lambda: numbers(after) == set(range(12, 20)))
    assert skipped(topics) == 7
    eventually(lambda: f"{topics.commands}[0]: 7 records deleted unread" in ready(port))
