"""A relay whose server hangs reports it, keeps its lock if possible, ends on SIGTERM, and continues afterwards."""

import math
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from devstack.kafka import Kafka
from devstack.kafka_apache import ApacheKafka
from devstack.tcp_proxy import TcpProxy
from devstack.topics import Topics, make_topic
from tests.crash.asked_relay import GRACE_SECONDS, LOOK_SECONDS, ends_in_time, metric, ready, started, until
from tests.integration.relay.running import TopicReader
from tests.integration.relay.writers import append, execute, session, wait_for, write
from tests.support.own_servers import own_broker

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.real_kafka]

LOCK_HOLDER = """
    SELECT pid FROM pg_stat_activity WHERE application_name = 'relay: leader' AND datname = current_database()
"""
OF_A_TERM = ("relay_lag_rows", "relay_lag_seconds", "relay_open_gaps")
"""Figures that only the relay of an active term has."""


@pytest.fixture
def reader(kafka: Kafka, topics: Topics) -> Iterator[TopicReader]:
    make_topic(kafka, topics.events, partitions=1)
    reader = TopicReader(kafka, topics.events)
    yield reader
    reader.close()


def test_relay_with_a_locked_outbox_keeps_its_lock_and_reports_it(
    database_url: str, kafka: Kafka, topics: Topics, reader: TopicReader, tmp_path: Path
) -> None:
    """Locked as a migration, VACUUM FULL or an operator locks it."""
    with started(database_url, kafka, topics, tmp_path) as relay:
        relay.wait_until_ready()
        holder = execute(database_url, LOCK_HOLDER)
        with session(database_url) as operator, operator.cursor() as cursor:
            cursor.execute("LOCK TABLE outbox")
            locked_at = time.monotonic()
            answer = until(relay, lambda answer: answer.code == 503, 30)
            assert answer.status.startswith("database: ")
            assert "lock" in answer.status
            while time.monotonic() - locked_at < 16:
                assert execute(database_url, LOCK_HOLDER) == holder
                time.sleep(LOOK_SECONDS)
            assert math.isnan(metric(relay, "relay_lag_rows"))
            operator.rollback()
        reader.read_events(write(database_url, topics.events, 3))
        until(relay, lambda answer: answer.code == 200, 30)
        assert execute(database_url, LOCK_HOLDER) == holder
        assert ends_in_time(relay)[0] == 0


def test_relay_with_a_locked_outbox_ends_on_sigterm(
    database_url: str, kafka: Kafka, topics: Topics, reader: TopicReader, tmp_path: Path
) -> None:
    with started(database_url, kafka, topics, tmp_path) as relay:
        relay.wait_until_ready()
        with session(database_url) as operator, operator.cursor() as cursor:
            cursor.execute("LOCK TABLE outbox, relay_checkpoints, dead_letters")
            until(relay, lambda answer: answer.code == 503, 30)
            code, seconds = ends_in_time(relay)
    assert code == 0
    assert seconds < GRACE_SECONDS


@pytest.mark.parametrize("fault", ["lose_packets", "hold"])
def test_silent_connection_to_postgresql_is_reported_and_ended(
    fault: str, database_url: str, kafka: Kafka, topics: Topics, reader: TopicReader, tmp_path: Path
) -> None:
    with (
        TcpProxy(urlsplit(database_url).port or 5432) as network,
        started(network.through(database_url), kafka, topics, tmp_path) as relay,
    ):
        relay.wait_until_ready()
        reader.read_events(write(database_url, topics.events, 3))
        getattr(network, fault)()
        waiting = write(database_url, topics.events, 3, first=4)
        until(relay, lambda answer: answer.code == 503 and answer.status.startswith("database: "), 12)
        until(relay, lambda _: math.isnan(metric(relay, "relay_lag_rows")), 30)
        network.mend()
        reader.read_events(waiting)
        until(relay, lambda answer: answer.code == 200, 30)

        getattr(network, fault)()
        until(relay, lambda answer: answer.code == 503, 12)
        code, seconds = ends_in_time(relay)
    assert seconds < GRACE_SECONDS
    assert code == 0
    assert len(reader.read_to_end()) == 6


@pytest.fixture(scope="module")
def kafka_of_this_module() -> Iterator[ApacheKafka]:
    with own_broker() as broker:
        try:
            yield broker
        finally:
            broker.thaw()


@pytest.fixture
def hanging_kafka(kafka_of_this_module: ApacheKafka) -> Iterator[ApacheKafka]:
    """A broker that a test freezes."""
    yield kafka_of_this_module
    kafka_of_this_module.thaw()


@pytest.mark.parametrize("delivery", ["exactly-once", "at-least-once"])
def test_hung_broker_is_reported_and_does_not_keep_the_process(
    delivery: str, database_url: str, hanging_kafka: ApacheKafka, topics: Topics, tmp_path: Path
) -> None:
    """The outbox is full. The exit code reports a batch that could not be finished.

    With transactions the relay may have given the batch up before, and then reports none. It has no batch while it
    reads the outbox either, where it looks up the topic of a row.
    """
    make_topic(hanging_kafka, topics.events, partitions=1)
    reader = TopicReader(hanging_kafka, topics.events)
    with started(
        database_url, hanging_kafka, topics, tmp_path, RELAY_DELIVERY=delivery, RELAY_BATCH_SIZE="50"
    ) as relay:
        relay.wait_until_ready()
        write(database_url, topics.events, 3000)
        reader.read(until=lambda reader: bool(reader.records))
        hanging_kafka.freeze()
        answer = until(relay, lambda answer: answer.code == 503, 20)
        assert answer.status.startswith("kafka: ")
        until(relay, lambda _: metric(relay, "relay_lag_rows") > 0, 20)
        has_batch = ready(relay).stage.startswith("producing")
        code, seconds = ends_in_time(relay)
        assert seconds < GRACE_SECONDS
        assert code == 1 or delivery == "exactly-once" or not has_batch
    reader.close()


def test_broker_hung_at_the_start_is_named_and_the_database_is_not(
    database_url: str, hanging_kafka: ApacheKafka, topics: Topics, tmp_path: Path
) -> None:
    hanging_kafka.freeze()
    write(database_url, topics.events, 7)
    with started(database_url, hanging_kafka, topics, tmp_path) as relay:
        until(relay, lambda answer: answer.status.startswith("kafka: "), 20)
        until(relay, lambda _: metric(relay, "relay_lag_rows") == 7, 20)
        assert not ready(relay).status.startswith("database: ")
        code, seconds = ends_in_time(relay)
    assert seconds < GRACE_SECONDS
    assert code == 0


def test_standby_reports_its_state_and_no_lag(
    database_url: str, kafka: Kafka, topics: Topics, reader: TopicReader, tmp_path: Path
) -> None:
    with started(database_url, kafka, topics, tmp_path) as active:
        active.wait_until_ready()
        with started(database_url, kafka, topics, tmp_path) as standby:
            answer = until(standby, lambda answer: answer.code == 200, 30)
            assert answer.stage.startswith("standing by")
            assert math.isnan(metric(standby, "relay_lag_rows"))
            assert metric(standby, "relay_active") == 0


def test_frozen_relay_cannot_write_after_a_takeover(
    database_url: str, kafka: Kafka, topics: Topics, reader: TopicReader, tmp_path: Path
) -> None:
    with started(database_url, kafka, topics, tmp_path) as frozen:
        frozen.wait_until_ready()
        with session(database_url) as slow:
            append(slow, topics.events, "slow")
            reader.read_events(write(database_url, topics.events, 3))
            until(frozen, lambda _: metric(frozen, "relay_open_gaps") == 1, 20)
            assert frozen.process is not None
            frozen.process.send(signal.SIGSTOP)
        with started(database_url, kafka, topics, tmp_path) as successor:
            reader.read_events(write(database_url, topics.events, 3, first=4))
            wait_for(database_url, "SELECT 1 FROM relay_checkpoints WHERE low = 7")
            execute(database_url, "UPDATE relay_checkpoints SET updated_at = 'epoch'")
            frozen.process.send(signal.SIGCONT)
            until(frozen, lambda answer: answer.stage.startswith("standing by"), 30)
            assert execute(database_url, "SELECT updated_at = 'epoch' FROM relay_checkpoints") == [(True,)]
            assert ready(successor).code == 200
            assert len(reader.read_to_end()) == 6
            figures = {name: metric(frozen, name) for name in OF_A_TERM}
            assert all(math.isnan(figure) for figure in figures.values()), figures
