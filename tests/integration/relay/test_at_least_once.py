"""Delivery without transactions reads the topics after a kill, a refusal or a lost connection: it repeats nothing."""

import json
import signal
from collections import Counter
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from devstack.kafka import Kafka
from devstack.topics import Topics
from relay.active_term import make_publisher
from relay.crash_points import CrashPoint
from relay.health import Health
from relay.kafka_errors import RecordRefusedError
from relay.positions import Settled
from relay.receipt import Epoch, Receipt
from relay.settings import RelaySettings
from tests.integration.relay.running import (
    RunningRelay,
    TopicReader,
    assert_once_and_in_order,
    killed,
    relay_process,
    settings_for,
)
from tests.integration.relay.writers import append, execute, session, write

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.real_kafka]

BATCH = 4
POINTS = [point for point in CrashPoint if point.startswith("relay.") and point != CrashPoint.BEFORE_KAFKA_COMMIT]
"""All points except those at the commit of a transaction, which this delivery does not have."""

SECONDS = 60.0
RECEIPT = Receipt(Settled(1), Epoch(1, 1))


@pytest.fixture
def settings(database_url: str, kafka: Kafka, topics: Topics) -> RelaySettings:
    return settings_for(database_url, kafka, topics, relay_batch_size=BATCH, relay_delivery="at-least-once")


@pytest.mark.parametrize("point", POINTS)
def test_relay_killed_at_any_point_repeats_nothing(
    point: CrashPoint, settings: RelaySettings, topics: Topics, reader: TopicReader, tmp_path: Path
) -> None:
    """Killed in the second batch, with a batch before and after it, an open gap and a record that Kafka refuses."""
    url = settings.database_url.get_secret_value()
    with session(url) as slow:
        append(slow, topics.events, "slow")
        events = write(url, topics.events, 6)
        with session(url) as writer:
            append(writer, topics.events, "large", value="x" * 2_000_000)
            writer.commit()
        events += write(url, topics.events, 4, first=7)
        begins_with_none = point is CrashPoint.IN_TRANSACTION
        killed(settings, tmp_path, f"{point}:{1 if point is CrashPoint.AFTER_REFUSAL else 2 + begins_with_none}")
        slow.rollback()

    with RunningRelay(settings):
        assert_once_and_in_order(reader, events)
    assert execute(url, "SELECT count(*) FROM dead_letters") == [(1,)]


def test_active_term_that_ends_during_a_backlog_repeats_nothing(
    settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    url = settings.database_url.get_secret_value()
    events = write(url, topics.events, 400)
    with RunningRelay(settings):
        for _ in range(3):
            seen = len(reader.records)
            reader.read(until=lambda reader, seen=seen: len(reader.records) > seen)  # type: ignore[misc]
            execute(
                url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'relay:%%' "
                "AND datname = current_database()",
            )
        assert_once_and_in_order(reader, events)


def test_neighbors_of_refused_rows_are_not_repeated(
    settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    """Two refused rows, one that is no valid record and one that only the broker refuses, each within a batch."""
    publisher = make_publisher(settings, Health(), lambda: None)
    large, broken = "x" * 2_000_000, "no JSON"
    with closing(publisher):
        publisher.open()
        for number, (value, headers) in enumerate([(large, "[]"), ("{}", broken)]):
            first = 10 * number
            rows = [(first + at, topics.events, "k", f"{first + at}", _named(first + at), False, 0) for at in range(3)]
            rows[1] = (first + 1, topics.events, "k", value, headers, False, 0)
            with pytest.raises(RecordRefusedError) as caught:
                publisher.publish(rows, RECEIPT)
            assert caught.value.position == first + 1
            publisher.publish(rows[:1], RECEIPT)
            publisher.publish(rows[2:], RECEIPT)
    wanted = ["0", "2", "10", "12"]
    assert [record.event_id for record in reader.read_events(wanted)] == wanted


def test_relay_that_notices_a_takeover_sends_nothing_more(
    settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    overtaken: list[str] = []

    def beat() -> None:
        if overtaken:
            raise psycopg2.OperationalError(overtaken[0])

    publisher = make_publisher(settings, Health(), beat)
    with closing(publisher):
        publisher.open()
        publisher.publish([(1, topics.events, "k", "{}", _named(1), False, 0)], RECEIPT)
        overtaken.append("the session of the lock does not answer")
        with pytest.raises(psycopg2.OperationalError):
            publisher.publish([(2, topics.events, "k", "{}", _named(2), False, 0)], RECEIPT)
        assert len(publisher._client.producer) == 0  # type: ignore[attr-defined]
    assert [record.event_id for record in reader.read_events(["1"])] == ["1"]


def _named(number: int) -> str:
    return json.dumps([["ce_id", str(number)]])


def test_overtaken_relay_frozen_while_sending_repeats_at_most_one_batch(
    settings: RelaySettings, topics: Topics, reader: TopicReader, tmp_path: Path
) -> None:
    """The only possible repeat: the requests that librdkafka had in flight when the process stopped."""
    url = settings.database_url.get_secret_value()
    zombie = relay_process(settings, tmp_path)
    zombie.start()
    zombie.wait_until_ready()
    assert zombie.process is not None
    events = write(url, topics.events, 400)
    reader.read(until=lambda reader: bool(reader.records))
    zombie.process.send(signal.SIGSTOP)
    with RunningRelay(settings):
        reader.read_events(events)
        zombie.process.send(signal.SIGCONT)
        zombie.wait_until_ready()
        events += write(url, topics.events, 50, first=401)
        records = reader.read_events(events)
    assert zombie.stop() == 0
    repeats = {event: times - 1 for event, times in Counter(record.event_id for record in records).items() if times > 1}
    assert set(repeats.values()) <= {1}
    assert len(repeats) <= 2 * BATCH
    assert list(dict.fromkeys(record.event_id for record in records)) == events
