"""The comparison of outbox and topic, and the faults that it finds."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from devstack.kafka import Kafka
from devstack.topics import Topics, make_topic
from relay import checkpoint
from relay.audit import Ours, Report, audit
from relay.leadership import Leadership
from relay.settings import RelaySettings
from tests.integration.relay.retention import delete_before
from tests.integration.relay.running import RunningRelay, TopicReader
from tests.integration.relay.writers import append, execute, session, write

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

EVER = datetime(1970, 1, 1, tzinfo=UTC)


def compare(settings: RelaySettings, since: datetime = EVER) -> Report:
    url = settings.database_url.get_secret_value()
    session = Leadership(url, settings.relay_name)
    found = checkpoint.load(session.query, settings.relay_name)
    session.close()
    assert found is not None
    return audit(url, settings.client_config(), found, since, Ours("things"))


def publish_by_hand(
    kafka: Kafka, topic: str, *events: str, age: timedelta = timedelta(), headers: tuple[tuple[str, str], ...] = ()
) -> None:
    """Publish records as a faulty relay would, or a relay with a slow clock."""
    producer = Producer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
        }
    )
    for event in events:
        at = int((datetime.now(UTC) - age).timestamp() * 1000)
        producer.produce(topic, b"{}", b"k", headers=[("ce_id", event), *headers], timestamp=at)
    producer.flush()


@pytest.fixture
def published(database_url: str, settings: RelaySettings, topics: Topics, reader: TopicReader) -> list[str]:
    """Five events of one key, published, and in the checkpoint."""
    events = write(database_url, topics.events, 5)
    with RunningRelay(settings):
        reader.read_events(events)
    return events


def test_audit_finds_no_fault_in_equal_outbox_and_topic(settings: RelaySettings, published: list[str]) -> None:
    assert compare(settings) == Report(5, [], [], [], [], [], [])


def test_audit_finds_a_missing_event(
    database_url: str, settings: RelaySettings, topics: Topics, published: list[str]
) -> None:
    """An unpublished row that the checkpoint counts as settled."""
    (lost,) = write(database_url, topics.events, 1, first=6)
    execute(database_url, "UPDATE relay_checkpoints SET low = 6")
    (pending,) = write(database_url, topics.events, 1, first=7)

    (missing,) = compare(settings).missing
    assert (missing.event_id, missing.position, missing.sequence, missing.key) == (lost, 6, 6, "k")
    assert pending != lost
    assert compare(settings, datetime.now(UTC) + timedelta(hours=1)).missing == []


def test_replay_publishes_a_missing_event(
    database_url: str, settings: RelaySettings, topics: Topics, reader: TopicReader, published: list[str]
) -> None:
    (lost,) = write(database_url, topics.events, 1, first=6)
    execute(database_url, "UPDATE relay_checkpoints SET low = 6")
    with session(database_url) as writer:
        append(writer, topics.events, event_id=lost, replayed=True)
        writer.commit()
    # The receipt is older than this checkpoint, so the relay itself finds the missing row.
    with RunningRelay(settings):
        reader.read_events([lost])
    assert compare(settings).missing == []


def test_audit_finds_a_replay_despite_a_slow_clock(
    database_url: str, kafka: Kafka, settings: RelaySettings, topics: Topics, published: list[str]
) -> None:
    """Each replay is known by its id: an earlier one of the same event is no proof of a later one."""
    for name in ("first", "second"):
        with session(database_url) as writer:
            replay = ("replay_id", name)
            append(writer, topics.events, sequence=1, event_id=published[0], replayed=True, headers=[replay])
            writer.commit()
    execute(database_url, "UPDATE relay_checkpoints SET low = 7")
    behind, first = timedelta(seconds=5), (("replayed", "true"), ("replay_id", "first"))
    publish_by_hand(kafka, topics.events, published[0], age=behind, headers=first)
    assert [missing.position for missing in compare(settings).missing] == [7]


def test_audit_names_records_unknown_to_the_outbox(
    database_url: str, kafka: Kafka, settings: RelaySettings, topics: Topics, published: list[str]
) -> None:
    """Records of other programs are left out, and so are records whose rows may have been pruned."""
    lost, other = str(uuid4()), str(uuid4())
    source = (("ce_source", "things"), ("ce_type", "thing.happened"), ("sequence", "6"))
    publish_by_hand(kafka, topics.events, lost, headers=source)
    publish_by_hand(kafka, topics.events, other, headers=(("ce_source", "others"),))
    (taken,) = write(database_url, topics.events, 1, first=6)
    report = compare(settings)
    assert [(unknown.event_id, unknown.type, unknown.sequence) for unknown in report.unknown] == [
        (lost, "thing.happened", 6)
    ]
    assert [(twice.event_id, twice.other_event_id) for twice in report.numbered_twice] == [(lost, taken)]
    execute(database_url, "DELETE FROM outbox WHERE position = 1")
    assert compare(settings).unknown == []


def test_audit_finds_a_doubled_record(
    kafka: Kafka, settings: RelaySettings, topics: Topics, published: list[str]
) -> None:
    publish_by_hand(kafka, topics.events, published[2])
    report = compare(settings)
    assert [(doubled.event_id, doubled.times) for doubled in report.doubled] == [(published[2], 2)]
    assert (report.missing, report.out_of_order) == ([], [])


@pytest.mark.real_kafka
def test_audit_distinguishes_records_deleted_by_retention_from_missing_ones(
    database_url: str, kafka: Kafka, settings: RelaySettings, topics: Topics, reader: TopicReader, published: list[str]
) -> None:
    """Retention counts by topic and position: neither another topic's retention nor a later missing row explains it."""
    other = make_topic(kafka, f"{topics.events}.other", partitions=1)
    elsewhere = write(database_url, other, 2, key="other")
    events = write(database_url, topics.events, 3, first=6)
    with RunningRelay(settings):
        reader.read_events(events)
    (lost,) = write(database_url, topics.events, 1, first=9)
    execute(database_url, "UPDATE relay_checkpoints SET low = 11")
    delete_before(kafka, other, 1)
    report = compare(settings)
    assert [missing.event_id for missing in report.missing] == [lost]
    assert [uncompared[:4] for uncompared in report.uncompared] == [(other, 1, 6, 6)]

    (partition,) = {record.partition for record in reader.records}
    delete_before(kafka, topics.events, 6, partition)
    report = compare(settings)
    assert [missing.event_id for missing in report.missing] == [lost]
    assert [uncompared[:2] for uncompared in report.uncompared] == [(topics.events, 5), (other, 1)]
    assert len(elsewhere) == 2


def test_audit_finds_records_out_of_order(
    database_url: str, kafka: Kafka, settings: RelaySettings, topics: Topics, published: list[str]
) -> None:
    sixth, seventh = write(database_url, topics.events, 2, first=6)
    publish_by_hand(kafka, topics.events, seventh, sixth)
    (found,) = compare(settings).out_of_order
    assert (found.event_id, found.sequence, found.after_sequence) == (sixth, 6, 7)


def test_audit_accepts_foreign_records_and_refused_rows(
    database_url: str, kafka: Kafka, settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    with session(database_url) as writer:
        append(writer, topics.events, "large", value="x" * 2_000_000)
        events = [append(writer, topics.events, sequence=1)]
        writer.commit()
    with RunningRelay(settings):
        reader.read_events(events)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    producer.produce(topics.events, b"{}", headers=[("ce_id", b"not one of ours")])
    producer.produce(topics.events, json.dumps({}).encode())
    producer.flush()
    assert compare(settings) == Report(1, [], [], [], [], [], [])
