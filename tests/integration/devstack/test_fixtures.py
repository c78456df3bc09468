"""The fixtures that other tests use."""

from collections.abc import Callable

import psycopg2
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from devstack.kafka import Kafka
from devstack.kafka_mock import MockKafka
from devstack.topics import Topics
from tests.support.acceptance_kafka import saga_client


@pytest.mark.postgres
class TestDatabase:
    @pytest.mark.parametrize("_turn", [1, 2])
    def test_every_test_has_a_migrated_database_of_its_own(self, database_url: str, _turn: int) -> None:
        connection = psycopg2.connect(database_url)
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM payments")
            assert cursor.fetchone() == (0,)
            cursor.execute("CREATE TABLE left_behind (i int)")
        connection.close()


@pytest.mark.kafka
def test_record_passes_through_the_broker(kafka: Kafka, new_topic: Callable[[], str]) -> None:
    topic = new_topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    producer.produce(topic, b"value", key=b"key")
    assert producer.flush(20) == 0
    consumer = Consumer(
        {"bootstrap.servers": kafka.bootstrap_servers, "group.id": topic, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    record = consumer.poll(30)
    consumer.close()
    assert record is not None
    assert (record.key(), record.value()) == (b"key", b"value")


def test_client_of_the_mock_cluster_creates_and_reads_its_topics() -> None:
    mock = MockKafka("this is about it")
    try:
        client = saga_client(mock.start(), Topics("commands", "events", "group"), "commands")
        there = AdminClient({"bootstrap.servers": mock.bootstrap_servers}).list_topics(timeout=10).topics
        assert {"events", "commands"} <= set(there)
        sent = client.send("authorize_payment", "saga", {})
        (command,) = client.heard.wait(lambda record: record.topic == "commands", "a command")
        assert (command.partition, command.offset) == sent.place
        client.close()
    finally:
        mock.close()


@pytest.mark.real_kafka
def test_marker_requests_a_real_kafka(kafka: Kafka) -> None:
    assert kafka.kind in ("given", "apache")


@pytest.mark.stripe_mock
def test_stripe_mock_accepts_connections(stripe_mock_url: str) -> None:
    assert stripe_mock_url.startswith("http://127.0.0.1:")
