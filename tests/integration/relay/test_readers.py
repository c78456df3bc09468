"""The relay's log, a metric and ``doctor`` name readers that lose the events of Kafka transactions."""

import math
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog
from confluent_kafka import Consumer
from prometheus_client import REGISTRY

from commandline.check_readers import check_readers
from commandline.checks import Finding
from devstack.kafka import Kafka
from devstack.topics import Topics
from relay import readers
from relay.readers import LosingReader, loses_transactions
from relay.settings import RelaySettings
from tests.integration.relay.running import RunningRelay, TopicReader

pytestmark = [pytest.mark.kafka, pytest.mark.real_kafka]
OLD = "kafka-python-2.0.2"
PAUSE_SECONDS = 0.02


@contextmanager
def reading(kafka: Kafka, topic: str, client_id: str) -> Iterator[str]:
    """The name of a group member that has partitions of the topic during the block."""
    group = f"saga-{secrets.token_hex(4)}"
    member = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": group, "client.id": client_id})
    member.subscribe([topic])
    try:
        while not member.assignment():
            member.poll(0.1)
        yield group
    finally:
        member.close()


def metric() -> float:
    found = REGISTRY.get_sample_value("relay_readers_losing_events")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("client_id", "loses"),
    [
        ("kafka-python-2.0.2", True),
        ("kafka-python-2.0.5", True),
        ("kafka-python-1.4.7", True),
        ("kafka-python-2.0.6", False),
        ("kafka-python-2.0.10", False),
        ("kafka-python-3.0.12", False),
        ("rdkafka", False),
        ("my-kafka-python-2.0.2", False),
    ],
)
def test_client_id_identifies_libraries_that_lose_events(client_id: str, loses: bool) -> None:
    assert loses_transactions(client_id) is loses


@pytest.mark.postgres
def test_the_relay_names_each_reader_that_loses_events_once(
    settings: RelaySettings,
    kafka: Kafka,
    topics: Topics,
    reader: TopicReader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readers, "_FIRST_SECONDS", 0.0)
    monkeypatch.setattr(readers, "_SECONDS", 0.1)
    with (
        reading(kafka, topics.events, OLD) as group,
        reading(kafka, topics.events, "rdkafka") as another,
        structlog.testing.capture_logs() as lines,
        RunningRelay(settings),
    ):
        while math.isnan(metric()):
            time.sleep(PAUSE_SECONDS)
        assert metric() == 1
        with reading(kafka, topics.events, "kafka-python-2.0.5"):
            while metric() != 2:
                time.sleep(PAUSE_SECONDS)
    assert math.isnan(metric())
    said = [each for each in lines if each["event"].startswith("a reader loses events")]
    assert [each["client_id"] for each in said] == [OLD, "kafka-python-2.0.5"]
    assert said[0]["group"] == group
    assert another not in {each["group"] for each in said}
    assert "RELAY_DELIVERY=at-least-once" in said[0]["mend"]


@pytest.mark.postgres
@pytest.mark.parametrize("delivery", ["exactly-once", "at-least-once"])
def test_doctor_names_the_reader_and_the_remedy(
    delivery: str, settings: RelaySettings, kafka: Kafka, topics: Topics, reader: TopicReader
) -> None:
    asked = settings.model_copy(update={"relay_delivery": delivery})
    with reading(kafka, topics.events, OLD) as group:
        (found,) = check_readers(asked)
    assert [OLD in found.detail, group in found.detail] == [True, True]
    assert found.ok is (delivery == "at-least-once")
    assert found.mend == (readers.WHAT_TO_DO if delivery == "exactly-once" else None)
    (found,) = check_readers(asked)
    assert found == Finding("readers", f"0 groups read {topics.events} now, none by a library known to lose events")


def test_unreadable_group_is_reported_and_other_groups_are_checked(
    settings: RelaySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = readers.Readers(1, frozenset({LosingReader("saga", OLD)}), {"secret": "not authorized"})
    monkeypatch.setattr(readers, "look", lambda *_: found)
    loses, unseen = check_readers(settings)
    assert not loses.ok
    assert (unseen.warning, unseen.ok) == (True, True)
    assert "secret cannot be read: not authorized" in unseen.detail


def test_broker_without_an_answer_is_a_warning(settings: RelaySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "_ANSWER_SECONDS", 0.5)
    away = settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
    (found,) = check_readers(away)
    assert (found.warning, found.ok, found.detail[:16]) == (True, True, "cannot be read: ")
