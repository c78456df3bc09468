"""Consumers that end with their test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devstack.kafka import Kafka
from devstack.topics import Topics
from tests.integration.consumer.running import RunningConsumer, settings_for
from tests.unit.consumer.doubles import RecordingCommands

Start = Callable[..., RunningConsumer]


@pytest.fixture
def start(kafka: Kafka, topics: Topics) -> Iterator[Start]:
    """Starts a consumer of the test's topic and group; keyword arguments are settings."""
    running: list[RunningConsumer] = []

    def begin(commands: RecordingCommands, **settings: Any) -> RunningConsumer:
        running.append(RunningConsumer(settings_for(kafka, topics, **settings), commands))
        return running[-1]

    yield begin
    for one in running:
        one.stop()
