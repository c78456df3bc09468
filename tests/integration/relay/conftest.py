"""A relay's settings, its topics, and a reader of its events."""

from collections.abc import Iterator

import pytest

from devstack.kafka import Kafka
from devstack.topics import Topics, make_topic
from relay.settings import RelaySettings
from tests.integration.relay.running import TopicReader, settings_for


@pytest.fixture
def settings(database_url: str, kafka: Kafka, topics: Topics) -> RelaySettings:
    """The relay's settings, with exactly-once delivery if the broker supports it."""
    delivery = "at-least-once" if kafka.kind == "mock" else "exactly-once"
    return settings_for(database_url, kafka, topics, relay_delivery=delivery)


@pytest.fixture
def reader(kafka: Kafka, topics: Topics) -> Iterator[TopicReader]:
    """A reader of the events topic, which it makes."""
    make_topic(kafka, topics.events, partitions=3)
    reader = TopicReader(kafka, topics.events)
    yield reader
    reader.close()
