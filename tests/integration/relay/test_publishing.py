"""The records of a relay as readers receive them."""

import json
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from devstack.kafka import Kafka
from devstack.topics import Topics
from relay.receipt import Receipt
from relay.settings import RelaySettings
from tests.integration.relay.running import RunningRelay, TopicReader
from tests.integration.relay.writers import ConcurrentWriters, append, execute, session, without_rules, write

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


@pytest.fixture
def running(settings: RelaySettings) -> Iterator[RunningRelay]:
    with RunningRelay(settings) as relay:
        yield relay
    assert relay.code == 0


def test_row_arrives_unchanged(database_url: str, topics: Topics, reader: TopicReader, running: RunningRelay) -> None:
    headers = [("ce_type", 'a"b\\c — ü'), ("same", "1"), ("same", "2")]
    value = json.dumps({"text": "größer"}, ensure_ascii=False)
    with session(database_url) as writer:
        event = append(writer, topics.events, "the key", value=value, headers=headers)
        writer.commit()

    (record,) = reader.read_events([event])
    assert (record.key, record.value) == ("the key", value)
    assert record.headers == [("ce_id", event), *headers]


def test_record_of_a_replay_has_the_replayed_header(
    database_url: str, topics: Topics, reader: TopicReader, running: RunningRelay
) -> None:
    (event,) = write(database_url, topics.events, 1)
    with session(database_url) as writer:
        append(writer, topics.events, event_id=event, replayed=True)
        writer.commit()

    reader.read(until=lambda reader: len(reader.records) == 2)
    assert [("replayed", "true") in record.headers for record in reader.records] == [False, True]


def test_topics_are_created_at_the_start(settings: RelaySettings, kafka: Kafka, topics: Topics) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    wanted = {topics.events, topics.commands, f"{topics.commands}.dead_letter"}
    with RunningRelay(settings):
        while not wanted <= set(admin.list_topics(timeout=10).topics):
            pass


def test_rows_of_concurrent_writers_are_published_once_and_in_order(
    database_url: str, topics: Topics, reader: TopicReader, running: RunningRelay
) -> None:
    crowd = ConcurrentWriters(database_url, topics.events, writers=8, transactions=25)
    crowd.start()
    crowd.join()
    assert not crowd.failures

    committed = execute(database_url, "SELECT key, event_id::text FROM outbox ORDER BY position")
    records = reader.read_events([str(event) for _, event in committed])
    for key in {record.key for record in records}:
        published = [record.event_id for record in records if record.key == key]
        assert published == [event for its_key, event in committed if its_key == key]


_BURIED = """
    SELECT reason, topic, partition, "offset", convert_from(key, 'UTF8'), length(value) FROM dead_letters
    ORDER BY "offset"
"""


def test_refused_row_becomes_a_dead_letter_and_others_are_published(
    database_url: str, kafka: Kafka, topics: Topics, reader: TopicReader, running: RunningRelay
) -> None:
    """One row is too large for any broker, another has invalid headers."""
    with session(database_url) as writer:
        good = [append(writer, topics.events, "k", sequence=1)]
        append(writer, topics.events, "large", value="x" * 2_000_000)
        good.append(append(writer, topics.events, "k", sequence=2))
        append(writer, topics.events, "odd", headers=[("a", 1)])  # type: ignore[list-item]
        good.append(append(writer, topics.events, "k", sequence=3))
        writer.commit()

    records = reader.read_events(good)
    if kafka.kind != "mock":
        assert [record.event_id for record in records] == good
    assert execute(database_url, _BURIED) == [
        ("RECORD_TOO_LARGE", topics.events, -1, 2, "large", 2_000_000),
        ("RECORD_MALFORMED", topics.events, -1, 4, "odd", 2),
    ]


@pytest.mark.real_kafka
def test_invalid_topic_name_delays_no_other_row(
    database_url: str, topics: Topics, reader: TopicReader, running: RunningRelay
) -> None:
    without_rules(database_url, "topic_name")
    with session(database_url) as writer:
        append(writer, "no/topic", "nowhere")
        append(writer, "", "nowhere either")
        event = append(writer, topics.events)
        writer.commit()

    reader.read_events([event])
    assert execute(database_url, _BURIED) == [
        ("TOPIC_NAME_INVALID", "no/topic", -1, 1, "nowhere", 2),
        ("TOPIC_NAME_INVALID", "", -1, 2, "nowhere either", 2),
    ]


@pytest.mark.real_kafka
def test_row_too_large_for_the_broker_is_found_in_its_batch(
    database_url: str, kafka: Kafka, settings: RelaySettings, topics: Topics
) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.create_topics([NewTopic(topics.events, 1, config={"max.message.bytes": "4000"})])[topics.events].result(30)
    with session(database_url) as writer:
        events = [append(writer, topics.events, str(n), value="x" * (5000 if n == 7 else 1000)) for n in range(20)]
        writer.commit()
    refused = events.pop(7)
    reader = TopicReader(kafka, topics.events)
    with RunningRelay(settings):
        records = reader.read_events(events)
    reader.close()

    assert [record.event_id for record in records] == events
    assert execute(database_url, 'SELECT reason, "offset" FROM dead_letters') == [("RECORD_TOO_LARGE", 8)]
    assert execute(database_url, "SELECT event_id::text FROM outbox WHERE position = 8") == [(refused,)]


@pytest.mark.real_kafka
def test_receipt_and_checkpoint_agree_after_a_drain(
    database_url: str, kafka: Kafka, settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    with session(database_url) as slow:
        append(slow, topics.events, "slow")
        events = write(database_url, topics.events, 3)
        with RunningRelay(settings):
            reader.read_events(events)
    config = {"bootstrap.servers": kafka.bootstrap_servers, "group.id": settings.relay_name}
    consumer = Consumer(config)
    (found,) = consumer.committed([TopicPartition(topics.events, 0)], 30)
    consumer.close()

    receipt = Receipt.parse(found.offset, found.metadata or "")
    saved = execute(database_url, "SELECT low, ranges, system_identifier, timeline FROM relay_checkpoints")
    assert saved == [(0, [[2, 4]], *receipt.epoch)]
    assert (receipt.settled.low, receipt.settled.above) == (0, ((2, 4),))
