"""During an outage of Kafka, or without a topic, the relay reports it, stays alive, and continues afterwards."""

import http.client
import json
import time
from collections.abc import Iterator

import pytest

from devstack.kafka import Kafka
from devstack.kafka_apache import ApacheKafka
from devstack.ports import free_port
from devstack.topics import Topics, make_topic
from tests.integration.relay.running import RunningRelay, TopicReader, settings_for
from tests.integration.relay.writers import append, session, write
from tests.support.own_servers import own_broker

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.real_kafka]


@pytest.fixture
def broker() -> Iterator[ApacheKafka]:
    """A broker of the test's own, to be killed."""
    with own_broker() as made:
        yield made


def ready(port: int) -> str:
    """The answer of /ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/ready")
        return str(json.loads(connection.getresponse().read())["status"])
    finally:
        connection.close()


def wait_until_ready_says(port: int, start: str) -> None:
    """Probes until the answer comes or the test's time-out ends it."""
    while True:
        try:
            if ready(port).startswith(start):
                return
        except ConnectionRefusedError:
            pass
        time.sleep(0.02)


def test_relay_waits_for_a_broker_that_is_absent_at_first_and_killed_later(
    database_url: str, broker: ApacheKafka, topics: Topics
) -> None:
    port = free_port("127.0.0.1")
    broker.kill()
    events = write(database_url, topics.events, 60)
    with RunningRelay(settings_for(database_url, broker, topics, relay_batch_size=3, ops_port=port)):
        wait_until_ready_says(port, "kafka: ")
        broker.start()
        wait_until_ready_says(port, "ready")
        reader = TopicReader(broker, topics.events)
        reader.read(until=lambda reader: bool(reader.records))
        broker.kill()
        wait_until_ready_says(port, "kafka: ")
        events += write(database_url, topics.events, 10, first=61)
        broker.start()
        records = reader.read_events(events)
        wait_until_ready_says(port, "ready")
    reader.close()
    assert [record.event_id for record in records] == events


def test_missing_topic_is_named_and_awaited(database_url: str, kafka: Kafka, topics: Topics) -> None:
    port = free_port("127.0.0.1")
    missing = f"{topics.events}_by_another_service"
    # librdkafka reports a topic as missing after 30 s by default.
    soon = "message.max.bytes=1000000,topic.metadata.propagation.max.ms=1000"
    # the creation of a topic causes no wake-up
    settings = settings_for(database_url, kafka, topics, ops_port=port, relay_poll_interval="1s", kafka_config=soon)
    with RunningRelay(settings):
        wait_until_ready_says(port, "ready")
        with session(database_url) as writer:
            event = append(writer, missing)
            writer.commit()
        wait_until_ready_says(port, f"kafka: {missing}: ")
        make_topic(kafka, missing)
        reader = TopicReader(kafka, missing)
        reader.read_events([event])
        wait_until_ready_says(port, "ready")
        reader.close()
