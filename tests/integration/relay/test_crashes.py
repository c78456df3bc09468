"""A killed, frozen or overtaken relay publishes every event once, in its key's order."""

import json
import signal
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException

from devstack.kafka import Kafka
from devstack.service_process import ServiceProcess
from devstack.topics import Topics
from relay.active_term import make_publisher
from relay.crash_points import CrashPoint
from relay.health import Health
from relay.log_reader import Row
from relay.positions import Settled
from relay.producer import Publisher
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

RELAY_POINTS = [point for point in CrashPoint if point.startswith("relay.") and point != CrashPoint.AFTER_REFUSAL]
SECONDS = 60.0
RECEIPT = Receipt(Settled(1), Epoch(1, 1))


@pytest.fixture
def small_batches(database_url: str, kafka: Kafka, topics: Topics) -> RelaySettings:
    return settings_for(database_url, kafka, topics, relay_batch_size=4)


@pytest.mark.parametrize("point", RELAY_POINTS)
def test_relay_killed_between_two_durable_effects_publishes_once(
    point: CrashPoint, small_batches: RelaySettings, topics: Topics, reader: TopicReader, tmp_path: Path
) -> None:
    """Killed in the second batch, with a batch before and after it, and an open gap."""
    url = small_batches.database_url.get_secret_value()
    with session(url) as slow:
        append(slow, topics.events, "slow")
        events = write(url, topics.events, 10)
        # A separate transaction comes first. It contains the receipt of a relay that begins without one.
        nth = 3 if point is CrashPoint.IN_TRANSACTION else 2
        killed(small_batches, tmp_path, f"{point}:{nth}")
        slow.rollback()

    with RunningRelay(small_batches):
        assert_once_and_in_order(reader, events)


def test_relay_killed_after_recording_a_refusal_publishes_once(
    small_batches: RelaySettings, topics: Topics, reader: TopicReader, tmp_path: Path
) -> None:
    url = small_batches.database_url.get_secret_value()
    with session(url) as writer:
        append(writer, topics.events, "large", value="x" * 2_000_000)
        events = [append(writer, topics.events, "k")]
        writer.commit()
    killed(small_batches, tmp_path, CrashPoint.AFTER_REFUSAL)

    with RunningRelay(small_batches):
        assert_once_and_in_order(reader, events)
    assert execute(url, "SELECT count(*) FROM dead_letters") == [(1,)]


def test_sigterm_drains_the_relay(
    small_batches: RelaySettings, topics: Topics, reader: TopicReader, tmp_path: Path
) -> None:
    url = small_batches.database_url.get_secret_value()
    events = write(url, topics.events, 200)
    process = relay_process(small_batches, tmp_path)
    process.start()
    process.wait_until_ready()
    reader.read(until=lambda reader: bool(reader.records))
    assert process.stop() == 0
    published = [record.event_id for record in reader.read_to_end()]
    assert published == events[: len(published)]
    assert execute(url, "SELECT low FROM relay_checkpoints") == [(len(published),)]

    with RunningRelay(small_batches):
        assert_once_and_in_order(reader, events)


def test_frozen_relay_is_fenced_after_a_takeover(
    small_batches: RelaySettings, topics: Topics, reader: TopicReader, tmp_path: Path
) -> None:
    """A relay frozen during its work and past a takeover continues: its transaction is void, and it is standby."""
    url = small_batches.database_url.get_secret_value()
    zombie = relay_process(small_batches, tmp_path)
    zombie.start()
    zombie.wait_until_ready()
    events = _frozen_under_way(zombie, lambda first: write(url, topics.events, 400, first=first), reader)
    with RunningRelay(small_batches):
        reader.read(until=lambda reader: len(reader.records) == len(events))
        assert zombie.process is not None
        zombie.process.send(signal.SIGCONT)
        events += write(url, topics.events, 50, first=len(events) + 1)
        assert_once_and_in_order(reader, events)
    assert zombie.stop() == 0


def _has_read_more_than(before: int, reader: TopicReader) -> bool:
    return len(reader.records) > before


def _frozen_under_way(relay: ServiceProcess, more: Callable[[int], list[str]], reader: TopicReader) -> list[str]:
    """Freeze the relay with unpublished rows, writing more until it succeeds; returns all written events."""
    assert relay.process is not None
    events: list[str] = []
    while len(reader.records) == len(events):
        relay.process.send(signal.SIGCONT)
        before = len(events)
        events += more(before + 1)
        reader.read(until=partial(_has_read_more_than, before))
        relay.process.send(signal.SIGSTOP)
        reader.read_to_end()
    return events


def test_overtaken_relay_publishes_nothing(
    small_batches: RelaySettings, topics: Topics, reader: TopicReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka fences it, independent of its lock, before the newer relay reads the receipt."""
    older, newer = (make_publisher(small_batches, Health(), lambda: None) for _ in range(2))
    refused: list[str] = []

    def publish(publisher: Publisher, event_id: str) -> None:
        publisher.publish([_row(1, topics.events, event_id)], RECEIPT)
        assert publisher.settle(SECONDS)

    class Meanwhile(Consumer):
        def committed(self, *asked: Any) -> Any:
            if not refused:
                with pytest.raises(KafkaException) as caught:
                    publish(older, "of the older")
                refused.append(str(caught.value))
            return super().committed(*asked)

    with closing(older), closing(newer):
        older.open()
        monkeypatch.setattr("relay.exactly_once.Consumer", Meanwhile)
        newer.open()
        publish(newer, "of the newer")
    assert ["_FENCED" in said for said in refused] == [True]
    assert [record.event_id for record in reader.read_events(["of the newer"])] == ["of the newer"]


def _row(position: int, topic: str, event_id: str) -> Row:
    return position, topic, "k", "{}", json.dumps([["ce_id", event_id]]), False, 0


def test_relays_started_together_publish_once(
    small_batches: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    url = small_batches.database_url.get_secret_value()
    with RunningRelay(small_batches):
        first = write(url, topics.events, 20)
        with RunningRelay(small_batches), RunningRelay(small_batches):
            reader.read_events(first)
        second = write(url, topics.events, 20, first=21)
        assert_once_and_in_order(reader, [*first, *second])


def test_relay_continues_after_postgresql_ends_every_session(
    small_batches: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    url = small_batches.database_url.get_secret_value()
    with RunningRelay(small_batches):
        first = write(url, topics.events, 5)
        reader.read_events(first)
        execute(
            url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'relay:%%' "
            "AND datname = current_database()",
        )
        second = write(url, topics.events, 5, first=6)
        assert_once_and_in_order(reader, [*first, *second])
