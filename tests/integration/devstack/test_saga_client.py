"""A saga client on a real broker. The test takes the place of the service."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer

from devstack.kafka import Kafka
from devstack.saga_client import (
    CommittedReader,
    EventFeed,
    Heard,
    SagaClient,
    SagaError,
    Sent,
    committed_records,
    encoded,
)
from devstack.topics import Topics, make_topic, unique_topics

pytestmark = pytest.mark.real_kafka

SECONDS = 30.0


@pytest.fixture
def settings(kafka: Kafka) -> dict[str, str]:
    return {"bootstrap.servers": kafka.bootstrap_servers}


@pytest.fixture
def topics(kafka: Kafka) -> Topics:
    made = unique_topics()
    for topic in (made.commands, made.events):
        make_topic(kafka, topic, partitions=3)
    return made


@pytest.fixture
def service(settings: dict[str, str]) -> Producer:
    producer = Producer({**settings, "transactional.id": unique_topics().group})
    producer.init_transactions(SECONDS)
    return producer


@pytest.fixture
def client(settings: dict[str, str], topics: Topics) -> Iterator[SagaClient]:
    with closing(SagaClient(settings, topics.commands, topics.events)) as found:
        yield found


def answer(service: Producer, topic: str, sent: Sent, *event_ids: str) -> None:
    value = encoded({"type": "payment.failed", "correlation_id": sent.correlation_id, "payload": {}})
    for event_id in event_ids:
        service.produce(topic, value, "key", headers={"ce_id": event_id, "command_type": sent.type})


def test_command_reaches_its_partition_unchanged(client: SagaClient, settings: dict[str, str], topics: Topics) -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    sent = client.send("revert_payment", "saga", {"payment_id": "p"}, partition=2, headers={"a": "b"}, timestamp=at)
    with closing(CommittedReader(settings, [topics.commands], ends=True)) as reader:
        assert reader.begin()
        (message,) = reader.to_end()
    assert message.timestamp()[1] == at.timestamp() * 1000
    (command,) = committed_records(settings, [topics.commands])
    assert (command.partition, command.offset) == sent.place == (2, 0)
    assert (command.key, command.headers) == (None, {"a": "b"})
    assert command.body == {"type": "revert_payment", "correlation_id": "saga", "payload": {"payment_id": "p"}}


def test_repeated_outcome_counts_once(client: SagaClient, service: Producer, topics: Topics) -> None:
    sent = client.send("revert_payment", "saga", {})
    service.begin_transaction()
    answer(service, topics.events, sent, "a", "a")
    service.commit_transaction(SECONDS)
    assert client.outcome(*sent.answers).event_id == "a"


def test_a_second_outcome_is_an_error(client: SagaClient, service: Producer, topics: Topics) -> None:
    sent = client.send("revert_payment", "saga", {})
    service.begin_transaction()
    answer(service, topics.events, sent, "a", "b")
    service.commit_transaction(SECONDS)
    client.heard.wait(sent.answers, "both", count=2)
    with pytest.raises(SagaError, match="comes 2 times"):
        client.outcome(*sent.answers)


def test_client_receives_no_earlier_and_no_aborted_records(
    settings: dict[str, str], service: Producer, topics: Topics
) -> None:
    sent = Sent("revert_payment", "saga", {}, (0, 0))
    service.begin_transaction()
    answer(service, topics.events, sent, "before")
    service.commit_transaction(SECONDS)
    with closing(SagaClient(settings, topics.commands, topics.events)) as client:
        service.begin_transaction()
        answer(service, topics.events, sent, "aborted")
        service.abort_transaction(SECONDS)
        service.begin_transaction()
        answer(service, topics.events, sent, "after")
        service.commit_transaction(SECONDS)
        assert client.outcome(*sent.answers).event_id == "after"


def test_feed_may_begin_before_its_topic_exists(settings: dict[str, str], kafka: Kafka) -> None:
    topic, heard = unique_topics().events, Heard()
    with closing(EventFeed(CommittedReader(settings, [topic]), heard.take)):
        make_topic(kafka, topic, partitions=1)
        producer = Producer(settings)
        producer.produce(topic, b"event")
        assert producer.flush(SECONDS) == 0
        (record,) = heard.wait(lambda _: True, "the event")
    assert record.value == b"event"


def test_reader_continues_from_the_end_that_it_has_reached(settings: dict[str, str], topics: Topics) -> None:
    producer = Producer(settings)

    def produce(value: bytes, partition: int) -> None:
        producer.produce(topics.events, value, partition=partition)
        assert producer.flush(SECONDS) == 0

    with closing(CommittedReader(settings, [topics.events], ends=True)) as reader:
        assert reader.begin()
        produce(b"first", 0)
        (message,) = reader.batch(SECONDS)
        assert message.value() == b"first"
        assert list(reader.to_end()) == []
        produce(b"second", 1)
        assert [message.value() for message in reader.to_end()] == [b"second"]
        assert list(reader.to_end()) == []
