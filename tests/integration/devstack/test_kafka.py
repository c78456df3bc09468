"""The embedded Apache Kafka: transactions, and kill -9 with restart on the same data."""

from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from devstack.kafka import Kafka
from devstack.kafka_apache import ApacheKafka
from devstack.saga_client import committed_records
from devstack.topics import make_topic, unique_topics
from tests.support.own_servers import own_broker

pytestmark = pytest.mark.real_kafka


@pytest.fixture
def broker(kafka: Kafka) -> Iterator[ApacheKafka]:
    """A broker for kills."""
    with own_broker() as own:
        yield own


def _committed_values(bootstrap_servers: str, topic: str) -> list[bytes | None]:
    return [record.value for record in committed_records({"bootstrap.servers": bootstrap_servers}, [topic])]


def test_transaction_survives_a_kill_of_the_broker(broker: ApacheKafka) -> None:
    """The transaction has no offsets, with which librdkafka 2.16 may wait for a lost group coordinator for ever."""
    topic = make_topic(broker, "events", partitions=1)
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "transactional.id": "relay", "log_level": 0})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, b"before", partition=0)
    producer.flush(30)
    address = broker.bootstrap_servers
    broker.kill()
    broker.start()
    assert broker.bootstrap_servers == address
    producer.produce(topic, b"after", partition=0)
    producer.commit_transaction(60)
    assert _committed_values(address, topic) == [b"before", b"after"]


def test_receipt_of_a_transaction_can_be_read(kafka: Kafka) -> None:
    topic = make_topic(kafka, unique_topics().events, partitions=1)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": topic})
    group = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": topic})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, b"event", partition=0)
    receipt = TopicPartition(topic, 0, 7, metadata='{"low": 7}')
    producer.send_offsets_to_transaction([receipt], group.consumer_group_metadata(), 30)
    producer.commit_transaction(30)
    kept = group.committed([TopicPartition(topic, 0)], timeout=30)[0]
    group.close()
    assert (kept.offset, kept.metadata) == (7, '{"low": 7}')


def test_an_aborted_transaction_is_not_read(kafka: Kafka) -> None:
    topic = make_topic(kafka, unique_topics().events, partitions=1)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": topic})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, b"never", partition=0)
    producer.abort_transaction(30)
    assert _committed_values(kafka.bootstrap_servers, topic) == []
