"""The consumer's answers to /ready about Kafka."""

import json
from collections.abc import Callable
from typing import Any

import structlog
from confluent_kafka import KafkaError

from consumer.health import KafkaHealth
from consumer.joining import Joining
from consumer.lag import Lag
from consumer.offsets import Partition


def statistics(*, broker: str = "UP", group: str = "steady") -> str:
    found: dict[str, Any] = {
        "brokers": {"b:9092/1": {"nodeid": 1, "state": broker}},
        "cgrp": {"join_state": group},
        "topics": {},
    }
    return json.dumps(found)


def made(owned: Callable[[], list[Partition]] = list) -> KafkaHealth:
    return KafkaHealth(owned, Lag(dict, lambda: False), Joining(lambda: None))


def test_ready_while_the_group_is_joined() -> None:
    owned: list[Partition] = []
    health = made(lambda: owned)
    assert health.fault() == "kafka: not connected yet"
    health.on_statistics(statistics(group="init"))
    assert health.fault() == "kafka: joining the consumer group"
    health.on_statistics(statistics())
    assert health.fault() is None
    owned.append(("t", 0))
    health.on_statistics(statistics(group="wait-assign-call"))
    assert health.fault() is None
    owned.clear()
    assert health.fault() == "kafka: joining the consumer group"


def test_a_broker_that_is_away_is_reported() -> None:
    health = made()
    health.on_statistics(statistics())
    health.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert health.fault() is None
    health.on_statistics(statistics(broker="TRY_CONNECT"))
    assert health.fault() == "kafka: 1/1 brokers are down"
    health.on_statistics(statistics())
    assert health.fault() is None


def test_missing_topic_is_reported_until_records_arrive() -> None:
    health = made()
    health.on_statistics(statistics())
    health.on_consumer_error(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, "no such topic"))
    assert health.fault() == "kafka: no such topic"
    health.records_come()
    assert health.fault() is None


def test_a_broker_that_stays_away_is_logged_once_per_error() -> None:
    health = made()
    with structlog.testing.capture_logs() as logged:
        for attempt in range(100):
            health.on_error(KafkaError(KafkaError._TRANSPORT, f"refused, attempt {attempt}"))
        health.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert [line["code"] for line in logged] == ["_TRANSPORT", "_ALL_BROKERS_DOWN"]
    assert health.fault() == "kafka: 1/1 brokers are down"
