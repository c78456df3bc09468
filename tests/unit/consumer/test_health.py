"""What /ready says of Kafka, and lag by partition."""

import json
from typing import Any

import structlog
from confluent_kafka import KafkaError
from prometheus_client import REGISTRY

from consumer.health import KafkaHealth
from consumer.offsets import Partition


def statistics(*, broker: str = "UP", group: str = "steady", lags: dict[int, int] | None = None) -> str:
    found: dict[str, Any] = {
        "brokers": {"b:9092/1": {"nodeid": 1, "state": broker}},
        "cgrp": {"join_state": group},
        "topics": {"t": {"partitions": {str(n): {"consumer_lag": lag} for n, lag in (lags or {}).items()}}},
    }
    return json.dumps(found)


def lag(partition: int) -> float | None:
    return REGISTRY.get_sample_value("payment_consumer_lag", {"topic": "t", "partition": str(partition)})


def test_ready_while_the_group_is_joined() -> None:
    owned: list[Partition] = []
    health = KafkaHealth(lambda: owned)
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


def test_a_broker_that_is_away_is_told() -> None:
    health = KafkaHealth(list)
    health.on_statistics(statistics())
    health.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert health.fault() is None
    health.on_statistics(statistics(broker="TRY_CONNECT"))
    assert health.fault() == "kafka: 1/1 brokers are down"
    health.on_statistics(statistics())
    assert health.fault() is None


def test_a_missing_topic_is_told_until_records_come() -> None:
    health = KafkaHealth(list)
    health.on_statistics(statistics())
    health.on_consumer_error(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, "no such topic"))
    assert health.fault() == "kafka: no such topic"
    health.records_come()
    assert health.fault() is None


def test_lag_is_told_for_our_partitions_only() -> None:
    owned: list[Partition] = [("t", 0), ("t", 1), ("t", 3)]
    health = KafkaHealth(lambda: owned)
    health.on_statistics(statistics(lags={0: 7, 1: -1, 2: 9}))
    assert [lag(number) for number in range(4)] == [7, 0, None, 0]
    owned = [("t", 2)]
    health.on_statistics(statistics(lags={0: 7, 1: 0, 2: 9}))
    assert [lag(number) for number in range(4)] == [None, None, 9, None]


def test_a_broker_that_stays_away_is_not_told_over_and_over() -> None:
    health = KafkaHealth(list)
    with structlog.testing.capture_logs() as told:
        for attempt in range(100):
            health.on_error(KafkaError(KafkaError._TRANSPORT, f"refused, attempt {attempt}"))
        health.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert [line["code"] for line in told] == ["_TRANSPORT", "_ALL_BROKERS_DOWN"]
    assert health.fault() == "kafka: 1/1 brokers are down"
