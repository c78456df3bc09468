"""Relays of one name fence each other, including relays of older versions. Relays of different names do not."""

from contextlib import closing

import pytest
from confluent_kafka import Producer

from devstack.kafka import Kafka
from devstack.topics import Topics
from relay.active_term import make_publisher
from relay.health import Health
from relay.positions import Settled
from relay.producer import Publisher
from relay.receipt import OLD_VERSION, Epoch, Receipt
from relay.settings import RelaySettings
from runtime.settings import load
from runtime.settings_source import SettingError
from tests.integration.relay.running import TopicReader, settings_for

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.real_kafka]

SECONDS = 60.0


def publish(publisher: Publisher, low: int) -> None:
    """Two receipts: one by each producer."""
    for step in range(2):
        publisher.publish([], Receipt(Settled(low + step), Epoch(1, 1)))
        assert publisher.settle(SECONDS)


@pytest.mark.parametrize("other", [".2", ".2.2", "-2"])
def test_relays_with_similar_names_do_not_fence_each_other(
    other: str, database_url: str, kafka: Kafka, topics: Topics, reader: TopicReader
) -> None:
    """Both have published before, because a relay's first start fences the older producer ids of its name."""
    one, two = (
        settings_for(database_url, kafka, topics, relay_name=name) for name in (topics.group, f"{topics.group}{other}")
    )
    for settings in (one, two):
        with closing(make_publisher(settings, Health(), lambda: None)) as publisher:
            publisher.open()
            publish(publisher, 1)
    first, second = (make_publisher(settings, Health(), lambda: None) for settings in (one, two))
    with closing(first), closing(second):
        first.open()
        second.open()
        publish(first, 3)
        publish(second, 3)


def test_newer_version_fences_the_second_producer_of_an_older_one(
    settings: RelaySettings, kafka: Kafka, topics: Topics, reader: TopicReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a rolling update, the older relay froze with a prepared transaction, under an id of the older version."""
    monkeypatch.setattr("relay.receipt._VERSION", OLD_VERSION)
    with closing(make_publisher(settings, Health(), lambda: None)) as older:
        older.open()
        publish(older, 1)
    monkeypatch.undo()
    frozen = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": f"{settings.relay_name}.2"})
    frozen.init_transactions(SECONDS)
    frozen.begin_transaction()
    frozen.produce(topics.events, "{}", "k", headers=[("ce_id", "of the older")])
    frozen.flush(SECONDS)
    with closing(make_publisher(settings, Health(), lambda: None)) as newer:
        newer.open()
        with pytest.raises(Exception, match=r"fenced|INVALID_PRODUCER_EPOCH|_FENCED"):
            frozen.commit_transaction(SECONDS)
        publish(newer, 3)
    assert reader.read_to_end() == []


@pytest.mark.parametrize("name", ["x/2", "", "x y", "x" * 101])
def test_invalid_relay_name_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(SettingError) as caught:
        load(RelaySettings, database_url="postgresql://h/d", kafka_bootstrap_servers="h:1", relay_name=name)
    assert "\n" not in str(caught.value)
    assert "RELAY_NAME" in str(caught.value)
    assert "letters, digits" in str(caught.value)
