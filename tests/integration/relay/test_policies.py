"""Relay and consumer warn at their start of topics whose settings lose records, and continue."""

import pytest
import structlog

from devstack.kafka import Kafka
from devstack.ports import free_port
from devstack.topics import Topics, make_topic
from tests.integration.consumer.running import RunningConsumer
from tests.integration.consumer.running import settings_for as consumer_settings
from tests.integration.relay.running import RunningRelay, settings_for
from tests.support.probes import wait_until_metrics_say, wait_until_ready_says
from tests.unit.consumer.doubles import RecordingCommands

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.real_kafka]


def _line(topic: str, setting: str) -> str:
    return f'kafka_topic_faults{{setting="{setting}",topic="{topic}"}} 1.0'


def test_the_relay_warns_and_publishes(database_url: str, kafka: Kafka, topics: Topics) -> None:
    port = free_port("127.0.0.1")
    make_topic(kafka, topics.commands, 1, retention_ms="60000")
    make_topic(kafka, topics.events, 1, cleanup_policy="compact")
    with (
        structlog.testing.capture_logs() as lines,
        RunningRelay(settings_for(database_url, kafka, topics, ops_port=port)),
    ):
        wait_until_ready_says(port, "ready")
        wait_until_metrics_say(port, _line(topics.events, "cleanup.policy"))
        wait_until_metrics_say(port, _line(topics.commands, "retention.ms"))
    warned = {each["topic"]: each for each in lines if each["log_level"] == "warning" and "mend" in each}
    assert warned.keys() == {topics.commands, topics.events}
    assert "cleanup.policy=delete" in warned[topics.events]["mend"]


def test_the_consumer_warns_and_reads(kafka: Kafka, topics: Topics) -> None:
    port = free_port("127.0.0.1")
    make_topic(kafka, topics.commands, 1, cleanup_policy="compact")
    with structlog.testing.capture_logs() as lines:
        consumer = RunningConsumer(consumer_settings(kafka, topics, ops_port=port), RecordingCommands())
        wait_until_ready_says(port, "ready")
        wait_until_metrics_say(port, _line(topics.commands, "cleanup.policy"))
        assert consumer.stop() == 0
    assert [each["topic"] for each in lines if "mend" in each] == [topics.commands]
